#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Our actors beside BEAM's and CAF's, in one run.

usage: actor_bench.py [--rounds N] [--quick] OURS CAF

The three take turns at each exercise, ROUNDS times; medians are shown, and
how many times faster we were, by the clock and by processor time.  Where
others compete for the cores only the latter means much.  Every program
checks its own messages: nothing lost, doubled or out of order.
"""
import argparse
import os
import statistics
import subprocess
import sys

BEAM = os.path.join(os.path.dirname(__file__), "actor_beam.escript")
TIMEOUT_S = 300

# what, cores, N, N when quick
EXERCISES = [
    ("ping", 1, 4_000_000, 400_000),
    ("ping", 2, 8_000_000, 400_000),
    ("spawn", 1, 1_000_000, 100_000),
    ("fan", 1, 10_000, 10_000),
    ("fan", 1, 100_000, 100_000),
    ("fan", 1, 1_000_000, 100_000),
    ("fan", 2, 100_000, 100_000),
    ("fan", 2, 1_000_000, 100_000),
]


def run(command, what, cores, count):
    """Wall ns, processor ns and bytes that each of `count` took."""
    out = subprocess.run(
        [*command, str(cores), what, str(count)], check=True,
        capture_output=True, text=True, timeout=TIMEOUT_S,
        env={**os.environ, "ERL_FLAGS": f"+S {cores}:{cores} +P 4194304"})
    wall, cpu, size = (int(x) for x in out.stdout.split())
    return wall / count, cpu / count, size


def measure(peers, exercise, rounds, quick):
    """Medians of each peer, the peers taking turns."""
    what, cores, count, quick_count = exercise
    results = {name: [] for name in peers}
    for _ in range(rounds):
        for name, command in peers.items():
            results[name].append(
                run(command, what, cores, quick_count if quick else count))
    return {name: [statistics.median(column) for column in zip(*rows)]
            for name, rows in results.items()}


def show(exercise, medians, quick):
    """One line a peer."""
    what, cores, count, quick_count = exercise
    count = quick_count if quick else count
    print(f"\n{what} {count:,} on {cores} core{'s'[:cores > 1]}")
    ours = medians["ours"]
    for name, (wall, cpu, size) in medians.items():
        line = (f"  {name:5} {wall:9.1f} ns  {cpu:9.1f} ns cpu  "
                f"{1e3 / wall:7.2f} M/s")
        if size:
            line += f"  {size:6.0f} bytes each"
        if name != "ours":
            line += f"  ours: {wall / ours[0]:5.1f} x, cpu "
            line += f"{cpu / ours[1]:5.1f} x"
        print(line, flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("ours")
    parser.add_argument("caf")
    args = parser.parse_args()
    peers = {"ours": [args.ours], "beam": [BEAM], "caf": [args.caf]}
    wall = {}
    for exercise in EXERCISES:
        medians = measure(peers, exercise, args.rounds, args.quick)
        show(exercise, medians, args.quick)
        wall[exercise[:3]] = medians["ours"][0]
    for what, count in (("ping", 4_000_000), ("fan", 1_000_000)):
        one = wall[(what, 1, count)]
        two = wall[(what, 2, count * 2 if what == "ping" else count)]
        print(f"\n{what}: two cores are {one / two:.2f} x one")
    return 0


if __name__ == "__main__":
    sys.exit(main())

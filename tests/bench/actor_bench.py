#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Our actors beside BEAM's and CAF's and a plain loop, in one run.

usage: actor_bench.py [--rounds R] [--seconds S] [--scale X] OURS CAF RAW

Each of R rounds goes through all exercises, the peers taking turns at each;
after the first round no exercise is begun when S seconds are over.  Shown are
medians, and how many times faster we were, by the clock and by processor time.
Where others compete for the cores only the latter means much.  Every program
checks its own messages: nothing lost, doubled or out of order.  "limit" is a
loop over queues in one thread.
"""
import argparse
import os
import statistics
import subprocess
import sys
import time

BEAM = os.path.join(os.path.dirname(__file__), "actor_beam.escript")
TIMEOUT_S = 20

# what, cores, N for us, N for peers
EXERCISES = [
    ("ping", 1, 4_000_000, 1_000_000),
    ("ping", 2, 8_000_000, 1_000_000),
    ("spawn", 1, 1_000_000, 500_000),
    ("fan", 1, 10_000, 10_000),
    ("fan", 1, 100_000, 100_000),
    ("fan", 1, 1_000_000, 1_000_000),
    ("fan", 2, 100_000, 100_000),
    ("fan", 2, 1_000_000, 1_000_000),
]


class Peer:
    """Which of an exercise's two sizes it is given, and up to how many cores
    it goes."""

    def __init__(self, command, size, scale, most_cores=8):
        self.command = command
        self.size = size
        self.scale = scale
        self.most_cores = most_cores
        self.results = {exercise: [] for exercise in EXERCISES}
        self.stuck = set()

    def count(self, exercise):
        return max(1000, int(exercise[2 + self.size] * self.scale))

    def run(self, exercise):
        """Keeps wall ns, processor ns and bytes that each one took."""
        what, cores = exercise[:2]
        if cores > self.most_cores or exercise in self.stuck:
            return
        count = self.count(exercise)
        try:
            out = subprocess.run(
                [*self.command, str(cores), what, str(count)], check=True,
                capture_output=True, text=True, timeout=TIMEOUT_S,
                env={**os.environ,
                     "ERL_FLAGS": f"+S {cores}:{cores} +P 4194304"})
        except subprocess.TimeoutExpired:
            self.stuck.add(exercise)
            return
        wall, cpu, size = (int(x) for x in out.stdout.split())
        self.results[exercise].append((wall / count, cpu / count, size))

    def medians(self, exercise):
        """None: it has no result."""
        rows = self.results[exercise]
        if not rows:
            return None
        return [statistics.median(column) for column in zip(*rows)]


def show(exercise, peers):
    """One line a peer."""
    what, cores = exercise[:2]
    print(f"\n{what} {peers['ours'].count(exercise):,} "
          f"on {cores} core{'s'[:cores > 1]}")
    ours = peers["ours"].medians(exercise)
    for name, peer in peers.items():
        medians = peer.medians(exercise)
        if exercise in peer.stuck:
            print(f"  {name:5} not done in {TIMEOUT_S} s")
        if not medians:
            continue
        wall, cpu, size = medians
        line = (f"  {name:5} {wall:9.1f} ns  {cpu:9.1f} ns cpu  "
                f"{1e3 / max(cpu, 1):7.2f} M/s of cpu")
        line += f"  {size:6.0f} bytes each" if size else ""
        if name != "ours":
            line += f"  ours: {wall / ours[0]:5.2f} x, cpu "
            line += f"{cpu / max(ours[1], 1):5.2f} x"
        print(line, flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=150)
    parser.add_argument("--scale", type=float, default=1)
    parser.add_argument("ours")
    parser.add_argument("caf")
    parser.add_argument("raw")
    args = parser.parse_args()
    peers = {"ours": Peer([args.ours], 0, args.scale),
             "limit": Peer([args.raw], 0, args.scale, 1),
             "beam": Peer([BEAM], 1, args.scale),
             "caf": Peer([args.caf], 1, args.scale)}
    deadline = time.monotonic() + args.seconds
    most, done = args.rounds * len(EXERCISES), 0
    while done < len(EXERCISES) or (done < most and
                                    time.monotonic() < deadline):
        for peer in peers.values():
            peer.run(EXERCISES[done % len(EXERCISES)])
        done += 1
    print(f"medians of {done / len(EXERCISES):.1f} rounds")
    for exercise in EXERCISES:
        show(exercise, peers)
    for what in ("ping", "fan"):
        one, two = (peers["ours"].medians(next(
            e for e in reversed(EXERCISES) if e[:2] == (what, cores)))
            for cores in (1, 2))
        print(f"\n{what}: two cores are {one[0] / two[0]:.2f} x one by the "
              f"clock, {2 * one[1] / two[1]:.2f} x by processor time")
    return 0


if __name__ == "__main__":
    sys.exit(main())

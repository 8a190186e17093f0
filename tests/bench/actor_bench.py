#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Our actors beside BEAM's and CAF's and a plain loop, in one run.

usage: actor_bench.py [--rounds R] [--seconds S] [--scale X] OURS CAF RAW

Each of R rounds goes through all exercises, the peers taking turns at each;
after the first round no exercise is begun when S seconds are over.  Shown are
medians, and how many times faster we were, by the clock and by processor time.
Where others compete for the cores only the latter means much.  Every program
checks its own messages: nothing lost, doubled or out of order.  "limit" is a
loop over queues in one thread; on two cores two of them, at once.  "spin" and
"walk" are loops of one register and of random reads: what this machine's second
core adds at that time to what shares nothing, each pinned to its core.
"""
import argparse
import os
import statistics
import subprocess
import sys
import time

BEAM = os.path.join(os.path.dirname(__file__), "actor_beam.escript")
TIMEOUT_S = 20

# what, cores, N for us, N for peers; respawn: in the memory of those that have
# ended, for a virtual machine's fresh memory is dear
EXERCISES = [
    ("ping", 1, 4_000_000, 1_000_000),
    ("ping", 2, 8_000_000, 1_000_000),
    ("spawn", 1, 1_000_000, 500_000),
    ("respawn", 1, 1_000_000, None),
    ("fan", 1, 10_000, 10_000),
    ("fan", 1, 100_000, 100_000),
    ("fan", 1, 1_000_000, 1_000_000),
    ("fan", 2, 100_000, 100_000),
    ("fan", 2, 1_000_000, 1_000_000),
]
# What the machine's second core adds, for loops that share nothing.
MACHINE = [
    ("spin", 1, 100_000_000, None), ("spin", 2, 200_000_000, None),
    ("walk", 1, 3_000_000, None), ("walk", 2, 6_000_000, None),
]


class Peer:
    """Which of an exercise's two sizes it is given; of one that has a single
    thread, one for each core does a part."""

    def __init__(self, command, size, scale, is_single=False):
        self.command = command
        self.size = size
        self.scale = scale
        self.is_single = is_single
        self.results = {exercise: [] for exercise in EXERCISES + MACHINE}
        self.stuck = set()

    def count(self, exercise):
        return max(1000, int(exercise[2 + self.size] * self.scale))

    def start(self, what, cores, count, core=None):
        usable = sorted(os.sched_getaffinity(0))
        pinned = (["taskset", "-c", str(usable[core % len(usable)])]
                  if self.is_single else [])
        return subprocess.Popen(
            [*pinned, *self.command, str(cores), what, str(count)], text=True,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            env={**os.environ, "ERL_FLAGS": f"+S {cores}:{cores} +P 4194304"})

    def run(self, exercise):
        """Keeps wall ns, processor ns and bytes that each one took."""
        what, cores = exercise[:2]
        if exercise in self.stuck or not exercise[2 + self.size]:
            return
        count = self.count(exercise)
        copies = cores if self.is_single else 1
        running = [self.start(what, cores // copies, count // copies, core)
                   for core in range(copies)]
        rows = []
        try:
            for process in running:
                out, _ = process.communicate(timeout=TIMEOUT_S)
                if process.returncode:
                    raise RuntimeError(f"{process.args} has failed")
                rows.append([int(x) for x in out.split()])
        except subprocess.TimeoutExpired:
            self.stuck.add(exercise)
            for process in running:
                process.kill()
                process.wait()
            return
        walls, cpus, sizes = zip(*rows)
        self.results[exercise].append((max(walls) / count, sum(cpus) / count,
                                       sizes[0]))

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
             "limit": Peer([args.raw], 0, args.scale, is_single=True),
             "beam": Peer([BEAM], 1, args.scale),
             "caf": Peer([args.caf], 1, args.scale)}
    deadline = time.monotonic() + args.seconds
    most, done = args.rounds * len(EXERCISES), 0
    while done < len(EXERCISES) or (done < most and
                                    time.monotonic() < deadline):
        for peer in peers.values():
            peer.run(EXERCISES[done % len(EXERCISES)])
        if not done % len(EXERCISES):
            for exercise in MACHINE:
                peers["limit"].run(exercise)
        done += 1
    print(f"medians of {done / len(EXERCISES):.1f} rounds")
    for exercise in EXERCISES:
        show(exercise, peers)
    print()
    for what, name in [("ping", "ours"), ("ping", "limit"), ("fan", "ours"),
                       ("fan", "limit"), ("spin", "limit"),
                       ("walk", "limit")]:
        one, two = (peers[name].medians(next(
            e for e in reversed(EXERCISES + MACHINE)
            if e[:2] == (what, cores))) for cores in (1, 2))
        print(f"{what}, {name}: two cores are {one[0] / two[0]:.2f} x one by "
              f"the clock, {2 * one[1] / two[1]:.2f} x by processor time")
    return 0


if __name__ == "__main__":
    sys.exit(main())

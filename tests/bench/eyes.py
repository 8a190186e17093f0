#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What measuring costs: superdisk beside biolatency of libbpf-tools.

usage: tests/bench/eyes.py SUPERDISK TALK [--rounds N] [--seconds S]

Needs root.  Random 4k reads of a loop device over a file in memory, one at a
time, in interleaved rounds: nobody watches, superdisk latency watches,
biolatency watches (per disk, without and with queue time).  Then messages of
100 bytes over loopback, each answered at once: nobody watches, superdisk
sockets watches; there is no peer for that.  Prints medians of

  ns/IO, ns/message
          run time of the eBPF programs for each, by the kernel's own count
          (kernel.bpf_stats_enabled); the count itself costs some of it
  IOPS, messages/s
          what is reached, and its share of the unwatched rounds
"""
import argparse
import contextlib
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time

FILE_MIB = 64
ECHOES = 10000		# of two messages each
STATS = "/proc/sys/kernel/bpf_stats_enabled"
ATTACH_S = 20
# Programs of the watcher are those that were not there before it.


def programs():
    """Loaded eBPF programs: id -> (runs, nanoseconds)."""
    text = subprocess.run(["bpftool", "-j", "prog", "show"], check=True,
                          capture_output=True, text=True).stdout
    return {p["id"]: (p.get("run_cnt", 0), p.get("run_time_ns", 0))
            for p in json.loads(text)}


@contextlib.contextmanager
def loop_device(folder):
    """A loop device over a file in memory."""
    path = os.path.join(folder, "disk")
    with open(path, "wb") as file:
        file.write(os.urandom(1 << 20) * FILE_MIB)
    device = subprocess.run(["losetup", "-f", "--show", path], check=True,
                            capture_output=True, text=True).stdout.strip()
    try:
        yield device
    finally:
        subprocess.run(["losetup", "-d", device], check=True)


@contextlib.contextmanager
def bpf_stats():
    """The kernel counts the time of eBPF programs."""
    with open(STATS, "w", encoding="ascii") as file:
        file.write("1")
    try:
        yield
    finally:
        with open(STATS, "w", encoding="ascii") as file:
            file.write("0")


@contextlib.contextmanager
def watching(command):
    """Runs the watcher; yields the ids of the programs that it attached."""
    before = set(programs())
    if not command:
        yield set()
        return
    with subprocess.Popen(command, stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + ATTACH_S
        # those of a first try that the kernel refuses go again
        seen, now = None, set()
        while not now or now != seen:
            if process.poll() is not None or time.monotonic() > deadline:
                sys.exit(f"eyes: {command[0]} attaches nothing")
            time.sleep(0.5)
            seen, now = now, set(programs()) - before
        yield now
        process.send_signal(signal.SIGINT)
        process.wait(timeout=20)


def talk(program):
    """Messages sent and messages per second."""
    start = time.monotonic()
    subprocess.run([program, "echo", str(ECHOES)], check=True,
                   stdout=subprocess.DEVNULL)
    return 2 * ECHOES, 2 * ECHOES / (time.monotonic() - start)


def load(device, seconds):
    """Requests done and requests per second."""
    text = subprocess.run(
        ["fio", "--name=eyes", f"--filename={device}", "--rw=randread",
         "--bs=4k", "--direct=1", "--ioengine=psync", "--time_based",
         f"--runtime={seconds}", "--output-format=json"],
        check=True, capture_output=True, text=True).stdout
    read = json.loads(text)["jobs"][0]["read"]
    return read["total_ios"], read["iops"]


def one_round(command, work):
    """(ns of eBPF for each unit of work, units per second)"""
    with watching(command) as ids:
        start = programs()
        done, rate = work()
        end = programs()
        spent = sum(end[i][1] - start[i][1] for i in ids if i in end)
    return spent / done, rate


def compare(watchers, work, rounds, units):
    """Interleaved rounds of the work under each watcher; prints a table."""
    results = {name: [] for name in watchers}
    work()
    for _ in range(rounds):
        for name, command in watchers.items():
            results[name].append(one_round(command, work))
    base = statistics.median(rate for _, rate in results["nobody"])
    cost_name, rate_name = units
    print(f"{'watcher':20} {cost_name:>11} {rate_name:>11} "
          f"{'of unwatched':>13}")
    for name, each in results.items():
        cost = statistics.median(cost for cost, _ in each)
        rate = statistics.median(rate for _, rate in each)
        print(f"{name:20} {cost:11.0f} {rate:11.0f} {rate / base:12.1%}")


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("superdisk")
    parser.add_argument("talk")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3)
    options = parser.parse_args()
    watchers = {
        "nobody": None,
        "superdisk latency": [options.superdisk, "latency", "--own", "-p",
                              "3600"],
        "biolatency -D": ["biolatency", "-D", "3600"],
        "biolatency -D -Q": ["biolatency", "-D", "-Q", "3600"],
    }
    # it measures by itself where it finds no superdiskd
    os.environ["SUPERDISK_SOCKET"] = "/nonexistent"
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder, \
            loop_device(folder) as device, bpf_stats():
        compare(watchers, lambda: load(device, options.seconds),
                options.rounds, ("ns/IO", "IOPS"))
        print()
        compare({"nobody": None,
                 "superdisk sockets": [options.superdisk, "sockets"]},
                lambda: talk(options.talk), options.rounds,
                ("ns/message", "messages/s"))


if __name__ == "__main__":
    main()

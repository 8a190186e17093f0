#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Instructions of one request by function, as insn_plugin.c counted them.

usage: tests/bench/disk_insns.py SERIES COUNTS REPORT MODULE.ko

COUNTS is what the plugin wrote, REPORT what disk_insns.sh said: which window is
which, where modules are, the kernel's symbols.  Devices that do the same thing stand beside each
other, the last windows of each name.  Functions that take less than SHOWN
instructions, SHOWN_LOCKED locked ones, in all of them are added up.
"""
import base64
import bisect
import collections
import gzip
import os
import re
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "scripts"))
from guest import image, qemu

SHOWN = 20
SHOWN_LOCKED = 0.1
USER = 1 << 63


class Symbols:
    """The functions of a kernel and of its modules, by address."""

    def __init__(self):
        self.table = []

    def add(self, lines, base=0, module=""):
        """Lines of nm, of a whole kernel or of one module's .text."""
        for line in lines:
            address, kind, name = line.split()[:3]
            if kind in "tTwW":
                self.table.append((base + int(address, 16), name + module))

    def find(self, address):
        if address < USER:
            return "(user space)"
        at = bisect.bisect_right(self.table, (address, "\x7f"))
        return self.table[at - 1][1] if at else "(unknown)"


def text_symbols(data):
    """nm's lines for .text of a module's object."""
    with tempfile.NamedTemporaryFile(suffix=".ko") as file:
        file.write(data)
        file.flush()
        sections = subprocess.run(["nm", "-f", "sysv", file.name], check=True,
                                  capture_output=True, text=True).stdout
    rows = (line.split("|") for line in sections.splitlines())
    return [f"{row[1]} t {row[0].strip()}" for row in rows
            if len(row) == 7 and row[6].strip() == ".text"]


def load_symbols(series, report, module):
    kernel = qemu.Kernel.find(series)
    modules = image.Modules(kernel.modules)
    symbols = Symbols()
    packed = "".join(re.findall(r"symbols (\S+)", report))
    symbols.add(gzip.decompress(base64.b64decode(packed)).decode()
                .splitlines())
    for name, base in re.findall(r"module (\w+) (0x\w+)", report):
        if name in modules.by_name:
            data = modules.load(modules.by_name[name])
        else:
            with open(module, "rb") as file:
                data = file.read()
        symbols.add(text_symbols(data), int(base, 16), f" [{name}]")
    symbols.table.sort()
    return symbols


def load_windows(path, symbols):
    """For each window two Counters by function: instructions, locked ones."""
    windows = []
    with open(path, encoding="ascii") as file:
        for line in file:
            address, *counts = line.split()
            if address == "window":
                windows.append((collections.Counter(), collections.Counter()))
                continue
            name = symbols.find(int(address, 16))
            for counter, count in zip(windows[-1], counts, strict=True):
                counter[name] += int(count)
    return windows


def show(columns, least, digits):
    """columns: for each device, what one request takes, by function."""
    def row(what, values):
        print("  " + "".join(f"{v:11.{digits}f}" for v in values) + f"  {what}")

    row("all", [sum(c.values()) for c in columns])
    names = set().union(*columns)
    shown = [name for name in names if any(c[name] >= least for c in columns)]
    for name in sorted(shown, key=lambda name: -max(c[name] for c in columns)):
        row(name, [c[name] for c in columns])
    row("(others)", [sum(c[n] for n in names - set(shown)) for c in columns])


def show_kind(kind, devices):
    """devices: the two Counters of each."""
    head = "  " + "".join(f"{device:>11}" for device in devices)
    print(f"{kind}: instructions of one request\n{head}")
    show([insns for insns, _ in devices.values()], SHOWN, 0)
    print(f"{kind}: of these locked, in the module and in device-mapper\n{head}")
    show([collections.Counter({name: n for name, n in locked.items()
                               if name.endswith("]")})
          for _, locked in devices.values()], SHOWN_LOCKED, 2)


def main():
    series, counts, report_path, module = sys.argv[1:]
    with open(report_path, encoding="utf-8") as file:
        report = file.read()
    symbols = load_symbols(series, report, module)
    found = load_windows(counts, symbols)
    kinds = collections.defaultdict(dict)
    names = re.findall(r"window ([a-z]+)_(\w+) (\d+)", report)
    for window, (kind, device, count) in zip(found, names, strict=True):
        kinds[kind][device] = [collections.Counter(
            {name: n / int(count) for name, n in counter.items()})
            for counter in window]
    for kind, devices in kinds.items():
        show_kind(kind, devices)


if __name__ == "__main__":
    main()

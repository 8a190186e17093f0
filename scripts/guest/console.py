# SPDX-License-Identifier: Apache-2.0
"""Reads a kernel log as a jury: which lines convict."""
import re

GUILTY = re.compile(r"""
    ^\[\s*\d+\.\d+\](?:\[\s*[TC]\d+\])?\s(?:
        WARNING: | BUG: | kernel\ BUG | -+\[\ cut\ here | INFO:\ (?:task|rcu|possible|trying) | Oops |
        general\ protection | Kernel\ panic | watchdog:\ BUG | KASAN |
        UBSAN: | unchecked\ MSR | refcount_t: | list_(?:add|del)\ corruption |
        =+\ BUG | kmemleak: | (?:INFO|ERROR):\ .*slab | Unable\ to\ handle |
        \S+:\ page\ allocation\ failure | Out\ of\ memory: |
        \S+\[\d+\]:\ segfault | traps: | sysfs:\ cannot\ create\ duplicate | DMA-API: | rcu:\ INFO:
    )""", re.VERBOSE)

# What a kernel says here that is no fault of what is tested.
INNOCENT = re.compile(
    r"unchecked MSR access error: .* native_"
    r"|kmemleak: (?:Kernel memory leak detector initialized|Automatic memory"
    r"|Cannot allocate a scan area)")


class Console:
    """The log file of one machine, read as it grows."""

    def __init__(self, path):
        self.path = path
        self.offset = 0
        with open(path, "wb"):
            pass

    def read(self, to_its_end=False):
        """The whole lines that came since the last call; to its end when nobody
        writes any more: half a line convicts nobody."""
        with open(self.path, "rb") as file:
            file.seek(self.offset)
            data = file.read()
        if not to_its_end:
            data = data[:data.rfind(b"\n") + 1]
        self.offset += len(data)
        return data.decode(errors="replace").replace("\r", "").splitlines()


def guilty(lines):
    return [line for line in lines
            if GUILTY.search(line) and not INNOCENT.search(line)]

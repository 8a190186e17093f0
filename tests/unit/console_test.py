#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Which lines of a kernel log fail a case, and which do not."""
import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)),
                                "..", "..", "scripts"))
from guest import console

GUILTY = """\
[    7.107421] WARNING: CPU: 1 PID: 99 at kmod/map.c:12 sd_map+0x1/0x2 [x]
[  123.000001] BUG: kernel NULL pointer dereference, address: 0000000000000000
[   99.100000] BUG: KASAN: slab-use-after-free in sd_read+0x10/0x20
[   12.000000] ------------[ cut here ]------------
[   12.000000] Kernel panic - not syncing: sysrq triggered crash
[  250.123456] INFO: task dd:123 blocked for more than 120 seconds.
[   60.000000] watchdog: BUG: soft lockup - CPU#0 stuck for 22s! [dd:9]
[   60.000000] rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:
[   61.000000][  T123] general protection fault, probably for non-canonical
[   61.000000] refcount_t: underflow; use-after-free.
[   61.000000] =============================== BUG kmalloc-64: Poison overwritten
[   61.000000] list_add corruption. prev->next should be next
[   61.000000] UBSAN: shift-out-of-bounds in kmod/map.c:1:2
[   61.000000] WARNING: possible circular locking dependency detected
[   61.000000] Out of memory: Killed process 12 (chatd)
[  186.382710] chatd[1815]: segfault at 0 ip 00000000004ef111 sp 00007ff
[   61.000000] kworker/0:1: page allocation failure: order:0
""".splitlines()

INNOCENT = """\
[    8.192777] I/O error, dev ssd0, sector 8 op 0x0:(READ) flags 0x800
[    4.580588] null_blk: module loaded
[    9.000000] dm_superdisk: loading out-of-tree module taints kernel.
[    9.000000] dm_superdisk: module verification failed: signature and/or
[    9.000000] device-mapper: superdisk: sd: SSD 1: 3 errors, route around
[    9.000000] superdisk: case WARNING phase 1
[    9.000000] kmemleak: Cannot allocate a scan area, scanning the full object
[    9.000000] EXT4-fs warning (device dm-0): ext4_end_bio:343: I/O error
""".splitlines()


def main():
    tests = [("guilty", line, True) for line in GUILTY]
    tests += [("innocent", line, False) for line in INNOCENT]
    print(f"1..{len(tests)}")
    bad = 0
    for number, (name, line, want) in enumerate(tests, 1):
        passed = bool(console.guilty([line])) == want
        bad += not passed
        text = line.partition("] ")[2].replace("#", "")
        print(f"{'' if passed else 'not '}ok {number} - {name}: {text}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())

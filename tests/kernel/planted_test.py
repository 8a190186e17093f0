#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The debug kernel notices what it is there for: one planted bug a case.

usage: tests/kernel/planted_test.py
"""
import os
import re
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.realpath(__file__))
ROOT = os.path.join(HERE, "..", "..")
SOURCE = os.path.join(ROOT, "kmod", "selftest", "planted")

# The case, what the kernel must say.
BUGS = (
    ("use_after_free", r"BUG: KASAN: slab-use-after-free in \S+ \[planted\]"),
    ("lock_inversion", r"WARNING: possible circular locking dependency"),
    ("leak", r"kmemleak: [1-9]\d* new suspected memory leaks"),
    ("sleep_in_atomic", r"BUG: (?:sleeping function called from invalid"
                        r"|scheduling while atomic)"),
)


def kernel_build():
    folder = subprocess.run(
        [os.path.join(ROOT, "scripts", "kernels"), "path", "debug"],
        stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
    return os.path.join(folder, "build")


def build(out):
    """Builds the module in a copy of its folder; returns where it is."""
    shutil.rmtree(out, ignore_errors=True)
    shutil.copytree(SOURCE, out)
    environment = {name: value for name, value in os.environ.items()
                   if name not in ("O", "MAKEFLAGS", "MAKELEVEL")}
    subprocess.run(["make", "-s", "-C", kernel_build(), f"M={out}", "modules"],
                   check=True, stdout=sys.stderr, env=environment)
    return os.path.join(out, "planted.ko")


def main():
    out = os.path.abspath(os.path.join(os.environ.get("O", ".build"),
                                       "planted"))
    cases = [os.path.join(HERE, "planted", f"{name}.sh") for name, _ in BUGS]
    output = subprocess.run(
        [os.path.join(ROOT, "scripts", "vm"), "test", "--kernel", "debug",
         "--module", build(out), *cases],
        stdout=subprocess.PIPE, text=True, check=False).stdout
    print(f"1..{len(BUGS)}")
    failed = 0
    for number, (name, want) in enumerate(BUGS, 1):
        said = re.search(rf"^# Subtest: {name}\n(.*\n)*?(?:not )?ok \d+ - "
                         rf"{name}$", output, re.MULTILINE)
        noticed = bool(said and re.search(want, said[0]))
        failed += not noticed
        print(f"{'' if noticed else 'not '}ok {number} - {name}_is_noticed")
    if failed:
        print("\n".join("# " + line for line in output.splitlines()))
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())

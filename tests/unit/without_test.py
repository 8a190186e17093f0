#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The module's canaries can still be tried: each patch of
kmod/selftest/without applies, and the test that it names exists."""
import glob
import os
import re
import subprocess
import sys

ROOT = os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "..")
PATCHES = os.path.join(ROOT, "kmod", "selftest", "without", "*.patch")
PLACES = {"case": "tests/kernel/{}.sh", "test": "tests/{}.c"}


def problem(path):
    with open(path, encoding="utf-8") as file:
        text = file.read()
    named = re.search(r"^(case|test): ([\w/]+)\nfails: (\w+)$", text,
                      re.MULTILINE)
    if not named:
        return "it names no test"
    kind, where, test = named.groups()
    source = os.path.join(ROOT, PLACES[kind].format(where))
    # A machine that dies fails its case as a whole.
    if test != where:
        with open(source, encoding="utf-8") as file:
            if not re.search(rf"\b{test}\b", file.read()):
                return f"{where} has no test {test}"
    applied = subprocess.run(
        ["patch", "-p1", "--fuzz=0", "--dry-run", "-i", path], cwd=ROOT,
        text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        check=False)
    return applied.stdout if applied.returncode else None


def main():
    paths = sorted(glob.glob(PATCHES))
    print(f"1..{len(paths)}")
    failed = 0
    for number, path in enumerate(paths, 1):
        why = problem(path)
        failed += bool(why)
        name = os.path.basename(path).removesuffix(".patch")
        print(f"{'not ' if why else ''}ok {number} - without_{name}_applies")
        for line in (why or "").splitlines():
            print("# " + line)
    return failed > 0 or not paths


if __name__ == "__main__":
    sys.exit(main())

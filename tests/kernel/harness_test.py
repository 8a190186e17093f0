#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""scripts/vm on cases that fail: each must be seen to, and fail alone."""
import os
import re
import subprocess
import sys

ROOT = os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "..")
CANARY = os.path.join(ROOT, "tests", "kernel", "canary")

# Canary, what its report must hold; `passes` runs after every one of them.
BAD = (
    ("fails", r"not ok 1 - one_is_two\n(.*\n)+not ok \d+ - fails"),
    ("fails_early", r"not ok \d+ - fails_early\n.*1 not ok"),
    ("panics", r"not ok \d+ - panics\n# panics: .*the machine died"),
    ("complains", r"ok 1 - sees_nothing\n(.*\n)+# kernel: .*WARNING: CPU(.*\n)+"
                  r"not ok \d+ - complains\n.*the kernel complained"),
    ("hangs", r"not ok \d+ - hangs\n# hangs: .*timeout"),
    ("stops_early", r"not ok \d+ - stops_early\n.*planned None, ran 1"),
    ("bails", r"Bail out! failed: false\n(.*\n)*not ok \d+ - bails"),
)


def run_canaries():
    cases = [os.path.join(CANARY, f"{name}.sh")
             for bad, _ in BAD for name in (bad, "passes")]
    result = subprocess.run(
        [os.path.join(ROOT, "scripts", "vm"), "test", "--kernel", "6.1",
         "--deadline", "240", *cases],
        stdout=subprocess.PIPE, text=True, check=False)
    return result.returncode, result.stdout


def main():
    status, output = run_canaries()
    results = [(f"canary_that_{name}_is_seen", bool(re.search(want, output)))
               for name, want in BAD]
    results.append(("others_pass_in_spite_of_it", len(re.findall(
        r"^ok \d+ - passes$", output, re.MULTILINE)) == len(BAD)))
    results.append(("the_run_fails", status == 1))
    print(f"1..{len(results)}")
    for number, (name, passed) in enumerate(results, 1):
        print(f"{'' if passed else 'not '}ok {number} - {name}")
    if not all(passed for _, passed in results):
        print("\n".join("# " + line for line in output.splitlines()))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

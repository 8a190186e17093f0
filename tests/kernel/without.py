#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The module with one mechanism switched off: a case must fail for each.

usage: tests/kernel/without.py [--only NAME]... SERIES VM-OPTION...

Each kmod/selftest/without/NAME.patch breaks the module in one place, and says
which case has to notice (case:) and by which of its tests (fails:).  The tree
is copied, patched, built for Debian's kernel SERIES and tried in the VM, with
the given options of scripts/vm, for as long as it takes to see that test fail
or pass.  Where the pure core is broken, a test in user space may be named in
place of a case (test: unit/NAME or sim/NAME), which is faster.  A patch that no
longer applies fails too.
"""
import argparse
import glob
import os
import re
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.realpath(__file__))
ROOT = os.path.join(HERE, "..", "..")
PATCHES = os.path.join(ROOT, "kmod", "selftest", "without")


def run(command, **options):
    return subprocess.run(command, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False,
                          **options)


class Mutant:
    """One patch, and what must come of it."""

    def __init__(self, path):
        with open(path, encoding="utf-8") as file:
            text = file.read()
        self.path = path
        self.name = os.path.basename(path).removesuffix(".patch")
        self.where, self.case = re.search(r"^(case|test): ([\w/]+)$", text,
                                          re.MULTILINE).groups()
        self.fails = re.search(r"^fails: (\w+)$", text, re.MULTILINE)[1]


class Workshop:
    """A copy of the module's sources, and what is built of it.

    There is one copy for all patches, which are taken back after use, so that
    only what a patch touches is compiled again.  All else is linked.
    """

    def __init__(self, out, series, vm_options):
        kernels = run([os.path.join(ROOT, "scripts", "kernels"), "path",
                       series])
        self.kdir = os.path.join(kernels.stdout.strip(), "build")
        self.out = os.path.abspath(out)
        self.tree = os.path.join(self.out, "tree")
        self.vm = [os.path.join(ROOT, "scripts", "vm"), "test", "--kernel",
                   series, "--work", os.path.join(self.out, "vm"), "--module",
                   os.path.join(self.out, "kmod-mutant", "dm-superdisk.ko"),
                   *vm_options]
        shutil.rmtree(self.tree, ignore_errors=True)
        os.makedirs(self.tree)
        # Times of now: what was built of an earlier copy may be of a patch.
        shutil.copytree(os.path.join(ROOT, "kmod"),
                        os.path.join(self.tree, "kmod"),
                        copy_function=shutil.copy)
        for name in ("Kbuild", "Makefile", "bpf", "daemon", "scripts", "tests"):
            os.symlink(os.path.realpath(os.path.join(ROOT, name)),
                       os.path.join(self.tree, name))

    def patch(self, mutant, *options):
        # With fuzz it may apply where it means something else.
        return run(["patch", "-p1", "--fuzz=0", "--no-backup-if-mismatch",
                    "-r", "-", "-i", os.path.abspath(mutant.path), *options],
                   cwd=self.tree)

    def program(self, mutant):
        """What a test in user space is built as."""
        return os.path.join(self.out, "release", "tests", mutant.case)

    def build(self, mutant):
        command = ["kmod/build", self.kdir, self.out, "mutant", "0"]
        if mutant.where == "test":
            command = ["make", "-s", "O=" + self.out, "VARIANT=release",
                       "GENERATED=", self.program(mutant)]
        return run(command, cwd=self.tree)

    def problem(self, mutant):
        """None if the case noticed; else why not, and what was said."""
        applied = self.patch(mutant)
        if applied.returncode:
            return "the patch does not apply", applied.stdout
        try:
            built = self.build(mutant)
            if built.returncode:
                return "it does not build", built.stdout
            verdict, said = self.tried(mutant)
        finally:
            self.patch(mutant, "-R")
        if verdict == "not ok":
            return None
        return f"{mutant.case} does not notice", said

    def command(self, mutant):
        if mutant.where == "test":
            return ["timeout", "120", self.program(mutant)]
        return [*self.vm, os.path.join(HERE, mutant.case + ".sh")]

    def tried(self, mutant):
        """What became of the test ("" if it did not run), and what was said."""
        # cmocka says there what it thinks of it.
        want = re.compile(rf" *((?:not )?ok) \d+ - {mutant.fails}(?: |$)")
        said = []
        environment = {**os.environ, "CMOCKA_MESSAGE_OUTPUT": "TAP"}
        with subprocess.Popen(
                self.command(mutant), stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT, text=True,
                env=environment) as process:
            for line in process.stdout:
                said.append(line)
                result = want.match(line)
                if result:
                    process.terminate()
                    return result[1], "".join(said)
        return "", "".join(said)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--out", default=os.path.join(
        os.environ.get("O", ".build"), "without"))
    parser.add_argument("--only", action="append")
    parser.add_argument("series")
    options, vm_options = parser.parse_known_args()
    mutants = [mutant for mutant in map(Mutant, sorted(glob.glob(
        os.path.join(PATCHES, "*.patch"))))
               if not options.only or mutant.name in options.only]
    workshop = Workshop(options.out, options.series, vm_options)
    print(f"1..{len(mutants)}", flush=True)
    failed = 0
    for number, mutant in enumerate(mutants, 1):
        problem = workshop.problem(mutant)
        name = f"without_{mutant.name}_{os.path.basename(mutant.case)}_fails"
        if problem:
            failed += 1
            print(f"not ok {number} - {name}\n# {problem[0]}")
            print("\n".join("# " + line for line in problem[1].splitlines()))
        else:
            print(f"ok {number} - {name}")
        sys.stdout.flush()
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())

# SPDX-License-Identifier: Apache-2.0
"""Runs cases in virtual machines and reports them as TAP.

Many cases share a boot.  One that panics the guest, hangs it or leaves a
warning in the kernel log fails alone; the others go on in a fresh boot.
"""
import dataclasses
import os
import re
import shlex
import subprocess
import sys
import threading
import time

from guest import console, qemu

ROOT = os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "..")

BOOT_TIMEOUT_S = 240
BOOT_ATTEMPTS = 3
OFF_TIMEOUT_S = 30
CASE_TIMEOUT_S = 180
# The serial line is slow and the case does not wait for it.
LOG_TIMEOUT_S = 60
# How much of the kernel log goes with a failure.
LOG_LINES = 60
RESULT = re.compile(r"(not )?ok\b")
PLAN = re.compile(r"1\.\.\d+$")


@dataclasses.dataclass
class Case:
    """A script of tests/kernel.  Its header may hold a line

        # vm: timeout=300 tools=fio,strace fresh
    """
    path: str
    timeout_s: float = CASE_TIMEOUT_S
    tools: tuple = ()
    fresh: bool = False         # wants a boot of its own, and blank disks

    @classmethod
    def read(cls, path, slow=1):
        case = cls(path)
        with open(path, encoding="utf-8") as file:
            words = re.search(r"^# vm:(.*)$", file.read(), re.MULTILINE)
        for word in words[1].split() if words else ():
            key, _, value = word.partition("=")
            if key == "timeout":
                case.timeout_s = float(value)
            elif key == "tools":
                case.tools = tuple(value.split(","))
            elif key == "fresh":
                case.fresh = True
            else:
                raise ValueError(f"{path}: unknown word in '# vm:': {word}")
        case.timeout_s *= slow
        return case

    @property
    def name(self):
        return os.path.basename(self.path).removesuffix(".sh")


class Failure(Exception):
    """Why a case cannot go on in this machine."""


class Helper:
    """A program on this side that a case asked for: a client, say.

    It finds the guest's port N as 127.0.0.1:$PORT_N.  What it prints becomes
    comments; its exit status is sent to the guest.
    """

    def __init__(self, command, machine):
        ports = {f"PORT_{there}": str(here)
                 for here, there in machine.setup.forward}
        self.machine = machine
        self.process = subprocess.Popen(
            shlex.split(command), cwd=ROOT, env={**os.environ, **ports},
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, errors="replace")
        self.thread = threading.Thread(target=self.relay)
        self.thread.start()

    def relay(self):
        for line in self.process.stdout:
            print(f"    # host: {line.rstrip()}", flush=True)
        self.machine.send(f"status {self.process.wait()}")

    def end(self):
        self.process.kill()
        self.thread.join()


class Session:
    """Boots as often as is needed to run every case."""

    def __init__(self, setup, cases, deadline_s, kept_log):
        self.setup = setup
        self.cases = cases
        self.kept_log = kept_log
        self.deadline = time.monotonic() + deadline_s
        self.machine = None
        self.helper = None
        self.console = None
        self.log = []           # kernel log of the case that runs
        self.boots = 0
        self.failed = 0
        self.not_ok = 0         # results of the case that runs

    def run(self):
        """Runs all; returns how many failed."""
        print(f"1..{len(self.cases)}", flush=True)
        try:
            for number, case in enumerate(self.cases, 1):
                start = time.monotonic()
                problem = self.run_case(case)
                self.failed += bool(problem)
                print(f"{'not ' if problem else ''}ok {number} - {case.name}")
                print(f"# {case.name}: {time.monotonic() - start:.1f} s"
                      f"{', ' + problem if problem else ''}", flush=True)
            self.power_off()
        finally:
            self.drop_machine()
        return self.failed

    def run_case(self, case):
        """None, or why it failed."""
        print(f"# Subtest: {case.name}", flush=True)
        self.log = []
        problem = None
        try:
            if case.fresh:
                self.power_off()
                for disk in self.setup.disks:
                    disk.blank()
            problem = self.run_phases(case)
        except Failure as failure:
            problem = str(failure)
            self.drop_machine()
        if self.machine and not self.read_log(case):
            problem = problem or "its end is not in the kernel log"
        bad = console.guilty(self.log)
        if bad:
            problem = problem or "the kernel complained"
            self.drop_machine()
        if problem:
            self.show_log(bad)
        return problem

    def read_log(self, case):
        """Whether all came that the kernel said up to the end of the case."""
        deadline = time.monotonic() + LOG_TIMEOUT_S
        end = f"superdisk: case {case.name} ended"
        while time.monotonic() < deadline:
            lines = self.console.read()
            self.log += lines
            if any(end in line for line in lines):
                return True
            time.sleep(qemu.POLL_S)
        return False

    def run_phases(self, case):
        phase = 1
        self.not_ok = 0
        while phase:
            status, phase = self.run_phase(case, phase)
            if phase:
                self.log += self.console.read()
                self.drop_machine()
        if status:
            return f"exit status {status}"
        # A phase that ended in a power cut had no status to tell.
        return f"{self.not_ok} not ok" if self.not_ok else None

    def run_phase(self, case, phase):
        """(exit status, None), or (None, the phase after a power cut)."""
        self.boot()
        deadline = min(time.monotonic() + case.timeout_s, self.deadline)
        self.machine.send(f"run {case.name} {phase}")
        ran, planned, cut = 0, None, None
        # Results come by a pipe of their own: word of the cut overtakes them.
        while not (cut and planned):
            verb, _, rest = self.receive(deadline, case.name).partition(" ")
            if verb == "tap":
                print(f"    {rest}", flush=True)
                result = RESULT.match(rest)
                ran += bool(result)
                self.not_ok += bool(result and result[1])
                planned = rest if PLAN.match(rest) else planned
            elif verb == "log":
                print(f"    # {rest}", flush=True)
            elif verb == "host":
                self.helper = Helper(rest, self.machine)
            elif rest == "0" and planned != f"1..{ran}":
                raise Failure(f"planned {planned}, ran {ran}")
            elif verb == "end":
                return int(rest), None
            elif verb == "phase":
                cut = int(rest)
        if planned != f"1..{ran}":
            raise Failure(f"planned {planned}, ran {ran}")
        return None, cut

    def receive(self, deadline, what):
        try:
            line = self.machine.receive(deadline)
        except TimeoutError:
            raise Failure(f"{what}: timeout") from None
        if line is None:
            raise Failure(f"{what}: the machine died"
                          f"{self.machine.complaint()}")
        return line

    def boot(self):
        """No case has run yet: a boot that fails says nothing of one."""
        for attempt in range(BOOT_ATTEMPTS):
            try:
                return self.machine or self.boot_once()
            except Failure as failure:
                if attempt == BOOT_ATTEMPTS - 1:
                    raise
                print(f"# {failure}", flush=True)
                self.drop_machine()
                self.log = []

    def boot_once(self):
        self.boots += 1
        start = time.monotonic()
        self.console = console.Console(self.setup.console)
        self.machine = qemu.Machine(self.setup)
        deadline = min(start + BOOT_TIMEOUT_S, self.deadline)
        while self.receive(deadline, "boot") != "ready":
            pass
        print(f"# boot {self.boots}: {self.setup.kernel.release}, "
              f"{self.setup.accel}, {time.monotonic() - start:.1f} s",
              flush=True)
        return self.machine

    def power_off(self):
        """Ends a machine in good order, so that its disks are complete."""
        if not self.machine:
            return
        self.machine.send("off")
        self.machine.wait(OFF_TIMEOUT_S)
        self.drop_machine()

    def drop_machine(self):
        if self.helper:
            self.helper.end()
            self.helper = None
        if self.machine:
            self.machine.kill()
            self.machine = None
            self.keep_console()

    def keep_console(self):
        """Each boot overwrites the log: keeps it under the boot's number."""
        self.log += self.console.read(to_its_end=True)
        os.replace(self.setup.console, f"{self.kept_log}.{self.boots}")
        self.console = console.Console(self.setup.console)

    def show_log(self, bad):
        for line in bad or self.log[-LOG_LINES:]:
            print(f"# kernel: {line}")
        if bad:
            first = self.log.index(bad[0])
            for line in self.log[first + 1:first + LOG_LINES]:
                print(f"# kernel: {line}")
        sys.stdout.flush()

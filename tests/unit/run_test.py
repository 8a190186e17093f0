#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""tests/run against programs that lie, crash, hang or tell the truth."""
import os
import subprocess
import sys
import tempfile

RUN = os.path.join(os.path.dirname(__file__), "..", "run")

# name, shell script, closing line, text that the output must hold
CASES = [
    ("passes_are_counted", "echo 1..2; echo ok 1 - a; echo ok 2 - b",
     "2 passed, 0 failed", "ok "),
    ("canary_that_fails_is_seen_to_fail",
     "echo 1..2; echo ok 1 - a; echo not ok 2 - b; exit 1",
     "1 passed, 1 failed", "not ok 2 - b"),
    ("not_ok_fails_even_with_exit_status_0",
     "echo 1..1; echo not ok 1 - b", "0 passed, 1 failed", "FAIL"),
    ("skip_is_counted_apart",
     "echo 1..2; echo ok 1; echo 'ok 2 - b # SKIP no device'",
     "1 passed, 0 failed, 1 skipped", "ok "),
    ("missing_plan_fails", "echo ok 1", "1 passed, 1 failed", "no plan"),
    ("silence_fails", "true", "0 passed, 1 failed", "no plan"),
    ("short_run_fails", "echo 1..3; echo ok 1",
     "1 passed, 1 failed", "planned 3, ran 1"),
    ("crash_fails", "echo 1..1; echo ok 1; kill -SEGV $$",
     "1 passed, 1 failed", "killed by SIGSEGV"),
    ("unexplained_exit_status_fails", "echo 1..1; echo ok 1; exit 3",
     "1 passed, 1 failed", "exit status 3"),
    ("sanitizer_report_fails",
     "echo 1..1; echo ok 1; echo '==1==ERROR: AddressSanitizer: x' >&2",
     "1 passed, 1 failed", "AddressSanitizer: x"),
    ("undefined_behaviour_fails",
     "echo 1..1; echo ok 1; echo 'a.c:1:2: runtime error: shift' >&2",
     "1 passed, 1 failed", "runtime error: shift"),
    ("hang_fails_at_its_deadline", "echo 1..1; echo ok 1; exec sleep 100",
     "1 passed, 1 failed", "timeout after 1 s"),
    ("bail_out_fails", "echo 1..2; echo ok 1; echo Bail out! no disk",
     "1 passed, 1 failed", "Bail out! no disk"),
    ("subtests_are_counted_as_leaves",
     "echo '# Subtest: f'; echo '    ok 1 - a'; echo '    not ok 2 - b';"
     "echo '    1..2'; echo 'not ok 1 - f'; echo 1..1; exit 1",
     "1 passed, 1 failed", "not ok 2 - b"),
    ("failing_parent_of_passing_subtests_fails",
     "echo '    ok 1 - a'; echo '    1..1'; echo 'not ok 1 - f';"
     "echo 1..1; exit 1", "1 passed, 1 failed", "not ok 1 - f"),
    ("yaml_diagnostics_are_no_results",
     "echo 1..1; echo ok 1; echo '  ---'; echo '  not ok: x'; echo '  ...'",
     "1 passed, 0 failed", "ok "),
    ("groups_of_one_program_add_up",
     "echo 1..1; echo ok 1; echo 1..1; echo ok 1", "2 passed, 0 failed", "ok "),
    ("skipping_everything_is_no_success", "echo '1..0 # SKIP no kernel'",
     "0 passed, 0 failed, 1 skipped", "ok "),
]


def run(arguments):
    result = subprocess.run([sys.executable, RUN, *arguments], text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                            check=False)
    return result.returncode, result.stdout


def run_script(folder, script):
    path = os.path.join(folder, "case.sh")
    with open(path, "w", encoding="utf-8") as file:
        file.write(script + "\n")
    return run(["--log", folder, f"timeout=1 bash {path}"])


def case_behaves(folder, script, closing, text):
    status, output = run_script(folder, script)
    want = "0 failed" in closing and not closing.startswith("0 passed")
    return (output.splitlines()[-1] == closing and text in output
            and (status == 0) == want), output


def stray_process_is_ended(folder):
    """A daemon that survives its test is a failure, and is ended."""
    pid_path = os.path.join(folder, "pid")
    script = f"echo 1..1; echo ok 1; sleep 1000 & echo $! > {pid_path}"
    _, output = run_script(folder, script)
    with open(pid_path, encoding="utf-8") as file:
        alive = os.path.exists(f"/proc/{file.read().strip()}")
    return "left a process behind" in output and not alive, output


def nothing_to_run_fails(folder):
    status, output = run(["--log", folder])
    return status != 0 and output.endswith("0 passed, 0 failed\n"), output


def missing_program_fails(folder):
    status, output = run(["--log", folder, os.path.join(folder, "absent")])
    return status != 0 and output.endswith("0 passed, 1 failed\n"), output


def main():
    tests = [(name, lambda d, a=args: case_behaves(d, *a))
             for name, *args in CASES]
    tests += [(f.__name__, f) for f in (
        stray_process_is_ended, nothing_to_run_fails, missing_program_fails)]
    print(f"1..{len(tests)}")
    bad = 0
    for number, (name, test) in enumerate(tests, 1):
        with tempfile.TemporaryDirectory() as folder:
            passed, output = test(folder)
        print(f"{'' if passed else 'not '}ok {number} - {name}")
        if not passed:
            bad += 1
            print("\n".join("# " + line for line in output.splitlines()))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())

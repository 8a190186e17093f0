#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The superdisk command as a person meets it: every subcommand explains itself,
takes --json, stands in the manual, and refuses what it does not know.
"""
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import threading

O = os.environ.get("O", ".build")
PROGRAM = os.path.join(O, "release", "bin", "superdisk")
MANUAL = os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "..",
                      "daemon", "superdisk.8")
EX_USAGE = 64
EX_NOINPUT = 66
# Of the documents that superdiskd sends.
FORMAT = 1
SUB_BITS = 3


def run(*words, **environment):
    return subprocess.run([PROGRAM, *words], capture_output=True, text=True,
                          timeout=60, check=False,
                          env={**os.environ, **environment})


def commands():
    names = re.findall(r"^  ([a-z-]+) +\S", run("--help").stdout, re.M)
    assert len(names) > 10, names
    return names


def every_command_explains_itself():
    for name in commands():
        said = run(name, "--help")
        assert said.returncode == 0 and not said.stderr, (name, said)
        assert said.stdout.startswith(f"usage: superdisk {name}"), said.stdout
        assert "--json" in said.stdout, name


def every_command_is_in_the_manual():
    with open(MANUAL, encoding="utf-8") as file:
        text = file.read().replace("\\-", "-")
    for name in commands():
        assert re.search(rf"^\.(BR?|TP) .*\b{name}\b", text, re.M), name


def what_is_not_known_is_refused():
    assert run().returncode == EX_USAGE
    assert run("nonsense").returncode == EX_USAGE
    for name in commands():
        said = run(name, "--nonsense")
        assert said.returncode == EX_USAGE, (name, said)
        assert f"superdisk {name}: " in said.stderr, said.stderr
        assert not said.stdout, said.stdout


def what_is_no_disk_is_called_so():
    for path in ("/dev/null", MANUAL):
        said = run("create", "name", path, path)
        assert said.returncode == EX_NOINPUT, said
        assert f"{path}: Block device required" in said.stderr, said.stderr


def answer_once_each(listener, since_ns):
    """A superdiskd that hangs up behind each answer."""
    for count, since in enumerate(since_ns):
        client, _ = listener.accept()
        with client:
            client.recv(4096)
            document = {"format": FORMAT, "sub_bits": SUB_BITS,
                        "at_ns": 10 ** 9 * (count + 10), "since_ns": since,
                        "lost": dict.fromkeys(("missed", "bios", "requests",
                                               "series", "records"), 0),
                        "series": []}
            client.sendall(json.dumps(document).encode() + b"\n")


def latency_of(since_ns):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "socket")
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(path)
            listener.listen()
            server = threading.Thread(target=answer_once_each, daemon=True,
                                      args=(listener, since_ns))
            server.start()
            return run("latency", "--json", "0.1", str(len(since_ns) - 1),
                       SUPERDISK_SOCKET=path)


def one_that_was_hung_up_on_calls_again():
    said = latency_of([5, 5, 5])
    assert said.returncode == 0, said
    assert len(said.stdout.splitlines()) == 2, said


def another_superdiskd_is_noticed():
    said = latency_of([5, 5, 6])
    assert said.returncode not in (0, EX_USAGE), said


CASES = (every_command_explains_itself, every_command_is_in_the_manual,
         what_is_not_known_is_refused, what_is_no_disk_is_called_so,
         one_that_was_hung_up_on_calls_again,
         another_superdiskd_is_noticed)


def main():
    failed = 0
    print(f"1..{len(CASES)}")
    for number, case in enumerate(CASES, 1):
        try:
            case()
            print(f"ok {number} - {case.__name__}")
        except AssertionError as error:
            failed += 1
            print(f"not ok {number} - {case.__name__}\n# {error!r}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""superdiskd on a machine that lacks something, and one that is killed.

Without capabilities, without BTF, with a broken one: it says what is missing
and serves the rest.  With all of them: it holds no more than it uses, and
leaves nothing attached, whenever it is killed.
"""
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

O = os.environ.get("O", ".build")
PROGRAM = os.path.join(O, "release", "bin", "superdiskd")
CLI = os.path.join(O, "release", "bin", "superdisk")
BPFTOOL = shutil.which("bpftool", path=os.environ["PATH"] + ":/usr/sbin")
DEADLINE_S = 60
KILLS = int(os.environ.get("KILLS", "20"))
CAP_NET_ADMIN = 1 << 12


def status_of(pid, key):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return re.search(rf"^{key}:\s*(\w+)$", file.read(), re.M).group(1)


class Superdiskd:
    """One that runs, with a folder of its own."""

    def __init__(self, *options, prefix=()):
        self.folder = tempfile.TemporaryDirectory(prefix="superdiskd-test-")
        self.path = os.path.join(self.folder.name, "sock")
        self.log = os.path.join(self.folder.name, "log")
        with open(self.log, "w", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                [*prefix, PROGRAM, "--listen", "127.0.0.1:0", "--state",
                 "none", "--sockets", "--socket", self.path, *options],
                stderr=log)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.folder.cleanup()

    def said(self):
        with open(self.log, encoding="utf-8") as log:
            return log.read()

    def until(self, text):
        """Waits until it has logged that."""
        deadline = time.monotonic() + DEADLINE_S
        while text not in self.said():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"no '{text}' in: {self.said()}")
            time.sleep(0.01)
        return self

    def ask(self, what):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(DEADLINE_S)
            s.connect(self.path)
            s.sendall(json.dumps({"do": what}).encode() + b"\n")
            return json.loads(s.makefile().readline())

    def metrics(self):
        port = re.search(r" http port=(\d+)", self.said()).group(1)
        url = f"http://127.0.0.1:{port}/metrics"
        with urllib.request.urlopen(url, timeout=DEADLINE_S) as answer:
            return answer.read().decode()

    def status(self, key):
        return status_of(self.process.pid, key)

    def programs(self):
        """Ids of the eBPF programs that it has loaded."""
        ids = set()
        folder = f"/proc/{self.process.pid}/fdinfo"
        try:
            for name in os.listdir(folder):
                with open(f"{folder}/{name}", encoding="ascii") as file:
                    ids.update(re.findall(r"^prog_id:\s*(\d+)$", file.read(),
                                          re.M))
        except OSError:
            pass
        return ids


def is_loaded(number):
    return subprocess.run([BPFTOOL, "prog", "show", "id", number],
                          capture_output=True, check=False).returncode == 0


def gone(ids):
    """Whether they are, before the deadline: the kernel frees them later."""
    deadline = time.monotonic() + DEADLINE_S
    while any(is_loaded(number) for number in ids):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def partial(daemon, words):
    """It runs, says why it does not measure, and answers all the same."""
    daemon.until(" ready block=off sockets=off")
    for family in ("latency", "sockets"):
        answer = daemon.ask(family)
        assert words in answer.get("error", ""), answer
    status = daemon.ask("status")
    assert status["block"] is False and words in status["why_not_block"]
    assert words in status["why_not_sockets"], status
    assert 'superdisk_measuring{family="block"} 0' in daemon.metrics()
    assert daemon.said().count("no_block_latency") == 1, daemon.said()


def without_capabilities():
    with Superdiskd(prefix=("setpriv", "--bounding-set",
                            "-bpf,-perfmon,-sys_admin")) as daemon:
        partial(daemon, "CAP_BPF and CAP_PERFMON are needed")


def hidden(*commands):
    """Runs the daemon where /sys/kernel/btf is something else.

    Only /sys is made private: the root of a chroot cannot be.
    """
    return ("unshare", "--mount", "--propagation", "unchanged", "sh", "-ec",
            "mount --make-private /sys; mount -t tmpfs none /sys/kernel/btf; "
            + "".join(f"{command}; " for command in commands)
            + 'exec "$@"', "sh")


def without_btf():
    with Superdiskd(prefix=hidden()) as daemon:
        partial(daemon, "this kernel carries no BTF")


def with_a_btf_that_is_broken():
    with Superdiskd(prefix=hidden(
            "echo nonsense > /sys/kernel/btf/vmlinux")) as daemon:
        partial(daemon, "the kernel's BTF cannot be read")


def with_programs_that_the_kernel_refuses():
    """As the verifier does, from some call of bpf(2) on."""
    with Superdiskd(prefix=("strace", "-D", "-f", "-o", "/dev/null", "-e",
                            "inject=bpf:error=EACCES:when=30+")) as daemon:
        partial(daemon, "the kernel refused the programs")


def gives_the_journal_priorities():
    with tempfile.NamedTemporaryFile() as file:
        st = os.fstat(file.fileno())
        stream = f"{st.st_dev}:{st.st_ino}"
        for said, start in ((stream, "<6>info "), ("1:1", "info ")):
            file.truncate(0)
            with subprocess.Popen(
                    [PROGRAM, "--no-block", "--listen", "none", "--state",
                     "none", "--socket", file.name + ".sock"], stderr=file,
                    env={**os.environ, "JOURNAL_STREAM": said}) as daemon:
                deadline = time.monotonic() + DEADLINE_S
                text = ""
                while " ready " not in text and time.monotonic() < deadline:
                    with open(file.name, encoding="utf-8") as log:
                        text = log.read()
                    time.sleep(0.01)
                daemon.terminate()
            lines = [l for l in text.replace("\0", "").splitlines()
                     if "ready" in l]
            assert lines and lines[0].startswith(start), (said, text)


def keeps_only_what_it_uses():
    with Superdiskd() as daemon:
        daemon.until(" ready block=measured sockets=measured")
        for which in ("CapEff", "CapPrm"):
            held = int(daemon.status(which), 16)
            assert held == CAP_NET_ADMIN, f"{which} {held:x}"
        assert int(daemon.status("CapInh"), 16) == 0
        assert int(daemon.status("CapAmb"), 16) == 0
        assert daemon.status("NoNewPrivs") == "1"


def with_advice_only_it_keeps_none():
    with Superdiskd("--advice") as daemon:
        daemon.until(" ready ")
        for which in ("CapEff", "CapPrm", "CapInh", "CapAmb"):
            assert int(daemon.status(which), 16) == 0, which


def commands_that_measure_keep_none():
    for command in (["latency", "--own"], ["sockets"]):
        with subprocess.Popen(
                [CLI, *command], stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE, text=True,
                env={**os.environ, "SUPERDISK_SOCKET": "/nonexistent"}) as p:
            try:
                line = p.stderr.readline()
                assert "measuring" in line, line
                for which in ("CapEff", "CapPrm"):
                    held = int(status_of(p.pid, which), 16)
                    assert not held, f"{command} {which} {held:x}"
            finally:
                p.send_signal(signal.SIGINT)
        assert p.returncode == 0, (command, p.returncode)


def attaches_what_is_asked_for_and_no_more():
    with Superdiskd("--no-block") as daemon:
        daemon.until(" ready block=off sockets=measured")
        sockets = daemon.programs()
    with Superdiskd() as daemon:
        daemon.until(" ready ")
        both = daemon.programs()
    assert sockets and len(both) > len(sockets), (sockets, both)
    assert gone(sockets | both)


def serve_one(listener, client):
    """A process that accepts one connection and answers until its end."""
    pid = os.fork()
    if pid:
        return pid
    client.close()
    connection, _ = listener.accept()
    while data := connection.recv(64):
        connection.sendall(data)
    os._exit(0)


def tells_processes_of_one_port_apart():
    """To people, in JSON and to Prometheus, whose series must be distinct."""
    with Superdiskd("--no-block") as daemon, socket.socket() as listener:
        daemon.until(" ready block=off sockets=measured")
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port, clients, pids = listener.getsockname()[1], [], []
        for requests in (5, 25):
            client = socket.socket()
            pids.append(serve_one(listener, client))
            client.connect(("127.0.0.1", port))
            for _ in range(requests):
                client.sendall(b"x")
                client.recv(64)
            clients.append(client)
        groups = {g["pid"]: g for g in daemon.ask("sockets")["groups"]
                  if g["port"] == port}
        text = subprocess.run([CLI, "sockets"], check=True, text=True,
                              capture_output=True, env={
                                  **os.environ,
                                  "SUPERDISK_SOCKET": daemon.path}).stdout
        metrics = daemon.metrics()
        for client, pid in zip(clients, pids):
            client.shutdown(socket.SHUT_RDWR)
            client.close()
            os.waitpid(pid, 0)
    for pid in pids:
        assert groups[pid]["connections"] == 1, groups
        assert groups[pid]["command"], groups
        assert re.search(rf"^ *{port} +{pid} ", text, re.M), text
        assert re.search(rf'^superdisk_tcp_connections{{port="{port}",.*'
                         rf'pid="{pid}",.*}} 1$', metrics, re.M), metrics
    counts = [groups[pid]["spans"]["read"]["count"] for pid in pids]
    assert counts[0] < counts[1], counts
    series = re.findall(r"^(superdisk_tcp_\S.*) \S+$", metrics, re.M)
    assert series and len(series) == len(set(series))


def leaves_nothing_when_it_is_killed():
    """At a random moment of its first second: loading, attaching, serving."""
    seed = int(os.environ.get("SEED", time.time_ns() % 100000))
    print(f"# seed {seed}; again: SEED={seed} {sys.argv[0]}")
    chance, seen = random.Random(seed), set()
    for _ in range(KILLS):
        with Superdiskd() as daemon:
            end = time.monotonic() + chance.random()
            while time.monotonic() < end:
                seen |= daemon.programs()
            daemon.process.send_signal(signal.SIGKILL)
            daemon.process.wait()
    print(f"# {KILLS} kills, {len(seen)} programs seen")
    assert seen, "never caught with a program"
    assert gone(seen)


CASES = (without_capabilities, without_btf, with_a_btf_that_is_broken,
         with_programs_that_the_kernel_refuses,
         gives_the_journal_priorities, keeps_only_what_it_uses,
         with_advice_only_it_keeps_none,
         commands_that_measure_keep_none,
         attaches_what_is_asked_for_and_no_more,
         tells_processes_of_one_port_apart,
         leaves_nothing_when_it_is_killed)


def why_not():
    """Why nothing can be shown on this machine, or None."""
    if os.geteuid():
        return "root is needed"
    if not BPFTOOL:
        return "no bpftool"
    with Superdiskd() as daemon:
        daemon.until(" ready ")
        found = re.search(r'no_block_latency why="(.*)"', daemon.said())
        return found.group(1).replace("#", "") if found else None


def main():
    reason, failed = why_not(), 0
    print(f"1..{len(CASES)}")
    for number, case in enumerate(CASES, 1):
        name = case.__name__
        if reason:
            print(f"ok {number} - {name} # SKIP {reason}")
            continue
        try:
            case()
            print(f"ok {number} - {name}")
        except (AssertionError, OSError, ValueError) as error:
            failed += 1
            print(f"not ok {number} - {name}\n# {error!r}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""superdiskd.service under a systemd of its own.

The unit, hardened as it is, starts, measures, keeps nothing that it need not,
and is started again when it hangs.  The systemd runs in namespaces and a
cgroup of its own, on this machine's file system.
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

O = os.path.abspath(os.environ.get("O", ".build"))
HERE = os.path.dirname(os.path.abspath(__file__))
UNIT = os.path.join(HERE, "..", "..", "scripts", "systemd",
                    "superdiskd.service")
PROGRAM = os.path.join(O, "release", "bin", "superdiskd")
COMMAND = os.path.join(O, "release", "bin", "superdisk")
SYSTEMD = "/lib/systemd/systemd"
DEADLINE_S = 60

# Runs as the first process of the new namespaces, then becomes systemd.  The
# file system is this machine's, but what systemd reads and writes is not.
BOOT = r"""
set -e
folder=$1
mount --make-rprivate /
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /etc/systemd
mount -t tmpfs tmpfs /var/lib
umount -l /sys/fs/cgroup
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mount --bind "$folder/console" /dev/console
mkdir -p /run/systemd/system
cp "$folder"/*.service "$folder"/*.target /run/systemd/system/
mount --bind "$folder" /mnt
exec env container=test %s --system --unit=test.target \
	--log-target=console --show-status=no
""" % SYSTEMD

TARGET = """[Unit]
Description=The unit under test
DefaultDependencies=no
Wants=superdiskd.service probe.service
AllowIsolate=yes
"""

# What is to be seen from within: a file for each question.
PROBE = """[Unit]
DefaultDependencies=no
[Service]
ExecStart=/bin/bash /mnt/probe
"""

ASK = r"""
touch /mnt/booted
show() { systemctl show --value -p "$1" superdiskd; }
until [[ $(show ActiveState) == active ]]; do sleep 0.1; done
first=$(show MainPID)
cp "/proc/$first/status" /mnt/status
cp "/proc/$first/cgroup" /mnt/cgroup
ls -l /run/superdisk > /mnt/runtime
ls -ld /var/lib/superdisk > /mnt/state
until %s latency --json > /mnt/latency; do sleep 0.1; done
kill -STOP "$first"
until [[ $(show MainPID) != "$first" && $(show ActiveState) == active ]]; do
	sleep 0.1
done
show NRestarts > /mnt/restarts
systemctl stop superdiskd
show Result > /mnt/result
touch /mnt/done
""" % COMMAND


def unit():
    """The unit as installed, but for where the program is and the clock."""
    with open(UNIT, encoding="utf-8") as file:
        text = file.read()
    text = text.replace("@PREFIX@/sbin/superdiskd",
                        PROGRAM + " --listen 127.0.0.1:0")
    text = re.sub(r"(?m)^After=.*$", "DefaultDependencies=no", text)
    text = re.sub(r"(?m)^WatchdogSec=.*$", "WatchdogSec=8", text)
    # a build folder may be below /home or /root, which the unit hides
    return text.replace("ProtectHome=yes", "ProtectHome=read-only")


def write(folder, name, text):
    with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
        file.write(text)


class Cgroup:
    """A group of our own, all of which ends with us."""

    def __init__(self, mount):
        subprocess.run(["mount", "-t", "cgroup2", "none", mount], check=True)
        self.mount = mount
        self.path = os.path.join(mount, f"superdiskd-test-{os.getpid()}")
        os.mkdir(self.path)

    def enter(self):
        write(self.path, "cgroup.procs", str(os.getpid()))

    def end(self):
        write(self.path, "cgroup.kill", "1")
        deadline = time.monotonic() + DEADLINE_S
        for folder, _, _ in os.walk(self.path, topdown=False):
            while time.monotonic() < deadline:
                try:
                    os.rmdir(folder)
                    break
                except OSError:     # somebody is still on the way out
                    time.sleep(0.05)
        subprocess.run(["umount", self.mount], check=False)


def run(folder):
    """Boots, waits for the answers, ends it; what the console said."""
    os.mkdir(os.path.join(folder, "groups"))
    for name, text in (("console", ""), ("superdiskd.service", unit()),
                       ("test.target", TARGET), ("probe.service", PROBE),
                       ("probe", ASK), ("boot", BOOT)):
        write(folder, name, text)
    group = Cgroup(os.path.join(folder, "groups"))
    with open(os.path.join(folder, "boot.log"), "w",
              encoding="utf-8") as log, subprocess.Popen(
            ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--uts",
             "--ipc", "--cgroup", "--mount-proc", "bash",
             os.path.join(folder, "boot"), folder],
            stdout=log, stderr=log, preexec_fn=group.enter) as process:
        deadline = time.monotonic() + DEADLINE_S
        while (not os.path.exists(os.path.join(folder, "done"))
               and process.poll() is None and time.monotonic() < deadline):
            time.sleep(0.1)
        group.end()
        process.kill()
    return read(folder, "boot.log") + read(folder, "console")


def read(folder, name):
    try:
        with open(os.path.join(folder, name), encoding="utf-8",
                  errors="replace") as file:
            return file.read()
    except FileNotFoundError:
        return ""


def field(text, key):
    found = re.search(rf"(?m)^{key}:\s*(\S+)$", text)
    return found.group(1) if found else ""


def cases(folder):
    """Name, whether it holds."""
    status = read(folder, "status")
    yield "it_becomes_active", bool(status)
    yield "in_its_own_cgroup", "superdiskd.service" in read(folder, "cgroup")
    yield "with_net_admin_alone", int(field(status, "CapEff") or "0",
                                      16) == 1 << 12
    yield "which_it_cannot_extend", field(status, "NoNewPrivs") == "1"
    yield "under_a_system_call_filter", field(status, "Seccomp") == "2"
    yield "its_socket_is_for_owner_and_group", read(
        folder, "runtime").find("srw-rw---- ") >= 0
    yield "it_may_keep_its_state", read(folder, "state").startswith(
        "drwxr-x---")
    yield "it_measures", '"series"' in read(folder, "latency")
    yield "it_is_started_again_when_it_hangs", int(read(
        folder, "restarts").strip() or "0") >= 1
    yield "it_ends_in_good_order", read(folder, "result").strip() == "success"


def why_not():
    if os.geteuid():
        return "root is needed"
    if not os.path.exists(SYSTEMD) or not shutil.which("unshare"):
        return "no systemd"
    return None


def main():
    reason = why_not()
    with tempfile.TemporaryDirectory(prefix="superdiskd-unit-") as folder:
        said = "" if reason else run(folder)
        if not reason and not os.path.exists(os.path.join(folder, "booted")):
            reason = "no systemd can run here: " + " ".join(
                said.split())[-200:].replace("#", "")
        results = list(cases(folder))
    print(f"1..{len(results)}")
    for number, (name, good) in enumerate(results, 1):
        skip = f" # SKIP {reason}" if reason else ""
        print(f"{'' if good or reason else 'not '}ok {number} - {name}{skip}")
    if reason or all(good for _, good in results):
        return 0
    print("".join(f"# {line}\n" for line in said.splitlines()[-40:]))
    return 1


if __name__ == "__main__":
    sys.exit(main())

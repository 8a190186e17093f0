# SPDX-License-Identifier: Apache-2.0
"""One virtual machine: its kernel, its command line, its life and death."""
import ctypes
import dataclasses
import os
import signal
import socket
import subprocess
import time

PR_SET_PDEATHSIG = 1
POLL_S = 0.02

# A guest that is emulated on busy cores is slow, not hung: thresholds that a
# real hang still exceeds, and no check of one clock against another.
KERNEL_ARGUMENTS = """
    console=ttyS0 loglevel=5 panic=-1 oops=panic panic_on_warn=1
    hung_task_panic=1 softlockup_panic=1 nmi_watchdog=0 watchdog_thresh=60
    rcupdate.rcu_cpu_stall_timeout=180 sysctl.kernel.panic_on_rcu_stall=1
    sysctl.kernel.hung_task_timeout_secs=180 random.trust_cpu=on
    no_timer_check tsc=nowatchdog clocksource=tsc
""".split()


@dataclasses.dataclass
class Kernel:
    """A kernel that scripts/kernels unpacked."""
    series: str
    folder: str

    @classmethod
    def find(cls, series):
        folder = subprocess.run(
            [os.path.join(os.path.dirname(__file__), "..", "kernels"), "path",
             series], check=True, capture_output=True, text=True
        ).stdout.strip()
        if not os.path.exists(os.path.join(folder, "vmlinuz")):
            raise RuntimeError(f"no kernel {series}: run scripts/setup")
        return cls(series, folder)

    @property
    def vmlinuz(self):
        return os.path.join(self.folder, "vmlinuz")

    @property
    def modules(self):
        return os.path.join(self.folder, "modules")

    @property
    def release(self):
        return os.path.basename(os.path.realpath(self.modules))


@dataclasses.dataclass
class Disk:
    """A disk backed by a file here: what it holds survives its VM."""
    name: str
    path: str

    @classmethod
    def create(cls, folder, name, mib):
        disk = cls(name, os.path.join(folder, f"{name}.img"))
        disk.blank(mib << 20)
        return disk

    def blank(self, size=None):
        """Forgets all that was written; no machine may run on it."""
        size = size or os.path.getsize(self.path)
        with open(self.path, "wb") as file:
            file.truncate(size)


@dataclasses.dataclass
class Setup:
    """What to boot."""
    kernel: Kernel
    initramfs: str
    console: str                # file that receives the kernel log
    accel: str = "tcg"
    memory_mib: int = 2048
    disks: tuple = ()
    forward: tuple = ()         # (port here, port there)
    arguments: tuple = ()       # more words for the kernel
    terminal: bool = False      # the guest's second serial line is ours
    icount: bool = False        # one CPU, whose clock counts instructions
    plugin: str = ""            # of the emulator: FILE[,ARGUMENT...]

    def command(self, report_fd):
        accel = ["kvm"] if self.accel == "kvm" else ["tcg,thread=multi"]
        cpus = "2"
        if self.icount:
            accel = ["tcg,thread=single", "-icount", "shift=0,sleep=off"]
            cpus = "1"
        # Emulated, a string of bytes is moved byte by byte: without ERMS the
        # guest moves words.
        cpu = ("host" if self.accel == "kvm" else
               "max,la57=off,erms=off,fsrm=off")
        ports = "".join(f",hostfwd=tcp:127.0.0.1:{here}-:{there}"
                        for here, there in self.forward)
        words = ["qemu-system-x86_64", "-accel", *accel, "-cpu", cpu,
                 "-machine", "q35", "-smp", cpus, "-m", str(self.memory_mib),
                 "-nodefaults", "-no-user-config", "-display", "none",
                 "-no-reboot", "-kernel", self.kernel.vmlinuz,
                 "-initrd", self.initramfs,
                 "-append", " ".join([*KERNEL_ARGUMENTS, *self.arguments]),
                 "-serial", f"file:{self.console}",
                 "-device", "virtio-rng-pci",
                 "-device", "virtio-serial-pci",
                 "-chardev", f"socket,id=report,fd={report_fd}",
                 "-device", "virtserialport,chardev=report,name=report",
                 "-netdev", f"user,id=net{ports}",
                 "-device", "virtio-net-pci,netdev=net,romfile="]
        if self.plugin:
            words += ["-plugin", self.plugin]
        if self.terminal:
            words += ["-chardev", "stdio,id=terminal,mux=on,signal=off",
                      "-serial", "chardev:terminal",
                      "-mon", "chardev=terminal"]
        for disk in self.disks:
            words += ["-drive", f"if=none,id={disk.name},format=raw,"
                      f"discard=unmap,cache=writeback,file={disk.path}",
                      "-device", f"virtio-blk-pci,drive={disk.name},"
                      f"serial={disk.name}"]
        return words


def die_with_parent():
    """In the child: no QEMU outlives the one who started it."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Machine:
    """A running VM.  The report channel is a stream of lines both ways."""

    def __init__(self, setup):
        self.setup = setup
        ours, theirs = socket.socketpair()
        self.channel = ours
        self.pending = b""
        with theirs, open(setup.console + ".qemu", "wb") as errors:
            self.process = subprocess.Popen(
                setup.command(theirs.fileno()), pass_fds=[theirs.fileno()],
                stdin=None if setup.terminal else subprocess.DEVNULL,
                stdout=None if setup.terminal else errors, stderr=errors,
                preexec_fn=die_with_parent)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()

    def send(self, line):
        try:
            self.channel.sendall(line.encode() + b"\n")
        except OSError:
            pass                # it died; receive() will say so

    def receive(self, deadline):
        """The next line; None once the machine has stopped.

        Raises TimeoutError at the deadline (of time.monotonic).
        """
        while b"\n" not in self.pending:
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError
            self.channel.settimeout(left)
            try:
                data = self.channel.recv(65536)
            except ConnectionError:
                data = b""
            if not data:
                return None
            self.pending += data
        line, _, self.pending = self.pending.partition(b"\n")
        return line.decode(errors="replace").rstrip("\r")

    def complaint(self):
        """What QEMU itself said, if anything."""
        with open(self.setup.console + ".qemu", encoding="utf-8",
                  errors="replace") as file:
            text = file.read().strip()
        return f" ({text})" if text else ""

    def wait(self, timeout_s):
        """Waits for it to stop by itself; False if it does not."""
        try:
            self.process.wait(timeout_s)
            return True
        except subprocess.TimeoutExpired:
            return False

    def kill(self):
        """Power off in an instant.  What was written to disks stays."""
        self.process.kill()
        self.process.wait()
        self.channel.close()


def free_port():
    """A port nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]

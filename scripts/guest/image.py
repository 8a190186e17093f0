# SPDX-License-Identifier: Apache-2.0
"""Initramfs images made of this machine's own programs.

An image is a row of cpio archives (format newc), which the kernel unpacks one
after the other.  The first holds tools, libraries and kernel modules; it is
large, changes rarely, and is kept under a name made of its contents.  The
second holds what is being tested.
"""
import hashlib
import lzma
import os
import re
import shutil
import stat
import subprocess

# Folders of the guest; /busybox comes last in its PATH.
FOLDERS = ("busybox", "dev", "etc", "mnt", "proc", "root", "run", "sys",
           "tests", "tmp", "usr/bin", "usr/lib", "usr/lib64", "usr/local/bin",
           "var/lib")

# What cases may call, beside the applets of busybox.  fio is apart: its
# libraries are three times the size of all the rest.
TOOLS = """
    bash blkdiscard blockdev cache_check cmp dd dmsetup e2fsck losetup lvm
    make-bcache mdadm mkfs.ext4 mkfs.xfs mount prlimit sync truncate umount
    wipefs xfs_repair
""".split()

# Kernel modules that cases and this harness load; those they depend on come
# along, and a name that is built in or absent from a series is left out.
MODULES = """
    bcache crc32c crc32c_generic crc32c_intel dm-bufio dm-cache dm-cache-smq
    dm-crypt dm-delay dm-era dm-flakey dm-integrity dm-log-writes dm-mirror
    dm-mod dm-raid dm-snapshot dm-thin-pool dm-zero ext4 failover libcrc32c
    loop md-mod net_failover null_blk raid0 raid1 sch_netem scsi_debug sd_mod
    veth virtio virtio_balloon virtio_blk virtio_console virtio_net virtio_pci
    virtio_ring virtio_rng xfs
""".split()


class Cpio:
    """Writes a newc archive; everything in it belongs to root."""

    def __init__(self, file):
        self.file = file
        self.inode = 0
        self.made = set()

    def folder(self, path):
        """Makes a folder and those above it."""
        path = path.strip("/")
        if not path or path in self.made:
            return
        self.folder(os.path.dirname(path))
        self.made.add(path)
        self.entry(path, stat.S_IFDIR | 0o755, b"")

    def copy(self, path, source):
        with open(source, "rb") as file:
            data = file.read()
        self.data(path, data, os.stat(source).st_mode & 0o755 | 0o444)

    def data(self, path, data, mode=0o644):
        self.folder(os.path.dirname(path))
        self.entry(path.strip("/"), stat.S_IFREG | mode, data)

    def symlink(self, path, target):
        self.folder(os.path.dirname(path))
        self.entry(path.strip("/"), stat.S_IFLNK | 0o777, target.encode())

    def device(self, path, major, minor):
        self.folder(os.path.dirname(path))
        self.entry(path.strip("/"), stat.S_IFCHR | 0o600, b"", major, minor)

    def entry(self, name, mode, data, major=0, minor=0):
        self.inode += 1
        name = name.encode() + b"\0"
        fields = (self.inode, mode, 0, 0, 1, 0, len(data), 0, 0, major, minor,
                  len(name), 0)
        head = b"070701" + b"".join(b"%08X" % field for field in fields)
        for part in (head + name, data):
            self.file.write(part + b"\0" * (-len(part) % 4))

    def close(self):
        self.entry("TRAILER!!!", 0, b"")


class Modules:
    """The module tree of one kernel."""

    def __init__(self, root):
        self.root = root
        self.needs = {}
        with open(os.path.join(root, "modules.dep"), encoding="ascii") as file:
            for line in file:
                path, _, needs = line.partition(":")
                self.needs[path] = needs.split()
        self.by_name = {self.name(path): path for path in self.needs}

    @staticmethod
    def name(path):
        return re.sub(r"\.ko(\.\w+)?$", "",
                      os.path.basename(path)).replace("-", "_")

    def closure(self, names):
        """The files of these modules and of all that they need."""
        paths = {self.by_name[name.replace("-", "_")] for name in names
                 if name.replace("-", "_") in self.by_name}
        for path in list(paths):
            paths.update(self.needs[path])
        return sorted(paths)

    def load(self, path):
        """The module itself, unpacked: the guest should not spend time on it."""
        with open(os.path.join(self.root, path), "rb") as file:
            data = file.read()
        return lzma.decompress(data) if path.endswith(".xz") else data

    def add_to(self, cpio, release, names):
        """Stores modules and a modules.dep of just these."""
        folder, lines = f"usr/lib/modules/{release}", []
        for path in self.closure(names):
            cpio.data(f"{folder}/{path.removesuffix('.xz')}", self.load(path))
            lines.append(f"{path}: {' '.join(self.needs[path])}")
        text = "\n".join(lines).replace(".ko.xz", ".ko") + "\n"
        cpio.data(f"{folder}/modules.dep", text.encode())


def linked(program):
    """The shared libraries of a program, as ldd finds them, and the loader."""
    text = subprocess.run(["ldd", program], capture_output=True, text=True,
                          check=False).stdout
    if "not found" in text:
        raise RuntimeError(f"{program}: {text}")
    return set(re.findall(r"(/\S+) \(0x", text))


def libraries(programs):
    """All that these programs load."""
    return sorted(set().union(*map(linked, programs)))


def add_libraries(cpio, programs):
    for path in libraries(programs):
        # /lib is a link into /usr here as on every Debian since 12.
        cpio.copy(path if path.startswith("/usr/") else "usr" + path, path)


def find_tool(name):
    path = shutil.which(name, path="/usr/sbin:/usr/bin:/sbin:/bin")
    if not path:
        raise RuntimeError(f"{name} is missing: run scripts/setup")
    return path


def write_tools(file, kernel, tools):
    cpio = Cpio(file)
    for folder in FOLDERS:
        cpio.folder(folder)
    for folder in ("bin", "lib", "lib64"):
        cpio.symlink(folder, f"usr/{folder}")
    cpio.device("dev/console", 5, 1)
    cpio.device("dev/null", 1, 3)
    programs = [find_tool(name) for name in tools]
    for name, path in zip(tools, programs):
        cpio.copy(f"usr/bin/{name}", path)
    add_libraries(cpio, programs)
    cpio.copy("busybox/busybox", find_tool("busybox"))
    cpio.symlink("usr/bin/sh", "bash")
    cpio.data("etc/passwd", b"root:x:0:0:root:/root:/bin/bash\n")
    cpio.data("etc/group", b"root:x:0:\n")
    Modules(kernel.modules).add_to(cpio, kernel.release, MODULES)
    cpio.close()


def tools_archive(kernel, folder, tools):
    """The first archive, from the cache if nothing in it has changed."""
    sources = [__file__, os.path.join(kernel.modules, "modules.dep")]
    programs = [find_tool(name) for name in [*tools, "busybox"]]
    sources += programs + libraries(programs)
    digest = hashlib.sha256()
    for path in sources:
        info = os.stat(path)
        digest.update(f"{path} {info.st_size} {info.st_mtime_ns}\n".encode())
    path = os.path.join(
        folder, f"tools-{kernel.release}-{digest.hexdigest()[:16]}.cpio")
    if not os.path.exists(path):
        partial = f"{path}.{os.getpid()}"
        with open(partial, "wb") as file:
            write_tools(file, kernel, tools)
        os.rename(partial, path)
    return path


def write_tested(file, init, modules, programs, files):
    """The second archive: init, modules under test, programs, other files.

    files maps a path in the guest to one on this machine.
    """
    cpio = Cpio(file)
    cpio.copy("init", init)
    for path in modules:
        cpio.copy(f"usr/lib/superdisk/{os.path.basename(path)}", path)
    for path in programs:
        cpio.copy(f"usr/local/bin/{os.path.basename(path)}", path)
    add_libraries(cpio, programs)
    for path, source in files.items():
        cpio.copy(path, source)
    cpio.close()


def build(kernel, cache, folder, init, modules=(), programs=(), files=None,
          tools=()):
    """Writes an image for one run into folder; returns its path."""
    tools = tools_archive(kernel, cache, sorted({*TOOLS, *tools}))
    path = os.path.join(folder, "initramfs.cpio")
    with open(path, "wb") as out:
        with open(tools, "rb") as file:
            shutil.copyfileobj(file, out)
        write_tested(out, init, modules, programs, files or {})
    return path

"""How the root of a sandbox is furnished: mounts of what the host has, and of what is the sandbox's own.

Only the standard library. The host's root is at OLD until all is in place. `within` says what is in a plan.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import shutil
import socket
import struct
from typing import Any

OLD = "/.old"
OF_THE_KERNEL = ("firmware", "kernel/debug", "kernel/tracing", "kernel/security", "fs/bpf")
_BIND, _REC = 4096, 16384
_DETACH = 2
_MOUNT_SETATTR = 442
_RECURSIVE, _CWD = 0x8000, -100
_READ_ONLY, _NO_SUID, _NO_DEVICES = 1, 2, 4
_SET_FLAGS, _UP = 0x8914, 1
_OWN = ("proc", "tmp", "dev", "run")
_DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty")
_LINKS = {"fd": "/proc/self/fd", "stdin": "fd/0", "stdout": "fd/1", "stderr": "fd/2", "ptmx": "pts/ptmx"}

libc = ctypes.CDLL(None, use_errno=True)


class Furnishing:
    """How the empty root is furnished, from the host's at OLD."""

    def __init__(self, plan: dict[str, Any]) -> None:
        self._plan = plan
        self._scratch = OLD + plan["scratch"]
        self._mounted = _mounted()
        self._covers = 0

    def furnish(self) -> None:
        """Let everything be seen that the plan names. Raises OSError."""
        plan, folder = self._plan, self._plan["seen_at"]
        self._show_host()
        self._make_devices()
        self._make_proc()
        if not plan["network"]:
            _raise_loopback()
        for path in (*(f"/sys/{name}" for name in OF_THE_KERNEL), *plan["sockets"]):
            _hide(path)
        for path in plan["hidden"]:
            if os.path.isdir(path):
                self._cover(path)
        for path in plan["seen"]:
            self._point(path, is_folder=os.path.isdir(OLD + path))
            bind(OLD + path, path)
            _make_read_only(path)
        self._point(folder, is_folder=True)
        bind(OLD + plan["folder"], folder)
        _set(folder, _NO_SUID | _NO_DEVICES)
        for number, mount in enumerate(plan["mounts"]):
            self._mount(mount, folder, number)
        os.makedirs(plan["cwd"], exist_ok=True)
        call("umount2", OLD.encode(), _DETACH)
        os.rmdir(OLD)

    def _show_host(self) -> None:
        empty = f"{self._scratch}/empty"
        os.mkdir(empty)
        # A file system of its own: no layer may lie within the folder that it is laid over, as our own folders do.
        call("mount", b"tmpfs", empty.encode(), b"tmpfs", 0, b"mode=555,size=4k")
        for entry in os.scandir(OLD):
            if entry.name not in (*_OWN, OLD[1:]):
                self._show_each(entry, f"/{entry.name}", apart=entry.name != "sys")
                if not entry.is_symlink():
                    _make_read_only(f"/{entry.name}")
        for name in ("tmp", "run"):
            os.mkdir(f"/{name}")
            self._cover(f"/{name}")
        os.chmod("/tmp", 0o1777)
        for entry in os.scandir(f"{OLD}/run") if os.path.isdir(f"{OLD}/run") else ():
            if entry.is_symlink():  # where some systems have all their programs
                os.symlink(os.readlink(entry.path), f"/run/{entry.name}")

    def _show_each(self, entry: os.DirEntry[str], target: str, *, apart: bool) -> None:
        if not apart or entry.is_symlink() or entry.is_file():
            _show(entry.path, target)
        elif entry.is_dir():
            os.mkdir(target)
            self._show_apart(entry.path, target)

    def _show_apart(self, source: str, target: str) -> None:
        """Let the files of a folder of the host be seen, so that nobody listens at its sockets and pipes.

        So it is with a layer above it, for those that come later too; one cannot be laid over what is mounted in it.
        """
        try:
            if any(each.startswith(f"{source}/") for each in self._mounted):
                entries = list(os.scandir(source))
                self._cover(target)
                for entry in entries:
                    self._show_each(entry, f"{target}/{entry.name}", apart=True)
            else:
                _lay(target, f"lowerdir={_escaped(source)}:{_escaped(self._scratch)}/empty")
        except OSError:  # a file system that cannot be below a layer, layers too many, a folder of another user
            bind(source, target)

    def _make_devices(self) -> None:
        """A /dev with what does nothing to the host, with its own terminals and its own shared memory."""
        memory = self._plan["memory"]
        os.mkdir("/dev")
        call("mount", b"tmpfs", b"/dev", b"tmpfs", 0, b"mode=755")
        for path in (*_DEVICES, *self._plan["devices"]):
            if os.path.exists(OLD + path):
                os.makedirs(os.path.dirname(path), exist_ok=True)
                _show(OLD + path, path)
        for name, to in _LINKS.items():
            os.symlink(to, f"/dev/{name}")
        os.mkdir("/dev/pts")
        os.mkdir("/dev/shm")
        call("mount", b"devpts", b"/dev/pts", b"devpts", 0, b"newinstance,ptmxmode=0666,mode=620")
        call("mount", b"tmpfs", b"/dev/shm", b"tmpfs", 0, f"mode=1777,size={memory or '50%'}".encode())
        _set("/dev", _READ_ONLY)

    def _make_proc(self) -> None:
        """A /proc of its own: what is no process's cannot be written there, nor be read if only root may read it."""
        os.mkdir("/proc")
        try:
            call("mount", b"proc", b"/proc", b"proc", 0, None)
        except OSError:  # in a container that hides a part of it
            bind(f"{OLD}/proc", "/proc")
        hidden, read_only = of_proc()
        for path in read_only:
            bind(path, path)
            _make_read_only(path)
        for path in hidden:
            _hide(path)

    def _mount(self, mount: dict[str, Any], folder: str, number: int) -> None:
        target, source, is_folder = os.path.join(folder, mount["target"]), OLD + mount["source"], mount["is_folder"]
        self._point(target, is_folder=is_folder)
        if mount["mode"] == "cow" and is_folder:
            _overlay(source, target, OLD + mount["upper"])
        elif mount["mode"] == "cow":
            copy = OLD + mount["upper"]
            shutil.copyfile(source, copy)
            os.chmod(copy, mount["permissions"])
            bind(copy, target)
        elif mount["mode"] == "ro" and is_folder:
            self._show_apart(source, target)
        else:
            bind(source, target)
        _set(target, _NO_SUID | _NO_DEVICES | (_READ_ONLY if mount["mode"] == "ro" else 0), recursive=True)

    def _cover(self, path: str) -> None:
        """Put an empty folder of our own in the place of one of the host's."""
        self._covers += 1
        own = f"{self._scratch}/own-{self._covers}"
        os.mkdir(own)
        bind(own, path)
        _set(path, _NO_SUID | _NO_DEVICES)

    def _point(self, path: str, *, is_folder: bool) -> None:
        """See to it that there is something at that path to mount on."""
        if os.path.lexists(path):
            if os.path.islink(path) or os.path.isdir(path) != is_folder:
                kinds = "a link" if os.path.islink(path) else "a file" if is_folder else "a folder"
                raise OSError(errno.EEXIST, f"there is {kinds} at the place of a mount", path)
            return
        parent = os.path.dirname(path)
        self._point(parent, is_folder=True)
        try:
            _make(path, is_folder)
        except OSError as error:
            if error.errno not in (errno.EROFS, errno.EACCES, errno.EPERM):
                raise
            self._open_up(parent)
            _make(path, is_folder)

    def _open_up(self, path: str) -> None:
        """Put a folder of our own in the place of one of the host's, in which the same things are seen."""
        old = os.open(path, os.O_PATH | os.O_DIRECTORY)
        names = os.listdir(path)
        self._cover(path)
        for name in names:
            _show(f"{OLD}/proc/self/fd/{old}/{name}", f"{path}/{name}")
        os.close(old)


def of_proc() -> tuple[list[str], list[str]]:
    """What of /proc is to be hidden, and what is not to be written to: what only root may read, and all that is of no
    process.
    """
    hidden, read_only = [], []
    for entry in os.scandir("/proc"):
        if not (entry.name.isdigit() or entry.is_symlink()):
            mode = entry.stat().st_mode
            if not mode & 0o004:
                hidden.append(entry.path)
            elif mode & 0o222 or entry.is_dir():
                read_only.append(entry.path)
    return hidden, read_only


def _mounted() -> tuple[str, ...]:
    """Where something is mounted in the host's root: paths as seen here."""
    with open(f"{OLD}/proc/self/mountinfo", "rb") as file:
        paths = [line.split()[4] for line in file]
    for sign in (b" ", b"\t", b"\n", b"\\"):
        paths = [path.replace(b"\\%03o" % ord(sign), sign) for path in paths]
    return tuple(path for path in map(os.fsdecode, paths) if path.startswith(f"{OLD}/"))


def _raise_loopback() -> None:
    """What is in the sandbox may talk to itself."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, _SET_FLAGS, struct.pack("16sh", b"lo", _UP))


def _overlay(source: str, target: str, upper: str) -> None:
    """What is written goes to `upper`; where the file system cannot do that, everything is copied there."""
    os.mkdir(upper)
    os.mkdir(f"{upper}.work")
    try:
        _lay(target, f"lowerdir={_escaped(source)},upperdir={upper},workdir={upper}.work")
    except OSError:
        shutil.rmtree(f"{upper}.work")  # the sign of an overlay
        shutil.copytree(source, upper, symlinks=True, dirs_exist_ok=True)
        bind(upper, target)


def _lay(target: str, options: str) -> None:
    call("mount", b"overlay", target.encode(), b"overlay", 0, f"{options},userxattr".encode())


def _escaped(path: str) -> str:
    for sign in "\\:,":
        path = path.replace(sign, "\\" + sign)
    return path


def _hide(path: str) -> None:
    """Let nothing be seen of what is there."""
    if os.path.isdir(path):
        call("mount", b"tmpfs", path.encode(), b"tmpfs", 0, b"mode=555,size=4k")
        _make_read_only(path)
    elif os.path.exists(path):
        bind(f"{OLD}/dev/null", path)


def _show(source: str, target: str) -> None:
    """Let `source` be seen at `target`, which is not there."""
    if os.path.islink(source):
        os.symlink(os.readlink(source), target)
        return
    _make(target, os.path.isdir(source))
    bind(source, target)


def _make(path: str, is_folder: bool) -> None:
    if is_folder:
        os.mkdir(path)
    else:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644))


def bind(source: str, target: str) -> None:
    """Let a path be seen at another one. Raises OSError."""
    call("mount", source.encode(), target.encode(), None, _BIND | _REC, None)


def _make_read_only(path: str) -> None:
    _set(path, _READ_ONLY | _NO_SUID | _NO_DEVICES, recursive=True)


def _set(path: str, attributes: int, *, recursive: bool = False) -> None:
    wanted = struct.pack("QQQQ", attributes, 0, 0, 0)
    flags = _RECURSIVE if recursive else 0
    check(libc.syscall(_MOUNT_SETATTR, _CWD, path.encode(), flags, wanted, len(wanted)), path)


def call(name: str, *arguments: Any) -> None:
    """Call the function of the C library. Raises OSError."""
    check(getattr(libc, name)(*arguments), name)


def check(result: int, what: str = "pivot_root") -> None:
    """Raise OSError, about `what`, for a call that has failed."""
    if result:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), what)

"""The program that builds a sandbox and runs a command in it: namespaces, mounts at their true paths, a first process.

Run as a file with the plan (JSON) as its argument; only the standard library. No root is needed, and root has no rights
in it: all is built in a namespace of users, where the host allows them, and given up before the command (`confine`).

    root      an empty folder, which becomes the root: the host's folders are seen in it, read-only
    scratch   a folder for /tmp, for what is written beside mounts, and for copies
    folder    the step's folder, writable
    seen_at   where that is seen
    hidden    folders of the host that are not seen
    seen      paths of the host in what is hidden or is the sandbox's own (/tmp, /run), seen all the same, read-only
    mounts    [{"target", "source", "mode", "is_folder", "upper"}], outer ones first; `upper` takes what is written
    devices   paths of the host's, beside those that every program needs
    memory    how much /dev/shm may hold, as mount takes it; "" for half of what the machine has
    network   False: neither a network nor any socket or pipe of the host
    sockets   with that, those of the host that are known
    cwd, argv
    problem   the file that says why there is no sandbox, if there is none
    probe     True: only find out whether there can be one
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import json
import os
import shutil
import signal
import socket
import struct
import sys
from typing import Any, NoReturn

_NEWNS, _NEWUSER, _NEWPID, _NEWNET, _NEWIPC = 0x20000, 0x10000000, 0x20000000, 0x40000000, 0x8000000
_BIND, _REC, _PRIVATE = 4096, 16384, 1 << 18
_DETACH = 2
_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}.get(os.uname().machine, 41)
_MOUNT_SETATTR = 442
_RECURSIVE, _CWD = 0x8000, -100
_READ_ONLY, _NO_SUID, _NO_DEVICES = 1, 2, 4
_PDEATHSIG = 1
_SET_FLAGS, _UP = 0x8914, 1
_OLD = "/.old"
_OWN = ("proc", "tmp", "dev", "run")
_DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty")
_LINKS = {"fd": "/proc/self/fd", "stdin": "fd/0", "stdout": "fd/1", "stderr": "fd/2", "ptmx": "pts/ptmx"}
OF_THE_KERNEL = ("firmware", "kernel/debug", "kernel/tracing", "kernel/security", "fs/bpf")

_libc = ctypes.CDLL(None, use_errno=True)


def main(plan: dict[str, Any]) -> NoReturn:
    """Build it, run the command, end with its status."""
    if plan.get("probe"):
        _probe(plan)
    from confine import confine  # type: ignore[import-not-found,unused-ignore]  # it lies beside this file

    try:
        _unshare(network=plan["network"])
        _call("mount", b"none", b"/", None, _REC | _PRIVATE, None)
        _enter_root(plan["root"])
    except OSError as error:
        _give_up(plan, error)
    first = os.fork()
    if first:
        _wait_for(first)
    _libc.prctl(_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    try:
        Furnishing(plan).furnish()
        confine()
    except OSError as error:
        _give_up(plan, error)
    _be_first(plan)


def _probe(plan: dict[str, Any]) -> NoReturn:
    """End with 0 where namespaces and mounts in them can be had; else say why not."""
    try:
        _unshare(network=plan["network"])
        _call("mount", b"none", b"/", None, _REC | _PRIVATE, None)
    except OSError as error:
        full = error.errno == errno.ENOSPC  # what the kernel calls so here
        sys.exit("user.max_user_namespaces is reached" if full else f"{error.filename}: {error.strerror}")
    sys.exit(0)


def _unshare(*, network: bool) -> None:
    """Have namespaces of our own. Root is in one of users too, where they can be had, so it has no rights outside."""
    uid, gid = os.geteuid(), os.getegid()
    flags = _NEWNS | _NEWPID | _NEWIPC | (0 if network else _NEWNET)
    try:
        _call("unshare", flags | _NEWUSER)
    except OSError:
        if uid:
            raise
        _call("unshare", flags)
        return
    for name, text in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"), ("gid_map", f"{gid} {gid} 1")):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)


def _enter_root(root: str) -> None:
    """Make `root` the root; the host's is at _OLD until all is in place."""
    _bind(root, root)
    os.mkdir(root + _OLD)
    os.chdir(root)
    _check(_libc.syscall(_PIVOT_ROOT, b".", _OLD[1:].encode()))
    os.chdir("/")


class Furnishing:
    """How the empty root is furnished, from the host's at _OLD."""

    def __init__(self, plan: dict[str, Any]) -> None:
        self._plan = plan
        self._scratch = _OLD + plan["scratch"]
        self._mounted = () if plan["network"] else _mounted()
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
            self._point(path, is_folder=os.path.isdir(_OLD + path))
            _bind(_OLD + path, path)
            _make_read_only(path)
        self._point(folder, is_folder=True)
        _bind(_OLD + plan["folder"], folder)
        _set(folder, _NO_SUID | _NO_DEVICES)
        for number, mount in enumerate(plan["mounts"]):
            self._mount(mount, folder, number)
        os.makedirs(plan["cwd"], exist_ok=True)
        _call("umount2", _OLD.encode(), _DETACH)
        os.rmdir(_OLD)

    def _show_host(self) -> None:
        os.mkdir(f"{self._scratch}/empty")
        for entry in os.scandir(_OLD):
            if entry.name not in (*_OWN, _OLD[1:]):
                self._show_each(entry, f"/{entry.name}", apart=entry.name != "sys" and not self._plan["network"])
                if not entry.is_symlink():
                    _make_read_only(f"/{entry.name}")
        for name in ("tmp", "run"):
            os.mkdir(f"/{name}")
            self._cover(f"/{name}")
        os.chmod("/tmp", 0o1777)
        for entry in os.scandir(f"{_OLD}/run") if os.path.isdir(f"{_OLD}/run") else ():
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
            _bind(source, target)

    def _make_devices(self) -> None:
        """A /dev with what does nothing to the host, with its own terminals and its own shared memory."""
        memory = self._plan["memory"]
        os.mkdir("/dev")
        _call("mount", b"tmpfs", b"/dev", b"tmpfs", 0, b"mode=755")
        for path in (*_DEVICES, *self._plan["devices"]):
            if os.path.exists(_OLD + path):
                os.makedirs(os.path.dirname(path), exist_ok=True)
                _show(_OLD + path, path)
        for name, to in _LINKS.items():
            os.symlink(to, f"/dev/{name}")
        os.mkdir("/dev/pts")
        os.mkdir("/dev/shm")
        _call("mount", b"devpts", b"/dev/pts", b"devpts", 0, b"newinstance,ptmxmode=0666,mode=620")
        _call("mount", b"tmpfs", b"/dev/shm", b"tmpfs", 0, f"mode=1777,size={memory or '50%'}".encode())
        _set("/dev", _READ_ONLY)

    def _make_proc(self) -> None:
        """A /proc of its own: what is no process's cannot be written there, nor be read if only root may read it."""
        os.mkdir("/proc")
        try:
            _call("mount", b"proc", b"/proc", b"proc", 0, None)
        except OSError:  # in a container that hides a part of it
            _bind(f"{_OLD}/proc", "/proc")
        hidden, read_only = of_proc()
        for path in read_only:
            _bind(path, path)
            _make_read_only(path)
        for path in hidden:
            _hide(path)

    def _mount(self, mount: dict[str, Any], folder: str, number: int) -> None:
        target, source, is_folder = os.path.join(folder, mount["target"]), _OLD + mount["source"], mount["is_folder"]
        self._point(target, is_folder=is_folder)
        if mount["mode"] == "cow" and is_folder:
            _overlay(source, target, _OLD + mount["upper"])
        elif mount["mode"] == "cow":
            copy = _OLD + mount["upper"]
            shutil.copyfile(source, copy)
            os.chmod(copy, mount["permissions"])
            _bind(copy, target)
        elif mount["mode"] == "ro" and is_folder and not self._plan["network"]:
            self._show_apart(source, target)
        else:
            _bind(source, target)
        _set(target, _NO_SUID | _NO_DEVICES | (_READ_ONLY if mount["mode"] == "ro" else 0), recursive=True)

    def _cover(self, path: str) -> None:
        """Put an empty folder of our own in the place of one of the host's."""
        self._covers += 1
        own = f"{self._scratch}/own-{self._covers}"
        os.mkdir(own)
        _bind(own, path)
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
            _show(f"{_OLD}/proc/self/fd/{old}/{name}", f"{path}/{name}")
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
    with open(f"{_OLD}/proc/self/mountinfo", "rb") as file:
        paths = [line.split()[4] for line in file]
    for sign in (b" ", b"\t", b"\n", b"\\"):
        paths = [path.replace(b"\\%03o" % ord(sign), sign) for path in paths]
    return tuple(path for path in map(os.fsdecode, paths) if path.startswith(f"{_OLD}/"))


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
        _bind(upper, target)


def _lay(target: str, options: str) -> None:
    _call("mount", b"overlay", target.encode(), b"overlay", 0, f"{options},userxattr".encode())


def _escaped(path: str) -> str:
    for sign in "\\:,":
        path = path.replace(sign, "\\" + sign)
    return path


def _hide(path: str) -> None:
    """Let nothing be seen of what is there."""
    if os.path.isdir(path):
        _call("mount", b"tmpfs", path.encode(), b"tmpfs", 0, b"mode=555,size=4k")
        _make_read_only(path)
    elif os.path.exists(path):
        _bind(f"{_OLD}/dev/null", path)


def _show(source: str, target: str) -> None:
    """Let `source` be seen at `target`, which is not there."""
    if os.path.islink(source):
        os.symlink(os.readlink(source), target)
        return
    _make(target, os.path.isdir(source))
    _bind(source, target)


def _make(path: str, is_folder: bool) -> None:
    if is_folder:
        os.mkdir(path)
    else:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644))


def _bind(source: str, target: str) -> None:
    _call("mount", source.encode(), target.encode(), None, _BIND | _REC, None)


def _make_read_only(path: str) -> None:
    _set(path, _READ_ONLY | _NO_SUID | _NO_DEVICES, recursive=True)


def _set(path: str, attributes: int, *, recursive: bool = False) -> None:
    wanted = struct.pack("QQQQ", attributes, 0, 0, 0)
    flags = _RECURSIVE if recursive else 0
    _check(_libc.syscall(_MOUNT_SETATTR, _CWD, path.encode(), flags, wanted, len(wanted)), path)


def _call(name: str, *arguments: Any) -> None:
    _check(getattr(_libc, name)(*arguments), name)


def _check(result: int, what: str = "pivot_root") -> None:
    if result:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), what)


def _be_first(plan: dict[str, Any]) -> NoReturn:
    """Be the first process of the sandbox: run the command, reap what is left to it, end when the command does.

    What the command has left running ends with this process.
    """
    command = os.fork()
    if not command:
        os.chdir(plan["cwd"])
        try:
            os.execvp(plan["argv"][0], plan["argv"])
        except OSError as error:
            os.write(2, f"{plan['argv'][0]}: {error.strerror}\n".encode())
            os._exit(127)
    while True:
        pid, status = os.wait()
        if pid == command:
            os._exit(_code(status))


def _wait_for(first: int) -> NoReturn:
    """End as the first process does. A request to end is the command's: it is in the same group."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    _, status = os.waitpid(first, 0)
    os._exit(_code(status))


def _code(status: int) -> int:
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


def _give_up(plan: dict[str, Any], error: OSError) -> NoReturn:
    text = f"{error.strerror}: {error.filename}" if error.filename else str(error)
    for path in (plan["problem"], _OLD + plan["problem"]):
        try:
            with open(path, "w") as file:
                file.write(text)
            break
        except OSError:
            continue
    os._exit(125)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))

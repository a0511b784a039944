"""The program that builds a sandbox and runs a command in it: namespaces, mounts at their true paths, a first process.

Run as a file with the plan (JSON) as its argument; only the standard library. No root is needed: for other users a
namespace of users comes on top.

    root      an empty folder, which becomes the root: the host's folders are seen in it, read-only
    folder    the step's folder: seen at its own path, writable
    seen      folders of the host below /tmp, where its interpreters are: seen although /tmp is the sandbox's own
    scratch   a folder for /tmp, for what is written beside mounts, and for copies
    mounts    [{"target", "source", "mode", "is_folder", "upper"}], outer ones first; `upper` takes what is written
    cwd, argv, network
    problem   the file that says why there is no sandbox, if there is none
    probe     True: only find out whether there can be one
"""

from __future__ import annotations

import ctypes
import errno
import json
import os
import shutil
import signal
import struct
import sys
from typing import Any, NoReturn

_NEWNS, _NEWUSER, _NEWPID, _NEWNET = 0x20000, 0x10000000, 0x20000000, 0x40000000
_BIND, _REC, _PRIVATE = 4096, 16384, 1 << 18
_DETACH = 2
_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}.get(os.uname().machine, 41)
_MOUNT_SETATTR = 442
_RECURSIVE, _ATTR_RDONLY, _CWD = 0x8000, 1, -100
_PDEATHSIG = 1
_OLD = "/.old"
_OWN = ("proc", "tmp", "dev")

_libc = ctypes.CDLL(None, use_errno=True)


def main(plan: dict[str, Any]) -> NoReturn:
    """Build it, run the command, end with its status."""
    if plan.get("probe"):
        _probe(plan)
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
        _furnish(plan)
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
    uid, gid = os.geteuid(), os.getegid()
    flags = _NEWNS | _NEWPID | (0 if network else _NEWNET) | (_NEWUSER if uid else 0)
    _call("unshare", flags)
    if uid:
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


def _furnish(plan: dict[str, Any]) -> None:
    for entry in os.scandir(_OLD):
        if entry.name not in (*_OWN, _OLD[1:]):
            _show(entry.path, f"/{entry.name}")
            if not entry.is_symlink():
                _make_read_only(f"/{entry.name}")
    _show(f"{_OLD}/dev", "/dev")
    os.mkdir("/proc")
    try:
        _call("mount", b"proc", b"/proc", b"proc", 0, None)
    except OSError:  # in a container that hides a part of it
        _bind(f"{_OLD}/proc", "/proc")
    scratch = _OLD + plan["scratch"]
    os.mkdir(f"{scratch}/tmp")
    os.chmod(f"{scratch}/tmp", 0o1777)
    os.mkdir("/tmp")
    _bind(f"{scratch}/tmp", "/tmp")
    for path in plan["seen"]:
        _point(path, is_folder=True, scratch=scratch)
        _bind(_OLD + path, path)
        _make_read_only(path)
    folder = plan["folder"]
    _point(folder, is_folder=True, scratch=scratch)
    _bind(_OLD + folder, folder)
    for number, mount in enumerate(plan["mounts"]):
        _mount(mount, folder, scratch, number)
    os.makedirs(plan["cwd"], exist_ok=True)
    _call("umount2", _OLD.encode(), _DETACH)
    os.rmdir(_OLD)


def _mount(mount: dict[str, Any], folder: str, scratch: str, number: int) -> None:
    target, source, is_folder = os.path.join(folder, mount["target"]), _OLD + mount["source"], mount["is_folder"]
    _point(target, is_folder=is_folder, scratch=scratch)
    if mount["mode"] == "cow" and is_folder:
        _overlay(source, target, _OLD + mount["upper"])
    elif mount["mode"] == "cow":
        copy = _OLD + mount["upper"]
        shutil.copyfile(source, copy)
        os.chmod(copy, mount["permissions"])
        _bind(copy, target)
    else:
        _bind(source, target)
        if mount["mode"] == "ro":
            _make_read_only(target)


def _overlay(source: str, target: str, upper: str) -> None:
    """What is written goes to `upper`; where the file system cannot do that, everything is copied there."""
    os.mkdir(upper)
    os.mkdir(f"{upper}.work")
    lower = source
    for each in "\\:,":
        lower = lower.replace(each, "\\" + each)
    options = f"lowerdir={lower},upperdir={upper},workdir={upper}.work" + (",userxattr" if os.geteuid() else "")
    try:
        _call("mount", b"overlay", target.encode(), b"overlay", 0, options.encode())
    except OSError:
        shutil.rmtree(f"{upper}.work")  # the sign of an overlay
        shutil.copytree(source, upper, symlinks=True, dirs_exist_ok=True)
        _bind(upper, target)


def _point(path: str, *, is_folder: bool, scratch: str) -> None:
    """See to it that there is something at that path to mount on."""
    if os.path.lexists(path):
        if os.path.islink(path) or os.path.isdir(path) != is_folder:
            kinds = "a link" if os.path.islink(path) else "a file" if is_folder else "a folder"
            raise OSError(errno.EEXIST, f"there is {kinds} at the place of a mount", path)
        return
    parent = os.path.dirname(path)
    _point(parent, is_folder=True, scratch=scratch)
    try:
        _make(path, is_folder)
    except OSError as error:
        if error.errno not in (errno.EROFS, errno.EACCES, errno.EPERM):
            raise
        _open_up(parent, scratch)
        _make(path, is_folder)


def _open_up(path: str, scratch: str) -> None:
    """Put a folder of our own in the place of one of the host's, in which the same things are seen."""
    old = os.open(path, os.O_PATH | os.O_DIRECTORY)
    names = os.listdir(path)
    fresh = f"{scratch}/fresh-{path.replace('/', '-')}"
    os.mkdir(fresh)
    _bind(fresh, path)
    for name in names:
        _show(f"{_OLD}/proc/self/fd/{old}/{name}" if os.path.isdir(f"{_OLD}/proc/self") else "", f"{path}/{name}")
    os.close(old)


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
    attributes = struct.pack("QQQQ", _ATTR_RDONLY, 0, 0, 0)
    _check(_libc.syscall(_MOUNT_SETATTR, _CWD, path.encode(), _RECURSIVE, attributes, len(attributes)), path)


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

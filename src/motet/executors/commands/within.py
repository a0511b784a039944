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
    network   False: no network, so no abstract socket of the host either
    sockets   those of the host that are known, to be covered; no later one can be reached, nor any named pipe
    cwd, argv
    problem   the file that says why there is no sandbox, if there is none
    probe     True: only find out whether there can be one
"""

from __future__ import annotations

import errno
import json
import os
import signal
import sys
from typing import Any, NoReturn

from confine import confine  # type: ignore[import-not-found]  # these lie beside this file, which runs without Motet
from furnishing import OLD, Furnishing, bind, call, check, libc  # type: ignore[import-not-found]

_NEWNS, _NEWUSER, _NEWPID, _NEWNET, _NEWIPC = 0x20000, 0x10000000, 0x20000000, 0x40000000, 0x8000000
_REC, _PRIVATE = 16384, 1 << 18
_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}.get(os.uname().machine, 41)
_PDEATHSIG = 1


def main(plan: dict[str, Any]) -> NoReturn:
    """Build it, run the command, end with its status."""
    if plan.get("probe"):
        _probe(plan)
    try:
        _unshare(network=plan["network"])
        call("mount", b"none", b"/", None, _REC | _PRIVATE, None)
        _enter_root(plan["root"])
    except OSError as error:
        _give_up(plan, error)
    first = os.fork()
    if first:
        _wait_for(first)
    libc.prctl(_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
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
        call("mount", b"none", b"/", None, _REC | _PRIVATE, None)
    except OSError as error:
        full = error.errno == errno.ENOSPC  # what the kernel calls so here
        sys.exit("user.max_user_namespaces is reached" if full else f"{error.filename}: {error.strerror}")
    sys.exit(0)


def _unshare(*, network: bool) -> None:
    """Have namespaces of our own. Root is in one of users too, where they can be had, so it has no rights outside."""
    uid, gid = os.geteuid(), os.getegid()
    flags = _NEWNS | _NEWPID | _NEWIPC | (0 if network else _NEWNET)
    try:
        call("unshare", flags | _NEWUSER)
    except OSError:
        if uid:
            raise
        call("unshare", flags)
        return
    for name, text in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"), ("gid_map", f"{gid} {gid} 1")):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)


def _enter_root(root: str) -> None:
    """Make `root` the root; the host's is at OLD until all is in place."""
    bind(root, root)
    os.mkdir(root + OLD)
    os.chdir(root)
    check(libc.syscall(_PIVOT_ROOT, b".", OLD[1:].encode()))
    os.chdir("/")


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
    for path in (plan["problem"], OLD + plan["problem"]):
        try:
            with open(path, "w") as file:
                file.write(text)
            break
        except OSError:
            continue
    os._exit(125)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))

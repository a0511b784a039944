"""What a process in a sandbox may not do any more: capabilities, system calls, new namespaces. Standard library only.

The program `within` calls this when the sandbox stands, before the command: nothing of it can be taken back. Run as a
file, it does so and becomes the command in its arguments.
"""

from __future__ import annotations

import ctypes
import os
import struct
import sys
from collections.abc import Sequence

_PR_CAPBSET_DROP, _PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP, _PR_CAP_AMBIENT = 24, 38, 22, 47
_CLEAR_ALL, _FILTER = 4, 2
_CAPABILITY_VERSION = 0x20080522
_CAPABILITIES = 64  # more than there are

_LOAD, _EQUAL, _HAS, _RETURN = 0x20, 0x15, 0x45, 0x06  # BPF: load a word, jump if equal, jump if bits are set, return
_ALLOW, _EPERM, _ENOSYS = 0x7FFF0000, 0x00050001, 0x00050026
_NUMBER_AT, _MACHINE_AT, _ARGUMENT_AT = 0, 4, 16
_NEW_USERS = 0x10000000
_CLONE3 = 435
_X32 = 0x40000000

# For each kind of machine, and the older one whose programs it runs: what is asked of the kernel as a whole, whoever
# asks, which is its messages (syslog) and its keys (add_key, request_key, keyctl); and what may make a namespace of
# users (clone, unshare). A process has all capabilities in one, and would mount there the control groups whose files
# belong to its user. What clone3 is asked for cannot be seen: programs take clone where it is not there.
_FORBIDDEN = {
    "x86_64": ((0xC000003E, (103, 248, 249, 250), (56, 272)), (0x40000003, (103, 286, 287, 288), (120, 310))),
    "aarch64": ((0xC00000B7, (116, 217, 218, 219), (220, 97)), (0x40000028, (103, 309, 310, 311), (120, 337))),
}

_libc = ctypes.CDLL(None, use_errno=True)


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("code", ctypes.c_char_p)]


def confine() -> None:
    """Give up all capabilities, for ever: this process, and what it starts, have none even as root. Raises OSError."""
    _libc.prctl(_PR_CAP_AMBIENT, _CLEAR_ALL, 0, 0, 0)
    for number in range(_CAPABILITIES):
        _libc.prctl(_PR_CAPBSET_DROP, number, 0, 0, 0)
    _check(_libc.capset(struct.pack("Ii", _CAPABILITY_VERSION, 0), bytes(24)))
    _check(_libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
    tables = _FORBIDDEN.get(os.uname().machine)
    if tables:
        code = _filter(tables)
        program = _Program(len(code) // 8, code)
        _check(_libc.prctl(_PR_SET_SECCOMP, _FILTER, ctypes.byref(program), 0, 0))


def _filter(tables: Sequence[tuple[int, Sequence[int], Sequence[int]]]) -> bytes:
    """A program of BPF that refuses the calls of each kind of machine, by their numbers there."""
    code = b""
    for machine, forbidden, making in tables:
        tests = _op(_LOAD, _NUMBER_AT)
        refused = {_CLONE3: _ENOSYS, **dict.fromkeys(forbidden, _EPERM)}
        for number, answer in (*refused.items(), *((number | _X32, answer) for number, answer in refused.items())):
            tests += _op(_EQUAL, number, skip_unless=1) + _op(_RETURN, answer)
        for number in (*making, *(number | _X32 for number in making)):
            asked = _op(_LOAD, _ARGUMENT_AT) + _op(_HAS, _NEW_USERS, skip_unless=1) + _op(_RETURN, _EPERM)
            tests += _op(_EQUAL, number, skip_unless=4) + asked + _op(_RETURN, _ALLOW)
        tests += _op(_RETURN, _ALLOW)
        code += _op(_LOAD, _MACHINE_AT) + _op(_EQUAL, machine, skip_unless=len(tests) // 8) + tests
    return code + _op(_RETURN, _ALLOW)


def _op(code: int, value: int, skip_unless: int = 0) -> bytes:
    return struct.pack("HBBI", code, 0, skip_unless, value)


def _check(result: int) -> None:
    if result:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), "giving up rights")


if __name__ == "__main__":
    confine()
    os.execvp(sys.argv[1], sys.argv[1:])

"""Where the servers of a home listen, for as long as they live: so that the owner's token is shown to no other process.

Each holds a shared lock of a file that is named after its address; the system takes it from whoever dies.
"""

from __future__ import annotations

import fcntl
import os

from motet import private

_FOLDER = "servers"
_NUMBERS = {"localhost": ("127.0.0.1", "::1"), "127.0.0.1": ("127.0.0.1",), "::1": ("::1",)}
_EVERYWHERE = {"127.0.0.1": "0.0.0.0", "::1": "::"}
"""Where somebody listens at all addresses of a kind, nobody else can at one of them."""


def note(home: str, number: str, port: int) -> int:
    """Note that this process listens there, until it ends or closes the file that is given. Raises OSError."""
    private.make_folder(os.path.join(home, _FOLDER))
    noted = private.opener(_path(home, number, port), os.O_RDWR | os.O_CREAT)
    fcntl.flock(noted, fcntl.LOCK_SH)
    return noted


def own(home: str, host: str, port: int) -> str:
    """The number that reaches the server of this home which listens there, on this machine; empty if none does."""
    for number in _NUMBERS.get(host, ()):
        if _is_held(_path(home, number, port)) or _is_held(_path(home, _EVERYWHERE[number], port)):
            return number
    return ""


def _path(home: str, number: str, port: int) -> str:
    return os.path.join(home, _FOLDER, f"{number}:{port}")


def _is_held(path: str) -> bool:
    try:
        noted = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(noted, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(noted)
    return False

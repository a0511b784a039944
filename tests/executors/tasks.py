"""What the tests of the process executor have its workers do."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any


class TaskLike:
    """What a decorator may leave in a function's place."""

    def __init__(self, fn: Any) -> None:
        self.fn = fn


@TaskLike
def decorated(number: int) -> int:
    return number + 1


def pid() -> int:
    return os.getpid()


def exit_at_once(status: int) -> None:
    os._exit(status)


def kill_oneself(number: int) -> None:
    os.kill(os.getpid(), number)
    time.sleep(60)


def crash() -> None:
    ctypes.string_at(0)


def ignore_sigterm(begun: str) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    Path(begun).write_text(str(os.getpid()))
    while True:
        time.sleep(60)


def clean_up(begun: str, cleaned: str) -> None:
    try:
        Path(begun).touch()
        time.sleep(1000)
    finally:
        Path(cleaned).touch()


def start_grandchild(begun: str, script: str = "sleep 1000", wait: bool = True) -> int:
    child = subprocess.Popen(["/bin/sh", "-c", script])
    Path(begun + ".new").write_text(f"{os.getpid()} {child.pid}")
    os.rename(begun + ".new", begun)
    if wait:
        child.wait()
    return child.pid


def die_and_leave_grandchild(begun: str) -> None:
    start_grandchild(begun, wait=False)
    os._exit(7)


def write_everywhere() -> None:
    print("1 print")
    os.write(1, b"2 descriptor\n")
    subprocess.run(["echo", "3 child"], check=True)
    ctypes.CDLL(None).puts(b"4 C library")
    sys.stdout.buffer.write(b"5 buffer\n")
    sys.stdout.flush()
    print("6 stderr", file=sys.stderr)
    os.write(2, b"7 stderr descriptor\n")


def write_raw(content: bytes) -> None:
    os.write(1, content)


def spoil_streams() -> None:
    print("before")
    sys.stdout.close()
    os.close(2)
    os.open(os.devnull, os.O_WRONLY)
    sys.stderr = None  # type: ignore[assignment]


def spoil_surroundings(folder: str) -> None:
    os.chdir(folder)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)


def close_all_descriptors() -> None:
    os.closerange(3, 1024)


def write_into_all_descriptors() -> None:
    for fd in sorted(map(int, os.listdir("/proc/self/fd"))):
        if fd > 2:
            with suppress(OSError):
                os.write(fd, b"\xff" * 64)


def fork_and_return() -> str:
    child = os.fork()
    return "child" if child == 0 else "parent"


def environment(*names: str) -> dict[str, str | None]:
    return {name: os.environ.get(name) for name in names}


def surroundings() -> tuple[str, list[str], list[str]]:
    return os.getcwd(), sys.path, sys.argv


def unpicklable() -> Any:
    return {"generator": (number for number in range(3))}


def array_total(array: Any) -> tuple[float, bool]:
    array[0] = 0.0
    return float(array.sum()), bool(array.flags.writeable)


def write_forever() -> None:
    while True:
        os.write(1, b"x" * 4096)


def say_and_wait(text: str, path: str) -> None:
    print(text)
    while not os.path.exists(path):
        time.sleep(0.005)


class Fussy:
    """Cannot be loaded where it did not come from."""

    def __init__(self) -> None:
        self.home = os.getpid()

    def __setstate__(self, state: dict[str, int]) -> None:
        if state["home"] != os.getpid():
            raise RuntimeError("not at home")


def take(value: Any) -> None:
    """Take what comes."""

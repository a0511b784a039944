"""Nothing that attempts have started survives the engine, not even its `kill -9`.

Workers ask the system to be killed with the engine, but what they have started does not. So a small shell,
in a session of its own, waits for the end of a pipe that only the engine holds, and then kills the groups
that it was last told of. It is asleep until then.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from subprocess import Popen

_SHELL = "/bin/sh"
_SCRIPT = """
groups=
while read -r line; do groups=$line; done
for group in $groups; do kill -KILL "-$group" 2>/dev/null; done
"""


class OrphanKiller:
    """Kills the process groups it was told of when this process ends. Used by one thread.

    Where there is no shell it does nothing.
    """

    def __init__(self) -> None:
        self._process: Popen[bytes] | None = None

    def update(self, groups: Iterable[int]) -> None:
        """From now on these groups, and no others, are to be killed."""
        line = " ".join(map(str, groups)).encode() + b"\n"
        if self._process is None or not self._write(line):
            self._start()
            self._write(line)

    def _start(self) -> None:
        from subprocess import DEVNULL, PIPE, Popen

        self.close()
        try:
            self._process = Popen(
                [_SHELL, "-c", _SCRIPT, "motet-orphans"],
                stdin=PIPE, stdout=DEVNULL, stderr=DEVNULL, cwd="/", start_new_session=True, bufsize=0,
            )  # fmt: skip
        except OSError:
            self._process = None

    def _write(self, line: bytes) -> bool:
        if self._process is None or self._process.stdin is None:
            return False
        try:
            self._process.stdin.write(line)
        except OSError:  # somebody has killed it
            return False
        return True

    def close(self) -> None:
        """No group is to be killed any more."""
        if self._process is None:
            return
        self._write(b"\n")
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.wait()
        self._process = None

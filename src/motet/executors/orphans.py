"""Nothing that attempts have started survives the engine, not even its `kill -9`.

Workers ask the system to be killed with the engine, but what they have started does not. So a small shell,
in a session of its own, waits for the end of a pipe that only the engine holds, and then does what it was
last told. It is asleep until then.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from subprocess import Popen

_SHELL = "/bin/sh"
_SCRIPT = 'while read -r line; do last=$line; done; eval "$last"'

_MARKED = """
round=0; clean=0
while [ $round -lt 300 ] && [ $clean -lt 4 ]; do
  round=$((round + 1)); clean=$((clean + 1))
  for file in $(grep -ls -e '{mark}' -e ' {brand}[0-9]' /proc/[0-9]*/environ /proc/[0-9]*/limits 2>/dev/null); do
    id=${{file#/proc/}}; id=${{id%/*}}
    [ "$id" = "$$" ] || grep -qs '^State:.[ZX]' /proc/$id/status || {{ kill -KILL "$id" && clean=0; }}
  done 2>/dev/null
  [ $clean = 0 ] || sleep 0.05
done
eval "$last"
"""
"""Until several looks in a row have found nothing: what forks and ends while it is looked for is missed by one look."""


class OrphanKiller:
    """Kills the process groups it was told of when this process ends. Used by one thread at a time.

    With `mark` it also kills every process that has that text in its environment, or digits that begin with `brand`
    in its limits, even if it left its group; then it does again what it was told, for what has come up meanwhile.
    Where there is no shell it does nothing.
    """

    def __init__(self, mark: str = "", brand: str = "") -> None:
        self._process: Popen[bytes] | None = None
        self._script = _SCRIPT + (_MARKED.format(mark=mark, brand=brand) if mark else "")

    def update(self, groups: Iterable[int], orders: Iterable[str] = ()) -> None:
        """From now on these groups, and no others, are to be killed, and these shell commands run."""
        kills = (f"kill -KILL -{group} 2>/dev/null" for group in groups)
        line = "; ".join((*kills, *orders)).encode() + b"\n"
        if self._process is None or not self._write(line):
            self._start()
            self._write(line)

    def _start(self) -> None:
        from subprocess import DEVNULL, PIPE, Popen

        self.close()
        try:
            self._process = Popen(
                [_SHELL, "-c", self._script, "motet-orphans"],
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
        """Nothing is to be killed any more."""
        if self._process is None:
            return
        process, self._process = self._process, None
        process.kill()
        if process.stdin is not None:
            process.stdin.close()
        process.wait()

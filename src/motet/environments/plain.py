"""Tools run plainly: for whoever builds an environment outside of any step."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence

_INTERRUPTED = (-2, 130)
"""The status of a program that SIGINT has ended, and of one that says so itself."""


class PlainRunner:
    """See `spec.Runner`. What is said goes to the log of the calling attempt, if there is one, as any print does."""

    def run(self, argv: Sequence[str], *, cwd: str = "", env: Mapping[str, str] | None = None) -> tuple[int, str]:
        """Run it, and wait. Raises KeyboardInterrupt if Ctrl-C has ended it, which is meant for its caller too."""
        from subprocess import DEVNULL, PIPE, STDOUT, run

        environ = {**os.environ, **(env or {})}
        ended = run(argv, cwd=cwd or None, env=environ, stdin=DEVNULL, stdout=PIPE, stderr=STDOUT, check=False)
        if ended.returncode in _INTERRUPTED:
            raise KeyboardInterrupt
        return ended.returncode, ended.stdout.decode("utf-8", "replace")

    def say(self, text: str) -> None:
        """Write the line to standard error."""
        import sys

        if sys.stderr is not None:
            sys.stderr.write(f"{text}\n")

    def pause(self, seconds: float) -> None:
        """Sleep."""
        time.sleep(seconds)

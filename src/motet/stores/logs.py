"""The lines that runs write, one file of JSON lines for each run."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence

from motet.ports import LogLine


class FileLogs:
    """Log lines below a folder. Lines of one `write` stand together, whoever else writes at the time.

    Each write is one append of whole lines, so that a reader never sees half of one, except perhaps the last
    of a process that was killed: that one is passed over.
    """

    def __init__(self, folder: str) -> None:
        self._folder = folder

    def write(self, run: str, lines: Sequence[LogLine]) -> None:
        """Add lines."""
        text = "".join(
            json.dumps([each.at, each.key, each.attempt, each.stream, each.text], ensure_ascii=False) + "\n"
            for each in lines
        )
        content = text.encode("utf-8", "backslashreplace")
        try:
            file = os.open(self._path(run), os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        except FileNotFoundError:
            os.makedirs(self._folder, exist_ok=True)
            file = os.open(self._path(run), os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            os.write(file, content)
        finally:
            os.close(file)

    def read(self, run: str, position: int = 0, *, limit: int = 1000) -> tuple[list[LogLine], int]:
        """Lines from that position on, and the position behind them."""
        found: list[LogLine] = []
        try:
            with open(self._path(run), "rb") as file:
                file.seek(position)
                for line in file:
                    if len(found) >= limit or not line.endswith(b"\n"):
                        break
                    position += len(line)
                    try:
                        found.append(LogLine(*json.loads(line)))
                    except (ValueError, TypeError):
                        continue  # torn by a kill
        except FileNotFoundError:
            pass
        return found, position

    def remove(self, run: str) -> int:
        """Forget the run's lines; gives the bytes freed."""
        path = self._path(run)
        try:
            size = os.stat(path).st_size
            os.unlink(path)
        except FileNotFoundError:
            return 0
        return size

    def _path(self, run: str) -> str:
        return os.path.join(self._folder, f"{run}.jsonl")

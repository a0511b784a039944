"""What worker processes import in no time."""

from __future__ import annotations

import os
import time
from pathlib import Path


def hang(path: str) -> None:
    """Write down which process does so, then hang."""
    Path(path).write_text(str(os.getpid()))
    time.sleep(600)


def slowly(n: int) -> int:
    time.sleep(0.2)
    return n

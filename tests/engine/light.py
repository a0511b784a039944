"""What worker processes import in no time."""

from __future__ import annotations

import time


def slowly(n: int) -> int:
    time.sleep(0.2)
    return n

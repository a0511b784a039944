"""Futures and waiting for them: `from motet.futures import wait, as_completed`. Names are those of Prefect 3."""

from motet.dialects.python.futures import Future, FutureList
from motet.dialects.python.waiting import as_completed, wait

__all__ = ["Future", "FutureList", "as_completed", "wait"]

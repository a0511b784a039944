"""Where submitted tasks run. A runner is named on a flow; the names are those of Prefect 3 and of its beta."""

from __future__ import annotations

from motet.records import Record
from motet.typed import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import ClassVar


class TaskRunner(Record, frozen=True):
    """An executor by its name, and how many tasks of one run it takes at once (None: as many as it can)."""

    executor: ClassVar[str] = ""
    max_workers: int | None = None


class ThreadPoolTaskRunner(TaskRunner, frozen=True):
    """Submitted tasks run in threads of this process."""

    executor: ClassVar[str] = "threads"


class ProcessPoolTaskRunner(TaskRunner, frozen=True):
    """Submitted tasks run in warm processes: they can be killed, and use all cores."""

    executor: ClassVar[str] = "processes"


class SequentialTaskRunner(TaskRunner, frozen=True):
    """Submitted tasks run one after the other, in a thread."""

    executor: ClassVar[str] = "threads"
    max_workers: int | None = 1


class ConcurrentTaskRunner(ThreadPoolTaskRunner, frozen=True):
    """Submitted tasks run in threads of this process; what Prefect's beta calls it."""

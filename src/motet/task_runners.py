"""Where submitted tasks run: `from motet.task_runners import ProcessPoolTaskRunner`. Names are those of Prefect 3."""

from motet.dialects.python.task_runners import (
    ConcurrentTaskRunner,
    ProcessPoolTaskRunner,
    SequentialTaskRunner,
    TaskRunner,
    ThreadPoolTaskRunner,
)  # fmt: skip

__all__ = [
    "ConcurrentTaskRunner", "ProcessPoolTaskRunner", "SequentialTaskRunner", "TaskRunner", "ThreadPoolTaskRunner",
]  # fmt: skip

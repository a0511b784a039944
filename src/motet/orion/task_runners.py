"""Where the tasks of a flow run."""

from motet.dialects.python.task_runners import ConcurrentTaskRunner, ProcessPoolTaskRunner, SequentialTaskRunner

__all__ = ["ConcurrentTaskRunner", "ProcessPoolTaskRunner", "SequentialTaskRunner"]

"""Tasks: `from motet.tasks import task, exponential_backoff`. Names are those of Prefect 3."""

from motet import Task, exponential_backoff, task
from motet.dialects.python.cache_policies import task_input_hash

__all__ = ["Task", "exponential_backoff", "task", "task_input_hash"]

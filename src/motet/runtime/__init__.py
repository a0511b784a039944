"""What running code may ask about itself: `from motet.runtime import flow_run, task_run`. Names are those of Prefect 3.

Outside of a run, every attribute is None, or empty. Where a task runs in another process, `parameters` holds plain
values only.
"""

from motet.runtime import flow_run as flow_run
from motet.runtime import task_run as task_run

__all__ = ["flow_run", "task_run"]

"""What running code knows of its run: `from motet.context import get_run_context`. Names are those of Prefect 3."""

from motet import get_run_context, tags
from motet.dialects.python.running.about import FlowRun, RunContext, TaskRun

__all__ = ["FlowRun", "RunContext", "TaskRun", "get_run_context", "tags"]

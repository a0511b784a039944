"""Loggers of runs: `from motet.logging import get_run_logger`. Names are those of Prefect 3."""

from motet import disable_run_logger, get_run_logger

__all__ = ["disable_run_logger", "get_run_logger"]

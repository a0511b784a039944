"""Errors, to be caught: `from motet.exceptions import RunFailed`. `motet.errors` draws their tree."""

from motet.errors import (
    Cancelled,
    CommandFailed,
    EnvironmentFailed,
    ExecutorError,
    MotetError,
    ParameterError,
    ReplayMismatch,
    ResultUnavailable,
    RunError,
    RunFailed,
    StateFailed,
    StepFailed,
    StepSkipped,
    StoreError,
    Suspended,
    TimedOut,
    UsageError,
    WorkerDied,
)

__all__ = [
    "Cancelled", "CommandFailed", "EnvironmentFailed", "ExecutorError", "MotetError", "ParameterError",
    "ReplayMismatch", "ResultUnavailable", "RunError", "RunFailed", "StateFailed", "StepFailed", "StepSkipped",
    "StoreError", "Suspended", "TimedOut", "UsageError", "WorkerDied",
]  # fmt: skip

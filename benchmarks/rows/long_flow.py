"""A flow with a long history. Its last step notes the time and kills the process, so that it is never recorded."""

from __future__ import annotations

import os
import signal
import time

from motet import flow, task


@task
def nothing() -> None:
    """One of many."""


@task
def beyond() -> None:
    """The first step beyond the recorded ones."""
    with open(os.path.join(os.environ["MOTET_HOME"], "progress"), "w") as file:
        file.write(repr(time.monotonic()))
    os.kill(os.getpid(), signal.SIGKILL)


@flow
def long(steps: int) -> None:
    """Many steps, and the one beyond."""
    for _ in range(steps):
        nothing()
    beyond()

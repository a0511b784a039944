"""What executors share: identities of attempts, carrying one out in this process, delivering outcomes."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TypeAlias

from motet import forks
from motet.errors import ExecutorError
from motet.executors import capture, current
from motet.executors.whole import whole
from motet.ports import Attempt, Failure, Outcome, Success
from motet.values.errors import encode_error
from motet.values.secrets import hide

Identity: TypeAlias = tuple[str, str, int, int]


def identity(attempt: Attempt) -> Identity:
    """What tells the attempt from all others: run, key, element, number."""
    return attempt.run, attempt.key, attempt.element, attempt.number


def gpus_of(attempt: Attempt) -> dict[str, str]:
    """The variables that show the attempt the GPUs which it has, and no others; none if it has none."""
    numbers = attempt.context.get("gpus")
    if not numbers:
        return {}
    told = ",".join(map(str, numbers))
    return {"CUDA_VISIBLE_DEVICES": told, "NVIDIA_VISIBLE_DEVICES": told}


def carry_out(attempt: Attempt, here: current.Current) -> Outcome:
    """Call the attempt's function here, as the attempt `here`. Whatever it raises is its outcome."""
    token, depth = current.running.set(here), forks.depth
    here.work()
    raised: BaseException | None = None
    outcome: Outcome
    try:
        if here.log is not None:
            capture.ensure()
        outcome = Success(whole(attempt.function(*attempt.args, **attempt.kwargs)))
    except BaseException as error:  # noqa: BLE001 - boundary: the user's code ends here
        raised, outcome = error, failure(error)
    finally:
        if forks.depth != depth:
            forks.leave(raised)
        capture.finish(here)
        current.running.reset(token)
    outcome.facts = here.rest()
    return outcome


def failure(error: BaseException) -> Failure:
    """The outcome of an attempt that ended with `error`."""
    return Failure(encode_error(error), error)


def closed(name: str) -> Failure:
    """The outcome of an attempt that was handed to a closed executor."""
    return failure(ExecutorError(f"The executor {name!r} was closed before the attempt began.", "Start a new run."))


def begin_thread(work: Callable[[], None], name: str) -> threading.Thread | Failure:
    """A daemon thread that has begun to work; or how an attempt ends that has no thread, if the system gives none."""
    thread = threading.Thread(target=work, name=name, daemon=True)
    try:
        thread.start()
    except RuntimeError as error:
        return failure(ExecutorError(f"No thread could be started: {error}.", "Lower the load of this host."))
    return thread


def show(stream: str, text: str) -> None:
    """Show lines that another process wrote where they would have gone from this one; what is no text as it is
    (`text.escaped`, see `worker_process`).
    """
    where = sys.stdout if stream == "stdout" else sys.stderr
    if where is None:
        return
    with suppress(OSError, ValueError):  # nobody looks any more
        escaped = getattr(text, "escaped", None)
        if escaped is None or not hasattr(where, "buffer"):
            where.write(hide(text) + "\n")
        else:
            where.flush()
            where.buffer.write((hide(escaped) + "\n").encode("utf-8", "surrogateescape"))
            where.buffer.flush()


def deliver(attempt: Attempt, outcome: Outcome) -> None:
    """Report the outcome. A receiver that raises, which it must not, cannot stop the executor."""
    try:
        attempt.report(attempt, outcome)
    except Exception:  # noqa: BLE001 - boundary: one bad receiver never stops the others' attempts
        from traceback import format_exc

        where = sys.__stderr__
        if where is not None:
            where.write(f"motet: the outcome of {attempt.key} was not taken:\n{format_exc()}")

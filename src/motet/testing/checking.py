"""What the conformance suites share: sample rows, and the assertion that something is refused."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from motet.kernel.events import Json
from motet.ports import Batch, NewRun, Owner, StepRow, Store


def checks_of(module: str) -> list[Any]:
    """The functions of the module whose names begin with `check_`, in the order in which they stand there."""
    names = vars(sys.modules[module])
    return [it for name, it in names.items() if name.startswith("check_") and callable(it)]


@contextmanager
def refused(kind: type[BaseException], *words: str) -> Iterator[None]:
    """Assert that the block raises `kind`, with a message that has all these words in it."""
    said = None
    try:
        yield
    except kind as error:
        said = str(error)
    assert said is not None, f"{kind.__name__} was not raised"
    missing = [word for word in words if word not in said]
    assert not missing, f"{said!r} does not say {missing}"


class SetClock:
    """The clock that a store under test goes by: it stands at `at` until it is set."""

    def __init__(self) -> None:
        self.at = 0.0

    def __call__(self) -> float:
        """The time, in seconds since the epoch."""
        return self.at


def owner(pid: int = 1) -> Owner:
    """A process of some host."""
    return Owner("host", "boot", pid, 7)


def started(store: Store, run: str = "r1", **fields: Any) -> str:
    """A run of that id, created and claimed for ever: epoch 1, no events."""
    assert store.create_run(NewRun(run, **{"name": f"{run}-name", "workflow": "w", "program": {}, **fields}))
    assert store.claim(run, owner(), 1e12).epoch == 1
    return run


def event(number: int, **fields: Json) -> dict[str, Json]:
    """An event that an engine might record."""
    return {"event": "step.succeeded", "at": float(number), "key": f"k{number}", **fields}


def batch(first: int, count: int = 1, **fields: Any) -> Batch:
    """Events number first, ..."""
    return Batch([event(number) for number in range(first, first + count)], **fields)


def row(key: str, status: str = "running", **fields: Any) -> StepRow:
    """A step."""
    return StepRow(key, fields.pop("task", "t"), fields.pop("form", "call"), status, **fields)


def ended(store: Store, run: str, at: float, count: int = 1) -> None:
    """Let a started run without events end at that time."""
    changes = {"status": "succeeded", "ended_at": at}
    store.append(run, 1, 0, batch(1, count, steps=[row("k")], run=changes))
    store.release(run, 1)

"""Between runs: events, limits, and runs that are paused, resumed or waited for, with Prefect's own arguments."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from importlib import import_module
from typing import Any
from uuid import uuid4

from motet.dialects.python.prefect.either import either, inert, is_async
from motet.dialects.python.prefect.runs import FlowRun, of_row, run_of
from motet.dialects.python.prefect.variables import store_here
from motet.dialects.python.running import limits
from motet.dialects.python.world import asking, transactions
from motet.dialects.python.world.transactions import IsolationLevel, Transaction
from motet.errors import NotFound
from motet.kernel.transitions import ENDED
from motet.records import Record


class Resource(dict[str, str]):
    """What an event is about, by labels."""


RelatedResource = ResourceSpecification = Resource


class Event(Record):
    """An event that was published."""

    event: str
    resource: Mapping[str, str]
    payload: Mapping[str, Any]
    id: Any


def emit_event(
    event: str, resource: Mapping[str, str], occurred: Any = None, related: Any = None,
    payload: Mapping[str, Any] | None = None, **kwargs: Any,
) -> Event:  # fmt: skip
    """Publish an event under that key; its value has the resource, what is related, and the payload."""
    value = {"resource": dict(resource), "related": [dict(each) for each in related or ()], "payload": payload or {}}
    identity = kwargs.get("id") or uuid4()
    publish = import_module("motet.publishing").publish  # by its name: it stands above the voices
    publish(event, value, client_key=str(identity))
    return Event(event, dict(resource), dict(payload or {}), identity)


_HOUR_S = 3600


def _asked(name: str) -> Any:
    """`pause_flow_run` and `suspend_flow_run`: plain where they are called plainly, else to be awaited."""

    def ask(
        wait_for_input: Any = None, timeout: float | None = _HOUR_S, poll_interval: int = 10, key: str | None = None,
        flow_run_id: Any = None,
    ) -> Any:  # fmt: skip
        """Wait in a flow until somebody answers. Nothing is polled."""
        given = {"wait_for_input": wait_for_input, "timeout": timeout, "key": key or ""}
        return getattr(asking, f"a{name}" if is_async() else name)(**given)

    return ask


pause_flow_run = apause_flow_run = _asked("pause_flow_run")
suspend_flow_run = asuspend_flow_run = _asked("suspend_flow_run")


def _resume(flow_run_id: Any, run_input: Mapping[str, Any] | None = None) -> None:
    asking.resume_flow_run(run_of(flow_run_id), run_input)


resume_flow_run = either(_resume)


class concurrency(limits.concurrency):  # noqa: N801 - Prefect's name
    """Hold slots of named limits. How often Prefect would ask for them does not matter."""

    def __init__(
        self, names: Any, occupy: float = 1, timeout_seconds: float | None = None, *, strict: bool = False, **more: Any
    ) -> None:
        super().__init__(names, occupy, timeout_seconds, strict=strict)


@contextmanager
def transaction(
    key: str | None = None, store: Any = None, commit_mode: Any = None, isolation_level: Any = None,
    overwrite: bool = False, **more: Any,
) -> Iterator[Transaction]:  # fmt: skip
    """A block that is done as a whole. What was done is remembered in the home, in no other store."""
    if store is not None:
        inert("store= of a transaction", "What was done is remembered below MOTET_HOME.")
    level = isolation_level or IsolationLevel.READ_COMMITTED
    with transactions.transaction(key, commit_mode=commit_mode, isolation_level=level, overwrite=overwrite) as made:
        yield made


@asynccontextmanager
async def atransaction(key: str | None = None, **asked: Any) -> AsyncIterator[Transaction]:
    """The same, for `async with`."""
    with transaction(key, **asked) as made:
        yield made


async def aresume_flow_run(flow_run_id: Any, run_input: Mapping[str, Any] | None = None) -> None:
    """Answer the question of a run, by its id."""
    _resume(flow_run_id, run_input)


async def wait_for_flow_run(
    flow_run_id: Any, timeout: float | None = 10800, poll_interval: float = 0.5, **others: Any
) -> FlowRun:
    """The run, once it has ended. Raises TimeoutError, ObjectNotFound."""

    async def ended() -> FlowRun:
        while True:
            rows = store_here().find_runs(run_of(flow_run_id))
            if not rows:
                raise NotFound(f"There is no run {flow_run_id}.", "`motet ls` lists the runs.")
            if rows[0].status in ENDED:
                return of_row(rows[0])
            await asyncio.sleep(min(poll_interval, 0.5))

    return await asyncio.wait_for(ended(), timeout)

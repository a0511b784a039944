"""Between runs: events, and runs that are resumed or waited for."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from importlib import import_module
from typing import Any
from uuid import uuid4

from motet.dialects.python.prefect.runs import FlowRun, of_row, run_of
from motet.dialects.python.prefect.variables import store_here
from motet.dialects.python.world.asking import resume_flow_run
from motet.errors import NotFound
from motet.kernel.transitions import ENDED
from motet.records import Record


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


async def aresume_flow_run(flow_run_id: Any, run_input: Mapping[str, Any] | None = None) -> None:
    """Answer the question of a run, by its id."""
    resume_flow_run(run_of(flow_run_id), run_input)


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

"""Events that flows, tasks and scripts publish, wait for and listen to: `from motet.events import listen`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime

from motet import Event, app, await_for_event, expect_event, listeners, publish, publish_many, wait_for_event
from motet.listeners import Errors, Listener
from motet.rules import OnEvent
from motet.typed import Any

__all__ = [
    "Errors", "Event", "Listener", "OnEvent", "await_for_event", "expect_event", "listen", "publish", "publish_many",
    "wait_for_event",
]  # fmt: skip


def listen(
    call: Callable[[Any], object], keys: str | OnEvent | Iterable[str | OnEvent] = "*", *,
    start: int | datetime | None = None, name: str = "", errors: Errors | None = None, batch: int = 0,
) -> Listener:  # fmt: skip
    """Have `call` called with each event of these keys, in order, on a thread of its own; gives what closes it, also
    as a `with` block.

    call    is given an Event; with `batch`, a list of 1 to so many of them
    keys    a key, or several; each "*" in one stands for any text. A rule says more:
            `OnEvent("data_*", pattern=True, namespace="team", sender=..., having={"rows": 3})`; what is meant for one
            run is heard where that is named, and `run="*"` hears what is meant for any
    start   from that offset on, or from that time on; else from now on
    name    makes it durable: where it stopped it goes on, in this process or a later one; one process at a time is it
    errors  where `call` raises, that is logged, and tried again 3 times; then the event is kept as a dead letter if the
            listener has a name, else skipped; the listener goes on. `Errors(...)` says otherwise

    Each event comes at least once: what was under way when the process was killed comes again. Raises UsageError for a
    name or key that cannot be; Conflict while another listener of that name is alive.
    """
    return listeners.begin(
        app.hosts.current(), Listener(call, keys, start=start, name=name, errors=errors, batch=batch)
    )

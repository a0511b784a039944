"""Asking things of runs that go on, from the code of their steps or from anywhere: `motet.clients.client()`."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping

from motet import app, questions, requests
from motet.errors import UsageError
from motet.executors import current
from motet.kernel.events import Json
from motet.kernel.transitions import ENDED
from motet.ports import Publication
from motet.values.naming import asked, said
from motet.views.lookup import find_run


def client(run: str = "", token: str = "") -> Client:
    """What asks things of a run, given by id or name: where it is left out, of the one that this is part of, by code
    of a step, or by a program that a command of one has started.

    token   the run's (`motet.requests.token`); whoever may read the home need not give it

    Raises NotFound; UsageError where there is nothing to ask of.
    """
    here = current.get()
    if not run:
        run = str(here.context["run"]) if here is not None else os.environ.get("MOTET_RUN", "")
        token = token or ("" if here is not None else os.environ.get("MOTET_RUN_TOKEN", ""))
    if not run:
        raise UsageError("This is no part of a run.", "Name the run: client(RUN).")
    row = find_run(app.hosts.current().store, run)
    if row.status in ENDED:
        raise UsageError(
            f"Run {row.name} has ended: {row.status}.", "`motet resume` and `motet retry` take it up again."
        )
    return Client(row.id, token or requests.token(app.home(), row.id))


class Client:
    """Asks things of one run; see `client`. Each gives the place of the request in the journal. What is refused is told
    by an event `request.refused` of the run, in the namespace "motet".
    """

    def __init__(self, run: str, token: str) -> None:
        self._run = run
        self._token = token

    def stop(self, reason: str = "on request") -> int:
        """Stop the run."""
        return self._publish("run.stop", reason)

    def stop_step(self, step: str, reason: str = "on request") -> int:
        """Stop a step of it."""
        return self._ask("step.stop", step, {"reason": reason})

    def retry(self, step: str) -> int:
        """Run a step again that did not succeed."""
        return self._ask("step.retry", step, {})

    def add(self, step: str, **fields: Json) -> int:
        """Add a step: `add("train-2", call={"target": "package.module:function", "args": [1]}, needs=["load"])`."""
        return self._ask("step.add", step, fields)

    def answer(self, step: str, **values: Json) -> int:
        """Answer the question that a step of it has asked. What does not fit is refused by whoever has asked."""
        return self._publish(questions.ANSWER, {"step": step, "values": values})

    def outcome(self, offset: int, timeout_s: float | None = None) -> str | None:
        """Wait until what was asked at that place in the journal is done, or not: "" then, or why it was refused; None
        if neither is heard within the time.
        """
        store = app.hosts.current().store
        until = None if timeout_s is None else time.monotonic() + timeout_s
        follower, after, why = store.follow(), offset, ""
        try:
            while True:
                for entry in store.read(after, run=self._run):
                    after, said = entry.offset, entry.value if isinstance(entry.value, dict) else {}
                    if said.get("offset") == offset and entry.key == requests.REFUSED and entry.published:
                        why = str(said["why"])
                    elif said.get("offset") == offset and entry.key == "event.received":
                        return why
                left_s = None if until is None else until - time.monotonic()
                if left_s is not None and left_s <= 0:
                    return None
                follower.wait(left_s)
        finally:
            follower.close()

    def publish(self, key: str, value: Json = None, *, namespace: str = "") -> int:
        """Publish an event that this run alone hears. Raises UsageError as `motet.publish` does."""
        host = app.hosts.current()
        told = said(Publication(key, value, namespace, "client", self._run, "", host.clock.now()))
        return host.store.publish([told])[0]

    def _ask(self, key: str, step: str, fields: Mapping[str, Json]) -> int:
        return self._publish(key, {**fields, "step": step, "token": self._token})

    def _publish(self, key: str, value: Json) -> int:
        host = app.hosts.current()
        return host.store.publish([asked(key, value, at=host.clock.now(), sender="client", run=self._run)])[0]

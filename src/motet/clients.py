"""Asking things of runs that go on, from the code of their steps or from anywhere: `motet.clients.client()`."""

from __future__ import annotations

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
    """What asks things of a run, given by id or name: of the one that this is part of, where it is left out.

    token   the run's (`motet.requests.token`); whoever may read the home need not give it

    Raises NotFound; UsageError where there is nothing to ask of.
    """
    here = current.get()
    run = run or (str(here.context["run"]) if here is not None else "")
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

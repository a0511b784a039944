"""People in the loop: a flow asks, and goes on when somebody has answered. Names are those of Prefect 3."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from motet.dialects.python import hosting
from motet.dialects.python.running.leaving import Leaving
from motet.dialects.python.scope import Scope, current
from motet.dialects.python.tasks import Task
from motet.dialects.python.world import answers, waits
from motet.engine.listening import STEERING
from motet.errors import Conflict, NotFound, UsageError
from motet.kernel.events import Json
from motet.ports import Document, Entry


def pause_flow_run(
    wait_for_input: Any = None, timeout: float | None = None, *, key: str = "", description: str = ""
) -> Any:
    """Wait in a flow until somebody answers: `motet answer RUN -p name=value`, or `resume_flow_run`.

    wait_for_input  a pydantic model, an instance of which is given; or another type, the value of which is given. What
                    does not fit is refused, and waited for again. Without it, the flow waits for a word to go on
    timeout         seconds, counted across a resume too; then TimeoutError. None waits as long as it takes
    key             part of the step's name, where a flow asks several times
    description     shown with the question

    The answer is recorded: after a resume it is given again, and one that came while no process drove the run is there.
    """
    return _asked(wait_for_input, timeout, key, description, suspend=False)


def suspend_flow_run(
    wait_for_input: Any = None, timeout: float | None = None, *, key: str = "", description: str = ""
) -> Any:
    """As `pause_flow_run`, but the process lets go of the run meanwhile, and may end: whoever called the flow gets
    errors.Suspended. The answer starts a process that goes on. What was submitted is waited for first.

    In a flow that was submitted, it waits like `pause_flow_run`.
    """
    return _asked(wait_for_input, timeout, key, description, suspend=True)


def resume_flow_run(flow_run_id: str, run_input: Mapping[str, Any] | None = None) -> None:
    """Answer the question of a run, given by id or name; where no process drives it, start one that goes on.

    What does not fit is refused by the flow, which goes on waiting. Raises NotFound; UsageError where nothing is asked.
    """
    host = hosting.host()
    rows = host.store.find_runs(flow_run_id)
    if not rows:
        raise NotFound(f"There is no run {flow_run_id!r}.", "`motet ls` lists the runs.")
    question = answers.question(host.store, rows[0])
    answers.give(host.store, question, dict(run_input or {}), "resume_flow_run", time.time())
    if rows[0].owner is None:
        hosting.start_engine(rows[0].id)


def _asked(wait_for_input: Any, timeout: float | None, key: str, description: str, *, suspend: bool) -> Any:
    scope = current.get()
    if scope is None or scope.values.__class__ is tuple:
        raise UsageError("A run is paused in the body of a flow only.", "Ask there, and hand the answer to the task.")
    form: Any = None
    if wait_for_input is not None:
        from motet.dialects.python.binding.coercion import Form

        form = Form(wait_for_input)
    question = {"for": "answer", "schema": None if form is None else form.schema, "description": description}
    leaves = suspend and not any(each.driver.state.steps[each.key].policy.executor for each in _around(scope))
    name = f"{'suspend' if suspend else 'pause'}{' ' + key.replace('/', '-') if key else ''}"

    def ask() -> Json:
        return _answer(form, question, timeout, leaves)

    answer = Task(ask, {"name": name})()
    return None if form is None else form.value(answer)


def _around(scope: Scope) -> list[Scope]:
    """The bodies that the scope is in, itself first."""
    found: list[Scope] = []
    each: Scope | None = scope
    while each is not None and each.key:
        found.append(each)
        each = each.outer
    return found


def _answer(form: Any, question: dict[str, Json], timeout: float | None, leaves: bool) -> Json:
    """The first answer that fits, as JSON. Raises Leaving if there is none and the run is to be let go of."""
    scope = current.get()
    assert scope is not None
    driver, host = scope.driver, scope.driver.host
    if leaves:
        for each in _around(scope):
            for key in list(each.unlooked or ()):
                driver.wait(key)
    with waits.told(scope, {**question, "step": scope.key, "suspended": leaves}) as document, driver.idling():
        limit_at = None if timeout is None else document.body["since"] + timeout
        after = document.body.get("refused", {}).get("offset", driver.run.offset)
        while True:
            late = limit_at is not None and host.clock.now() >= limit_at
            until_at = host.clock.now() if leaves or late else limit_at
            entry = waits.first(host, after, lambda each: _is_for(each, scope), until_at)
            if entry is None and leaves and not late:
                raise Leaving(answers.told(question), answers.how(question))
            if entry is None:
                raise TimeoutError(f"Nobody has answered within {timeout or 0:g} s.")
            after = entry.offset
            if form is None:
                return None
            try:
                return form.fit(entry.value.get("values") or {})
            except ValueError as error:
                _refuse(scope, entry, str(error))


def _is_for(entry: Entry, scope: Scope) -> bool:
    return (
        entry.namespace == STEERING
        and entry.key == answers.ANSWER
        and entry.run == scope.driver.run.id
        and isinstance(entry.value, dict)
        and entry.value.get("step") == scope.key
    )


def _refuse(scope: Scope, entry: Entry, why: str) -> None:
    """Say that an answer does not fit, where whoever gave it will see it."""
    import logging

    logging.getLogger("motet").warning("An answer was refused, it does not fit: %s", why)
    store = scope.driver.host.store
    found = store.document(waits.VOICE, waits.KIND, f"{scope.driver.run.id}/{scope.key}")
    if found is not None:
        body = {**found.body, "refused": {"offset": entry.offset, "error": why}}
        try:
            store.put_document(Document(found.voice, found.kind, found.key, body, found.version))
        except Conflict:
            return  # nobody else writes it but who forgets it

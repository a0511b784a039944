"""People in the loop: a flow asks, and goes on when somebody has answered. Names are those of Prefect 3."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Mapping
from contextlib import closing
from typing import TYPE_CHECKING, Any, TypeAlias

from motet import questions
from motet.dialects.python.scope import Leaving, Scope, current
from motet.dialects.python.tasks import Task
from motet.dialects.python.world import waits
from motet.errors import NotFound, UsageError
from motet.kernel.events import Json
from motet.ports import STEERING, Entry
from motet.records import Record
from motet.voices import hosting

if TYPE_CHECKING:
    from motet.engine.attempts import World


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
    host = hosting().host()
    rows = host.store.find_runs(flow_run_id)
    if not rows:
        raise NotFound(f"There is no run {flow_run_id!r}.", "`motet ls` lists the runs.")
    question = questions.question(host.store, rows[0])
    questions.give(host.store, question, dict(run_input or {}), "resume_flow_run", time.time())
    if rows[0].owner is None:
        hosting().start_engine(rows[0].id)


async def apause_flow_run(
    wait_for_input: Any = None, timeout: float | None = None, *, key: str = "", description: str = ""
) -> Any:
    """As `pause_flow_run`, for coroutines: the event loop goes on."""
    return await _asked_async(wait_for_input, timeout, key, description, suspend=False)


async def asuspend_flow_run(
    wait_for_input: Any = None, timeout: float | None = None, *, key: str = "", description: str = ""
) -> Any:
    """As `suspend_flow_run`, for coroutines."""
    return await _asked_async(wait_for_input, timeout, key, description, suspend=True)


def _asked(wait_for_input: Any, timeout: float | None, key: str, description: str, *, suspend: bool) -> Any:
    asked = _Asked(wait_for_input, timeout, description, suspend)

    def ask() -> Json:
        for each in asked.left_behind():
            _here().driver.wait(each)
        with closing(asked.conversation(_here())) as talk:
            what = next(talk)
            while not isinstance(what, _Fit):
                what = talk.send(waits.first(*what))
        return what.answer

    return asked.value(Task(ask, {"name": asked.name(key)})())


async def _asked_async(wait_for_input: Any, timeout: float | None, key: str, description: str, *, suspend: bool) -> Any:
    from motet.dialects.python.waking import wait

    asked = _Asked(wait_for_input, timeout, description, suspend)

    async def ask() -> Json:
        for each in asked.left_behind():
            await wait(_here().driver, each)
        with closing(asked.conversation(_here())) as talk:
            what = next(talk)
            while not isinstance(what, _Fit):
                what = talk.send(await waits.first_async(*what))
        return what.answer

    task: Task[..., Any] = Task(ask, {"name": asked.name(key)})
    return asked.value(await task())


class _Fit(Record):
    """The answer, as JSON, which fits."""

    answer: Json


_Wait: TypeAlias = "tuple[World, int, Callable[[Entry], bool], float | None]"
"""What to wait for, as `waits.first` takes it."""


class _Asked:
    """A question that is asked in the running body of a flow."""

    def __init__(self, wait_for_input: Any, timeout: float | None, description: str, suspend: bool) -> None:
        scope = current.get()
        if scope is None or scope.values.__class__ is tuple:
            raise UsageError(
                "A run is paused in the body of a flow only.", "Ask there, and hand the answer to the task."
            )
        self._form: Any = None
        if wait_for_input is not None:
            from motet.dialects.python.binding.coercion import Form

            self._form = Form(wait_for_input)
        schema = None if self._form is None else self._form.schema
        self._question = {"for": "answer", "schema": schema, "description": description}
        self._timeout_s = timeout
        self._suspend = suspend
        steps = scope.driver.state.steps
        self._leaves = suspend and not any(steps[each.key].policy.executor for each in _around(scope))

    def name(self, key: str) -> str:
        """What the step is called."""
        return f"{'suspend' if self._suspend else 'pause'}{' ' + key.replace('/', '-') if key else ''}"

    def value(self, answer: Json) -> Any:
        """What the flow is given for the answer."""
        return None if self._form is None else self._form.value(answer)

    def left_behind(self) -> list[str]:
        """The steps that are waited for before the run is let go of."""
        return [key for each in _around(_here()) for key in each.unlooked or ()] if self._leaves else []

    def conversation(self, scope: Scope) -> Generator[_Wait | _Fit, Entry | None, None]:
        """Gives what to wait for, and is sent what came, until an answer fits. Raises Leaving if there is none and the
        run is to be let go of; TimeoutError.
        """
        driver, host = scope.driver, scope.driver.host
        body = {**self._question, "step": scope.key, "suspended": self._leaves}
        with waits.told(scope, body) as document, driver.idling():
            limit_at = None if self._timeout_s is None else document.body["since"] + self._timeout_s
            after = document.body.get("refused", {}).get("offset", driver.run.offset)
            while True:
                late = limit_at is not None and host.clock.now() >= limit_at
                until_at = host.clock.now() if self._leaves or late else limit_at
                entry = yield host, after, lambda each: _is_for(each, scope), until_at
                if entry is None and self._leaves and not late:
                    raise Leaving(questions.told(self._question), questions.how(self._question))
                if entry is None:
                    raise TimeoutError(f"Nobody has answered within {self._timeout_s or 0:g} s.")
                after = entry.offset
                if self._form is None:
                    break
                try:
                    fit = self._form.fit(entry.value.get("values") or {})
                except ValueError as error:
                    _refuse(scope, entry, str(error))
                else:
                    break
        yield _Fit(None if self._form is None else fit)


def _here() -> Scope:
    scope = current.get()
    assert scope is not None
    return scope


def _around(scope: Scope) -> list[Scope]:
    """The bodies that the scope is in, itself first."""
    found: list[Scope] = []
    each: Scope | None = scope
    while each is not None and each.key:
        found.append(each)
        each = each.outer
    return found


def _is_for(entry: Entry, scope: Scope) -> bool:
    return (
        entry.namespace == STEERING
        and entry.key == questions.ANSWER
        and entry.run == scope.driver.run.id
        and isinstance(entry.value, dict)
        and entry.value.get("step") == scope.key
    )


def _refuse(scope: Scope, entry: Entry, why: str) -> None:
    """Say that an answer does not fit, where whoever gave it will see it."""
    import logging

    logging.getLogger("motet").warning("An answer was refused, it does not fit: %s", why)
    questions.refuse(scope.driver.host.store, scope.driver.run, scope.key, entry.offset, why)

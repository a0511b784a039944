"""People in the loop: a flow asks, and goes on when somebody has answered. Names are those of Prefect 3."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Any

from motet import questions
from motet.dialects.python.futures import Future
from motet.dialects.python.scope import Leaving, Scope, current
from motet.dialects.python.tasks import Task
from motet.dialects.python.world.events import Event, EventFuture, Waiting
from motet.errors import NotFound, UsageError
from motet.kernel.events import Json
from motet.ports import STEERING, Document
from motet.records import Record
from motet.rules import OnEvent
from motet.voices import hosting


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
            each.wait()
        with closing(asked.conversation(_here())) as talk:
            for what in talk:
                if isinstance(what, _Fit):
                    return what.answer
                what.wait()
        raise AssertionError("a conversation ends with an answer")

    return asked.value(Task(ask, {"name": asked.name(key)})())


async def _asked_async(wait_for_input: Any, timeout: float | None, key: str, description: str, *, suspend: bool) -> Any:
    asked = _Asked(wait_for_input, timeout, description, suspend)

    async def ask() -> Json:
        for each in asked.left_behind():
            await each.wait_async()
        with closing(asked.conversation(_here())) as talk:
            for what in talk:
                if isinstance(what, _Fit):
                    return what.answer
                await what.wait_async()
        raise AssertionError("a conversation ends with an answer")

    task: Task[..., Any] = Task(ask, {"name": asked.name(key)})
    return asked.value(await task())


class _Fit(Record):
    """The answer, as JSON, which fits."""

    answer: Json


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
            from motet.values.coercion import Form

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

    def left_behind(self) -> list[Future[Any]]:
        """What is waited for before the run is let go of."""
        return [Future(each, key) for each in _around(_here()) for key in each.unlooked or ()] if self._leaves else []

    def conversation(self, scope: Scope) -> Generator[EventFuture | _Fit, None, None]:
        """Gives answers to be waited for, each a step, until one fits. Raises Leaving if there is none and the run is
        to be let go of; TimeoutError.
        """
        driver, host = scope.driver, scope.driver.host
        body = {**self._question, "step": scope.key, "suspended": self._leaves}
        rule = OnEvent(questions.ANSWER, STEERING, run=driver.run.id, having={"step": scope.key})
        with _told(scope, body) as document:
            limit_at = None if self._timeout_s is None else document.body["since"] + self._timeout_s
            refused = document.body.get("refused", {}).get("offset", 0)
            after, fit = driver.run.offset, None
            while True:
                left_s = None if limit_at is None else limit_at - host.clock.now()
                future = _answer.future(scope, (), rule, after, left_s)
                if self._leaves and not future.done() and (left_s is None or left_s > 0):
                    raise Leaving(questions.told(self._question), questions.how(self._question))
                yield future
                try:
                    answer = future.result()
                except TimeoutError:
                    raise TimeoutError(f"Nobody has answered within {self._timeout_s or 0:g} s.") from None
                after = answer.offset
                try:
                    fit = None if self._form is None else self._form.fit(answer.value.get("values") or {})
                    break
                except ValueError as error:
                    if after > refused:
                        _refuse(scope, after, str(error))
        yield _Fit(fit)


@contextmanager
def _told(scope: Scope, body: Json) -> Iterator[Document]:
    """While it lasts, lists show what the run asks, and since when. A resume takes over what is there."""
    host, run = scope.driver.host, scope.driver.run
    leaves = False
    try:
        yield questions.ask(host.store, run, scope.key, {"since": host.clock.now()}, body)
    except Leaving:
        leaves = True
        raise
    finally:
        if not leaves:
            questions.forget(host.store, run, scope.key)


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


def _listen() -> Event:
    raise AssertionError("a step that waits runs nothing")


_answer = Waiting(_listen, {"name": "answer"})


def _refuse(scope: Scope, offset: int, why: str) -> None:
    """Say that an answer does not fit, where whoever gave it will see it."""
    import logging

    logging.getLogger("motet").warning("An answer was refused, it does not fit: %s", why)
    questions.refuse(scope.driver.host.store, scope.driver.run, scope.key, offset, why)

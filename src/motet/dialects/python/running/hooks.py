"""Hooks: functions of a user's that are called when a flow or task begins, or after it has ended.

A hook is called once the outcome is recorded, so it never tells of something that may yet come out otherwise. Those
of tasks that were called are called on the caller's thread, before the call returns; those of submitted tasks one
after the other on a thread of their own, and the body that submitted them waits for it. What a hook raises is logged
and changes nothing. Names and arguments are those of Prefect 3.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, TypeAlias

from motet import forks
from motet.dialects.python.futures import StepState, error_of, kept_value, message_of, named
from motet.dialects.python.running.about import FlowRun, TaskRun, flow_run_of, plain, task_run_of
from motet.dialects.python.running.coroutines import finished
from motet.dialects.python.scope import Scope, current
from motet.dialects.python.states import State, StateType
from motet.executors import capture
from motet.executors.current import Current, running
from motet.interrupts import block
from motet.kernel import transitions as st
from motet.kernel.state import element_key

if TYPE_CHECKING:
    from motet.dialects.python.calls import MapCall, TaskCall
    from motet.dialects.python.flows import Flow
    from motet.engine.driver import Driver
    from motet.kernel.events import Json
    from motet.kernel.state import Step

Hook: TypeAlias = Callable[[Any, Any, State], Any]

_AFTER = {st.SUCCEEDED: "on_completion", st.FAILED: "on_failure", st.CANCELLED: "on_cancellation"}


def call_all(hooks: Iterable[Hook], *arguments: Any) -> None:
    """Call the hooks in order. What one raises is logged, and the others are called all the same."""
    for hook in hooks:
        try:
            finished(hook(*arguments))
        except Exception:  # boundary: a hook is a user's, and nobody's outcome
            import logging

            name = getattr(hook, "__name__", repr(hook))
            logging.getLogger("motet").exception("Hook %s failed; it changes nothing", name)


@contextmanager
def attributed(driver: Driver, key: str, **about: FlowRun | TaskRun) -> Iterator[None]:
    """What is printed and logged within is written to the log of that step, whose run is `flow_run` or `task_run`."""
    step = driver.state.steps.get(key)
    attempt = step.attempt if step is not None else 0
    told = {name: plain(run) for name, run in about.items()}
    here = Current({"run": driver.run.id, "key": key, "attempt": attempt, "about": told}, driver.log_of(key, attempt))
    capture.ensure()
    tokens, depth = (running.set(here), current.set(None)), forks.depth
    try:
        yield
    finally:
        if forks.depth != depth:
            forks.leave(sys.exception())
        running.reset(tokens[0])
        current.reset(tokens[1])
        capture.finish(here)


# ---------------------------------------------------------------- flows


def flow_begins(flow: Flow[..., Any], driver: Driver, key: str, values: Mapping[str, Any]) -> None:
    """Call the hooks for a flow that begins."""
    hooks = flow.hooks.get("on_running")
    if hooks and not driver.state.steps[key].failures:
        _call_for_flow(flow, driver, key, values, ("on_running", State(StateType.RUNNING)))


def flow_ended(flow: Flow[..., Any], driver: Driver, key: str, values: Mapping[str, Any]) -> None:
    """Call the hooks for how the flow ended, which is recorded."""
    step = driver.state.steps.get(key)
    event = _AFTER.get(step.status, "") if step is not None else ""
    if step is not None and event in flow.hooks:
        _call_for_flow(flow, driver, key, values, (event, _state(driver, key, step)))


def flow_crashed(flow: Flow[..., Any], driver: Driver, key: str, values: Mapping[str, Any], why: str) -> None:
    """Call the hooks for a run that is taken up after its process died."""
    if "on_crashed" in flow.hooks:
        _call_for_flow(flow, driver, key, values, ("on_crashed", State(StateType.CRASHED, message=why)))


def _call_for_flow(
    flow: Flow[..., Any], driver: Driver, key: str, values: Mapping[str, Any], what: tuple[str, State]
) -> None:
    run = flow_run_of(flow, driver, key, values)
    with attributed(driver, key, flow_run=run):
        call_all(flow.hooks[what[0]], flow, run, what[1])


# ---------------------------------------------------------------- tasks


def is_first(call: TaskCall | MapCall, element: int = -1) -> bool:
    """Whether the attempt that begins now is no retry: `on_running` is for the first one."""
    step = call.driver.state.steps.get(key_of(call, element))
    return "on_running" in call.task.hooks and (step is None or not step.failures)


def task_begins(call: TaskCall | MapCall, element: int = -1) -> None:
    """Call the hooks for a step, or an element, that begins."""
    task, driver = call.task, call.driver
    key = key_of(call, element)
    run = task_run_of(task, driver, key, call.arguments_of(element), call.tags)
    with attributed(driver, key, task_run=run):
        call_all(task.hooks["on_running"], task, run, State(StateType.RUNNING))


def key_of(call: TaskCall | MapCall, element: int) -> str:
    """The key of the step, or of the element."""
    return call.key if element < 0 else element_key(call.key, element)


def task_ended(call: TaskCall | MapCall, element: int = -1) -> None:
    """Call the hooks for how the step, or the element, ended, which is recorded."""
    driver, task = call.driver, call.task
    key = key_of(call, element)
    status = driver.state.outcome(key)
    event = _AFTER.get(status, "")
    if event not in task.hooks or event == "on_cancellation":
        return
    run = task_run_of(task, driver, key, call.arguments_of(element), call.tags)
    step = driver.state.steps.get(key)
    state = _state(driver, key, step, None if step is not None else _record(call, element))
    with attributed(driver, key, task_run=run):
        call_all(task.hooks[event], task, run, state)


def _state(driver: Driver, key: str, step: Step | None, record: Json = None) -> State:
    """The state of a step that has ended; of an element without a step, which succeeded with that record."""
    status = step.status if step is not None else st.SUCCEEDED
    kept = step.result if step is not None else record
    kind, name = named(status, step)
    return StepState(
        (driver.run.id, key), kind, name, message_of(status, step), result=lambda: kept_value(driver, key, kept),
        error=(lambda: error_of(step)) if step is not None else None,
    )  # fmt: skip


def _record(call: TaskCall | MapCall, element: int) -> Json:
    marks = call.driver.state.steps[call.key].map
    return marks.results[element] if marks is not None else None


class HookLine:
    """Calls the hooks of submitted tasks on a thread of its own, in the order in which things happened."""

    def __init__(self) -> None:
        self._queue: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="motet-hooks", daemon=True)
        self._thread.start()

    def begins(self, call: TaskCall | MapCall, element: int) -> None:
        """An attempt begins, in another process."""
        if is_first(call, element):
            self._queue.put(lambda: task_begins(call, element))

    def ends(self, call: TaskCall | MapCall, element: int) -> None:
        """An attempt has ended, and no other will follow: its outcome is about to be recorded."""

        def tell() -> None:
            call.driver.wait(call.key, element)
            task_ended(call, element)

        self._queue.put(tell)

    def catch_up(self) -> None:
        """Wait until the hooks were called for all that happened up to now."""
        caught_up = threading.Event()
        self._queue.put(caught_up.set)
        block(caught_up)

    def close(self) -> None:
        """Wait until all hooks were called."""
        self._queue.put(None)
        self._thread.join()

    def _work(self) -> None:
        while (tell := self._queue.get()) is not None:
            try:
                tell()
            except Exception:  # noqa: BLE001 - boundary: the run is broken; whoever drives it says so
                continue


_making = threading.Lock()


def line_of(scope: Scope) -> HookLine:
    """The line of a body, which waits for it when it ends."""
    with _making:
        if scope.line is None:
            scope.line = HookLine()
            scope.at_end(scope.line.close)
    line: HookLine = scope.line
    return line

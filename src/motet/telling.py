"""What is said while runs go on: attempts that fail, in the run's log and on stderr; each step that ends, if asked for.

And where a program of the user's own calls a flow, in a script or a notebook: an error that ends it is shown from the
user's first frame on, with the name of the run that failed and how to carry on with it; and what Motet refuses, too.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextvars import Context
from types import TracebackType
from typing import Any
from weakref import WeakKeyDictionary

from motet.engine.driver import Driver
from motet.errors import MotetError
from motet.kernel import events as ev
from motet.kernel.events import Json
from motet.kernel.state import Step, element_key
from motet.ports import LogLine, RunRow
from motet.values import visible
from motet.values.errors import encode_error, is_own
from motet.values.secrets import hide
from motet.views import human
from motet.views.lookup import error_line

_MOST = 20
"""So many failures of one step or map are said on stderr; all are in the log."""


class _Heard:
    """What was told of a run so far: the errors of its steps; how many failures of each map."""

    def __init__(self) -> None:
        self.errors: set[str] = set()
        self.failures: Counter[str] = Counter()


_HEARD: WeakKeyDictionary[Driver, _Heard] = WeakKeyDictionary()


def tell(driver: Driver, events: Sequence[ev.Event], verbosity: int, *, alone: bool) -> None:
    """Say what these events of the run tell. `alone` says that nobody else shows how the run ends."""
    heard = _HEARD.setdefault(driver, _Heard())
    lines: list[LogLine] = []
    for event in events:
        if isinstance(event, ev.StepRetrying | ev.StepFailed) and _is_first_hand(driver, heard, event):
            lines.append(_logged(event))
            if verbosity > 0 or (verbosity == 0 and event.key != driver.run.workflow):  # whose end is told by itself
                _say_failure(driver, heard, event)
        elif verbosity > 0 and isinstance(event, ev.StepSucceeded | ev.StepSkipped | ev.StepCancelled | ev.StepFailed):
            _say(driver, event.at, _ended(driver, event))
        if alone and isinstance(event, ev.StepFailed) and event.key == driver.run.workflow:
            _Ending.expect(driver, event)
    if lines:
        driver.host.logs.write(driver.run.id, lines)


def _say(driver: Driver, at: float, text: str) -> None:
    said = f"motet: {human.clock(at)[:8]} {visible.line(hide(f'{driver.run.name} {text}'))}"
    Context().run(visible.say, said)  # it is not the flow that prints this


def _key_of(event: ev.StepRetrying | ev.StepFailed) -> str:
    return event.key if event.element < 0 else element_key(event.key, event.element)


def _is_first_hand(driver: Driver, heard: _Heard, event: ev.StepRetrying | ev.StepFailed) -> bool:
    """Whether it tells of a failure, and not that what is below has failed, which was told."""
    step = driver.state.steps.get(event.key)
    if step is None or (step.map is not None and event.element < 0):
        return False
    error = event.error if isinstance(event.error, dict) else {}
    place = f"{error.get('type')}: {error.get('message')}"
    if step.form == "flow" and event.kind == "step.failed" and place in heard.errors:
        return False
    heard.errors.add(place)
    return True


def _say_failure(driver: Driver, heard: _Heard, event: ev.StepRetrying | ev.StepFailed) -> None:
    """On stderr; of very many elements that fail, the first ones."""
    heard.failures[event.key] += 1
    if heard.failures[event.key] <= _MOST:
        _say(driver, event.at, f"{_key_of(event)} {_failure(event)}")
    elif heard.failures[event.key] == _MOST + 1:
        _say(driver, event.at, f"{event.key}: further failures are in the log: motet logs {driver.run.name}")


def _failure(event: ev.StepRetrying | ev.StepFailed) -> str:
    """An attempt that failed, in words."""
    what = f"failed: {error_line(event.error)}"
    if isinstance(event, ev.StepRetrying):
        return f"attempt {event.attempt} {what}; the next in {human.length(event.due_at - event.at)}"
    return f"{what} (attempt {event.attempt})" if event.attempt > 1 else what


def _logged(event: ev.StepRetrying | ev.StepFailed) -> LogLine:
    text = f"Attempt {event.attempt} failed: {error_line(event.error)}"
    if isinstance(event, ev.StepRetrying):
        text += f"; the next in {human.length(event.due_at - event.at)}"
    elif isinstance(event.error, dict) and event.error.get("traceback"):
        text += f"\n{event.error['traceback']}"
    return LogLine(event.at, _key_of(event), event.attempt, "stderr", hide(text))


def _ended(driver: Driver, event: ev.StepSucceeded | ev.StepSkipped | ev.StepCancelled | ev.StepFailed) -> str:
    """A step that has ended, in words: a map on one line with its counts."""
    step = driver.state.steps.get(event.key)
    status = event.kind.removeprefix("step.")
    if event.element >= 0 or step is None:
        return f"{element_key(event.key, event.element) if event.element >= 0 else event.key} {status}"
    took = f" after {human.length(event.at - step.started_at)}" if step.started_at is not None else ""
    return f"{event.key} {status}{took}{', '.join(['', *_counts(driver, step)])}"


def _counts(driver: Driver, step: Step) -> Iterator[str]:
    kept = "reused" if "fork" in driver.run.program else "cached"
    if step.map is not None:
        yield f"{step.map.ended - step.map.bad} of {human.counted(step.map.size, 'element')} well"
    if step.cached:
        yield f"{step.cached} {kept}" if step.map is not None else kept


# ---------------------------------------------------------------- scripts and notebooks


class _Ending:
    """The end of a program because of a run that failed."""

    failed: tuple[RunRow, Json] | None = None
    """The run that failed last, and its error."""

    @classmethod
    def expect(cls, driver: Driver, event: ev.StepFailed) -> None:
        """The run is about to fail, and its error to be raised to who called the flow."""
        if event.error is None:
            return
        if cls.failed is None:
            take_up_errors()
        cls.failed = driver.run, event.error


def _hint(error: BaseException) -> str:
    """What is said below the traceback; "" where it is no run's error that ends the program."""
    if _Ending.failed is None:
        return ""
    run, told = _Ending.failed
    if type(error).__qualname__ != told.get("type") or not hide(str(error)).startswith(str(told.get("message"))[:1000]):
        return ""
    is_reloadable = run.program.get("module") != "__main__" or run.program.get("file")
    how = f"motet resume {run.name}" if is_reloadable else f'motet.resume("{run.name}")'
    return f"motet: run {run.name} ({run.id}) failed.\nLook at it: motet show {run.name}. To carry on: {how}"


def take_up_errors() -> None:
    """Show errors that end the program, or a cell of a notebook, in this manner, where nobody else shows them."""
    if sys.excepthook is sys.__excepthook__:
        sys.excepthook = show
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    if shell is not None and not shell.custom_exceptions:
        shell.set_custom_exc((Exception,), _show_in_cell)


def show(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Show an error that ends the program: what is no run's, nor said by Motet on purpose, as Python does."""
    hint = _hint(error)
    if hint or isinstance(error, MotetError):
        visible.say("\n".join(filter(None, (str(encode_error(error)["traceback"]), hint))))
    else:
        sys.__excepthook__(kind, error, trace)


def _show_in_cell(
    shell: Any, kind: type[BaseException], error: BaseException, trace: TracebackType | None, tb_offset: Any = None
) -> None:  # fmt: skip
    hint = _hint(error)
    is_told = hint or isinstance(error, MotetError)
    shell.showtraceback((kind, error, trimmed(trace) if is_told else trace), tb_offset=tb_offset)
    if hint:
        visible.say(hint)


def trimmed(trace: TracebackType | None) -> TracebackType | None:
    """The traceback without the frames of this package."""
    frames = []
    while trace is not None:
        if not is_own(trace.tb_frame.f_code.co_filename):
            frames.append(trace)
        trace = trace.tb_next
    kept: TracebackType | None = None
    for each in reversed(frames):
        kept = TracebackType(kept, each.tb_frame, each.tb_lasti, each.tb_lineno)
    return kept

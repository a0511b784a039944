"""Every way in which a task and a flow can end: kind of function by executor by ending, in one table.

A row says how the step is recorded, and what its state and its result are: the same for a call, `return_state`,
`submit` and `map`, on every executor, and read back from the store.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import motet
from motet import allow_failure, as_completed, flow, opaque, quote, states, task, wait
from motet.errors import Cancelled, MotetError, RunFailed, StateFailed, StepFailed, StepSkipped, TimedOut, UsageError
from motet.states import Completed, Failed, State, StateType

LONG_S = 30.0
LIMIT_S = 0.2
ENOUGH_S = 2.0
"""A limit within which each machine has begun."""


class Odd(Exception):
    """An exception whose making takes two arguments."""

    def __init__(self, code: int, *, detail: str) -> None:
        super().__init__(code)
        self.detail = detail


def ends(how: str) -> Any:
    """The code of all functions of the table."""
    if how == "value":
        return [1]
    if how == "error":
        raise Odd(7, detail="x")
    if how == "exit":
        sys.exit(3)
    if how == "exit well":
        sys.exit()
    if how == "several":
        return [Completed(data=1), Failed(message="no")]
    made: Callable[..., State] = getattr(states, how)
    return made(message="by hand", data=None)


def plain(how: str) -> Any:
    return ends(how)


async def coroutine(how: str) -> Any:
    await asyncio.sleep(0)
    return ends(how)


def generator(how: str) -> Iterator[Any]:
    yield from [ends(how)]


async def async_generator(how: str) -> Any:
    yield ends(how)


ENDINGS: dict[str, tuple[str, str, str, Any]] = {
    "value": ("succeeded", "COMPLETED", "Completed", [1]),
    "error": ("failed", "FAILED", "Failed", Odd),
    "exit": ("failed", "FAILED", "Failed", StepFailed),
    "exit well": ("failed", "FAILED", "Failed", StepFailed),
    "Completed": ("succeeded", "COMPLETED", "Completed", None),
    "Failed": ("failed", "FAILED", "Failed", StateFailed),
    "Crashed": ("failed", "CRASHED", "Crashed", StateFailed),
    "Cancelled": ("cancelled", "CANCELLED", "Cancelled", Cancelled),
    "several": ("failed", "FAILED", "Failed", StateFailed),
}
"""How the step is recorded; its state's type and name; its value, or what asking for it raises."""

OF_GENERATORS = ("value", "error", "exit")
WAYS = ("call", "state", "submit", "map", "processes")


def told(state: State) -> tuple[str, str, Any]:
    """Type, name, and value or class of the error."""
    found = state.result(raise_on_failure=False)
    return state.type.value, state.name, type(found) if isinstance(found, BaseException) else found


async def by(way: str, made: Any, how: str) -> Any:
    """The state of a step that is begun in that way; where it is called, first what that raises or gives."""
    if way == "call":
        value = made(how)
        if hasattr(value, "__await__"):
            value = await value
        if hasattr(value, "__aiter__"):
            return [each async for each in value]
        return list(value) if hasattr(value, "__next__") else value
    if way == "state":
        found = made(how, return_state=True)
        return await found if hasattr(found, "__await__") else found
    if way == "map":
        futures = made.map([how])
        await futures.wait_async()
        return futures.states[0]
    future = made.with_options(executor="processes" if way == "processes" else "threads").submit(how)
    await future.wait_async()
    return future.state


def recorded() -> list[str]:
    """The statuses of the steps called `it` in the newest run, elements of maps in the places of these."""
    steps = list(newest().steps.values())
    return [(step.elements or [step])[0].status for step in steps if step.task == "it"]


def newest() -> Any:
    """The run that was begun last."""
    return next(iter(motet.runs))


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", [plain, coroutine, generator, async_generator])
def test_every_ending_of_a_task(kind: Any, way: str) -> None:
    made = task(kind, name="it")
    table = {how: row for how, row in ENDINGS.items() if kind in (plain, coroutine) or how in OF_GENERATORS}

    found: dict[str, Any] = {}

    @flow
    async def pipeline() -> None:
        for how in table:
            try:
                found[how] = await by(way, made, how)
            except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever it is, the table says
                found[how] = error

    asyncio.run(pipeline())
    assert dict(zip(table, recorded(), strict=True)) == {how: row[0] for how, row in table.items()}
    for how, (_, kind_of_state, name, value) in table.items():
        wanted = [value] if kind in (generator, async_generator) and how == "value" else value
        if way == "call":
            assert found[how] == wanted or type(found[how]) is wanted, (how, found[how])
        else:
            assert told(found[how]) == (kind_of_state, name, wanted), (how, found[how])


@pytest.mark.parametrize("kind", [plain, coroutine, generator, async_generator])
def test_every_ending_of_a_flow(kind: Any) -> None:
    """At the top and inside another flow, called for its state; the record and the caller agree."""
    made = flow(kind, name="it")
    table = {how: row for how, row in ENDINGS.items() if kind in (plain, coroutine) or how in OF_GENERATORS}

    @flow
    async def around(how: str) -> Any:
        found = made(how, return_state=True)
        found = await found if hasattr(found, "__await__") else found
        return opaque(told(found))

    for how, (status, kind_of_state, name, value) in table.items():
        value = [value] if kind in (generator, async_generator) and how == "value" else value
        state = made(how, return_state=True)
        state = asyncio.run(_of(state)) if hasattr(state, "__await__") else state
        assert (newest().status, *told(state)) == (status, kind_of_state, name, value), how
        assert asyncio.run(around(how)) == (kind_of_state, name, value), how
        assert recorded() == [status], how


async def _of(awaitable: Any) -> Any:
    return await awaitable


# ---------------------------------------------------------------- time that is up


def swallows() -> Any:
    until = time.monotonic() + 2 * LIMIT_S
    while time.monotonic() < until:
        try:
            time.sleep(0.01)
        except BaseException:  # noqa: BLE001 - as code does that is not to be stopped
            continue
    return "all the same"


async def swallows_waiting() -> Any:
    for _ in range(20):
        try:
            await asyncio.sleep(2 * LIMIT_S / 20)
        except asyncio.CancelledError:
            continue
    return "all the same"


async def blocks() -> Any:
    time.sleep(2 * LIMIT_S)
    return "all the same"


def yields() -> Iterator[Any]:
    yield swallows()
    yield 2


async def yields_waiting() -> Any:
    yield await swallows_waiting()
    yield 2


LATE = [swallows, swallows_waiting, blocks, yields, yields_waiting]


@pytest.mark.parametrize("submitted", [False, True])
@pytest.mark.parametrize("function", LATE)
def test_a_task_past_its_limit_has_timed_out_whatever_it_answers(function: Any, submitted: bool) -> None:
    made = task(function, timeout_seconds=LIMIT_S, name="it")

    @flow
    async def pipeline() -> Any:
        if submitted:
            future = made.submit()
            await future.wait_async()
            return opaque(told(future.state))
        found = made(return_state=True)
        return opaque(told(await found if hasattr(found, "__await__") else found))

    assert asyncio.run(pipeline()) == ("FAILED", "TimedOut", TimedOut)
    assert recorded() == ["failed"]


@pytest.mark.parametrize("inner", [False, True])
@pytest.mark.parametrize("function", LATE)
def test_a_flow_past_its_limit_has_timed_out_whatever_it_answers(function: Any, inner: bool) -> None:
    made = flow(function, timeout_seconds=LIMIT_S, name="it")

    async def state() -> Any:
        found = made(return_state=True)
        return opaque(told(await found if hasattr(found, "__await__") else found))

    found = asyncio.run(flow(state)() if inner else state())
    assert (found.value if isinstance(found, opaque) else found) == ("FAILED", "TimedOut", TimedOut)


def test_generators_of_flows_have_limits_while_they_are_asked_for_values() -> None:
    ended: list[str] = []

    @flow(timeout_seconds=ENOUGH_S)
    def late() -> Iterator[int]:
        try:
            yield 1
            time.sleep(LONG_S)
            yield 2
        finally:
            ended.append("closed")

    @flow(timeout_seconds=ENOUGH_S)
    async def late_waiting() -> Any:
        try:
            yield 1
            await asyncio.sleep(LONG_S)
            yield 2
        finally:
            ended.append("closed")

    async def listed() -> list[int]:
        return [each async for each in late_waiting()]

    with pytest.raises(TimedOut):
        list(late())
    with pytest.raises(TimedOut):
        asyncio.run(listed())
    assert ended == ["closed"] * 2
    assert [run.status for run in motet.runs] == ["failed"] * 2


def test_a_coroutine_that_is_late_has_time_to_clean_up() -> None:
    """Its caller knows at once; what called it waits for it, and so does another attempt."""
    said: list[str] = []
    known = asyncio.Event()

    @task(timeout_seconds=ENOUGH_S, retries=1)
    async def slow() -> None:
        said.append("begins")
        try:
            await asyncio.sleep(LONG_S)
        finally:
            await (known.wait() if said.count("begins") == 2 else asyncio.sleep(LIMIT_S))
            said.append("cleaned up")

    @flow
    async def pipeline() -> str:
        state = await slow(return_state=True)
        said.append("known")
        known.set()
        return str(state.name)

    assert asyncio.run(pipeline()) == "TimedOut"
    assert said == ["begins", "cleaned up", "begins", "known", "cleaned up"]


# ---------------------------------------------------------------- states and futures that are returned


@task
def bad() -> None:
    raise ValueError("bad")


@task
def good() -> int:
    return 1


@task
def stopped() -> Any:
    return states.Cancelled(message="no more")


def test_states_that_a_flow_asked_for_come_back_as_states_and_futures_as_values() -> None:
    @flow
    def beside() -> Any:
        return "foo", bad(return_state=True), good(return_state=True), good.submit()

    @flow
    def named() -> Any:
        return {"ok": 1, "state": bad(return_state=True), "all": [stopped(return_state=True), 2]}

    foo, failed, fine, value = beside()
    assert (foo, failed.name, fine.result(), value) == ("foo", "Failed", 1, 1)
    found = named()
    assert (found["ok"], found["state"].name, found["all"][0].name) == (1, "Failed", "Cancelled")
    assert [run.status for run in motet.runs] == ["succeeded"] * 2
    assert newest().result["state"].name == "Failed"


@pytest.mark.parametrize("around", [opaque, quote])
def test_a_state_in_an_annotation_is_a_value(around: Any) -> None:
    @flow
    def pipeline() -> Any:
        return around(bad(return_state=True))

    state = pipeline(return_state=True)
    assert state.is_completed()
    assert isinstance(state.result(), around)
    assert pipeline().value.name == "Failed"
    assert [run.status for run in motet.runs] == ["succeeded"] * 2


@pytest.mark.parametrize("how", [
    lambda: stopped.submit(), lambda: [stopped.submit()], lambda: stopped(return_state=True),
    lambda: [good(return_state=True), bad(return_state=True), stopped(return_state=True)],
])  # fmt: skip
def test_cancelled_stays_cancelled(how: Any) -> None:
    state = flow(how, name="it")(return_state=True)
    assert (state.type, state.name, newest().status) == ("CANCELLED", "Cancelled", "cancelled")
    with pytest.raises(Cancelled):
        state.result()


def test_a_cancelled_state_is_not_tried_again() -> None:
    calls: list[int] = []

    @task(retries=3, retry_delay_seconds=0)
    def it() -> Any:
        calls.append(1)
        return states.Cancelled()

    @flow
    def pipeline() -> Any:
        return it(return_state=True).name, it.submit(return_state=True).name

    assert pipeline() == ("Cancelled", "Cancelled")
    assert len(calls) == 2


def test_states_are_equal_by_value() -> None:
    assert Completed() == Completed() != Completed(message="x")
    assert Failed(message="no") != Completed(message="no")
    assert Completed(data=[1]) == Completed(data=[1]) != Completed(data=[2])
    assert hash(Completed(data=[1])) == hash(Completed(data=[1]))
    assert Completed() != "Completed()"
    told_to: list[State] = []

    @flow(on_completion=[lambda flow, run, state: told_to.append(state)])
    def pipeline() -> Any:
        one, other = good.submit(), good.submit()
        wait([one, other])
        assert one.state == one.state != other.state
        assert len({one.state, one.state, other.state}) == 2
        return [1]

    assert pipeline(return_state=True) == told_to[0] != pipeline(return_state=True), "another run is another step"


def test_a_state_that_holds_a_failed_one_fails_as_that() -> None:
    with pytest.raises(ValueError, match="inner"):
        Failed(data=Failed(data=ValueError("inner"))).result()
    assert Failed(data=Completed(data=1)).type == StateType.FAILED


# ---------------------------------------------------------------- checks before the call, and what was looked at


def test_return_state_covers_what_is_checked_before_the_call() -> None:
    @flow
    def it(x: int) -> int:
        return x

    @flow
    async def waiting(x: int) -> int:
        return x

    @flow
    async def around() -> Any:
        found = [it("no", return_state=True), await waiting("no", return_state=True)]
        found.append(it.submit("no", return_state=True))
        return [state.name for state in found]

    wrong: Any = "no"
    assert it(wrong, return_state=True).name == "Failed"
    assert asyncio.run(waiting(wrong, return_state=True)).name == "Failed"
    assert isinstance(it(return_state=True).result(raise_on_failure=False), UsageError)  # type: ignore[call-arg]
    assert asyncio.run(around()) == ["Failed"] * 3
    with pytest.raises(UsageError):
        it(wrong)


@task
def increased(value: int) -> int:
    return value + 1


def test_a_look_at_what_was_not_run_is_one_at_the_cause() -> None:
    @flow
    def allowed(mapped: bool) -> str:
        first = bad.submit() if not mapped else broken_if_odd.map([0, 1])
        second = increased.submit(first) if not mapped else increased.map(first)
        third = increased.submit(second) if not mapped else increased.map(second)
        return good.submit(wait_for=[allow_failure(third)]).result() and "went on"  # type: ignore[return-value]

    @flow
    def asked() -> str:
        future = increased.submit(increased.submit(bad.submit()))  # type: ignore[arg-type]
        with pytest.raises(StepSkipped):
            future.result()
        return future.state.name

    assert allowed(False) == allowed(True) == "went on"
    assert asked() == "NotReady"

    @flow
    def unlooked() -> None:
        increased.submit(bad.submit())

    with pytest.raises(RunFailed, match="2/2 submitted tasks"):
        unlooked()


@task
def broken_if_odd(value: int) -> int:
    if value % 2:
        raise ValueError(value)
    return value


def test_wait_names_what_is_done_and_what_is_not() -> None:
    @flow
    def pipeline() -> Any:
        futures = increased.map([1, 2])
        found = wait(list(futures))
        assert found == (found.done, found.not_done) == (set(futures), set())
        assert list(as_completed(list(futures)))
        done, not_done = found
        return len(done), len(not_done)

    assert pipeline() == (2, 0)


@pytest.mark.parametrize("name", ["wait_for", "return_state"])
@pytest.mark.parametrize("decorator", [task, flow])
def test_names_that_calls_take_for_themselves_are_refused(decorator: Any, name: str) -> None:
    names: dict[str, Any] = {}
    exec(f"def it({name}=1): return 1\ndef only(*, {name}): return 1", names)
    for each in ("it", "only"):
        with pytest.raises(MotetError, match=name):
            decorator(names[each])

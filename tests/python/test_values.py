"""Values as flows see them: out of worker processes, after a crash, in groups; what cannot be kept is told in time."""

from __future__ import annotations

import sys
import types
from typing import Any

import pytest

import motet
from motet import flow, task
from motet.app import hosts
from motet.errors import ResultUnavailable


class Needs(Exception):
    """Takes more than its `args`."""

    def __init__(self, code: int, *, detail: str) -> None:
        super().__init__()
        self.code, self.detail = code, detail


class Delegates:
    def __init__(self) -> None:
        self.handle = 1

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


EXECUTORS = pytest.mark.parametrize("executor", ["", "threads", "processes"])


def done(executor: str, fn: Any, *args: Any) -> Any:
    """What a task of that function gives, in a flow."""
    made = task(executor=executor)(fn) if executor else task(fn)

    @flow
    def pipeline() -> Any:
        return made(*args)

    return pipeline()


def raise_from() -> None:
    try:
        raise Needs(1, detail="first")
    except Needs as first:
        raise KeyError("second") from first


def raise_group() -> None:
    raise ExceptionGroup("several", [Needs(1, detail="x"), ExceptionGroup("inner", [ValueError("v")])])


def give(value: Any) -> Any:
    return value


def give_delegates() -> Any:
    return [Delegates()]


@EXECUTORS
def test_what_an_error_was_raised_from_comes_with_it(executor: str) -> None:
    with pytest.raises(KeyError, match="second") as caught:
        done(executor, raise_from)
    cause = caught.value.__cause__
    assert isinstance(cause, Needs)
    assert (cause.code, cause.detail) == (1, "first")


@EXECUTORS
def test_groups_are_caught_by_type(executor: str) -> None:
    caught: list[Any] = []
    try:
        done(executor, raise_group)
    except* Needs as group:
        caught += [each.code for each in group.exceptions if isinstance(each, Needs)]
    except* ValueError as group:
        caught += [type(each) for each in group.exceptions]
    assert caught == [1, ExceptionGroup]


@EXECUTORS
def test_exceptions_are_arguments_and_results(executor: str) -> None:
    error = Needs(5, detail="d")
    error.__cause__ = ExceptionGroup("g", [Needs(6, detail="e")])
    again = done(executor, give, {"error": error})["error"]
    assert (type(again), again.code, again.detail) == (Needs, 5, "d")
    assert again.__cause__.exceptions[0].code == 6


def test_what_a_worker_cannot_send_back_fails_its_attempt() -> None:
    with pytest.raises(ResultUnavailable, match=r"cannot come back from the worker.*not loaded again: .*Delegates"):
        done("processes", give_delegates)
    assert type(done("threads", give_delegates)[0]) is Delegates


@task
def make_old(number: int) -> Any:
    return sys.modules["gone_by_then"].Old()


@flow
def with_old_ones() -> Any:
    made = [make_old(0), *make_old.map([1]).result()]
    if "gone_by_then" in sys.modules:
        raise ValueError("the first time")
    return made


def test_a_result_whose_class_is_gone_is_told_with_its_step_and_the_cure() -> None:
    module = types.ModuleType("gone_by_then")
    exec("class Old:\n    pass\nOld.__module__ = 'gone_by_then'", module.__dict__)
    sys.modules["gone_by_then"] = module
    with pytest.raises(ValueError, match="the first time"):
        with_old_ones()
    del sys.modules["gone_by_then"]
    run = next(iter(motet.runs))
    motet.resume(run.name)
    error = hosts.current().store.run(run.id).error
    assert "step with-old-ones/make_old-0 cannot" in error["message"] and "'gone_by_then'" in error["message"]
    assert f"motet resume {run.id} --rerun with-old-ones/make_old-0" in error["message"]
    for step in ("make_old-0", "make_old-1[0]"):
        with pytest.raises(ResultUnavailable, match="cannot be had again") as told:
            _ = run.steps[step].result
        assert f"motet fork {run.name} --from " in told.value.cure and step in told.value.what

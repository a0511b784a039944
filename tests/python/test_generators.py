"""Generators and async generators as tasks and flows; methods, callables and partials."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tests.cli.conftest import PATIENCE_S, Cli, cli  # noqa: F401 - a fixture

from motet import flow, task
from motet.app import hosts
from motet.ports import StepRow


def recorded(workflow: str) -> dict[str, StepRow]:
    """The steps of the newest run of that workflow."""
    store = hosts.current().store
    run = next(each for each in store.runs() if each.workflow == workflow)
    found = {step.key: store.step(run.id, step.key) for step in store.steps(run.id)}
    return {key: step for key, step in found.items() if step is not None}


@task
def double(value: int) -> int:
    return 2 * value


@task
def count(size: int) -> Iterator[int]:
    yield from range(size)
    return "counted"  # type: ignore[return-value]


@task
async def count_async(size: int) -> AsyncIterator[int]:
    for number in range(size):
        await asyncio.sleep(0)
        yield number


# ---------------------------------------------------------------- generators


def test_values_come_one_by_one_and_steps_between_them() -> None:
    seen: list[str] = []

    @task
    def tell(size: int) -> Iterator[int]:
        for number in range(size):
            seen.append(f"made {number}")
            yield double(number)
        seen.append("ended")

    @flow
    def pipeline() -> int:
        total = 0
        for value in tell(2):
            seen.append(f"got {value}")
            total += double(value)
        return total

    assert pipeline() == 4
    assert seen == ["made 0", "got 0", "made 1", "got 2", "ended"]
    keys = set(recorded("pipeline"))
    assert keys == {
        "pipeline", "pipeline/tell-0", "pipeline/tell-0/double-0", "pipeline/tell-0/double-1", "pipeline/double-0",
        "pipeline/double-1",
    }  # fmt: skip


def test_what_a_generator_is_sent_thrown_and_returns() -> None:
    @task
    def echo() -> Any:
        got = yield "ready"
        try:
            yield f"got {got}"
        except KeyError as error:
            yield f"caught {error}"
        return "bye"

    @flow
    def pipeline() -> Any:
        generator = echo()
        told = [next(generator), generator.send(1), generator.throw(KeyError("k"))]
        with pytest.raises(StopIteration, match="bye"):
            next(generator)
        return told

    assert pipeline() == ["ready", "got 1", "caught 'k'"]


def test_a_generator_that_is_closed_early_has_ended_well() -> None:
    closed: list[bool] = []

    @task
    def endless() -> Iterator[int]:
        number = 0
        try:
            while True:
                yield number
                number += 1
        finally:
            closed.append(True)

    @flow
    def pipeline() -> int:
        for value in endless():
            if value == 2:
                return value
        return -1

    assert pipeline() == 2
    assert closed == [True]
    assert recorded("pipeline")["pipeline/endless-0"].status == "succeeded"


def test_a_generator_that_fails() -> None:
    @task
    def broken() -> Iterator[int]:
        yield 1
        raise ValueError("in between")

    @flow
    def pipeline() -> list[int]:
        generator = broken()
        got = [next(generator)]
        with pytest.raises(ValueError, match="in between"):
            next(generator)
        return got

    assert pipeline() == [1]
    assert recorded("pipeline")["pipeline/broken-0"].status == "failed"


def test_async_generators() -> None:
    @flow
    async def pipeline() -> Any:
        values = [value async for value in count_async(3)]
        async for value in count_async(100):
            if value == 1:
                break
        return values, list(count(2))

    assert asyncio.run(pipeline()) == ([0, 1, 2], [0, 1])


@pytest.mark.parametrize("executor", ["threads", "processes"])
def test_a_submitted_generator_gives_the_list_of_its_values(executor: str) -> None:
    @flow
    def pipeline() -> Any:
        sync, other = count.with_options(executor=executor), count_async.with_options(executor=executor)
        state = count(1, return_state=True)
        return sync.submit(3).result(), other.submit(2).result(), sync.map([1, 2]).result(), state.result()

    assert pipeline() == ([0, 1, 2], [0, 1], [[0], [0, 1]], [0])


def test_flows_that_yield() -> None:
    @flow
    def numbers(size: int) -> Iterator[int]:
        for value in range(size):
            yield double(value)

    @flow
    async def numbers_async(size: int) -> AsyncIterator[int]:
        for value in range(size):
            yield double(value)

    @flow
    def pipeline() -> list[int]:
        return list(numbers(3))

    async def main() -> list[int]:
        return [value async for value in numbers_async(2)]

    assert list(numbers(2)) == [0, 2]
    for value in numbers(100):
        if value == 4:
            break
    assert hosts.current().store.runs()[0].status == "succeeded"
    assert numbers(2, return_state=True).result() == [0, 2]
    assert asyncio.run(main()) == [0, 2]
    assert pipeline() == [0, 2, 4]


def test_on_resume_a_recorded_generator_gives_what_it_gave(cli: Cli) -> None:  # noqa: F811
    cli.write(
        "flows.py",
        """
        import os
        import random
        from motet import flow, task

        @task
        def draw():
            for _ in range(3):
                yield random.random()

        @task
        def note(value):
            with open(os.environ["COUNT"], "a") as file:
                file.write(f"{value}\\n")
            return value

        @flow
        def pipeline():
            values = [note(value) for value in draw()]
            if not os.path.exists("mended"):
                os.kill(os.getpid(), 9)
            return values
        """,
    )
    process = cli.start("run", "flows.py", "--name", "mine")
    process.communicate(timeout=PATIENCE_S)
    (cli.folder / "mended").touch()
    done = cli("resume", "mine")
    assert len(cli.counted()) == 3
    assert all(value in done.out for value in cli.counted())


# ---------------------------------------------------------------- methods, callables, partials


class Model:
    """Has tasks and flows of every kind."""

    def __init__(self, factor: int) -> None:
        self.factor = factor

    @task
    def scaled(self, value: int) -> int:
        return self.factor * value

    @task
    async def scaled_later(self, value: int) -> int:
        return self.factor * value

    @classmethod
    @task
    def named(cls, value: int) -> str:
        return f"{cls.__name__} {value}"

    @task
    @classmethod
    def named_too(cls, value: int) -> str:
        return f"{cls.__name__} {value}"

    @staticmethod
    @task
    def plain(value: int) -> int:
        return -value

    @task
    @staticmethod
    def plain_too(value: int) -> int:
        return -value

    @flow
    def train(self, value: int) -> int:
        return self.scaled(value)

    @flow
    @classmethod
    def build(cls, value: int) -> str:
        return cls.named_too(value)  # type: ignore[no-any-return, call-arg, misc, arg-type]


def test_methods() -> None:
    model = Model(3)

    @flow
    def pipeline() -> Any:
        return (
            model.scaled(2), model.scaled.submit(3).result(), model.scaled.map([1, 2]).result(), Model.named(1),
            Model.named_too(2), model.plain(1), Model.plain_too(2), model.train(4), asyncio.run(model.scaled_later(5)),
        )  # fmt: skip

    assert pipeline() == (6, 9, [3, 6], "Model 1", "Model 2", -1, -2, 12, 15)
    assert model.train(5) == 15
    assert Model.build(1) == "Model 1"
    assert Model(7).scaled(1) == 7, "outside a flow it is a method"


def test_a_run_of_a_method_is_resumed_with_its_object(cli: Cli) -> None:  # noqa: F811
    cli.write(
        "flows.py",
        """
        import os
        from motet import flow, task

        class Model:
            def __init__(self, factor):
                self.factor = factor

            @flow
            def train(self, value: int):
                if not os.path.exists("mended"):
                    raise ValueError("not yet")
                return self.factor * value

        if __name__ == "__main__":
            Model(3).train(5)
        """,
    )
    cli("run", "flows.py", "--name", "mine", code=1)
    Path(cli.folder / "mended").touch()
    assert "Result: 15" in cli("resume", "mine").out


def test_callable_objects_and_partials() -> None:
    class Adder:
        def __init__(self, more: int) -> None:
            self.more = more
            self.name = "not the task's"

        def __call__(self, value: int) -> int:
            return value + self.more

    def power(base: int, exponent: int) -> int:
        return base**exponent

    add, square = task(Adder(2)), task(partial(power, exponent=2))

    @flow
    def pipeline() -> Any:
        return add(1), add.submit(2).result(), square(3), square.map([1, 2]).result()

    assert pipeline() == (3, 4, 9, [1, 4])
    assert (add.name, square.name) == ("Adder", "power")
    assert flow(partial(power, 2))(3) == 8

"""Checkpoints of tasks: kept while they run, begun from by whatever attempt follows, in every kind of task."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import motet
from motet import app, checkpoints, flow, task
from motet.checkpoints import Checkpoints
from motet.engine.host import Host
from motet.errors import NotFound, ResultUnavailable, StaleAttempt, UsageError
from motet.ports import Store


def host() -> Host:
    return app.hosts.current()


def store() -> Store:
    return host().store


def newest() -> str:
    return store().runs()[0].id


def kept(step: str, run: str = "") -> list[checkpoints.Checkpoint]:
    return checkpoints.of_step(store(), run or newest(), step)


def events(kind: str, run: str = "") -> list[Any]:
    return [each for each in store().history(run or newest()) if each["event"] == kind]


def damage(digest: str) -> None:
    path = Path(host().home, "artifacts", digest[:2], digest[2:])
    path.chmod(0o600)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def trained(begun: list[int] | Path, fails_at: int, epochs: int = 8) -> float:
    """A training that draws on chance, and fails once after that epoch. Says in which epoch it began."""
    state = motet.last_checkpoint({"epoch": 0, "w": np.zeros(500), "rng": np.random.default_rng(7)})
    if isinstance(begun, Path):
        with open(begun, "a") as file:
            file.write(f"{state['epoch']}\n")
    else:
        begun.append(state["epoch"])
    for epoch in range(state["epoch"], epochs):
        state["w"] = state["w"] * 0.9 + state["rng"].normal(size=500)
        state["epoch"] = epoch + 1
        motet.checkpoint(state, epoch=epoch + 1)
        if epoch + 1 == fails_at and not motet.last_checkpoint().get("failed"):
            motet.checkpoint({**state, "failed": True}, epoch=epoch + 1)
            raise RuntimeError("it breaks")
    return float(state["w"].sum())


WHOLE = trained([], 0)
"""What comes of a training that nothing interrupts: outside of any run, where nothing is kept."""


@pytest.mark.parametrize("executor", ["", "threads", "processes"])
def test_the_next_attempt_begins_from_the_last_checkpoint(executor: str, tmp_path: Path) -> None:
    begun = tmp_path / "begun"
    train = task(trained, name="train", retries=1, executor=executor)

    @flow
    def study() -> float:
        return train(begun, 3) if not executor else train.submit(begun, 3).result()

    assert study() == WHOLE
    assert begun.read_text().split() == ["0", "3"]
    told = events("step.checkpointed")
    assert [each["number"] for each in told] == [*range(1, 10)]
    assert [each.get("attempt", 1) for each in told] == [1] * 4 + [2] * 5
    assert [each["labels"]["epoch"] for each in told] == [1, 2, 3, 3, 4, 5, 6, 7, 8]
    assert {each.digest for each in kept("study/train-0")} == {each["digest"] for each in told}


def test_in_coroutines() -> None:
    begun: list[int] = []

    @task(retries=1)
    async def train() -> float:
        await asyncio.sleep(0)
        return trained(begun, 5)

    @flow
    async def study() -> float:
        return await train()

    assert asyncio.run(study()) == WHOLE
    assert begun == [0, 5]


@pytest.mark.parametrize("executor", ["threads", "processes"])
def test_each_element_of_a_map_has_its_own(executor: str, tmp_path: Path) -> None:
    @task(retries=2, executor=executor)
    def count(name: str, tries: int) -> int:
        tried = motet.last_checkpoint(0)
        (tmp_path / name).open("a").write(f"{tried}\n")
        motet.checkpoint(tried + 1)
        if tried + 1 < tries:
            raise RuntimeError("again")
        return tried + 1

    @flow
    def study() -> list[int]:
        return count.map(["a", "b", "c"], [1, 2, 3]).result()

    assert study() == [1, 2, 3]
    assert [(tmp_path / name).read_text().split() for name in "abc"] == [["0"], ["0", "1"], ["0", "1", "2"]]
    assert {key: len(found) for key, found in checkpoints.of_run(store(), newest()).items()} == {
        f"study/count-0[{place}]": place + 1 for place in range(3)
    }


def test_a_resumed_run_begins_from_it_and_one_run_anew_does_not() -> None:
    begun: list[int] = []
    fails = [True, True]

    @task
    def train() -> int:
        begun.append(motet.last_checkpoint(0))
        for epoch in range(begun[-1], 4):
            motet.checkpoint(epoch + 1)
            if epoch == 1 and fails and fails.pop():
                raise RuntimeError("it breaks")
        return 4

    @flow
    def study() -> int:
        return train()

    with pytest.raises(RuntimeError):
        study()
    run = newest()
    carried_on(study, run)
    assert begun == [0, 2]
    assert store().run(run).status == "succeeded"

    with pytest.raises(RuntimeError):
        study()
    run = newest()
    carried_on(study, run, rerun=["study/train-0"])
    assert begun == [0, 2, 0, 0]
    assert [each.number for each in kept("study/train-0", run)] == [1, 2, 3, 4, 5, 6]


def carried_on(of: Any, run: str, rerun: Any = ()) -> None:
    driver = host().take_up(run, reopen=True, rerun=rerun)
    of.drive(driver, {})


def test_outside_of_a_run_nothing_is_kept_and_in_a_flow_it_is_refused() -> None:
    assert motet.checkpoint({"epoch": 1}) == 0
    assert motet.last_checkpoint("none") == "none"
    assert motet.checkpoint_folder().is_dir()

    @flow
    def study() -> None:
        for ask in (lambda: motet.checkpoint(1), motet.last_checkpoint, motet.checkpoint_folder):
            with pytest.raises(UsageError, match="is a flow"):
                ask()

    study()


def test_a_state_that_cannot_be_kept_is_refused_at_once() -> None:
    @task
    def ask(what: str) -> str:
        state = {"lock": threading.Lock(), "generator": (each for each in ())}[what]
        with pytest.raises(UsageError, match="cannot be kept as a checkpoint of asking/ask-"):
            motet.checkpoint(state)
        with pytest.raises(UsageError, match="given nothing to keep"):
            motet.checkpoint()
        with pytest.raises(UsageError, match="no label"):
            motet.checkpoint(1, losses=[1, 2])  # type: ignore[arg-type]
        return what

    @flow
    def asking() -> list[str]:
        return [ask("lock"), ask("generator")]

    assert asking() == ["lock", "generator"]
    assert not events("step.checkpointed")
    assert not list(Path(host().home, "artifacts").glob("*/*"))


def test_an_attempt_that_was_given_up_is_refused() -> None:
    """A thread cannot be killed: what it says after its time is up is late, and the next attempt does not see it."""
    told: list[Any] = []
    going_on, late = threading.Event(), threading.Event()

    @task(retries=100, timeout_seconds=0.2, executor="threads")
    def train() -> Any:
        if not told:
            told.append(motet.checkpoint("in time"))  # if it is not, the next attempt tries
            going_on.wait()
            try:
                told.append(motet.checkpoint("late"))
            except StaleAttempt as error:
                told.append(error)
            late.set()
            return "given up"
        going_on.set()
        late.wait()
        return motet.last_checkpoint()

    @flow
    def study() -> Any:
        return train.submit().result()

    assert study() == "in time"
    assert told[0] == 1
    assert isinstance(told[1], StaleAttempt)
    (one,) = kept("study/train-0")
    assert one.number == 1
    assert f"Attempt {one.attempt} at study/train-0 is over" in str(told[1])
    assert len(list(Path(host().home, "artifacts").glob("*/*"))) == 1


@pytest.mark.parametrize("executor", ["", "processes"])
def test_a_damaged_one_is_passed_over(executor: str, tmp_path: Path) -> None:
    step = "study/train-0"

    @task(retries=1, executor=executor)
    def train(spoiled: Path) -> Any:
        last = motet.last_checkpoint("nothing")
        if last != "nothing":
            return last
        for number in (1, 2, 3):
            motet.checkpoint(f"state {number}" * 1000)
        spoiled.touch()
        while spoiled.exists():
            time.sleep(0.01)
        raise RuntimeError("it breaks")

    @flow
    def study() -> Any:
        future = train.submit(tmp_path / "spoiled") if executor else None
        if future is None:
            threading.Thread(target=spoil, daemon=True).start()
            return train(tmp_path / "spoiled")
        spoil()
        return future.result()

    def spoil() -> None:
        while not (tmp_path / "spoiled").exists():
            time.sleep(0.01)
        for one in kept(step)[1:]:
            damage(one.digest)
        (tmp_path / "spoiled").unlink()

    assert study() == "state 1" * 1000


def test_a_state_whose_class_is_gone_is_told(tmp_path: Path) -> None:
    import sys
    import types

    module = types.ModuleType("gone_by_then")
    exec("class State:\n    pass\nState.__module__ = 'gone_by_then'", module.__dict__)

    @task(retries=1)
    def train() -> str:
        if "gone_by_then" not in sys.modules:
            with pytest.raises(ResultUnavailable, match=r"last checkpoint of study/train-0 cannot be loaded"):
                motet.last_checkpoint()
            return "told"
        motet.checkpoint(module.State())
        del sys.modules["gone_by_then"]
        raise RuntimeError("it breaks")

    @flow
    def study() -> str:
        sys.modules["gone_by_then"] = module
        return train()

    assert study() == "told"


@pytest.mark.parametrize("executor", ["", "processes"])
def test_files_of_a_folder_are_kept_with_it(executor: str) -> None:
    @task(retries=1, executor=executor)
    def train() -> dict[str, str]:
        folder = motet.checkpoint_folder()
        found = {str(each.relative_to(folder)): each.read_text() for each in folder.rglob("*") if each.is_file()}
        if found:
            assert os.readlink(folder / "last") == "deep/er/weights"
            assert os.access(folder / "run.sh", os.X_OK)
            return {**found, "state": motet.last_checkpoint("none")}
        (folder / "deep" / "er").mkdir(parents=True)
        (folder / "deep" / "er" / "weights").write_text("w" * 3_000_000)
        (folder / "last").symlink_to("deep/er/weights")
        (folder / "empty").touch()
        (folder / "run.sh").write_text("x")
        (folder / "run.sh").chmod(0o700)
        motet.checkpoint("state", epoch=1)
        (folder / "empty").write_text("not kept")
        raise RuntimeError("it breaks")

    @flow
    def study() -> dict[str, str]:
        return train.submit().result() if executor else train()

    weights = "w" * 3_000_000
    assert study() == {
        "deep/er/weights": weights, "last": weights, "empty": "", "run.sh": "x", "state": "state",
    }  # fmt: skip


def test_the_oldest_go_when_they_take_too_much(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOTET_CHECKPOINTS", "250Ki")

    @task
    def train() -> None:
        for number in range(1, 9):
            assert motet.checkpoint(os.urandom(60_000), epoch=number) == number

    @flow
    def study() -> None:
        train()

    study()
    found = kept("study/train-0")
    assert [each.number for each in found] == [5, 6, 7, 8]
    files = {path.parent.name + path.name for path in Path(host().home, "artifacts").glob("*/*")}
    assert files == {each.digest for each in found}
    assert store().artifacts() == files
    assert checkpoints.chosen(found, "epoch=6", "s").number == 6
    assert checkpoints.chosen(found, "last", "s").number == 8
    with pytest.raises(NotFound, match=r"no checkpoint '1'.*\n.*5 \(epoch=5\), 6"):
        checkpoints.chosen(found, "1", "s")


def test_two_are_kept_whatever_they_take(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOTET_CHECKPOINTS", "1Ki")

    @task
    def train() -> None:
        for _ in range(4):
            motet.checkpoint(os.urandom(60_000))

    @flow
    def study() -> None:
        train()

    study()
    assert [each.number for each in kept("study/train-0")] == [3, 4]


def test_lists_of_a_run_that_is_gone_go_with_their_artifacts() -> None:
    @task
    def train() -> None:
        motet.checkpoint(os.urandom(5000))

    @flow
    def study() -> None:
        train()

    study()
    listed = Checkpoints(store(), host().artifacts, None)
    assert listed.runs() == [newest()]
    assert listed.forget_run(newest()) > 5000
    assert listed.runs() == []
    assert store().artifacts() == set()
    assert not list(Path(host().home, "artifacts").glob("*/*"))


def test_many_threads_of_one_task_may_keep() -> None:
    """Each number is given once, from whatever thread that has the task's context."""
    from concurrent.futures import ThreadPoolExecutor
    from contextvars import copy_context

    @task(executor="processes")
    def train() -> list[int]:
        with ThreadPoolExecutor(4) as pool:
            contexts = [copy_context() for _ in range(12)]
            return sorted(pool.map(lambda context: context.run(motet.checkpoint, "state"), contexts))

    @flow
    def study() -> list[int]:
        return train.submit().result()

    assert study() == [*range(1, 13)]


def test_a_forked_child_of_a_task_is_refused() -> None:
    @task(executor="processes")
    def train() -> int:
        child = os.fork()
        if not child:
            code = 1
            try:
                motet.checkpoint("from the child")
            except UsageError:
                code = 7
            finally:
                os._exit(code)
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

    @flow
    def study() -> int:
        return train.submit().result()

    assert study() == 7
    assert not events("step.checkpointed")

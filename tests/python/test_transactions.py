"""Transactions: done as a whole or undone, also across crashes, retries and resumes."""

from __future__ import annotations

import threading
import time
from contextlib import closing, suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from tests.cli.conftest import Cli, cli

from motet import CommitMode, app, flow, get_transaction, task, transaction
from motet.errors import UsageError
from motet.stores.sqlite import SqliteStore

__all__ = ["cli"]


class World:
    """Tasks that write into a list what they do, and undo it."""

    def __init__(self) -> None:
        self.did: list[str] = []
        self.write: Any = task(name="write", on_rollback=[self.undo], on_commit=[self.seal])(self._write)

    def _write(self, name: str) -> str:
        self.did.append(f"write {name}")
        return name

    def undo(self, txn: Any) -> None:
        self.did.append(f"undo {txn.get('run', '-')}")

    def seal(self, txn: Any) -> None:
        self.did.append(f"seal {txn.get('run', '-')}")


@pytest.fixture
def world() -> World:
    return World()


@task
def fail() -> None:
    raise ValueError("bad quality")


def test_a_block_that_ends_well_is_committed(world: World) -> None:
    @flow
    def main() -> bool:
        with transaction() as txn:
            txn.set("run", 7)
            world.write("a")
            world.write("b")
            assert get_transaction() is txn and txn.is_active()
        return txn.is_committed()

    assert main()
    assert world.did == ["write a", "write b", "seal 7", "seal 7"]


@pytest.mark.parametrize("how", ["call", "submit", "map"])
def test_a_block_that_fails_is_undone_from_its_end(how: str) -> None:
    undone: list[str] = []
    made = []
    for name in ("a", "b"):
        each: Any = task(lambda number: number, name=name)
        each.on_rollback(lambda txn, name=name: undone.append(name))
        made.append(each)

    @flow
    def main() -> None:
        with transaction():
            for each in made:
                if how == "call":
                    each(1)
                elif how == "submit":
                    each.submit(1)
                else:
                    each.map([1, 2])
            fail()

    with pytest.raises(ValueError, match="bad quality"):
        main()
    assert undone == (["b", "a"] if how != "map" else ["b", "b", "a", "a"])


def test_only_what_succeeded_is_undone(world: World) -> None:
    bad: Any = task(on_rollback=[lambda txn: world.did.append("never")])(fail.fn)

    @flow
    def main() -> str:
        try:
            with transaction():
                world.write("a")
                bad()
        except ValueError:
            world.write("outside")
        return "handled"

    assert main() == "handled"
    assert world.did == ["write a", "undo -", "write outside"]


def test_a_hook_that_fails_does_not_keep_the_others_from_being_called(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    broken: Any = task(name="broken", on_rollback=[lambda txn: 1 / 0])(lambda: None)

    @flow
    def main() -> None:
        with transaction():
            world.write("a")
            broken()
            fail()

    with pytest.raises(ValueError, match="bad quality"):
        main()
    assert world.did == ["write a", "undo -"]
    assert "rollback of broken failed" in caplog.text


def test_a_commit_that_fails_undoes_the_block(world: World) -> None:
    @flow
    def main() -> None:
        with transaction() as txn:
            world.write("a")
            txn.stage(1, on_commit_hooks=[lambda txn: 1 / 0])

    with pytest.raises(ZeroDivisionError):
        main()
    assert world.did == ["write a", "seal -", "undo -"]


@pytest.mark.parametrize(
    ("mode", "wanted"),
    [
        ("LAZY", ["write a", "write b", "undo 2", "undo 1"]),
        (CommitMode.EAGER, ["write a", "write b", "seal 2", "undo 1"]),
    ],
)
def test_nested_blocks(world: World, mode: Any, wanted: list[str]) -> None:
    @flow
    def main() -> None:
        with transaction() as outer:
            outer.set("run", 1)
            world.write("a")
            with transaction(commit_mode=mode) as inner:
                inner.set("run", 2)
                world.write("b")
            fail()

    with pytest.raises(ValueError, match="bad quality"):
        main()
    assert world.did == wanted


@pytest.mark.parametrize("how", ["by hand", "caught", "in a flow"])
def test_a_nested_block_that_is_undone_undoes_those_around_it(world: World, how: str) -> None:
    @flow
    def below() -> None:
        with transaction() as inner:
            world.write("b")
            inner.rollback()

    @flow
    def main() -> list[bool]:
        with transaction() as outer:
            outer.set("run", "outer")
            world.write("a")
            with transaction() as middle, suppress(ValueError):
                middle.set("run", "middle")
                if how == "in a flow":
                    below()
                else:
                    with transaction() as inner:
                        inner.set("run", "inner")
                        world.write("b")
                        inner.rollback() if how == "by hand" else fail()
            world.write("afterwards")
        return [middle.is_rolled_back(), outer.is_rolled_back()]

    assert main() == [True, True]
    inner = "middle" if how == "in a flow" else "inner"
    assert world.did == ["write a", "write b", f"undo {inner}", "undo outer", "write afterwards"]


def test_a_block_that_nobody_commits_is_undone(world: World) -> None:
    @flow
    def main() -> list[bool]:
        with transaction(commit_mode="OFF") as first:
            world.write("a")
        with transaction(commit_mode="off") as second:
            world.write("b")
            second.commit()
        return [first.is_rolled_back(), second.is_committed()]

    assert main() == [True, True]
    assert world.did == ["write a", "undo -", "write b", "seal -"]


def test_values_are_copies_and_found_in_the_block_around() -> None:
    with transaction() as outer:
        outer.set("names", ["a"])
        with transaction() as inner:
            inner.get("names").append("b")
            assert inner.get("names") == ["a"]
            assert inner.get("nothing", None) is None
            with pytest.raises(ValueError, match="nothing"):
                inner.get("nothing")
    assert get_transaction() is None


def test_a_key_is_committed_once_for_all_runs(world: World) -> None:
    @flow
    def main(number: int, again: bool = False) -> Any:
        with transaction("report", overwrite=again) as txn:
            if txn.is_committed():
                return "found", txn.read()
            world.write("a")
            txn.stage({"number": number})
        return "made", txn.read()

    assert main(1) == ("made", {"number": 1})
    assert main(2) == ("found", {"number": 1})
    assert main(3, again=True) == ("made", {"number": 3})
    assert main(4) == ("found", {"number": 3})


def test_a_block_that_fails_leaves_its_key_free() -> None:
    @flow
    def main(bad: bool) -> bool:
        with transaction("report") as txn:
            txn.stage(1)
            if bad:
                fail()
        return txn.is_committed()

    with pytest.raises(ValueError, match="bad quality"):
        main(True)
    assert main(False)


def test_serializable_blocks_of_one_key_come_one_after_the_other() -> None:
    spans: list[tuple[float, float]] = []

    def work() -> None:
        with transaction("one", isolation_level="SERIALIZABLE", overwrite=True):
            began = time.monotonic()
            time.sleep(0.02)
            spans.append((began, time.monotonic()))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    spans.sort()
    assert len(spans) == 4
    assert all(one[1] <= other[0] for one, other in pairwise(spans))


def test_what_makes_no_sense_is_said() -> None:
    with pytest.raises(UsageError, match="no CommitMode"), transaction(commit_mode="LATER"):
        pass
    with pytest.raises(UsageError, match="Give it a key"), transaction(isolation_level="SERIALIZABLE"):
        pass


def test_a_task_that_is_called_like_a_rollback_is_none(world: World) -> None:
    ran: list[str] = []
    attempts: list[int] = []

    @task(name="rollback write")
    def mine() -> int:
        ran.append("mine")
        return 1

    @flow(retries=1)
    def main() -> int:
        attempts.append(1)
        one = mine()
        with suppress(ValueError), transaction():
            world.write(f"{len(attempts)}")
            fail()
        if len(attempts) == 1:
            raise RuntimeError("once more")
        return one

    assert main() == 1
    assert ran == ["mine"], "it has succeeded, and is not put aside with what was undone"
    host = app.hosts.current()
    (run,) = host.store.runs()
    steps = {step.key: step.status for step in host.store.steps(run.id)}
    assert steps["main/rollback write-0"] == "succeeded"


def test_a_retry_of_the_flow_does_again_what_was_undone(world: World) -> None:
    tries: list[int] = []
    kept: list[str] = []

    @task
    def keep() -> None:
        kept.append("kept")

    @task
    def check(name: str) -> None:
        tries.append(1)
        if len(tries) == 1:
            raise ValueError("not yet")

    @flow(retries=1)
    def main() -> None:
        keep()
        with transaction():
            check(world.write("a"))

    main()
    assert world.did == ["write a", "undo -", "write a", "seal -"]
    assert kept == ["kept"], "what was not undone is not done again"


SCRIPT = """
    import os, time
    from motet import flow, get_transaction, task, transaction

    def note(word):
        with open(os.environ["COUNT"], "a") as file:
            file.write(f"{word}\\n")

    @task
    def write(name):
        note(f"write-{name}")
        get_transaction().set("run", "x")
        return name

    @write.on_rollback
    def undo(txn):
        note(txn.get("what") + txn.get("run"))
        if os.environ.get("LINGER") == "undo":
            time.sleep(3600)

    @task
    def check(name):
        note("check")
        if os.environ.get("LINGER") == "check":
            time.sleep(3600)
        if not os.environ.get("GOOD"):
            raise ValueError("bad quality")

    @flow
    def main():
        with transaction() as txn:
            txn.set("what", "undo-")
            a = write("a")
            b = write("b")
            check(b)
        return a
"""


def test_a_block_that_is_killed_goes_on_where_it_was(cli: Cli) -> None:
    cli.write("script.py", SCRIPT)
    process = cli.start("run", "script.py", "--name", "mine", env={**cli.env, "LINGER": "check"})
    cli.wait_for_count(3, process)
    process.kill()
    process.communicate()
    cli("resume", "mine", code=1)
    assert cli.counted() == ["write-a", "write-b", "check", "check", "undo-x", "undo-x"]
    with closing(SqliteStore(str(cli.home))) as store:
        assert store.documents("python", "transaction values") == [], "they are kept as long as the block lasts"


def test_a_rollback_that_is_killed_goes_on_where_it_was(cli: Cli) -> None:
    cli.write("script.py", SCRIPT)
    process = cli.start("run", "script.py", "--name", "mine", env={**cli.env, "LINGER": "undo"})
    cli.wait_for_count(4, process)
    process.kill()
    process.communicate()
    before = cli.counted()
    cli("resume", "mine", code=1)
    assert cli.counted() == [*before, "undo-x", "undo-x"], "the hook that was under way, then the other one"
    assert "bad quality" in cli("show", "mine").out


def test_a_run_that_failed_is_resumed_with_the_whole_of_what_was_undone(cli: Cli) -> None:
    cli.write("script.py", SCRIPT)
    cli("run", "script.py", "--name", "mine", code=1)
    before = cli.counted()
    assert before == ["write-a", "write-b", "check", "undo-x", "undo-x"]
    cli.env["GOOD"] = "1"
    cli("resume", "mine")
    assert cli.counted() == [*before, "write-a", "write-b", "check"]


def test_a_run_that_is_stopped_in_a_block_undoes_nothing(cli: Cli) -> None:
    cli.write("script.py", SCRIPT)
    process = cli.start("run", "script.py", "--name", "mine", env={**cli.env, "LINGER": "check"})
    cli.wait_for_count(3, process)
    process.send_signal(2)
    process.communicate()
    cli.env["GOOD"] = "1"
    cli("resume", "mine")
    assert cli.counted() == ["write-a", "write-b", "check", "check"]


def test_the_lock_of_a_killed_process_is_free(cli: Cli, tmp_path: Path) -> None:
    cli.write("script.py", SCRIPT.replace("transaction() as", 'transaction("k", isolation_level="SERIALIZABLE") as'))
    process = cli.start("run", "script.py", "--name", "mine", env={**cli.env, "LINGER": "check"})
    cli.wait_for_count(3, process)
    assert cli.json("limit", "ls")[0]["used"] == 1
    process.kill()
    process.communicate()
    cli.env["GOOD"] = "1"
    cli("run", "script.py", "--name", "other")
    assert app.home() == str(cli.home)


# ---------------------------------------------------------------- values of tasks


@pytest.mark.parametrize("way", ["call", "submit", "map"])
@pytest.mark.parametrize("fails", [False, True])
def test_a_value_that_a_task_sets_is_its_own(way: str, fails: bool) -> None:
    said: list[str] = []

    @task
    def write(name: str) -> str:
        transactions = get_transaction()
        assert transactions is not None
        transactions.set("path", name)
        return str(transactions.get("path") + transactions.get("block"))

    write.on_rollback(lambda made: said.append("undo " + made.get("path")))
    write.on_commit(lambda made: said.append("commit " + made.get("path")))

    @flow
    def pipeline() -> Any:
        with transaction() as made:
            made.set("block", "!")
            if way == "call":
                found = [write("a"), write("b")]
            else:
                found = write.map(["a", "b"]) if way == "map" else [write.submit("a"), write.submit("b")]  # type: ignore[assignment]
                found = found.result() if way == "map" else [each.result() for each in found]  # type: ignore[attr-defined]
            assert made.get("path", "none") == "none"
            if fails:
                raise RuntimeError
        return found

    state = pipeline(return_state=True)
    assert said == (["undo b", "undo a"] if fails else ["commit a", "commit b"])
    assert fails or state.result() == ["a!", "b!"]

"""People in the loop: a flow asks, the process may end, the answer is checked, recorded and given again."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any, Literal

import pytest
from pydantic import BaseModel, Field
from tests.cli.conftest import PATIENCE_S, Cli, cli

from motet import (
    RunInput,
    apause_flow_run,
    app,
    asuspend_flow_run,
    flow,
    pause_flow_run,
    questions,
    resume_flow_run,
    suspend_flow_run,
    task,
)  # fmt: skip
from motet.errors import Suspended, UsageError
from motet.ports import STEERING, Publication
from motet.stores.sqlite import SqliteStore

__all__ = ["cli"]


class Approval(BaseModel):
    approved: bool
    comment: str = ""
    rate: float = Field(default=0.1, gt=0)


@contextmanager
def answered(*inputs: dict[str, Any] | None) -> Iterator[None]:
    """Answer the questions of the newest run one after the other, from another thread, each when it is asked."""
    failed: list[BaseException] = []

    def work() -> None:
        store = app.hosts.current().store
        seen: set[str] = set()
        try:
            for each in inputs:
                until = time.monotonic() + PATIENCE_S
                while not (asked := [q for q in store.documents("python", "wait") if q.key not in seen]):
                    assert time.monotonic() < until, "nothing is asked"
                    time.sleep(0.005)
                if each is None or "bad" not in each:
                    seen.add(asked[0].key)
                resume_flow_run(asked[0].key.partition("/")[0], {k: v for k, v in (each or {}).items() if k != "bad"})
        except BaseException as error:  # noqa: BLE001 - raised again below
            failed.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    yield
    thread.join(PATIENCE_S)
    assert not failed, failed


def test_a_flow_is_given_the_answer_as_its_model() -> None:
    @flow
    def main() -> Approval:
        found: Approval = pause_flow_run(wait_for_input=Approval)
        return found

    with answered({"approved": True, "comment": "fine"}):
        assert main() == Approval(approved=True, comment="fine")
    assert app.hosts.current().store.documents("python", "wait") == []


def test_a_plain_type_and_a_word_to_go_on() -> None:
    @flow
    def main() -> list[Any]:
        return [pause_flow_run(wait_for_input=int, key="number"), pause_flow_run(), pause_flow_run(Literal["a", "b"])]

    with answered({"value": 3}, None, {"value": "b"}):
        assert main() == [3, None, "b"]


def test_coroutines_ask_while_their_loop_goes_on() -> None:
    @flow
    async def main() -> list[Any]:
        async def answer() -> int:
            store, count = app.hosts.current().store, 0
            for given in ({}, {"value": 3}):
                while not (
                    asked := [q for q in store.documents("python", "wait") if bool(q.body["schema"]) == bool(given)]
                ):
                    await asyncio.sleep(0.005)
                resume_flow_run(asked[0].key.partition("/")[0], given)
                count += 1
            return count

        async def ask() -> Any:
            return await apause_flow_run(), await apause_flow_run(wait_for_input=int, key="number")

        return list(await asyncio.gather(ask(), answer()))

    assert asyncio.run(main()) == [(None, 3), 2]


def test_a_coroutine_can_suspend_its_run() -> None:
    @flow
    async def main() -> int:
        found: int = await asuspend_flow_run(wait_for_input=int)
        return found

    with pytest.raises(Suspended, match="it waits for input value"):
        asyncio.run(main())
    assert app.hosts.current().store.runs(limit=1)[0].owner is None


def test_an_answer_that_does_not_fit_is_refused_and_waited_for_again(caplog: pytest.LogCaptureFixture) -> None:
    @flow
    def main() -> Approval:
        found: Approval = pause_flow_run(wait_for_input=Approval)
        return found

    with answered({"approved": True, "rate": -1, "bad": True}, {"approved": False}):
        assert main() == Approval(approved=False)
    assert "rate: Input should be greater than 0" in caplog.text


@pytest.mark.parametrize("values", [5, [1], "word"])
def test_an_answer_that_is_published_by_hand_and_is_none_is_refused(
    values: Any, caplog: pytest.LogCaptureFixture
) -> None:
    @flow
    def main() -> Approval:
        store = app.hosts.current().store
        value = {"step": "main/pause-0", "values": values}
        run = store.runs(limit=1)[0].id
        store.publish([Publication(questions.ANSWER, value, STEERING, "by hand", run, "", time.time())])
        found: Approval = pause_flow_run(wait_for_input=Approval)
        return found

    with answered({"approved": True}):
        assert main() == Approval(approved=True)
    assert "An answer was refused" in caplog.text


def test_what_can_be_seen_at_once_not_to_fit_is_said_to_whoever_answers() -> None:
    body = {"for": "answer", "schema": Approval.model_json_schema(), "description": "", "step": "main/pause-0"}
    for values, said in [
        ({"aproved": True}, "Did you mean approved"),
        ({}, "approved missing"),
        ({"approved": "perhaps"}, "approved is 'perhaps'"),
        ({"approved": True, "rate": "much"}, "rate is 'much'"),
    ]:
        with pytest.raises(UsageError, match=said):
            questions.check(body, values)
    questions.check(body, {"approved": True, "rate": 1})


def test_a_timeout() -> None:
    @flow
    def main() -> None:
        pause_flow_run(timeout=0.02)

    with pytest.raises(TimeoutError, match="Nobody has answered"):
        main()


def test_initial_data_are_defaults() -> None:
    class Review(RunInput):
        note: str

    @flow
    def main() -> Any:
        return pause_flow_run(wait_for_input=Review.with_initial_data(description="Look at it", note="nothing"))

    with answered({}):
        assert main().note == "nothing"


def test_a_task_cannot_pause_its_run() -> None:
    @task
    def work() -> None:
        pause_flow_run()

    @flow
    def main() -> None:
        work()

    with pytest.raises(UsageError, match="body of a flow"):
        main()
    with pytest.raises(UsageError, match="body of a flow"):
        pause_flow_run()


def test_a_run_that_asks_nothing_cannot_be_answered() -> None:
    flow(lambda: 1, name="main").with_options(flow_run_name="done")()
    with pytest.raises(UsageError, match="asked nothing"):
        resume_flow_run("done", {})


def test_a_suspended_flow_tells_its_caller() -> None:
    done: list[int] = []

    @task
    def work() -> None:
        done.append(1)

    @flow(flow_run_name="mine")
    def main() -> None:
        work.submit()
        try:
            suspend_flow_run(wait_for_input=Approval)
        except Exception:
            done.append(100)
            raise

    with pytest.raises(Suspended, match=r"mine is suspended.*approved \(boolean\)"):
        main()
    assert done == [1], "what was submitted has ended, and the flow's own handlers saw no failure"
    row = app.hosts.current().store.find_runs("mine")[0]
    assert (row.status, row.owner) == ("running", None)


SCRIPT = """
    import os
    from pydantic import BaseModel, Field
    from motet import flow, pause_flow_run, suspend_flow_run, task

    def note(word):
        with open(os.environ["COUNT"], "a") as file:
            file.write(f"{word}\\n")

    class Approval(BaseModel):
        approved: bool
        version: str = "1.0"
        rate: float = Field(default=0.1, gt=0)

    @task
    def before():
        note("before")

    @flow
    def pausing():
        before()
        found = pause_flow_run(wait_for_input=Approval, description="Deploy?")
        note(f"{found.approved}-{found.version}")

    @flow
    def suspending():
        before()
        found = suspend_flow_run(wait_for_input=Approval)
        note(f"{found.approved}-{found.version}")

    @flow
    def going_on():
        before()
        suspend_flow_run()
        note("after")
"""


def asks(cli: Cli) -> None:
    """Wait until a question is open."""
    until = time.monotonic() + PATIENCE_S
    while True:
        if (cli.home / "store.db").exists():
            with closing(SqliteStore(str(cli.home))) as store:
                if store.documents("python", "wait"):
                    return
        assert time.monotonic() < until
        time.sleep(0.02)


def test_answer_from_the_command_line(cli: Cli) -> None:
    cli.write("script.py", SCRIPT)
    process = cli.start("run", "script.py:pausing", "--name", "mine")
    asks(cli)
    assert cli.json("show", "mine")["status"] == "waiting"
    assert "waiting" in cli("ls").out
    assert [each["name"] for each in cli.json("ls", "--status", "waiting")] == ["mine"]
    assert cli.json("ls", "--status", "running") == []
    shown = cli("show", "mine").out
    assert "approved (boolean)" in shown and "Deploy?" in shown
    assert "motet answer mine -p approved=..." in shown
    assert "approved missing" in cli("answer", "mine", code=2).err
    assert "Did you mean approved" in cli("answer", "mine", "-p", "aproved=true", code=2).err
    assert (
        "rate: Input should be greater than 0"
        in cli("answer", "mine", "-p", "approved=true", "-p", "rate=-1", code=2).err
    )
    assert "waits for input" in cli("resume", "mine", code=2).err
    cli("answer", "mine", "-p", "approved=true", "-p", "version=1.10")
    process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0
    assert cli.counted() == ["before", "True-1.10"], "what is to be text stays as it was typed"
    assert "asked nothing" in cli("answer", "mine", code=2).err


def test_an_answer_given_while_no_process_lives_is_there_on_resume(cli: Cli) -> None:
    cli.write("script.py", SCRIPT)
    process = cli.start("run", "script.py:pausing", "--name", "mine")
    asks(cli)
    process.kill()
    process.communicate()
    assert cli.json("show", "mine")["status"] == "crashed"
    cli("answer", "mine", "-p", "approved=false")
    assert cli.wait_for_status("mine", "succeeded", "failed")["status"] == "succeeded"
    assert cli.counted() == ["before", "False-1.0"]


def test_suspend_ends_the_process_and_the_answer_starts_another(cli: Cli) -> None:
    cli.write("script.py", SCRIPT)
    done = cli("run", "script.py:suspending", "--name", "mine", code=3)
    assert "motet answer mine -p approved=..." in done.err
    assert cli.json("show", "mine")["status"] == "waiting"
    assert cli("doctor").out.count("crashed") == 1, "0 crashed"
    assert "does not fit" in cli("answer", "mine", "-p", "approved=true", "-p", "rate=-1", code=2).err
    cli("answer", "mine", "-p", "approved=true")
    assert cli.wait_for_status("mine", "succeeded", "failed")["status"] == "succeeded"
    assert cli.counted() == ["before", "True-1.0"]


def test_resume_is_the_word_to_go_on(cli: Cli) -> None:
    cli.write("script.py", SCRIPT)
    cli("run", "script.py:going_on", "--name", "mine", code=3)
    cli("resume", "mine")
    assert cli.counted() == ["before", "after"]


def test_a_suspended_run_can_be_stopped(cli: Cli) -> None:
    cli.write("script.py", SCRIPT)
    cli("run", "script.py:suspending", "--name", "mine", code=3)
    cli("stop", "mine")
    assert cli.json("show", "mine")["status"] == "cancelled"
    assert "asked nothing" in cli("answer", "mine", "-p", "approved=true", code=2).err

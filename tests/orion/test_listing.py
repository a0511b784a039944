"""The beta's first example, as it was written, with each number of failures."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.orion.running import LISTING, Done, run

API = "Task run 'call_unreliable_api-48f93715-0'"
AUGMENT = "Task run 'augment_data-505b3e0c-0'"
WRITE = "Task run 'write_to_database-d58974ba-0'"
ID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
RETRY = (
    "INFO Received non-final state 'AwaitingRetry' when proposing final state 'Failed' and will attempt to run again..."
)


def failure(path: Path) -> list[str]:
    """What an attempt that failed is told by; the traceback begins in the user's file."""
    return [
        "ERROR Encountered exception during execution:",
        "Traceback (most recent call last):",
        f'  File "{path}", line 10, in call_unreliable_api',
        '    raise Exception("Our unreliable service failed.")',
        "Exception: Our unreliable service failed.",
    ]


@pytest.fixture(params=["python", "motet"])
def perform(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, object]:
    """The listing in a file, and how to run it: with the import line changed, or as it is with `--door orion`."""
    path = tmp_path / "pipeline.py"
    if request.param == "python":
        path.write_text(LISTING.replace("from prefect import", "from motet.orion import"))
        return path, lambda draws: run(str(path), draws=draws)
    path.write_text(LISTING)
    return path, lambda draws: run("run", "--door", "orion", str(path), draws=draws, how="motet")


def flow_name(done: Done) -> str:
    (created,) = done.said["prefect.engine"]
    found = re.fullmatch(r"INFO Created flow run '([a-z]+-[a-z]+)' for flow 'pipeline'", created)
    assert found is not None, created
    return found[1]


def begin(last: str) -> list[str]:
    return [
        "INFO Using task runner 'ConcurrentTaskRunner'",
        "INFO Created task run 'call_unreliable_api-48f93715-0' for task 'call_unreliable_api'",
        "INFO Created task run 'augment_data-505b3e0c-0' for task 'augment_data'",
        "INFO Created task run 'write_to_database-d58974ba-0' for task 'write_to_database'",
        last,
    ]


@pytest.mark.parametrize("failures", [0, 1, 2, 3])
def test_it_completes(perform: tuple[Path, object], failures: int) -> None:
    path, go = perform
    done: Done = go(",".join("1" * failures + "0"))  # type: ignore[operator]
    assert done.code == 0, done.err
    lines = done.out.splitlines()
    assert lines[0] == "Wrote {'data': 42, 'message': '0'} to database successfully!"
    completed = r"Completed\(message=None, type=COMPLETED, result=%s, task_run_id=" + ID + r"\)"
    if "run" not in done.out.splitlines()[-1]:
        states = ", ".join(
            completed % re.escape(each) for each in [*["{'data': 42, 'message': '0'}"] * 2, "'Success!'"]
        )
        assert re.fullmatch(
            rf"Completed\(message='All states completed.', type=COMPLETED, result=\[{states}\], flow_run_id={ID}\)",
            lines[1],
        ), lines[1]

    said = done.said
    name = flow_name(done)
    assert said[f"Flow run '{name}'"] == begin("INFO Finished in state Completed('All states completed.')")
    assert said[API] == [*[*failure(path), RETRY] * failures, "INFO Finished in state Completed()"]
    assert said[AUGMENT] == ["INFO Finished in state Completed()"]
    assert said[WRITE] == ["INFO Finished in state Completed()"]
    assert set(said) == {"prefect.engine", f"Flow run '{name}'", API, AUGMENT, WRITE}


def test_all_four_attempts_fail(perform: tuple[Path, object]) -> None:
    path, go = perform
    done: Done = go("1,1,1,1")  # type: ignore[operator]
    assert done.code == 0, done.err
    assert "Wrote" not in done.out

    said = done.said
    name = flow_name(done)
    assert said[f"Flow run '{name}'"] == begin("ERROR Finished in state Failed('1/3 states failed.')")
    assert said[API] == [
        *[*failure(path), RETRY] * 3, *failure(path),
        "ERROR Finished in state Failed('Task run encountered an exception.')",
    ]  # fmt: skip
    upstream = rf"Upstream task run '{ID}' did not reach a 'COMPLETED' state\."
    for each in (AUGMENT, WRITE):
        (told,) = said[each]
        assert re.fullmatch(rf'ERROR Finished in state NotReady\("{upstream}", type=PENDING\)', told), told
    assert "motet" not in done.err
    if "Run " not in done.out:
        not_ready = rf'NotReady\(message="{upstream}", type=PENDING, result=None, task_run_id={ID}\)'
        failed = (
            r"Failed\(message='Task run encountered an exception.', type=FAILED, "
            rf"result=Exception\('Our unreliable service failed.'\), task_run_id={ID}\)"
        )
        assert re.fullmatch(
            rf"Failed\(message='1/3 states failed.', type=FAILED, result=\[{failed}, {not_ready}, {not_ready}\], "
            rf"flow_run_id={ID}\)\n",
            done.out,
        ), done.out


def test_a_named_flow_that_fails_is_told_by_the_exit_code(tmp_path: Path) -> None:
    """A script is given the state and may do as it likes; whoever names the flow is not."""
    path = tmp_path / "pipeline.py"
    path.write_text(LISTING)
    options = ["run", "--door", "orion", f"{path}:pipeline", "-p", "msg=0"]
    assert run(*options, draws="1,1,1,1", how="motet").code == 1
    assert run(*options, draws="0", how="motet").code == 0


def test_the_users_seed_stays_the_users(tmp_path: Path) -> None:
    path = tmp_path / "pipeline.py"
    seeded = LISTING.replace("from prefect import", "from motet.orion import").replace(
        "import random\n", "import random\nrandom.seed(7)\n", 1
    )
    path.write_text(seeded.replace("pipeline(0) #", "(pipeline(0), random.random())[1] #"))
    import random

    plain = random.Random(7)
    while plain.choice(["data", "Failure"]) == "Failure":
        pass
    assert run(str(path)).out.splitlines()[-1] == repr(plain.random())

"""What `import prefect` gives through the doors, and what it refuses."""

from __future__ import annotations

import os
import re
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest
from tests.orion.running import run

from motet.dialects.python.doors import open_door
from motet.dialects.python.orion.served import SERVED as BETAS
from motet.dialects.python.prefect.choosing import face_of
from motet.dialects.python.prefect.served import SERVED as TODAYS
from motet.errors import NotServed

TABLES = {"prefect": TODAYS, "orion": BETAS}


@pytest.fixture(autouse=True)
def without_prefect(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [each for each in sys.modules if each.partition(".")[0] == "prefect"]:
        monkeypatch.delitem(sys.modules, name)


@pytest.mark.parametrize("door", TABLES)
def test_every_name_of_the_table_is_there(door: str) -> None:
    with open_door(door):
        for module, names in TABLES[door].items():
            found = import_module(module)
            assert [name for name in names if getattr(found, name, None) is None] == [], module


@pytest.mark.parametrize(
    ("line", "cure"),
    [
        ("from prefect.workers.base import BaseWorker", "motet submit"),
        ("from prefect.assets import materialize", "lineage"),
        ("from prefect.results import ResultStore", "MOTET_HOME"),
        ("from prefect.server.api.server import create_app", "motet server"),
        ("from prefect.task_runners import DaskTaskRunner", "processes"),
        ("from prefect.deployments import DeploymentSpec", "--door orion"),
        ("from prefect.flow_runners import SubprocessFlowRunner", "--door orion"),
        ("from prefect.input import send_input", "motet.publish"),
        ("from prefect import flw", "Did you mean flow?"),
        ("import prefect.nothing", "motet migrate prefect"),
        ("import prefect; prefect.nothing", "motet migrate prefect"),
    ],
)
def test_what_is_not_served_fails_at_import_with_what_to_do(line: str, cure: str) -> None:
    with open_door("prefect"), pytest.raises(NotServed) as caught:
        exec(line, {})
    assert isinstance(caught.value, ImportError)
    assert cure in caught.value.cure


def test_whoever_asks_may_do_without() -> None:
    script = "try:\n    from prefect.assets import materialize\nexcept ImportError:\n    materialize = None\n"
    with open_door("prefect"):
        exec(script, found := {})
    assert found["materialize"] is None


def test_a_module_is_reached_by_its_package() -> None:
    with open_door("prefect"):
        import prefect

        assert prefect.blocks.system.Secret.__name__ == "Secret"
        with pytest.raises(AttributeError):
            _ = prefect.__wrapped__


def test_a_face_lists_a_package_of_served_modules() -> None:
    face = face_of("prefect")
    assert face.names("prefect.blocks") is not None
    assert face.names("prefect.concurrency") == ()
    assert face.names("prefect.nothing") is None


SCRIPT = """from prefect import flow, task

@task(retries=1)
def flaky(seen=[]):
    seen.append(1)
    if len(seen) == 1:
        raise ValueError("not yet")
    return 5

@flow(log_prints=True)
def pipeline(count: int = 2):
    print(flaky() + count)

if __name__ == "__main__":
    pipeline.serve(name="daily", cron="0 6 * * *", parameters={"count": 3})
"""


def test_a_script_that_serves_runs_once_and_logs_in_prefects_words(tmp_path: Path) -> None:
    path = tmp_path / "script.py"
    path.write_text(SCRIPT)
    done = run("run", str(path), how="motet")
    assert done.code == 0, done.err
    (name,) = re.findall(r"Run (\S+) \(\w+\) succeeded", done.out)
    assert done.said["prefect.engine"] == [f"INFO Created flow run '{name}' for flow 'pipeline'"]
    assert done.said[f"Flow run '{name}'"] == [
        "INFO Created task run 'flaky-0' for task 'flaky'", "INFO 8", "INFO Finished in state Completed()"
    ]  # fmt: skip
    told = done.said["Task run 'flaky-0'"]
    assert told[0] == "ERROR Task run failed with exception: ValueError('not yet') - Retry 1/1 will start immediately"
    assert "ValueError: not yet" in told
    assert told[-1] == "INFO Finished in state Completed()"
    assert f"motet schedule add {path}:pipeline --cron '0 6 * * *'" in done.err


CAUGHT = """import sys
from prefect import flow, task

@task
def bad(): raise ValueError("bad")

@flow
def inner(): bad()

@flow
def outer(): inner()

try:
    outer()
except ValueError:
    print("caught")
print(outer(return_state=True).name)
sys.exit(0)
"""


def test_a_script_that_catches_a_failure_ends_as_the_script_ends(tmp_path: Path) -> None:
    path = tmp_path / "script.py"
    path.write_text(CAUGHT)
    done = run("run", str(path), how="motet")
    assert done.code == 0, done.err
    assert done.out.splitlines()[:2] == ["caught", "Failed"]
    assert done.said["Flow run 'inner-0'"][:2] == [
        "INFO Created subflow run 'inner-0' for flow 'inner'", "INFO Created task run 'bad-0' for task 'bad'"
    ]  # fmt: skip
    assert done.err.count("ValueError: bad\n") == 6, "each failure is told once: of the task, and of both flows, twice"
    path.write_text(CAUGHT.replace("sys.exit(0)", "sys.exit(7)"))
    assert run("run", str(path), how="motet").code == 7
    path.write_text(CAUGHT.replace("ValueError:", "KeyError:"))
    assert run("run", str(path), how="motet").code == 1
    assert run("run", f"{path}:outer", how="motet").code == 1


BETA = """from prefect import flow, task
from prefect.deployments import DeploymentSpec
from prefect.flow_runners import SubprocessFlowRunner
from prefect.orion.schemas.schedules import CronSchedule

@task
def one(): return 1

@flow
def pipeline():
    print("got", one().result())

DeploymentSpec(flow=pipeline, name="daily", schedule=CronSchedule(cron="0 6 * * *"), flow_runner=SubprocessFlowRunner())
"""


def test_deployments_of_the_beta_are_made_and_the_flow_runs(tmp_path: Path) -> None:
    path = tmp_path / "script.py"
    path.write_text(BETA)
    done = run("run", str(path), how="motet")
    assert (done.code, done.out.splitlines()[0]) == (0, "got 1"), done.err
    assert "door orion: task calls give futures" in done.err
    assert "Deployments are not run; the flow is." in done.err


WORKER = """import os
import prefect
from helping import times
from prefect import flow, task

@task
def where(x):
    from prefect.runtime import task_run
    return prefect.tags is not None and times(x), task_run.task_name, os.getpid()

@flow(task_runner=prefect.task_runners.ProcessPoolTaskRunner())
def pipeline():
    value, name, process = where.submit(2).result()
    print(value, name, process != os.getpid())

pipeline()
"""


def test_tasks_in_processes_come_through_the_same_door(tmp_path: Path) -> None:
    (tmp_path / "helping.py").write_text("from prefect import task\n\ndef times(x): return 2 * x\n")
    path = tmp_path / "script.py"
    path.write_text(WORKER)
    done = run("run", str(path), how="motet")
    assert (done.code, done.out.splitlines()[0]) == (0, "4 where True"), done.err
    assert "MOTET_STANDS_IN" not in os.environ


ACCEPTED = """
import asyncio
from prefect import flow, pause_flow_run, task, variables
from prefect.cache_policies import INPUTS, TASK_SOURCE, CompoundCachePolicy, Inputs
from prefect.concurrency.sync import concurrency
from prefect.deployments import Deployment, run_deployment
from prefect.filesystems import S3
from prefect.server.schemas.schedules import CronSchedule
from prefect.transactions import atransaction, transaction

called, said = [], []

@task(cache_policy=Inputs(exclude=["y"]).configure(isolation_level="SERIALIZABLE"), result_storage=S3.load("mine"))
def by_x(x, y):
    called.append((x, y))
    return x

@task(cache_policy=CompoundCachePolicy(policies=[INPUTS, TASK_SOURCE]))
def both(x): return x

@flow
def accepted(count: int = 1):
    by_x(1, 2), by_x(1, 3)
    future = both.submit(2)
    with concurrency("db", create_if_missing=True), transaction("once", store=None):
        said.append((variables.get("nothing", 3), future.get_state() is not None, future.result()))
    said.append(both(3, return_state=True).result(fetch=True))
    try:
        pause_flow_run(timeout=0.01, poll_interval=1)
    except TimeoutError:
        said.append("nobody answered")
    return count

@flow
async def later():
    async with atransaction(key="then") as txn:
        txn.set("a", 1)
    said.append(await both(3, return_state=True).aresult())
    said.append(await both.submit(4))

accepted()
asyncio.run(later())
daily = CronSchedule(cron="0 1 * * *", timezone="UTC")
Deployment.build_from_flow(flow=accepted, name="d", schedule=daily, work_queue_name="q").apply()
run = run_deployment("accepted/d", parameters={"count": 9}, timeout=0)
said.append((run.state.name, run.state.result()))
"""


def test_what_prefect_takes_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("accepted")
    monkeypatch.setitem(sys.modules, "accepted", module)
    found = vars(module)
    with open_door("prefect"):
        exec(ACCEPTED, found)
    assert found["called"] == [(1, 2)]
    once = [(3, True, 2), 3, "nobody answered"]
    assert found["said"] == [*once, 3, 4, *once, *once, ("Completed", 9)]


LISTING = Path(__file__).parents[1] / "orion" / "listing.txt"


def test_a_listing_that_fits_both_doors_goes_through_todays_and_tells_its_states(tmp_path: Path) -> None:
    path = tmp_path / "pipeline.py"
    path.write_text(LISTING.read_text())
    done = run("run", str(path), draws="1,0", how="motet")
    assert done.out.splitlines()[0] == "Wrote {'data': 42, 'message': '0'} to database successfully!", done.err
    told = {who: lines[-1] for who, lines in done.said.items() if "run " in who}
    assert set(told.values()) == {"INFO Finished in state Completed()"}
    assert len(told) == 4
    assert any("Retry 1/3 will start immediately" in line for line in done.said["Task run 'call_unreliable_api-0'"])


HOOKS = """
from prefect import flow, task
from prefect.states import Failed

told = []

def hear(what, run, state): told.append((what.name, state.message))

@task(on_failure=[hear])
def bad(): raise ValueError("boom")

@flow(on_failure=[hear])
def failing(): bad()

@flow(on_failure=[hear])
def returning(): return Failed(message="as said")

failing(return_state=True), returning(return_state=True)
"""


def test_hooks_are_told_in_prefects_words() -> None:
    with open_door("prefect"):
        exec(HOOKS, found := {"__name__": "hooks"})
    assert found["told"] == [
        ("bad", "Task run encountered an exception ValueError: boom"),
        ("failing", "Flow run encountered an exception: ValueError: boom"),
        ("returning", "as said"),
    ]

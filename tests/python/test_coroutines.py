"""Async flows and tasks: what they give, under which keys, what stops them, and what a crash leaves."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import threading
import time
from typing import Any

import pytest
from tests.cli.conftest import PATIENCE_S, Cli, cli  # noqa: F401 - a fixture

from motet import as_completed, flow, task
from motet.app import hosts
from motet.errors import Cancelled, MotetError, TimedOut
from motet.ports import STEERING, Publication
from motet.states import Completed


def steps(name: str) -> dict[str, str]:
    """The keys of the newest run of that workflow, with their statuses."""
    store = hosts.current().store
    run = next(each for each in store.runs() if each.workflow == name)
    return {step.key: step.status for step in store.steps(run.id)}


@task
async def later(value: Any, pause_s: float = 0.0) -> Any:
    await asyncio.sleep(pause_s)
    return value


@task
def double(value: int) -> int:
    return 2 * value


# ---------------------------------------------------------------- values


def test_what_ends_an_async_flow_is_what_its_caller_is_told() -> None:
    class Odd(BaseException):
        """Neither an error nor an interruption."""

    @flow
    async def main() -> None:
        raise Odd("so it is")

    with pytest.raises(Odd, match="so it is"):
        asyncio.run(main())


def test_a_call_gives_a_coroutine_and_awaiting_it_the_value() -> None:
    @flow
    async def pipeline() -> Any:
        made = later(3)
        assert asyncio.iscoroutine(made)
        state = await later(4, return_state=True)
        return await made, state.name, state.result()

    assert asyncio.run(pipeline()) == (3, "Completed", 4)


def test_tasks_and_subflows_run_together_under_gather() -> None:
    async def meet(value: int) -> int:
        """Comes back once three are there at the same time."""
        await barrier.wait()
        return value

    meeting = task(meet)

    @flow
    async def below(value: int) -> int:
        return await meeting(value)

    @flow
    async def pipeline() -> list[int]:
        return list(await asyncio.gather(meeting(1), below(2), below(3)))

    barrier = asyncio.Barrier(3)
    assert asyncio.run(pipeline()) == [1, 2, 3]


def test_sync_and_async_mix() -> None:
    @flow
    def plain_below() -> int:
        return double(4)

    @flow
    async def async_below() -> int:
        return await later(5)

    @flow
    async def pipeline() -> Any:
        return double(await later(1)), plain_below(), await async_below()

    @flow
    def outer() -> Any:
        return asyncio.run(pipeline()), asyncio.run(later(6)), async_below.submit().result()

    assert asyncio.run(pipeline()) == (2, 8, 5)
    assert outer() == ((2, 8, 5), 6, 5)


def test_outside_a_flow_an_async_task_is_its_function() -> None:
    assert asyncio.run(later(1)) == 1


@pytest.mark.parametrize("executor", ["", "threads", "processes"])
def test_submitted_coroutines_run_in_a_loop_of_their_own(executor: str) -> None:
    submitted = later.with_options(executor=executor)

    @flow
    def pipeline() -> Any:
        return submitted.submit(1).result(), submitted.map([2, 3]).result()

    assert pipeline() == (1, [2, 3])


def test_futures_can_be_awaited() -> None:
    @flow
    async def pipeline() -> Any:
        first = double.submit(1)
        several = later.map([1, 2])
        together = await asyncio.gather(first, double.submit(first))
        return together, await several, await asyncio.wait_for(first, PATIENCE_S), await first.result_async(PATIENCE_S)

    assert asyncio.run(pipeline()) == ([2, 4], [1, 2], 2, 2)


def test_a_future_that_is_awaited_too_long_goes_on() -> None:
    @task
    def held() -> int:
        go.wait()
        return 1

    @flow
    async def pipeline() -> int:
        future = held.submit()
        with pytest.raises(TimeoutError):
            await future.result_async(0.01)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(future, 0.01)
        go.set()
        return await future

    go = threading.Event()
    assert asyncio.run(pipeline()) == 1


def test_as_completed_for_coroutines() -> None:
    @flow
    async def pipeline() -> Any:
        futures = {double.submit(each): each for each in range(4)}
        found = {}
        async for future in as_completed(futures, timeout=PATIENCE_S):
            found[futures[future]] = future.result()
        return found

    assert asyncio.run(pipeline()) == {0: 0, 1: 2, 2: 4, 3: 6}


def test_the_loop_goes_on_while_the_flow_waits() -> None:
    @task
    def held() -> None:
        assert go.wait(PATIENCE_S)

    @flow
    async def pipeline() -> None:
        future = held.submit()
        asyncio.get_running_loop().call_later(0.01, go.set)
        await future

    go = threading.Event()
    asyncio.run(pipeline())


# ---------------------------------------------------------------- keys


def test_keys_do_not_depend_on_who_is_first() -> None:
    """Each asyncio task counts its calls for itself, so results land under the same keys whatever the order."""

    async def two(name: str, first: asyncio.Event, then: asyncio.Event) -> None:
        await first.wait()
        await later(f"{name} first")
        then.set()
        await later(f"{name} second")

    @flow
    async def pipeline(left_first: bool) -> None:
        left, right = asyncio.Event(), asyncio.Event()
        (left if left_first else right).set()
        async with asyncio.TaskGroup() as group:
            group.create_task(two("left", left, right))
            group.create_task(two("right", right, left))

    def results(left_first: bool) -> dict[str, Any]:
        asyncio.run(pipeline(left_first))
        store = hosts.current().store
        run = store.runs(limit=1)[0].id
        return {each.key: store.step(run, each.key).result for each in store.steps(run) if each.task == "later"}

    assert results(True) == results(False) == {
        "pipeline/two~0/later-0": "left first", "pipeline/two~0/later-1": "left second",
        "pipeline/two~1/later-0": "right first", "pipeline/two~1/later-1": "right second",
    }  # fmt: skip


def test_the_loop_s_own_task_factory_is_put_back() -> None:
    made = []

    def factory(loop: asyncio.AbstractEventLoop, coro: Any, **options: Any) -> Any:
        made.append(coro)
        return asyncio.Task(coro, loop=loop, **options)

    @flow
    async def pipeline() -> None:
        await asyncio.gather(later(1), later(2))

    async def main() -> None:
        loop = asyncio.get_running_loop()
        loop.set_task_factory(factory)
        await asyncio.gather(pipeline(), pipeline())
        assert loop.get_task_factory() is factory

    asyncio.run(main())
    assert len(made) >= 6


# ---------------------------------------------------------------- failures and stops


def test_attempts_and_failures() -> None:
    tries: list[int] = []

    @task(retries=2, retry_delay_seconds=0.01)
    async def flaky() -> int:
        tries.append(1)
        await asyncio.sleep(0)
        if len(tries) < 3:
            raise ValueError("not yet")
        return len(tries)

    @task
    async def broken() -> None:
        raise KeyError("gone")

    @flow
    async def pipeline() -> int:
        with pytest.raises(KeyError, match="gone"):
            await broken()
        return await flaky()

    assert asyncio.run(pipeline()) == 3


def test_an_async_task_out_of_time_is_cancelled_where_it_waits() -> None:
    ended: list[str] = []

    @task(timeout_seconds=0.5)
    async def endless() -> None:
        try:
            await asyncio.sleep(PATIENCE_S)
        finally:
            ended.append(threading.current_thread().name)

    @flow(timeout_seconds=0.05)
    async def slow() -> None:
        await asyncio.sleep(PATIENCE_S)

    @flow
    async def pipeline() -> Any:
        with pytest.raises(TimedOut, match=r"0\.5 s"):
            await endless()
        state = await endless(return_state=True)
        return state.name, state.type, (await slow(return_state=True)).name

    assert asyncio.run(pipeline()) == ("TimedOut", "FAILED", "TimedOut")
    assert ended == [threading.current_thread().name] * 2


def test_a_flow_waits_for_the_steps_of_its_asyncio_tasks() -> None:
    @flow
    async def pipeline() -> str:
        kept.append(asyncio.create_task(later("left behind", 0.05)))
        await asyncio.sleep(0)
        return "ended"

    kept: list[Any] = []
    assert asyncio.run(pipeline()) == "ended"
    assert steps("pipeline") == {"pipeline": "succeeded", "pipeline/later-0": "succeeded"}


def test_what_is_left_behind_cannot_add_to_a_run_that_has_ended() -> None:
    async def straggle() -> None:
        await go.wait()
        await later(1)

    @flow
    async def pipeline() -> None:
        kept.append(asyncio.create_task(straggle()))

    async def main() -> None:
        await pipeline()
        go.set()
        with pytest.raises(MotetError, match="has ended"):
            await kept[0]

    kept: list[Any] = []
    go = asyncio.Event()
    asyncio.run(main())


def test_a_step_whose_caller_gives_up_is_cancelled() -> None:
    @flow
    async def pipeline() -> str:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.02):
                await later("never", PATIENCE_S)
        return await later("on")

    assert asyncio.run(pipeline()) == "on"
    assert steps("pipeline")["pipeline/later-0"] == "cancelled"


def test_a_flow_that_is_cancelled_ends_as_cancelled() -> None:
    @flow
    async def pipeline() -> None:
        await later(1, PATIENCE_S)

    async def main() -> None:
        running = asyncio.create_task(pipeline())
        while "pipeline/later-0" not in hosts_steps():
            await asyncio.sleep(0.01)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

    def hosts_steps() -> dict[str, str]:
        try:
            return steps("pipeline")
        except StopIteration:
            return {}

    asyncio.run(main())
    assert hosts.current().store.runs()[0].status == "cancelled"
    assert set(steps("pipeline").values()) == {"cancelled"}


def test_a_run_that_is_stopped_from_outside_is_cancelled_where_it_waits() -> None:
    seen: list[str] = []

    @flow
    async def pipeline() -> None:
        try:
            stopping.set()
            await later(1, PATIENCE_S)
        except asyncio.CancelledError:
            seen.append("cancelled")
            raise

    def stop() -> None:
        stopping.wait()
        store = hosts.current().store
        store.publish([Publication("run.stop", "enough", STEERING, "test", store.runs()[0].id, "", time.time())])

    stopping = threading.Event()
    thread = threading.Thread(target=stop)
    thread.start()
    with pytest.raises(Cancelled):
        asyncio.run(pipeline())
    thread.join()
    assert seen == ["cancelled"]
    assert hosts.current().store.runs()[0].status == "cancelled"


def test_a_returned_state_and_returned_futures() -> None:
    @flow
    async def given() -> Any:
        return Completed(message="by hand", data=5)

    @flow
    async def submitted() -> Any:
        return {"a": [double.submit(2)], "b": double.submit(3)}

    state = asyncio.run(given(return_state=True))
    assert (state.message, state.result()) == ("by hand", 5)
    assert asyncio.run(given()) == 5
    assert asyncio.run(submitted()) == {"a": [4], "b": 6}


def test_a_submitted_failure_that_nobody_saw_fails_an_async_flow() -> None:
    @task
    async def broken() -> None:
        raise ValueError("unseen")

    @flow
    async def pipeline() -> None:
        broken.submit()

    with pytest.raises(MotetError, match="unseen"):
        asyncio.run(pipeline())


# ---------------------------------------------------------------- the command line


FLOWS = """
    import asyncio
    import os

    from motet import flow, task


    def count(word):
        with open(os.environ["COUNT"], "a") as file:
            file.write(f"{word}\\n")


    @task
    async def slow(number, seconds=0.2):
        count(number)
        await asyncio.sleep(seconds)
        return number


    async def twice(number, seconds):
        return await slow(await slow(number, seconds), seconds)


    @flow
    async def crawl(size: int = 4, seconds: float = 0.2) -> int:
        return sum(await asyncio.gather(*(twice(number, seconds) for number in range(size))))
"""


def test_kill_and_resume(cli: Cli) -> None:  # noqa: F811
    cli.write("flows.py", FLOWS)
    process = cli.start("run", "flows.py", "--name", "mine", "-p", "seconds=0.3")
    cli.wait_for_count(5, process)
    process.kill()
    process.communicate(timeout=PATIENCE_S)
    before = cli.counted()
    done = cli("resume", "mine")
    assert "Result: 6" in done.out
    kept = int(done.out.split("Resuming mine: ")[1].split()[0])
    assert kept >= 1
    assert len(cli.counted()) == len(before) + 8 - kept, "what was recorded did not run again"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals(cli: Cli, number: int) -> None:  # noqa: F811
    cli.write("flows.py", FLOWS)
    process = cli.start("run", "flows.py", "--name", "mine", "-p", "seconds=60")
    cli.wait_for_count(4, process)
    process.send_signal(number)
    out, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 128 + number, (out, err)
    assert "Traceback" not in err
    assert cli.json("show", "mine")["status"] == "cancelled"


INTERRUPTED_BEFORE = """
import asyncio
import signal
import traceback

from motet.interrupts import Interrupts, run_loop

within = {"__name__": "motet.here", "run_loop": run_loop, "raise_signal": signal.raise_signal}
exec("def run(number, coroutine):\\n    raise_signal(number)\\n    run_loop(coroutine)", within)
coroutine = asyncio.sleep(1000)
try:
    with Interrupts((signal.SIGINT,)):
        within["run"](signal.SIGINT, coroutine)
except KeyboardInterrupt as error:
    print(*[frame.name for frame in traceback.extract_tb(error.__traceback__)][2:4])
finally:
    coroutine.close()
"""


def test_no_loop_is_interrupted_while_it_is_made() -> None:
    """Half of one cannot be closed. What comes before it is there is raised where it runs."""
    done = subprocess.run([sys.executable, "-c", INTERRUPTED_BEFORE], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("run_loop _run\n", "")


def test_a_script_that_runs_its_own_loop_is_interrupted(cli: Cli) -> None:  # noqa: F811
    cli.write("flows.py", FLOWS + '\n\n    if __name__ == "__main__":\n        asyncio.run(crawl(2, 60))\n')
    process = cli.start("run", "flows.py")
    cli.wait_for_count(2, process)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 130
    assert [run["status"] for run in cli.runs()] == ["cancelled"]


def test_stop_from_another_process(cli: Cli) -> None:  # noqa: F811
    cli.write("flows.py", FLOWS)
    process = cli.start("run", "flows.py", "--name", "mine", "-p", "seconds=60")
    cli.wait_for_count(4, process)
    cli("stop", "mine")
    process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 1
    assert cli.json("show", "mine")["status"] == "cancelled"


def test_submit_in_the_background(cli: Cli) -> None:  # noqa: F811
    cli.write("flows.py", FLOWS)
    cli("submit", "flows.py", "--name", "mine", "-p", "seconds=0")
    assert cli.wait_for_status("mine", "succeeded", "failed")["status"] == "succeeded"

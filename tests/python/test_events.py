"""Events in flows: given once, recorded, none missed."""

from __future__ import annotations

import asyncio
import threading
import time
from functools import partial
from typing import Any

import pytest
from tests.cli.conftest import PATIENCE_S, Cli, cli

from motet import Event, app, await_for_event, expect_event, flow, publish, requests, task, wait_for_event
from motet.clients import client
from motet.dialects.python.scope import current
from motet.errors import UsageError
from motet.ports import Publication

__all__ = ["cli"]


def soon(key: str, value: object = None, namespace: str = "") -> threading.Thread:
    """Publish from another thread, once somebody waits."""

    def work() -> None:
        store = app.hosts.current().store
        until = time.monotonic() + PATIENCE_S
        while not any(store.steps(row.id, status="waiting") for row in store.runs()) and time.monotonic() < until:
            time.sleep(0.005)
        publish(key, value, namespace=namespace)

    thread = threading.Thread(target=work)
    thread.start()
    return thread


def test_an_event_wakes_a_flow_that_waits() -> None:
    @flow
    def main() -> Event:
        return wait_for_event("ready")

    thread = soon("ready", {"rows": 3})
    event = main()
    thread.join()
    assert (event.key, event.value, event.namespace) == ("ready", {"rows": 3}, "")


def test_what_came_before_the_call_is_not_missed_and_given_once() -> None:
    publish("ready", "before the run")

    @task
    def tell(number: int) -> None:
        publish("ready", number)

    @flow
    def main() -> list[object]:
        for number in range(3):
            tell(number)
        return [wait_for_event("ready").value for _ in range(3)]

    assert main() == [0, 1, 2]


def test_only_what_was_asked_for_is_given() -> None:
    @flow
    def main() -> list[object]:
        publish("ready", 1)
        publish("ready", 2, namespace="mine")
        publish("other", 3)
        publish("ready", 4)
        return [
            wait_for_event("ready", namespace="mine").value,
            wait_for_event("other").value,
            wait_for_event("ready", value=4).value,
        ]

    assert main() == [2, 3, 4]


def test_a_timeout_is_an_error_that_can_be_caught() -> None:
    @flow
    def main() -> str:
        try:
            wait_for_event("never", timeout=0.02)
        except TimeoutError as error:
            return str(error)
        return ""

    assert main() == "No event 'never' came within 0.02 s."


def test_coroutines_wait_while_their_loop_goes_on() -> None:
    @flow
    async def main() -> Any:
        async def say() -> None:
            publish("ready", 1)
            publish("ready", 2)

        async def hear() -> list[Any]:
            found = [(await await_for_event("ready", timeout=PATIENCE_S)).value for _ in range(2)]
            with pytest.raises(TimeoutError, match="No event 'ready' came within"):
                await await_for_event("ready", timeout=0.05)
            return found

        return (await asyncio.gather(hear(), say()))[0]

    assert asyncio.run(main()) == [1, 2]


def test_outside_of_a_flow_the_next_one_is_given() -> None:
    publish("ready", "old")
    with pytest.raises(TimeoutError):
        wait_for_event("ready", timeout=0.02)
    timer = threading.Timer(0.05, publish, ["ready", "new"])
    timer.start()
    assert wait_for_event("ready", timeout=PATIENCE_S).value == "new"
    timer.join()
    with pytest.raises(UsageError, match="no key"):
        wait_for_event("")


SCRIPT = """
    import os, time
    from motet import flow, task, wait_for_event

    def note(word):
        with open(os.environ["COUNT"], "a") as file:
            file.write(f"{word}\\n")

    @flow
    def main():
        first = wait_for_event("first").value
        note(f"first={first}")
        second = wait_for_event("second").value
        note(f"second={second}")
        if os.environ.get("LINGER"):
            time.sleep(3600)
        return [first, second]
"""


def waits(cli: Cli) -> None:
    """Wait until the run waits for its first event."""
    until = time.monotonic() + PATIENCE_S
    while not cli.recorded():
        assert time.monotonic() < until
        time.sleep(0.02)
    cli.wait_for_steps("mine", "main/wait_for_event-0")


def test_what_is_published_while_no_process_drives_the_run_is_given_on_resume(cli: Cli) -> None:
    cli.write("script.py", SCRIPT)
    process = cli.start("run", "script.py", "--name", "mine")
    waits(cli)
    cli("publish", "first", "1")
    cli.wait_for_count(1, process)
    process.kill()
    process.communicate()
    cli("publish", "first", "100")
    cli("publish", "second", "2")
    cli("publish", "second", "200")
    cli.env["LINGER"] = "1"
    again = cli.start("resume", "mine")
    cli.wait_for_count(3, again)
    assert cli.counted() == ["first=1", "first=1", "second=2"], "the same event again, then what came meanwhile"
    again.kill()
    again.communicate()
    del cli.env["LINGER"]
    assert "Result: [1, 2]" in cli("resume", "mine").out


def test_a_flow_that_waits_can_be_stopped(cli: Cli) -> None:
    cli.write("script.py", SCRIPT)
    process = cli.start("run", "script.py", "--name", "mine")
    waits(cli)
    assert "cancelled" in cli("stop", "mine").out
    process.communicate(timeout=PATIENCE_S)


def test_a_timeout_goes_on_counting_while_no_process_drives_the_run(cli: Cli) -> None:
    cli.write("script.py", SCRIPT.replace('wait_for_event("first")', 'wait_for_event("first", timeout=2)'))
    process = cli.start("run", "script.py", "--name", "mine")
    waits(cli)
    process.kill()
    process.communicate()
    time.sleep(2)
    done = cli("resume", "mine", code=1)
    assert "No event 'first' came within 2 s" in done.out + done.err


def test_what_is_meant_for_another_run_is_not_heard() -> None:
    @flow
    def main() -> list[object]:
        scope = current.get()
        assert scope is not None
        store = scope.driver.host.store
        for run, value in (("another", 1), (scope.driver.run.id, 2), ("another", 3), ("", 4)):
            store.publish([Publication("go", value, run=run)])
        return [wait_for_event("go").value for _ in range(2)]

    assert main() == [2, 4]


def test_waits_that_are_submitted_hold_no_thread_and_give_what_they_wait_for() -> None:
    @flow
    def main() -> list[object]:
        before = threading.active_count()
        futures = [expect_event(f"k{number}", timeout=PATIENCE_S) for number in range(200)]
        late = expect_event("never", timeout=0.01)
        assert threading.active_count() <= before + 1, "the tender's"
        for number in reversed(range(200)):
            publish(f"k{number}", number)
        with pytest.raises(TimeoutError, match="No event 'never' came within"):
            late.result()
        return [each.result().value for each in futures]

    assert main() == list(range(200))


def test_what_a_submitted_wait_gives_can_be_passed_on() -> None:
    @task
    def load(event: Event) -> object:
        return event.value

    @flow
    def main() -> object:
        ready = expect_event("ready")
        loaded = load.submit(ready)
        publish("ready", 7)
        return loaded.result()

    assert main() == 7


def test_a_coroutine_that_gives_up_its_wait_goes_on() -> None:
    @flow
    async def main() -> str:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await await_for_event("never")
        return "on"

    assert asyncio.run(main()) == "on"


@pytest.mark.parametrize("value", [{1, 2}, object()])
def test_a_value_that_nobody_can_publish_is_refused(value: object) -> None:
    with pytest.raises(UsageError):
        wait_for_event("ready", value=value)


def test_lists_say_what_a_run_waits_for(cli: Cli) -> None:
    cli.write("script.py", SCRIPT)
    process = cli.start("run", "script.py", "--name", "mine")
    waits(cli)
    until = time.monotonic() + PATIENCE_S
    while (told := cli.json("show", "mine"))["status"] != "waiting":
        assert time.monotonic() < until
        time.sleep(0.02)
    assert [(each["for"], each["event"], each["step"]) for each in told["waits"]] == [
        ("event", "first", "main/wait_for_event-0")
    ]
    why = cli("why", "mine", "main/wait_for_event-0").out
    assert "waits for the event first" in why and "began to wait" in why
    cli("publish", "first", "1")
    cli("publish", "second", "2")
    process.communicate(timeout=PATIENCE_S)
    assert "has what it waited for: event first at offset" in cli("why", "mine", "main/wait_for_event-0").out


def test_the_code_of_a_run_asks_things_of_it() -> None:
    @task(retries=1, retry_delay_seconds=3600)
    def late(attempts: list[int]) -> int:
        attempts.append(1)
        if len(attempts) == 1:
            raise ValueError("once")
        return len(attempts)

    @flow
    def main() -> tuple[int, object, object]:
        attempts: list[int] = []
        future, waiting = late.submit(attempts), expect_event("mine")
        asks = client()
        until = time.monotonic() + PATIENCE_S
        while not attempts and time.monotonic() < until:
            time.sleep(0.01)
        while future.state.name != "AwaitingRetry" and time.monotonic() < until:
            time.sleep(0.01)
        asks.retry(future.key)
        asks.publish("mine", 5)
        asks.add("more", call={"target": "builtins:len", "args": [[1, 2]]})
        store = app.hosts.current().store
        done = partial(store.steps, store.runs()[0].id, status="succeeded")
        while not any(each.key == "more" for each in done()) and time.monotonic() < until:
            time.sleep(0.01)  # a flow does not wait for what was asked of its run
        return future.result(), waiting.result().value, asks.publish("other")

    assert main()[:2] == (2, 5)
    store = app.hosts.current().store
    assert store.step(store.runs()[0].id, "more").result == 2


def test_with_the_token_of_another_run_nothing_is_done() -> None:
    @flow
    def main() -> int:
        future = expect_event("mine")
        for token in (requests.token(app.home(), "another"), "wrong"):
            client(token=token).stop_step(future.key)
        client().publish("mine", 1)
        return int(future.result().value)

    assert main() == 1
    told = [
        each.value["why"] for each in app.hosts.current().store.read(0, published=True) if each.key == requests.REFUSED
    ]
    assert len(told) == 2 and all("token" in each for each in told)
    with pytest.raises(UsageError, match="no part of a run"):
        client()

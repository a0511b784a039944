"""`notification`, and the clients that scripts make."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.aiflow.conftest import SCRIPT, Desk

from motet.aiflow import (
    AIFlowException,
    AIFlowNotificationClient,
    EmbeddedNotificationClient,
    Event,
    ListenerProcessor,
)  # fmt: skip
from motet.dialects.aiflow import contexts, executions, registry, serving
from motet.dialects.aiflow.model import contexts as model
from motet.errors import UsageError

SEND = ("notification", "event", "send", "-s", "localhost:50052")


class Heard(ListenerProcessor):
    """Keeps what it hears, once `then` has seen it."""

    def __init__(self, then: Callable[[Event], object] = lambda event: None) -> None:
        self.events: list[Event] = []
        self._then = then
        self._came = threading.Condition()

    def process(self, events: list[Event]) -> None:
        for each in events:
            self._then(each)
            with self._came:
                self.events.append(each)
                self._came.notify_all()

    def wait(self, count: int) -> list[Any]:
        """The values of so many events."""
        with self._came:
            self._came.wait_for(lambda: len(self.events) >= count)
        return [each.value for each in self.events]


@pytest.fixture
def in_task(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """Whoever asks is the first execution of the task mock_task."""
    monkeypatch.setattr(model, "_runtime", [])
    monkeypatch.setattr(serving, "stay", lambda: None)
    contexts.set_mock_runtime_context()
    return desk


def test_events_are_sent_listed_and_counted(desk: Desk) -> None:
    told = desk(*SEND, "loss", "0.5", "-n", "default", "--sender", "me")
    assert told.splitlines()[0] == "Successfully send event"
    assert "key: loss, value: 0.5, namespace: default, sender: me" in told
    desk(*SEND, "other", "1", "--context", '{"a": 1}')
    (first,) = desk.rows("notification", "event", "list", "loss", "-s", "x:1")
    assert list(first) == ["offset", "key", "value", "namespace", "sender", "context", "create_time"]
    assert (first["value"], first["namespace"], first["sender"], first["context"]) == ("0.5", "default", "me", "")
    (second,) = desk.rows("notification", "event", "list", "*", "--begin-offset", first["offset"])
    assert (second["key"], second["context"]) == ("other", '{"a": 1}')
    assert desk("notification", "event", "count", "*", "-s", "x:1") == "2\n"
    assert desk("notification", "event", "count", "*", "-n", "default") == "1\n"
    assert desk("notification", "event", "count", "*", "--sender", "nobody") == "0\n"
    later = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    assert desk("notification", "event", "count", "*", "--begin-time", later) == "0\n"
    assert "is no time" in desk("notification", "event", "count", "*", "--begin-time", "noon", code=2)


def test_an_event_whose_context_names_an_execution_is_meant_for_that(desk: Desk) -> None:
    desk("aiflow", "workflow", "upload", desk.write("flows.py"))
    number, row = executions.make(desk.host, registry.named(desk.host.store, "default", "learning"))
    desk(*SEND, "x", "1", "-n", "default", "--context", json.dumps({"workflow_execution_id": number}))
    desk(*SEND, "y", "1", "-n", "default", "--context", json.dumps({"workflow_execution_id": 99}))
    found = desk.host.store.read(0, published=True)
    assert [(each.key, each.run) for each in found if each.namespace == "default"] == [("x", row.id), ("y", "")]


@pytest.mark.parametrize(("key", "value"), [("k" * 1_048_576, "v"), ("k", "v" * 2_000_000), ("", "v"), ("a\nb", "v")])
def test_what_cannot_be_an_event_is_refused_with_one_message(desk: Desk, key: str, value: str) -> None:
    told = desk(*SEND, "--", key, value, code=2)
    assert len(told.splitlines()) <= 3
    assert "Traceback" not in told
    assert desk.host.store.head() == 0


def test_what_a_task_sends_is_its_own_and_for_its_execution(in_task: Desk) -> None:
    client = AIFlowNotificationClient("nowhere:1")
    sent = client.send_event("data_prepared", None)
    (entry,) = in_task.host.store.read(0, published=True)
    assert (entry.key, entry.value, entry.namespace, entry.sender) == ("data_prepared", "", "default", "1_mock_task_1")
    assert (sent.offset, sent.key) == (entry.offset, "data_prepared")
    for value in ("x" * 10_485_760, [[[[["deep"]]]]] * 2, {1, 2}):
        if isinstance(value, list):
            for _ in range(200):
                value = [value]
        with pytest.raises(UsageError):
            client.send_event("k", value)  # type: ignore[arg-type]
    with pytest.raises(UsageError):
        client.send_event("k" * 1_048_576)
    client.close()


def test_the_client_of_tasks_is_for_tasks(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model, "_runtime", [])
    with pytest.raises(AIFlowException, match="can only be used in AIFlow operators"):
        AIFlowNotificationClient("localhost:50052")


def test_a_listener_hears_in_order_what_comes_from_a_time_on(in_task: Desk) -> None:
    client, heard = AIFlowNotificationClient(""), Heard()
    client.send_event("k", "before")
    client.register_listener(heard, ["k"], begin_time=datetime.now(UTC) - timedelta(minutes=1))
    only_new = Heard()
    number = client.register_listener(only_new, ["k"])
    for value in ("1", "2"):
        client.send_event("k", value)
        client.send_event("other", value)
    assert heard.wait(3) == ["before", "1", "2"]
    assert only_new.wait(2) == ["1", "2"]
    client.unregister_listener(number)
    client.send_event("k", "3")
    assert heard.wait(4)[-1] == "3"
    assert len(only_new.events) == 2
    client.close()


def test_a_listener_without_keys_hears_all_namespaces(in_task: Desk) -> None:
    client, all_, own = AIFlowNotificationClient(""), Heard(), Heard()
    client.register_listener(all_)
    client.register_listener(own, ["k", "x"])
    in_task(*SEND, "x", "elsewhere", "-n", "apart")
    client.send_event("k", "here")
    assert all_.wait(2) == ["elsewhere", "here"]
    assert own.wait(1) == ["here"]
    client.close()


def test_a_listener_that_raises_goes_on_hearing(in_task: Desk, caplog: pytest.LogCaptureFixture) -> None:
    def then(event: Event) -> None:
        if event.value == "bad":
            raise RuntimeError("cannot read it")

    client, heard, other = EmbeddedNotificationClient("", "default", "me"), Heard(then), Heard()
    client.register_listener(heard, ["k"])
    client.register_listener(other, ["k"])
    for value in ("1", "bad", "2"):
        client.send_event(Event("k", value))
    assert other.wait(3) == ["1", "bad", "2"]
    assert heard.wait(2)[-1] == "2"
    assert "cannot read it" in caplog.text
    client.close()


def test_a_client_that_takes_the_place_of_another_sends_nothing_twice(desk: Desk) -> None:
    first = EmbeddedNotificationClient("", "default", "me")
    offsets = [first.send_event(Event("k", value)).offset for value in ("a", "b")]
    again = EmbeddedNotificationClient("", "default", "me", client_id=first.client_id, initial_seq_num=1)
    assert again.send_event(Event("k", "b")).offset == offsets[1]
    again.send_event(Event("k", "c"))
    assert [each.value for each in again.list_events("k")] == ["a", "b", "c"]
    assert [each.value for each in again.list_events("k", begin_offset=offsets[0], end_offset=offsets[1])] == ["b"]
    total, senders = again.count_events(namespace="default")
    assert (total, [(each.sender, each.event_count) for each in senders]) == (3, [("me", 3)])
    assert [each.value for each in again.list_all_events(start_time=1)] == ["a", "b", "c"]
    assert again.time_to_offset(datetime(2000, 1, 1, tzinfo=UTC)) == 0
    assert again.client_id != EmbeddedNotificationClient("").client_id


def test_threads_that_share_a_client_lose_no_event(desk: Desk) -> None:
    client = EmbeddedNotificationClient("", "default", "me")

    def send(number: int) -> int | None:
        event = Event("k", str(number))
        event.context = '{"workflow_execution_id": 1}'  # is looked up, which lets other threads go first
        return client.send_event(event).offset

    with ThreadPoolExecutor(4) as threads:
        sent = list(threads.map(send, range(100)))
    assert len(set(sent)) == 100
    assert client.count_events("k")[0] == 100


def test_ops_does_what_the_commands_do(desk: Desk) -> None:
    from motet.aiflow import ops

    assert ops.list_workflows() is None
    (made,) = ops.upload_workflows(str(desk.write("flows.py")))
    assert (made.name, made.namespace, made.id) == ("learning", "default", 1)
    assert ops.get_workflow("learning") == made
    assert ops.get_workflow("nobody") is None
    assert ops.list_workflow_executions("learning") is None
    assert ops.disable_workflow("learning")
    with pytest.raises(UsageError, match="is disabled"):
        ops.start_workflow_execution("learning")
    assert ops.enable_workflow("learning")
    ops.upload_workflows(str(desk.write("flows.py", SCRIPT + "\n    more = 1\n")))
    assert [each.id for each in ops.list_workflow_snapshots("learning") or ()] == [1, 2]
    assert [each.id for each in ops.list_workflow_snapshots("learning", limit=1, offset=1) or ()] == [2]
    assert ops.delete_workflow_snapshots("learning")
    assert ops.get_workflow_snapshot(1) is None
    ops.add_namespace("lab", {"a": 1})
    assert ops.update_namespace("lab", {"a": 2}).properties == {"a": 2}
    assert [each.name for each in ops.list_namespace() or ()] == ["default", "lab"]
    assert ops.delete_namespace("lab")
    assert not ops.delete_namespace("lab")
    assert ops.delete_workflow("learning")
    assert ops.list_workflows() is None

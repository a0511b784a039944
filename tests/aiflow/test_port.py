"""The notification port, asked by a stub made of the protocol as it is written down for other languages."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("grpc")

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from motet.dialects.aiflow.port import serving
from motet.errors import UsageError
from motet.ports import Publication
from motet.stores.sqlite import SqliteStore

PROTOCOL = """
EventProto | key string = 1; value string = 2; context string = 3; namespace string = 4; offset int64 = 5; create_time int64 = 6; sender string = 7
SenderEventCountProto | sender string = 1; event_count int64 = 2
SendEventRequest | event EventProto = 1; uuid string = 2; enable_idempotence bool = 3
ClientMeta | namespace string = 1; sender string = 2
SendEventsResponse | event EventProto = 1; return_code ReturnStatus = 2; return_msg string = 3
ListEventsRequest | key string = 1; namespace string = 2; sender string = 3; start_offset int64 = 4; end_offset int64 = 5; timeout_seconds int32 = 6
CountEventsRequest | key string = 1; namespace string = 2; sender string = 3; start_offset int64 = 4; end_offset int64 = 5
ListAllEventsRequest | timeout_seconds int32 = 1; start_time int64 = 2; start_offset int64 = 3; end_offset int64 = 4
ListEventsResponse | return_code ReturnStatus = 1; return_msg string = 2; events repeated EventProto = 3
CountEventsResponse | return_code ReturnStatus = 1; return_msg string = 2; event_count int64 = 3; sender_event_counts repeated SenderEventCountProto = 4
MemberProto | version int64 = 1; server_uri string = 2; update_time int64 = 3
Notify | key string = 1; namespace string = 2
NotifyRequest | notifies repeated Notify = 1
ListMembersRequest | timeout_seconds int32 = 1
ListMembersResponse | return_code ReturnStatus = 1; return_msg string = 2; members repeated MemberProto = 3
NotifyNewMemberRequest | member MemberProto = 1
RegisterClientRequest | client_meta ClientMeta = 1
RegisterClientResponse | return_code ReturnStatus = 1; return_msg string = 2; client_id int64 = 3
ClientIdRequest | client_id int64 = 1
CommonResponse | return_code ReturnStatus = 1; return_msg string = 2
isClientExistsResponse | return_code ReturnStatus = 1; return_msg string = 2; is_exists bool = 3
TimeToOffsetRequest | timestamp int64 = 1
TimeToOffsetResponse | return_code ReturnStatus = 1; offset int64 = 2
"""  # noqa: E501
CALLS = """
sendEvent SendEventRequest SendEventsResponse
listEvents ListEventsRequest ListEventsResponse
countEvents CountEventsRequest CountEventsResponse
listAllEvents ListAllEventsRequest ListEventsResponse
notify NotifyRequest CommonResponse
listMembers ListMembersRequest ListMembersResponse
notifyNewMember NotifyNewMemberRequest CommonResponse
registerClient RegisterClientRequest RegisterClientResponse
deleteClient ClientIdRequest CommonResponse
isClientExists ClientIdRequest isClientExistsResponse
timestampToEventOffset TimeToOffsetRequest TimeToOffsetResponse
"""


def types() -> dict[str, Any]:
    """The classes of the messages, made of PROTOCOL."""
    kinds = {"string": 9, "int64": 3, "int32": 5, "bool": 8, "ReturnStatus": 14}
    file = descriptor_pb2.FileDescriptorProto(name="t.proto", package="notification_service", syntax="proto3")
    status = file.enum_type.add(name="ReturnStatus")
    status.value.add(name="SUCCESS", number=0)
    status.value.add(name="ERROR", number=1)
    names = []
    for line in PROTOCOL.strip().splitlines():
        name, fields = line.split(" | ")
        names.append(name)
        message = file.message_type.add(name=name)
        for field in fields.split("; "):
            told, number = field.split(" = ")
            field_name, *repeated, kind = told.split()
            made = message.field.add(name=field_name, number=int(number), label=3 if repeated else 1)
            made.type = kinds.get(kind, 11)
            if made.type in (11, 14):
                made.type_name = f".notification_service.{kind}"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {
        name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"notification_service.{name}"))
        for name in names
    }  # fmt: skip


TYPES = types()


class Stub:
    """The calls of the service by name, each with the fields of its request."""

    def __init__(self, port: int, token: str = "") -> None:
        self.channel = grpc.insecure_channel(f"127.0.0.1:{port}")
        self._metadata = (("authorization", f"Bearer {token}"),) if token else ()

    def __call__(self, name: str, **fields: Any) -> Any:
        given, gives = next(line.split()[1:] for line in CALLS.strip().splitlines() if line.split()[0] == name)
        call = self.channel.unary_unary(
            f"/notification_service.NotificationService/{name}",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=TYPES[gives].FromString,
        )
        return call(TYPES[given](**fields), metadata=self._metadata, wait_for_ready=True)

    def send(self, key: str, value: str = "", **fields: Any) -> Any:
        """An event."""
        more = {name: fields.pop(name) for name in ("uuid", "enable_idempotence") if name in fields}
        return self("sendEvent", event={"key": key, "value": value, "namespace": "default", **fields}, **more)


@pytest.fixture
def store(motet_home: Path) -> Iterator[SqliteStore]:
    with closing(SqliteStore(str(motet_home))) as made:
        yield made


Opening = Callable[..., Stub]


@pytest.fixture
def opened(store: SqliteStore) -> Iterator[Opening]:
    closers = []

    def opening(token: str = "", **options: Any) -> Stub:
        port, close = serving.opened(store, "127.0.0.1:0", **options)
        stub = Stub(port, token)
        closers.extend((stub.channel.close, close))
        return stub

    yield opening
    for each in closers:
        each()


def test_each_call_of_the_protocol_is_answered(opened: Opening, store: SqliteStore) -> None:
    stub = opened()
    first = stub.send("loss", "0.5", sender="flink")
    assert (first.return_code, first.event.key, first.event.value, first.event.offset) == (0, "loss", "0.5", 1)
    assert first.event.create_time > 0
    stub.send("other", "x", context='{"a": 1}')
    (found,) = stub("listEvents", key="other").events
    assert (found.context, found.namespace, found.sender) == ('{"a": 1}', "default", "")
    assert [each.key for each in stub("listEvents", key="*", namespace="default").events] == ["loss", "other"]
    assert [each.key for each in stub("listEvents", sender="flink").events] == ["loss"]
    assert [each.key for each in stub("listAllEvents", start_offset=1).events] == ["other"]
    assert [each.key for each in stub("listAllEvents", end_offset=1).events] == ["loss"]
    assert len(stub("listAllEvents", start_time=first.event.create_time).events) == 2
    counted = stub("countEvents", key="*")
    assert counted.event_count == 2
    assert [(each.sender, each.event_count) for each in counted.sender_event_counts] == [("", 1), ("flink", 1)]
    client = stub("registerClient", client_meta={"namespace": "default", "sender": "me"}).client_id
    assert stub("isClientExists", client_id=client).is_exists
    assert stub("deleteClient", client_id=client).return_code == 0
    assert not stub("isClientExists", client_id=client).is_exists
    assert stub("timestampToEventOffset", timestamp=first.event.create_time + 60_000).offset == 2
    assert [each.version for each in stub("listMembers").members] == [1]
    assert stub("notify", notifies=[{"key": "loss", "namespace": "default"}]).return_code == 0
    assert stub("notifyNewMember", member={"server_uri": "x"}).return_code == 0
    assert {line.split()[0] for line in CALLS.strip().splitlines()} == set(serving.wire.CALLS)


def test_the_same_event_twice_is_one(opened: Opening, store: SqliteStore) -> None:
    stub = opened()
    for _ in range(2):
        assert stub.send("once", uuid="client_1_0", enable_idempotence=True).return_code == 0
    assert stub("countEvents", key="once").event_count == 1


def test_who_waits_is_answered_when_something_is_published(opened: Opening, store: SqliteStore) -> None:
    stub = opened()
    heard: list[Any] = []
    waiting = [
        threading.Thread(target=lambda: heard.append(stub("listEvents", key="late", timeout_seconds=60).events))
        for _ in range(20)
    ]
    for each in waiting:
        each.start()
    time.sleep(0.2)
    assert not heard
    store.publish([Publication("other", 1, "default"), Publication("late", {"n": 1}, "default", at=time.time())])
    for each in waiting:
        each.join()
    assert [[event.value for event in events] for events in heard] == [['{"n": 1}']] * 20
    assert list(stub("listEvents", key="never", timeout_seconds=1).events) == []


def test_a_listener_that_is_far_behind_is_given_some_at_a_time(opened: Opening, store: SqliteStore) -> None:
    stub = opened()
    store.publish([Publication("k", "v" * 1000, "default") for _ in range(2500)])
    at, sizes = 0, []
    while events := stub("listEvents", key="k", start_offset=at, timeout_seconds=1).events:
        sizes.append(len(events))
        at = events[-1].offset
    assert sizes == [1000, 1000, 500]


@pytest.mark.parametrize("fields", [
    {"key": "big", "value": "x" * 10_485_760}, {"key": "k" * 1_048_576}, {"key": ""},
    {"key": "x", "namespace": "motet"},
])  # fmt: skip
def test_what_cannot_be_an_event_is_refused_with_one_message(
    opened: Opening, store: SqliteStore, fields: dict[str, str]
) -> None:  # fmt: skip
    stub = opened()
    told = stub.send(**fields)
    assert told.return_code == 1
    assert told.return_msg
    assert store.head() == 0
    assert stub.send("fine").return_code == 0


def test_what_is_too_large_to_be_read_is_refused_unread(opened: Opening, store: SqliteStore) -> None:
    stub = opened()
    with pytest.raises(grpc.RpcError) as refused:
        stub.send("huge", "x" * 20_000_000)
    assert refused.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert stub.send("fine").return_code == 0


def test_whoever_is_asked_for_a_token_and_has_none_is_refused(opened: Opening, store: SqliteStore) -> None:
    asked = []

    def allowed(token: str, publishes: bool) -> bool:
        asked.append((token, publishes))
        return token == "writer" or (token == "reader" and not publishes)

    for token in ("", "wrong"):
        with pytest.raises(grpc.RpcError) as refused:
            opened(token, allowed=allowed).send("x")
        assert refused.value.code() == grpc.StatusCode.UNAUTHENTICATED
    reader = opened("reader", allowed=allowed)
    assert list(reader("listEvents").events) == []
    with pytest.raises(grpc.RpcError):
        reader.send("x")
    assert store.head() == 0
    assert opened("writer", allowed=allowed).send("x").return_code == 0
    assert ("reader", False) in asked
    assert ("reader", True) in asked


def test_no_port_is_opened_to_others_without_a_token(store: SqliteStore) -> None:
    for address in ("0.0.0.0:0", "[::]:0", "10.0.0.1:50052"):
        with pytest.raises(UsageError, match="nobody is asked for a token"):
            serving.opened(store, address)


@pytest.mark.parametrize("address", ["127.0.0.1:99999", "127.0.0.1:abc", "localhost:", "127.0.0.1:\udc80"])
def test_what_is_no_address_is_told(store: SqliteStore, address: str) -> None:
    with pytest.raises(UsageError, match="is taken, or no address"):
        serving.opened(store, address)


def test_a_port_that_is_taken_is_told(store: SqliteStore) -> None:
    port, close = serving.opened(store, "127.0.0.1:0")
    try:
        with pytest.raises(UsageError, match="is taken"):
            serving.opened(store, f"127.0.0.1:{port}")
    finally:
        close()

"""The messages of the notification protocol, as they go over the wire."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory  # type: ignore[import-untyped]

PACKAGE = "notification_service"

_MESSAGES = """
    EventProto: key string, value string, context string, namespace string, offset int64, create_time int64,
        sender string
    SenderEventCountProto: sender string, event_count int64
    SendEventRequest: event EventProto, uuid string, enable_idempotence bool
    ClientMeta: namespace string, sender string
    SendEventsResponse: event EventProto, return_code ReturnStatus, return_msg string
    ListEventsRequest: key string, namespace string, sender string, start_offset int64, end_offset int64,
        timeout_seconds int32
    CountEventsRequest: key string, namespace string, sender string, start_offset int64, end_offset int64
    ListAllEventsRequest: timeout_seconds int32, start_time int64, start_offset int64, end_offset int64
    ListEventsResponse: return_code ReturnStatus, return_msg string, events EventProto*
    CountEventsResponse: return_code ReturnStatus, return_msg string, event_count int64,
        sender_event_counts SenderEventCountProto*
    MemberProto: version int64, server_uri string, update_time int64
    Notify: key string, namespace string
    NotifyRequest: notifies Notify*
    ListMembersRequest: timeout_seconds int32
    ListMembersResponse: return_code ReturnStatus, return_msg string, members MemberProto*
    NotifyNewMemberRequest: member MemberProto
    RegisterClientRequest: client_meta ClientMeta
    RegisterClientResponse: return_code ReturnStatus, return_msg string, client_id int64
    ClientIdRequest: client_id int64
    CommonResponse: return_code ReturnStatus, return_msg string
    isClientExistsResponse: return_code ReturnStatus, return_msg string, is_exists bool
    TimeToOffsetRequest: timestamp int64
    TimeToOffsetResponse: return_code ReturnStatus, offset int64
"""
"""Fields are numbered from 1 in the order in which they stand; "*" is a list."""

CALLS: Mapping[str, tuple[str, str]] = {
    "sendEvent": ("SendEventRequest", "SendEventsResponse"),
    "listEvents": ("ListEventsRequest", "ListEventsResponse"),
    "countEvents": ("CountEventsRequest", "CountEventsResponse"),
    "listAllEvents": ("ListAllEventsRequest", "ListEventsResponse"),
    "notify": ("NotifyRequest", "CommonResponse"),
    "listMembers": ("ListMembersRequest", "ListMembersResponse"),
    "notifyNewMember": ("NotifyNewMemberRequest", "CommonResponse"),
    "registerClient": ("RegisterClientRequest", "RegisterClientResponse"),
    "deleteClient": ("ClientIdRequest", "CommonResponse"),
    "isClientExists": ("ClientIdRequest", "isClientExistsResponse"),
    "timestampToEventOffset": ("TimeToOffsetRequest", "TimeToOffsetResponse"),
}
"""The calls of the service, with what each takes and gives."""

SUCCESS, ERROR = 0, 1
"""How a call ended: its `return_code`."""

Message: TypeAlias = Any


def _file() -> descriptor_pb2.FileDescriptorProto:
    types = descriptor_pb2.FieldDescriptorProto
    plain = {
        "string": types.TYPE_STRING, "int64": types.TYPE_INT64, "int32": types.TYPE_INT32, "bool": types.TYPE_BOOL,
    }  # fmt: skip
    file = descriptor_pb2.FileDescriptorProto(name="motet/notification.proto", package=PACKAGE, syntax="proto3")
    status = file.enum_type.add(name="ReturnStatus")
    status.value.add(name="SUCCESS", number=SUCCESS)
    status.value.add(name="ERROR", number=ERROR)
    for line in _MESSAGES.replace(",\n", ",").strip().splitlines():
        name, _, fields = line.strip().partition(": ")
        message = file.message_type.add(name=name)
        for number, told in enumerate(fields.split(","), 1):
            field, kind = told.split()
            label = types.LABEL_REPEATED if kind.endswith("*") else types.LABEL_OPTIONAL
            made = message.field.add(name=field, number=number, label=label)
            kind = kind.removesuffix("*")
            made.type = plain.get(kind, types.TYPE_ENUM if kind == "ReturnStatus" else types.TYPE_MESSAGE)
            if kind not in plain:
                made.type_name = f".{PACKAGE}.{kind}"
    return file


def classes() -> Mapping[str, Any]:
    """The classes of the messages, by name."""
    pool = descriptor_pool.DescriptorPool()
    pool.Add(_file())
    names = [line.strip().partition(":")[0] for line in _MESSAGES.splitlines() if ": " in line]
    return {
        name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{PACKAGE}.{name}")) for name in names
    }  # fmt: skip

"""Clients of the notification service, as scripts use them. Whatever address they are given, events go to the store of
this home, and come from there.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from datetime import datetime
from threading import Lock
from typing import TYPE_CHECKING, Any

from motet.dialects.aiflow import messages, registry
from motet.dialects.aiflow.messages import Wanted
from motet.dialects.aiflow.model.contexts import get_runtime_task_context
from motet.dialects.aiflow.model.events import ANY_CONDITION, DEFAULT_NAMESPACE, Event
from motet.dialects.aiflow.model.words import AIFlowException
from motet.listeners import Errors, Listener, begin
from motet.listening import Event as Heard
from motet.records import Record
from motet.rules import OnEvent
from motet.voices import hosting

if TYPE_CHECKING:
    from motet.ports.voice import Host

__all__ = [
    "ANY_CONDITION", "DEFAULT_NAMESPACE", "AIFlowNotificationClient", "EmbeddedNotificationClient", "Event",
    "ListenerProcessor", "ListenerRegistrationId", "NotificationClient", "SenderEventCount",
]  # fmt: skip

_ERRORS = Errors(retries=2, delay_s=0.2, then="skip")


class ListenerProcessor(ABC):
    """Code that hears events."""

    @abstractmethod
    def process(self, events: list[Event]) -> None:
        """Called with each event, in order, in a list of its own. If it raises, it is called twice more; then the
        event is passed over.
        """


class ListenerRegistrationId(Record, frozen=True):
    """Which listener it is."""

    id: int


class SenderEventCount(Record, frozen=True):
    """How many events are of a sender."""

    sender: str
    event_count: int


class NotificationClient:
    """What sends and hears events."""

    def __init__(self) -> None:
        self._listeners: dict[ListenerRegistrationId, Listener] = {}

    def _listen(
        self, processor: ListenerProcessor, rules: list[OnEvent], start: int | datetime | None
    ) -> ListenerRegistrationId:  # fmt: skip
        host: Any = hosting().host()

        def call(heard: Heard) -> None:  # one by one, so that one that cannot be processed takes no other with it
            processor.process([messages.event_of(heard)])

        made = ListenerRegistrationId(len(self._listeners) + 1)
        self._listeners[made] = begin(host, Listener(call, rules, start=start, errors=_ERRORS))
        return made

    def unregister_listener(self, registration_id: ListenerRegistrationId) -> None:
        """Let that one hear no more."""
        if (found := self._listeners.get(registration_id)) is not None:
            found.close()

    def close(self) -> None:
        """Let none hear any more."""
        for each in self._listeners.values():
            each.close()


class AIFlowNotificationClient(NotificationClient):
    """Sends and hears events within a task: as that task, in the namespace of its workflow.

    What it sends is for the rules of this execution, and for all listeners.
    """

    def __init__(self, server_uri: str = "") -> None:
        context = get_runtime_task_context()
        if context is None:
            raise AIFlowException(
                "AIFlowNotificationClient can only be used in AIFlow operators.",
                "Elsewhere use notification_service.client.embedded_notification_client.EmbeddedNotificationClient.",
            )
        super().__init__()
        self._context = context

    def send_event(self, key: str, value: str | None = None) -> Event:
        """Publish an event; gives it with its offset and time."""
        event = Event(key, value)
        event.namespace, event.sender = self._context.workflow.namespace, str(self._context.task_execution_key)
        host = hosting().host()
        told = messages.publication_of(host.store, event, host.clock.now())
        told.run = self._context.run
        return _published(host, event, told)

    def register_listener(
        self, listener_processor: ListenerProcessor, event_keys: list[str] | None = None,
        begin_time: datetime | None = None,
    ) -> ListenerRegistrationId:  # fmt: skip
        """Have the code hear events from that time on, by default from now: of these keys in the namespace of the
        workflow; of all keys and namespaces where none are given.
        """
        namespace = self._context.workflow.namespace if event_keys else None
        return self._listen(listener_processor, messages.rules_of(event_keys, namespace), begin_time)


class EmbeddedNotificationClient(NotificationClient):
    """Sends and hears events, inside of a task or anywhere else.

    namespace, sender    of the events that it sends, where these do not say
    client_id, initial_seq_num  of a client before it, which it takes the place of: what that one has sent, under the
                         same sequence numbers, is sent once
    """

    def __init__(
        self, server_uri: str = "", namespace: str | None = None, sender: str | None = None,
        client_id: int | None = None, initial_seq_num: int | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self.namespace = namespace
        self.sender = sender
        self.client_id = client_id if client_id is not None else registry.number(hosting().host().store, "client")
        self.sequence_number = initial_seq_num or 0
        self._lock = Lock()

    def send_event(self, event: Event) -> Event:
        """Publish the event; gives it with its offset and time."""
        host = hosting().host()
        sent = Event(event.key, event.value)
        sent.namespace, sent.sender = event.namespace or self.namespace, event.sender or self.sender
        sent.context = event.context
        with self._lock:  # two events of one number would be one
            key = f"aiflow/client_{self.client_id}_{self.sequence_number}"
            told = messages.publication_of(host.store, sent, host.clock.now(), key)
            self.sequence_number += 1
        return _published(host, sent, told)

    def register_listener(
        self, listener_processor: ListenerProcessor, event_keys: list[str] | None = None, offset: int | None = None
    ) -> ListenerRegistrationId:  # fmt: skip
        """Have the code hear events beyond that offset, by default from now on; of the client's namespace, if it has
        one.
        """
        return self._listen(listener_processor, messages.rules_of(event_keys, self.namespace), offset)

    def list_events(
        self, key: str | None = None, namespace: str | None = None, sender: str | None = None,
        begin_offset: int | None = None, end_offset: int | None = None,
    ) -> list[Event]:  # fmt: skip
        """The events beyond the one offset and up to the other."""
        wanted = Wanted(key, namespace, sender, begin_offset or 0, end_offset)
        return [messages.event_of(each) for each in messages.find(hosting().host().store, wanted)]

    def count_events(
        self, key: str | None = None, namespace: str | None = None, sender: str | None = None,
        begin_offset: int | None = None, end_offset: int | None = None,
    ) -> tuple[int, list[SenderEventCount]]:  # fmt: skip
        """How many there are of these, and how many of each sender."""
        wanted = Wanted(key, namespace, sender, begin_offset or 0, end_offset)
        total, senders = messages.count(hosting().host().store, wanted)
        return total, [SenderEventCount(name, number) for name, number in senders]

    def list_all_events(
        self, start_time: int | None = None, start_offset: int | None = None, end_offset: int | None = None
    ) -> list[Event]:  # fmt: skip
        """All events from a time on (milliseconds since 1970), or beyond an offset."""
        store = hosting().host().store
        begin = start_offset or (messages.offset_at(store, start_time / 1000) if start_time else 0)
        return [messages.event_of(each) for each in messages.find(store, Wanted(begin=begin, end=end_offset))]

    def time_to_offset(self, time_: datetime) -> int:
        """The offset after which the events of that time and later stand."""
        return messages.offset_at(hosting().host().store, time_)

    def disable_high_availability(self) -> None:
        """Nothing: there is no server that could be away."""


def _published(host: Host, event: Event, told: Any) -> Event:
    event.offset = host.store.publish([told])[0]
    event.create_time = int(told.at * 1000)
    return event

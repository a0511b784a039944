"""The notification service: answers the calls of its clients from the store."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from itertools import islice
from typing import Any, TypeVar

from motet.dialects.aiflow import messages, registry
from motet.dialects.aiflow.messages import Wanted
from motet.dialects.aiflow.model.events import Event
from motet.dialects.aiflow.port import wire
from motet.dialects.aiflow.port.wire import ERROR, SUCCESS, Message
from motet.errors import MotetError
from motet.kernel.events import Json
from motet.ports import Clock, Store

T = TypeVar("T")

_CLIENT = "client"
_MOST_EVENTS, _MOST_BYTES = 1000, 2 * 1024 * 1024
"""So much is in one answer to a client that asks again: by default such take 4 MB."""

_MOST_WAIT_S = 60.0
_READERS = 8


class Answers:
    """Answers the calls, each by the method of its name. Runs in one event loop; the store is read in threads."""

    def __init__(self, store: Store, clock: Clock, address: str) -> None:
        self._store = store
        self._clock = clock
        self._address = address
        self._classes = wire.classes()
        self._threads = ThreadPoolExecutor(_READERS, "motet-notification")
        self._bell = Bell(store)

    def close(self) -> None:
        """Let go of threads."""
        self._bell.close()
        self._threads.shutdown(wait=False)

    def __getitem__(self, call: str) -> Callable[[Message, Any], Awaitable[Message]]:
        """What answers that call. Whatever goes wrong is told in the answer."""
        answer: Callable[[Message], Awaitable[Mapping[str, Json]]] = getattr(self, f"_{call}")
        made = self._classes[wire.CALLS[call][1]]

        async def answered(request: Message, context: Any) -> Message:
            try:
                return made(**{"return_code": SUCCESS, **await answer(request)})
            except MotetError as error:
                told = {"return_msg": str(error)} if "return_msg" in made().DESCRIPTOR.fields_by_name else {}
                return made(return_code=ERROR, **told)

        return answered

    async def _apart(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    # ------------------------------------------------------------ events

    async def _sendEvent(self, request: Message) -> Mapping[str, Json]:  # noqa: N802 - the protocol's name
        sent = Event(request.event.key, request.event.value)
        for name in ("namespace", "sender", "context"):
            setattr(sent, name, getattr(request.event, name) or None)
        key = f"aiflow/{request.uuid}" if request.enable_idempotence and request.uuid else ""
        now = self._clock.now()

        def publish() -> int:
            return self._store.publish([messages.publication_of(self._store, sent, now, key)])[0]

        sent.offset, sent.create_time = await self._apart(publish), int(now * 1000)
        return {"event": self._proto(sent)}

    async def _listEvents(self, request: Message) -> Mapping[str, Json]:  # noqa: N802
        return await self._listed(_wanted(request), request.timeout_seconds)

    async def _listAllEvents(self, request: Message) -> Mapping[str, Json]:  # noqa: N802
        begin, since = request.start_offset, request.start_time
        if since and not begin:
            begin = await self._apart(lambda: messages.offset_at(self._store, since / 1000))
        return await self._listed(Wanted(begin=begin, end=request.end_offset or None), request.timeout_seconds)

    async def _listed(self, wanted: Wanted, timeout_s: float) -> Mapping[str, Json]:
        """The events; where there are none, the first ones to come within the time."""
        until = asyncio.get_running_loop().time() + min(timeout_s, _MOST_WAIT_S)
        while True:
            with self._bell.ring() as rung:
                found = await self._apart(lambda: self._page(wanted, whole=timeout_s <= 0))
                left_s = until - asyncio.get_running_loop().time()
                if found or left_s <= 0:
                    return {"events": found}
                with suppress(TimeoutError):
                    await asyncio.wait_for(rung, left_s)

    def _page(self, wanted: Wanted, *, whole: bool) -> list[Message]:
        found: Iterable[Any] = messages.find(self._store, wanted)
        if whole:
            return [self._proto(messages.event_of(each)) for each in found]
        page, size_bytes = [], 0
        for each in islice(found, _MOST_EVENTS):
            page.append(self._proto(messages.event_of(each)))
            size_bytes += page[-1].ByteSize()
            if size_bytes > _MOST_BYTES:
                break
        return page

    async def _countEvents(self, request: Message) -> Mapping[str, Json]:  # noqa: N802
        total, senders = await self._apart(lambda: messages.count(self._store, _wanted(request)))
        told = [self._classes["SenderEventCountProto"](sender=name, event_count=number) for name, number in senders]
        return {"event_count": total, "sender_event_counts": told}

    async def _timestampToEventOffset(self, request: Message) -> Mapping[str, Json]:  # noqa: N802
        return {"offset": await self._apart(lambda: messages.offset_at(self._store, request.timestamp / 1000))}

    def _proto(self, event: Event) -> Message:
        value = event.value if isinstance(event.value, str) else messages.text_of(event.value)
        return self._classes["EventProto"](
            key=event.key, value=value, context=event.context or "", namespace=event.namespace or "",
            offset=event.offset, create_time=event.create_time, sender=event.sender or "",
        )  # fmt: skip

    # ------------------------------------------------------------ clients and members

    async def _registerClient(self, request: Message) -> Mapping[str, Json]:  # noqa: N802
        told = {"namespace": request.client_meta.namespace, "sender": request.client_meta.sender}

        def register() -> int:
            number = registry.number(self._store, _CLIENT)
            registry.keep(self._store, _CLIENT, registry.numbered(number), told)
            return number

        return {"client_id": await self._apart(register)}

    async def _deleteClient(self, request: Message) -> Mapping[str, Json]:  # noqa: N802
        key = registry.numbered(request.client_id)
        await self._apart(lambda: registry.forget(self._store, _CLIENT, key))
        return {}

    async def _isClientExists(self, request: Message) -> Mapping[str, Json]:  # noqa: N802
        key = registry.numbered(request.client_id)
        return {"is_exists": await self._apart(lambda: registry.known(self._store, _CLIENT, key)) is not None}

    async def _listMembers(self, request: Message) -> Mapping[str, Json]:  # noqa: N802
        now = int(self._clock.now() * 1000)
        return {"members": [self._classes["MemberProto"](version=1, server_uri=self._address, update_time=now)]}

    async def _notify(self, request: Message) -> Mapping[str, Json]:
        """Nothing: who listens is woken by what is published."""
        return {}

    async def _notifyNewMember(self, request: Message) -> Mapping[str, Json]:  # noqa: N802
        """Nothing: there is one member."""
        return {}


def _wanted(request: Message) -> Wanted:
    return Wanted(
        request.key, request.namespace, request.sender, request.start_offset, request.end_offset or None
    )  # fmt: skip


class Bell:
    """Tells whoever waits in an event loop that something was published: one follower for all of them."""

    def __init__(self, store: Store) -> None:
        self._follower = store.follow(published=True)
        self._closed = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiting: set[asyncio.Future[None]] = set()
        self._thread = threading.Thread(target=self._watch, name="motet-notification-bell", daemon=True)
        self._thread.start()

    @contextmanager
    def ring(self) -> Iterator[asyncio.Future[None]]:
        """A future that is done at the next publication. Asked for in the loop, before looking at what is there."""
        self._loop = asyncio.get_running_loop()
        made = self._loop.create_future()
        self._waiting.add(made)
        try:
            yield made
        finally:
            self._waiting.discard(made)

    def _watch(self) -> None:
        while not self._closed:
            if self._follower.wait(None) and self._loop is not None and not self._closed:
                with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                    self._loop.call_soon_threadsafe(self._tell)

    def _tell(self) -> None:
        for each in self._waiting:
            if not each.done():
                each.set_result(None)

    def close(self) -> None:
        """Tell no more."""
        self._closed = True
        self._follower.wake()
        self._thread.join()
        self._follower.close()

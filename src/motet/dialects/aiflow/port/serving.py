"""The port: opened on the loopback interface, elsewhere only for those who have a token of the server."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import Future
from functools import partial
from typing import Any

from motet.errors import UsageError
from motet.ports import Store

try:
    import grpc  # type: ignore[import-untyped]
    from grpc import aio

    from motet.dialects.aiflow.port import wire
    from motet.dialects.aiflow.port.answering import Answers
except ImportError:  # asked for by the extra `motet[grpc]`
    grpc = None

ADDRESS = "127.0.0.1:50052"
LOOPBACK = ("127.", "localhost:", "[::1]:", "unix:")

_MOST_BYTES = 16 * 1024 * 1024
"""So large a message is read, to be refused with a word about it; a larger one is refused unread."""

_GRACE_S = 1.0
_READS = {"listEvents", "countEvents", "listAllEvents", "listMembers", "isClientExists", "timestampToEventOffset"}

Allowed = Callable[[str, bool], bool]
"""Whether the text of an `authorization` allows to read; or, where the second says so, to publish."""


class _SystemClock:
    now = staticmethod(time.time)


def opened(store: Store, address: str = ADDRESS, allowed: Allowed | None = None) -> tuple[int, Callable[[], None]]:
    """Open the port; gives its number, and what closes it.

    allowed  is asked at each call; without it, only a loopback address is opened. Raises UsageError.
    """
    if grpc is None:
        raise UsageError("The notification port needs gRPC.", 'Install it: pip install "motet[grpc]"')
    if allowed is None and not address.startswith(LOOPBACK):
        raise UsageError(f"{address} can be reached from elsewhere, and nobody is asked for a token.", "Set one.")
    begun: Future[tuple[int, Callable[[], object]]] = Future()

    def run() -> None:
        try:
            asyncio.run(_serve(store, address, allowed, begun))
        except BaseException as error:  # boundary: whoever opens the port waits for it, and is told
            if begun.done():
                raise
            begun.set_exception(error)

    thread = threading.Thread(target=run, name="motet-notification", daemon=True)
    thread.start()
    port, stop = begun.result()

    def close() -> None:
        stop()
        thread.join()

    return port, close


async def _serve(
    store: Store, address: str, allowed: Allowed | None, begun: Future[tuple[int, Callable[[], object]]]
) -> None:  # fmt: skip
    options = [("grpc.max_receive_message_length", _MOST_BYTES), ("grpc.so_reuseport", 0)]
    server = aio.server(options=options)
    answers = Answers(store, _SystemClock(), address)
    server.add_generic_rpc_handlers((_calls(answers, allowed),))
    try:
        try:
            port = server.add_insecure_port(address)
        except (RuntimeError, UnicodeError):
            port = 0
        is_meant = address.startswith("unix:") or address.endswith((":0", f":{port}"))  # gRPC takes 99999 for another
        if not port or not is_meant:
            raise UsageError(f"{address!r} is taken, or no address.", "Choose another port.")
        await server.start()
        closing = asyncio.Event()
        begun.set_result((port, partial(asyncio.get_running_loop().call_soon_threadsafe, closing.set)))
        await closing.wait()
        await server.stop(_GRACE_S)
    finally:
        answers.close()


def _calls(answers: Answers, allowed: Allowed | None) -> Any:
    classes = wire.classes()
    made = {}
    for name, (request, _) in wire.CALLS.items():
        answer = _guarded(answers[name], allowed, publishes=name not in _READS)
        made[name] = grpc.unary_unary_rpc_method_handler(
            answer, classes[request].FromString, lambda message: message.SerializeToString()
        )  # fmt: skip
    return grpc.method_handlers_generic_handler(f"{wire.PACKAGE}.NotificationService", made)


def _guarded(
    answer: Callable[[Any, Any], Awaitable[Any]], allowed: Allowed | None, *, publishes: bool
) -> Callable[[Any, Any], Awaitable[Any]]:  # fmt: skip
    """The same for those who may."""
    if allowed is None:
        return answer

    async def guarded(request: Any, context: Any) -> Any:
        given: Mapping[str, str] = dict(context.invocation_metadata() or ())
        token = given.get("authorization", "").removeprefix("Bearer ")
        if not await asyncio.to_thread(allowed, token, publishes):  # it is looked up in the store
            await context.abort(grpc.StatusCode.UNAUTHENTICATED, "Give a token: authorization: Bearer TOKEN.")
        return await answer(request, context)

    return guarded


class NotificationProtocol:
    """The port as a protocol of `motet server`."""

    name = "notification"
    routes: Sequence[Any] = ()

    def start(self, site: Any, options: Mapping[str, str]) -> Callable[[], None]:
        """Open it at `address`, by default 127.0.0.1:50052; gives what closes it. Raises UsageError."""
        address = options.get("address") or ADDRESS
        allowed = None if address.startswith(LOOPBACK) else site.allows
        return opened(site.store, address, allowed)[1]


PROTOCOL = NotificationProtocol()

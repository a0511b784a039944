"""What may be long leaves threads for what is short."""

from __future__ import annotations

import asyncio
import threading

import httpx2
from tests.server.conftest import Served

from motet.server.api import ROUTES
from motet.server.application import _LONG_AT_ONCE, Application
from motet.server.table import PUBLIC, Call, get, post


def test_what_is_long_keeps_nothing_else_from_being_answered(served: Served) -> None:
    go, begun = threading.Event(), threading.Semaphore(0)

    def build(call: Call) -> str:
        """Takes as long as it is let."""
        begun.release()
        go.wait()
        return "built"

    def look(call: Call) -> str:
        """Takes no time."""
        return "seen"

    routes = [post("/build", PUBLIC, build, is_long=True), get("/look", PUBLIC, look)]
    application = Application(served.site, routes, served.application.gate)

    async def ask() -> tuple[str, list[str], bool]:
        transport = httpx2.ASGITransport(application)
        async with httpx2.AsyncClient(transport=transport, base_url="http://localhost:4200") as client:
            long = [asyncio.create_task(client.post("/build")) for _ in range(100)]
            try:
                for _ in range(_LONG_AT_ONCE):
                    await asyncio.to_thread(begun.acquire)
                seen = (await client.get("/look")).json()
                one_more = begun.acquire(blocking=False)
            finally:
                go.set()
            return seen, [(await each).json() for each in long], one_more

    seen, built, one_more = asyncio.run(ask())
    assert (seen, one_more) == ("seen", False)
    assert built == ["built"] * 100


def test_what_has_a_process_load_code_is_long() -> None:
    assert {each.name for each in ROUTES if each.is_long} == {"submit", "fork", "register"}

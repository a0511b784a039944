"""A server's runs from elsewhere: `Client` and `AsyncClient` for programs (extra `client`), and what the command line
reads over `MOTET_SERVER`, for which nothing has to be installed.
"""

from __future__ import annotations

from motet.typed import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from motet.client.api import AsyncClient as AsyncClient
    from motet.client.api import Client as Client


def __getattr__(name: str) -> Any:
    if name in ("Client", "AsyncClient"):
        from motet.client import api

        return getattr(api, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

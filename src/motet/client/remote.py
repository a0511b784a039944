"""The store, logs and artifacts of a server's home, read as those of a home on this machine are."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, cast
from urllib.parse import quote

from motet.client.connection import API, Address, Connection
from motet.client.following import Following
from motet.errors import UsageError
from motet.kernel.events import Json
from motet.ports import ArtifactStore, Follower, LogStore, Publication, RunRow, Store
from motet.stores.wire import AT_ONCE, READS, from_json, reading


class _Port:
    """What is read of a port at the server: each of its calls that read."""

    _port = ""

    def __init__(self, address: Address) -> None:
        self._connection = Connection(address)
        self._lock = threading.Lock()

    def follow(self, *, published: bool = False) -> Follower:
        """A follower of what is committed at the server."""
        return Following(self._connection.address)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("_"):
            raise AttributeError(name)
        if name not in READS[self._port]:
            raise UsageError(
                f"This cannot be done over a server ({name}).",
                "Do it on the machine of its home, without MOTET_SERVER.",
            )
        return partial(self._call, name)

    def _call(self, name: str, *given: Any, **named: Any) -> Any:
        call = reading(self._port, name)
        told = json.dumps(call.told(given, named))
        with self._lock:
            answer = self._connection.ask("GET", f"{API}/ports/{self._port}/{name}", {"given": told})
        return from_json(call.gives, answer)

    def close(self) -> None:
        """Let go of the connection."""
        self._connection.close()


class RemoteStore(_Port):
    """The store of a server, as far as it is read and users publish."""

    _port = "store"

    def history(self, run: str, after_seq: int = 0) -> Iterator[Json]:
        """See `motet.ports.Store`."""
        while events := self._call("history", run, after_seq):
            yield from events
            after_seq += len(events)
            if len(events) < AT_ONCE:
                return

    def publish(self, events: Sequence[Publication]) -> list[int]:
        """See `motet.ports.Store`: what users publish. The sender is whoever the server takes the caller for."""
        if any(each.run for each in events):
            return [self._publish_for(each) for each in events]
        answer = self._connection.ask("POST", f"{API}/events/batch", body={"events": list(map(_told, events))})
        return list(answer["offsets"])

    def _publish_for(self, event: Publication) -> int:
        path = f"{API}/runs/{quote(event.run, safe='')}/events"
        return int(self._connection.ask("POST", path, body=_told(event))["offset"])

    def relabel(self, run: str, name: str, tags: Sequence[str]) -> None:
        """See `motet.ports.Store`."""
        labels = {"name": name, "tags": list(tags)}
        self._connection.ask("PUT", f"{API}/runs/{quote(run, safe='')}/labels", body=labels)


def _told(it: Publication) -> Json:
    return {"key": it.key, "value": it.value, "namespace": it.namespace, "client_key": it.client_key}


class RemoteLogs(_Port):
    """The lines of a server's runs."""

    _port = "logs"


class RemoteArtifacts:
    """The artifacts of a server, by their hashes."""

    def __init__(self, address: Address) -> None:
        self._connection = Connection(address)

    def get(self, digest: str) -> memoryview:
        """The content. Raises NotFound."""
        return memoryview(self._connection.content("GET", f"{API}/artifacts/{quote(digest, safe='')}"))

    def path(self, digest: str) -> str:
        """Where it can be had."""
        return f"{self._connection.address.url}{API}/artifacts/{quote(digest, safe='')}"


class Remote:
    """A server, as what commands show runs from. Raises UsageError for what is no address of one."""

    def __init__(self, url: str) -> None:
        self.address = Address(url)
        self.store = cast(Store, RemoteStore(self.address))
        self.logs = cast(LogStore, RemoteLogs(self.address))
        self.artifacts = cast(ArtifactStore, RemoteArtifacts(self.address))

    def ask(self, method: str, path: str, body: Json = None) -> Json:
        """What the server answers. Raises what it raised."""
        return Connection(self.address).ask(method, path, body=body)

    def how_died(self, row: RunRow) -> str:
        """How the process died that drove the run."""
        return str(self.ask("GET", f"{API}/runs/{quote(row.id, safe='')}/death")["how"])

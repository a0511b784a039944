"""What is kept of one owner in one home: runs by number, sequences of numbers, documents."""

from __future__ import annotations

from typing import TYPE_CHECKING

from motet import private
from motet.dialects.spell import runs, words
from motet.errors import Conflict, NotFound
from motet.kernel.events import Json
from motet.ports import Document, RunRow

if TYPE_CHECKING:
    from motet.ports.voice import Host


class Ledger:
    """The records of an owner, by default the user of this process. Safe from any thread."""

    def __init__(self, host: Host, owner: str = "") -> None:
        self.host = host
        self.owner = owner or private.user()

    def row(self, number: int) -> RunRow:
        """The run as Motet has it. Raises NotFound."""
        return runs.find(self.host.store, self.owner, number)

    def _own(self, row: RunRow) -> RunRow:
        if row.program.get("owner") != self.owner:
            raise NotFound(f"There is no run {row.id}.", "`spell ps` lists the runs.")
        return row

    def document(self, kind: str, key: str) -> Json:
        """What is kept of that kind under that key; None for nothing."""
        found = self.host.store.document(words.VOICE, f"{self.owner}/{kind}", key)
        return None if found is None else found.body

    def put_document(self, kind: str, key: str, body: Json) -> None:
        """Keep it, whatever stood there."""
        store, place = self.host.store, f"{self.owner}/{kind}"
        while True:
            found = store.document(words.VOICE, place, key)
            try:
                store.put_document(Document(words.VOICE, place, key, body, found.version if found is not None else 0))
            except Conflict:
                continue
            return

    def documents(self, kind: str) -> dict[str, Json]:
        """All that is kept of that kind, by key."""
        return {each.key: each.body for each in self.host.store.documents(words.VOICE, f"{self.owner}/{kind}")}

    def forget(self, kind: str, key: str) -> None:
        """Remove it. Raises NotFound."""
        found = self.host.store.document(words.VOICE, f"{self.owner}/{kind}", key)
        if found is None:
            raise NotFound(f"There is no {kind} {key!r}.", "Check the name.")
        self.host.store.delete_document(found)

    def next_number(self, of: str) -> int:
        """The next number of a sequence of the owner's: "runs", "workflows", ..."""
        return self.host.store.next_number(words.VOICE, f"{self.owner}/{of}")

    def links(self) -> dict[str, str]:
        """The links, by name."""
        return {name: str(body["path"]) for name, body in self.documents("link").items()}

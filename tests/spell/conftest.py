"""A house whose runs are driven by threads of the test's own process: no engine has to be started for each."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from motet import app
from motet.dialects.spell.house import House
from motet.dialects.spell.requests import RunRequest
from motet.dialects.spell.shown import RunView
from motet.dialects.spell.words import FINAL
from motet.ports.voice import Onward


class Driven(House):
    """The same, with what tests ask for most."""

    def __init__(self) -> None:
        self.threads: list[threading.Thread] = []
        super().__init__(app.hosts.current(), self.start_engine)

    def start_engine(self, run: str) -> None:
        host = self.host
        thread = threading.Thread(target=lambda: app.carry_on(host, host.store.run(run), Onward(reopen=True)))
        thread.start()
        self.threads.append(thread)

    def done(self, command: str, **fields: object) -> RunView:
        """A run of the command, when it has ended."""
        made = self.new(RunRequest.from_json({"command": command, **fields}))
        return self.over(made.number)

    def over(self, number: int) -> RunView:
        """The run, when it has ended."""
        self.wait(number, FINAL)
        return self.get(number)

    def wait_id(self, run: str) -> None:
        """Wait until the run with that id of Motet's has ended: a search has no number."""
        self._waited(self.host.store.run(run), FINAL)

    def lines(self, number: int) -> list[str]:
        """What its command has written."""
        return [each.log for each in self.logs(number) if each.status == "running" and not each.status_event]

    def content(self, path: str) -> bytes:
        """The content of a file at a path."""
        import io
        import tarfile

        with tarfile.open(fileobj=io.BytesIO(b"".join(self.tar(path)))) as archive:
            member = archive.extractfile(archive.getmembers()[0])
            assert member is not None
            return member.read()

    def paths(self, path: str) -> list[str]:
        """The files below a path, in order."""
        import io
        import tarfile

        with tarfile.open(fileobj=io.BytesIO(b"".join(self.tar(path)))) as archive:
            return sorted(archive.getnames())


@pytest.fixture
def house() -> Iterator[Driven]:
    """The house of the test's own home."""
    made = Driven()
    yield made
    for row in made.runs(1000):
        made.kill([row.number])
    for thread in made.threads:
        thread.join()

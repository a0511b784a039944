"""What the command line lends the commands of voices."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from motet import __version__, app, private
from motet.cli.requests import warn
from motet.cli.stop import stopped
from motet.cli.terminal import Terminal
from motet.engine.host import Host
from motet.errors import UsageError
from motet.ports import RunRow


class CommandDesk:
    """See `motet.ports.voice.Desk`."""

    version = __version__

    def __init__(self, terminal: Terminal, carry_out: Callable[[str, list[str], Terminal], int]) -> None:
        self.terminal = terminal
        self.home = app.home()
        self._carry_out = carry_out

    def host(self) -> Host:
        """The host of this process. Raises UsageError where a server is named: these runs are not its."""
        if url := private.server(self.home):
            cure = "Name the home, on its machine: --home DIR; or set MOTET_SERVER to nothing."
            raise UsageError(f"This command works at a home, and MOTET_SERVER names a server: {url}.", cure)
        return app.hosts.current()

    def warn(self, text: str) -> None:
        """On stderr."""
        warn(text)

    def start_engine(self, run: str) -> None:
        """As `motet submit` does."""
        app.start_engine(run)

    def stop(self, row: RunRow, wait_s: float) -> RunRow:
        """As `motet stop` does."""
        return stopped(app.hosts.current(), row, wait_s)

    def carry_out(self, command: str, words: Sequence[str]) -> int:
        """As if it had been typed."""
        return self._carry_out(command, list(words), self.terminal)

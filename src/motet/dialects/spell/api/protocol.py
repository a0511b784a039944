"""Spell's API as a protocol of `motet server`: `--protocol spell`. All of it is routes of the server."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from motet.dialects.spell.api import accounts, files, runs, searches, streams, uploads, workspaces
from motet.ports.routes import Place


class SpellProtocol:
    """Answers at the server's own address, below /v1."""

    name = "spell"
    routes = (
        *accounts.ROUTES, *workspaces.ROUTES, *runs.ROUTES, *searches.ROUTES, *streams.ROUTES, *files.ROUTES,
        *uploads.ROUTES,
    )  # fmt: skip

    def start(self, site: Place, options: Mapping[str, str]) -> Callable[[], None]:
        """Nothing is to be opened."""
        return lambda: None


PROTOCOL = SpellProtocol()

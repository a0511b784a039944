"""Files of runs, uploads, links: `client.resources`."""

from __future__ import annotations

import os
from collections.abc import Iterator

from motet.dialects.spell import fetching
from motet.dialects.spell.commands import formats
from motet.spell.api import models
from motet.spell.api.exceptions import told
from motet.spell.client.model import Client

__all__ = ["Resources", "ResourcesService"]


class Resources:
    """Files by path: `runs/7/model.bin`, `uploads/texts`, `public/...`, or below the alias of a link."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def ls(self, path: str = "") -> Iterator[models.LsLine]:
        """What is in a folder, or the file itself. Of a run that goes on, what it has so far."""
        with told():
            found = list(self._client.house.ls(path))
        for each in found:
            yield models.LsLine(
                path=each.path, size=each.size_bytes, date=formats.day(each.at), additional_info=None,
                link_target=each.link_target or None,
            )  # fmt: skip

    def cp(self, path: str, dest: str = ".", quiet: bool = False) -> None:
        """Copy a file, or what is in a folder, into the folder `dest`, which is made if need be."""
        with told():
            for name in fetching.fetch(self._client.house, path, dest):
                if not quiet:
                    print(f"Extracting {name}...")  # noqa: T201 - what scripts see of it

    def upload(self, path: str, name: str = "") -> str:
        """Keep a file or folder as `uploads/NAME`; gives that path."""
        name = name or os.path.basename(os.path.abspath(path))
        with told():
            self._client.house.put_upload(name, os.path.abspath(path))
        return f"uploads/{name}"

    def link(self, alias: str, path: str) -> None:
        """Let an alias stand for a path."""
        with told():
            self._client.house.link(alias, path)


ResourcesService = Resources

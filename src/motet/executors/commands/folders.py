"""The folders of attempts, and how a command ended, as JSON: what is kept beside its folder, and with a failure."""

from __future__ import annotations

import json
import os
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from motet import private
from motet.executors.commands.spec import Finished

if TYPE_CHECKING:
    from motet.kernel.events import Json

_ENDING = ".finished.json"
_NAME_CHARS = 180
_PLAIN = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-~"


def attempt_folder(folder: str, run: str, key: str, number: int) -> str:
    """The folder of an attempt: its working folder, if it had none of its own. How it ended, if it failed or was
    stopped, is kept beside it: see `read_finished`.
    """
    name = f"{_quoted(key)}-{number}"
    if len(name) > _NAME_CHARS:
        from hashlib import blake2b

        name = f"{name[:_NAME_CHARS]}-{blake2b(name.encode(), digest_size=8).hexdigest()}"
    return os.path.join(folder, _quoted(run), name)


def _quoted(text: str) -> str:
    """As a name of a file: what may mean something in one is a percent sign and its number, as in URLs. The standard
    library's `quote` would take longer to load than a command takes.
    """
    content = text.encode("utf-8", "surrogatepass")
    if not content.translate(None, _PLAIN + b"/"):
        return text.replace("/", "%2F")
    return "".join([chr(each) if each in _PLAIN else f"%{each:02X}" for each in content])


def leads_out(folder: str, path: str) -> bool:
    """Whether the path, from the folder, leads out of it: by a link, by `..`, or because it is absolute."""
    parts = path.split("/")
    if {"", ".."}.isdisjoint(parts) and not any(map(os.path.islink, accumulate((folder, *parts), os.path.join))):
        return False  # nothing else leads elsewhere, so that real paths need not be asked for
    root, real = os.path.realpath(folder), os.path.realpath(os.path.join(folder, path))
    return real != root and not real.startswith(root + os.sep)


def fields_of(finished: Finished) -> dict[str, Any]:
    """Its fields by name."""
    return {name: getattr(finished, name) for name in Finished.__slots__}


def as_json(finished: Finished) -> dict[str, Json]:
    """The record of how a command ended, as JSON: the files by {"path", "artifact", "size_bytes", "mode"}."""
    record = {
        **fields_of(finished), "place": dict(finished.place), "inputs": [dict(each) for each in finished.inputs],
        "removed": list(finished.removed),
    }  # fmt: skip
    record["outputs"] = [
        {"path": each.path, "artifact": each.digest, "size_bytes": each.size_bytes, "mode": each.mode}
        for each in finished.outputs
    ]
    return record


def read_finished(folder: str) -> dict[str, Json] | None:
    """What is left of an attempt that failed or was stopped, from its folder: the JSON of its `Finished`, and
    "how". None if there is nothing.
    """
    try:
        with open(folder + _ENDING) as file:
            return dict(json.load(file))
    except (FileNotFoundError, ValueError):
        return None


def write_finished(folder: str, finished: Finished, how: str) -> None:
    """Leave word for whoever looks for what is left of a step that did not succeed. Raises OSError."""
    private.make_folder(os.path.dirname(folder))
    with open(folder + _ENDING, "w", opener=private.opener) as file:
        file.write(json.dumps({**as_json(finished), "how": how}))

"""The page as it was built: files that anybody may have, since they hold nothing of any run; what they show they ask of
the API, by the cookie of the browser that they are shown in.

Addresses of the page give `index.html`, which is asked for anew each time; all else has a name that its content is part
of, and is kept by browsers for good.
"""

from __future__ import annotations

import gzip
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256

from motet.server.table import Content

FOLDER = os.path.join(os.path.dirname(__file__), "built")
"""Where `scripts/page` puts what it builds of `ui/`."""

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; "
    "worker-src 'self'; font-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types motet"
)
"""What the page may do: load this server's own files, ask this server, and turn no text into code."""

_SECTIONS = ("runs", "workflows", "events", "waiting", "artifacts", "compare")
_KINDS = {".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
_FOR_GOOD = "public, max-age=31536000, immutable"
_MISSING = b"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Motet</title></head>
<body><h1>Motet</h1>
<p>The page is not built in this checkout: <code>scripts/page</code> builds it, with Node 20.19 or later.</p>
<p>The API is described at <a href="/api/v1/openapi.json">/api/v1/openapi.json</a>, and begins at
<a href="/api/v1/runs">/api/v1/runs</a>.</p></body></html>
"""


@dataclass(frozen=True, slots=True)
class File:
    """A file of the page: as it is, compressed, and by which it is known again."""

    body: bytes
    packed: bytes
    kind: str
    tag: str


class Page:
    """The files of a built page, read when the first is asked for: a server shows one version as long as it lives."""

    def __init__(self, folder: str = FOLDER) -> None:
        self._folder = folder

    @cached_property
    def files(self) -> Mapping[str, File]:
        """The files by their paths; where nothing is built, a page that says so."""
        found: dict[str, File] = {}
        for folder, _, names in os.walk(self._folder):
            for name in sorted(names):
                kind = _KINDS.get(os.path.splitext(name)[1])
                path = os.path.join(folder, name)
                if kind is not None:
                    with open(path, "rb") as file:
                        found["/" + os.path.relpath(path, self._folder)] = _file(file.read(), kind)
        return found if "/index.html" in found else {"/index.html": _file(_MISSING, "text/html")}

    def answer(self, path: str, packed: bool, known: str) -> Content | None:
        """What is at that path: a file, the page's frame at an address of the page; None for nothing.

        `packed` says that it may be compressed, `known` which version is known already: that is not sent again.
        """
        place = "/index.html" if is_address(path) else path
        file = self.files.get(place)
        if file is None:
            return None
        kept = _FOR_GOOD if place.startswith("/assets/") else "no-cache"
        headers = {
            "Content-Security-Policy": POLICY,
            "Cache-Control": kept,
            "ETag": file.tag,
            "Vary": "Accept-Encoding",
        }
        if file.tag in known:
            return Content(status=304, media_type=file.kind, headers=headers)
        if packed:
            headers["Content-Encoding"] = "gzip"
        return Content(file.packed if packed else file.body, media_type=file.kind, headers=headers)


def _file(body: bytes, kind: str) -> File:
    tag = f'"{sha256(body).hexdigest()[:16]}"'
    return File(body, gzip.compress(body, 9, mtime=0), f"{kind}; charset=utf-8", tag)


def is_address(path: str) -> bool:
    """Whether that is an address of the page, with what may come after `?` and `#`, and of no other place."""
    parts = path.split("?")[0].split("#")[0].split("/")
    return len(parts) > 1 and not parts[0] and "\\" not in path and (parts[1] in _SECTIONS or parts == ["", ""])

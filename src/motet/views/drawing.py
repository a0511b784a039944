"""Radar of a run without a server: the page's own drawing as one script, beside the picture that it draws."""

from __future__ import annotations

import json
import os
from base64 import b64encode
from hashlib import sha256
from html import escape

import motet
from motet.ports import RunRow, Store
from motet.values.secrets import hide
from motet.views import columns

SCRIPT = os.path.join(os.path.dirname(motet.__file__), "server", "built", "alone", "drawing.js")
"""Where `scripts/page` puts it; a checkout whose page is not built has none."""


def script() -> str:
    """The script that draws, or nothing where the page is not built."""
    try:
        with open(SCRIPT, encoding="utf-8") as file:
            return file.read()
    except FileNotFoundError:
        return ""


def drawn(store: Store, run: RunRow) -> str:
    """The canvas and the picture of the run, as HTML that `document` lets draw."""
    told = json.dumps(columns.picture(store, columns.Courses(store), run), default=str)
    # "</script>" and "<!--" in what a run says must not end or hide the rest of the file
    safe = hide(told).replace("<", "\\u003c")
    name = escape(f"Radar of {run.name}: {sum(run.counts.values())} steps", quote=True)
    return (
        f'<canvas class=radar role=img aria-label="{name}"></canvas>'
        f"<script type=application/json id=picture>{safe}</script>"
    )


def document(title: str, style: str, body: str, code: str) -> str:
    """A whole file. Its policy allows this one style and this one script, by what they hold, and no network."""
    allowed = f"script-src '{_hash(code)}'; style-src '{_hash(style)}'; img-src data:"
    policy = f"default-src 'none'; {allowed}; base-uri 'none'; form-action 'none'"
    return (
        f"<!doctype html>\n<html lang=en><meta charset=utf-8>"
        f'<meta http-equiv=Content-Security-Policy content="{policy}">'
        f"<title>{escape(title)}</title><style>{style}</style>\n{body}\n"
        f"{f'<script>{code}</script>' if code else ''}\n</html>\n"
    )


def _hash(text: str) -> str:
    return f"sha256-{b64encode(sha256(text.encode()).digest()).decode()}"

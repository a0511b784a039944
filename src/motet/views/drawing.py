"""Radar of a run without a server: the page's own drawing as one script, beside the picture that it draws."""

from __future__ import annotations

import json
import os
from base64 import b64encode
from hashlib import sha256
from html import escape

from motet.ports import RunRow, Store
from motet.values.secrets import hide
from motet.views import columns, human, lookup

SCRIPT = os.path.join(os.path.dirname(os.path.dirname(__file__)), "server", "built", "alone", "drawing.js")
"""Where `scripts/page` puts it; a checkout whose page is not built has none."""


_WIDE, _HIGH = 720, 280
_CARD = """
:root { color-scheme: light dark } body { margin: 0; display: flex; font: 13px/20px system-ui, sans-serif; color: #1a1c20; background: #fafaf8 }
canvas { width: 400px; height: 280px; flex: none; cursor: grab; touch-action: none } div { padding: 14px 16px; min-width: 0 } h1 { font-size: 17px; margin: 0 } p { margin: 4px 0; color: #51565f; overflow-wrap: anywhere }
.failed, .crashed { color: #c42b0f } .running { color: #1560d4 } .succeeded { color: #2c6e5e }
@media (prefers-color-scheme: dark) { body { color: #e8eaed; background: #0f1114 } p { color: #a7adb7 } .failed, .crashed { color: #ff7f61 } .running { color: #6faeff } .succeeded { color: #5fb69b } }
"""  # noqa: E501 - a style sheet


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


def card(store: Store, run: RunRow) -> str:
    """The run in a frame of 720 by 280 pixels: Radar at the left, beside it what it is and how it stands."""
    status = lookup.status_of(run)
    took, error = lookup.duration_of(run), lookup.error_line(run.error)
    lasted = "" if took is None else f", {human.length(took)}"
    failed = f"<p class=failed>{escape(hide(error))}</p>" if error else ""
    body = (
        f"{drawn(store, run)}<div><h1>{escape(run.name)}</h1><p>{escape(run.workflow)}</p>"
        f"<p class={status}>{status}{lasted}</p><p>{counted(run)}</p>{failed}</div>"
    )
    inner = escape(document(run.name, _CARD, body, script()), quote=True)
    title = escape(run.name, quote=True)
    return (
        f'<iframe srcdoc="{inner}" sandbox="allow-scripts" width={_WIDE} height={_HIGH} title="{title}" '
        "frameborder=0></iframe>"
    )


def counted(run: RunRow) -> str:
    """The run's steps by status, in words."""
    return ", ".join(f"{count:,} {status}" for status, count in run.counts.items() if count) or "no steps yet"

"""The step that an event starts. It imports next to nothing, so that a fresh process is not charged for it."""

from __future__ import annotations

import time

BEGUN: list[float] = []
"""Seconds from each event to the start of its step, as the steps themselves saw it."""


def note_start(sent_at: float) -> float:
    """The seconds since the event was published. The clock is one for all processes."""
    since_s = time.monotonic() - sent_at
    BEGUN.append(since_s)
    return since_s

"""Metrics of the run that this code is part of: `spell.metrics.send_metric("loss", 0.12)`."""

from __future__ import annotations

import operator
import os
import warnings
from typing import Any

from motet.dialects.spell import house
from motet.errors import MotetError

__all__ = ["SpellMetricWarning", "send_metric"]


class SpellMetricWarning(UserWarning):
    """A value was not kept: it is neither a number nor text, or nobody took it."""


def send_metric(name: str, value: Any, index: int | None = None) -> None:
    """Add a point to a metric of this run: a number or text. Without an index it is the one after the last, first 0.

    Outside of a run nothing happens. What cannot be kept is told by a warning; no call ever fails.
    """
    run = os.environ.get("SPELL_RUN", "")
    if not run:
        return
    if isinstance(value, bool):
        value = int(value)
    elif not isinstance(value, int | float | str) and hasattr(value, "item") and getattr(value, "size", 1) == 1:
        value = value.item()
    if not isinstance(value, int | float | str):
        _warn(f"metric {name!r:.80} is a {type(value).__name__}, neither a number nor text: it was not kept")
        return
    try:
        at = None if index is None else operator.index(index)
        house.current().send_metric(int(run), name, value, at)
    except (MotetError, OSError, ValueError, TypeError) as error:
        _warn(f"metric {name!r:.80} was not kept: {error}")


def _warn(text: str) -> None:
    warnings.warn(text, SpellMetricWarning, stacklevel=3)

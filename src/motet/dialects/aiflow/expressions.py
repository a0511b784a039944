"""When periodic things happen: `cron@MINUTE HOUR DAY MONTH WEEKDAY` or `interval@DAYS HOURS MINUTES SECONDS`."""

from __future__ import annotations

from datetime import UTC, datetime

from cronsim import CronSim, CronSimError

from motet.errors import UsageError
from motet.records import Record

_DAY_S, _HOUR_S, _MINUTE_S = 86_400, 3_600, 60
_FACTORS = (_DAY_S, _HOUR_S, _MINUTE_S, 1)
_FIELDS = 5


class Periodic(Record):
    """By a cron expression of five fields; or, where that is "", each so many seconds."""

    cron: str = ""
    every_s: int = 0


def parsed(expression: str) -> Periodic:
    """What the expression means. Raises UsageError."""
    kind, _, told = str(expression).partition("@")
    if kind == "cron":
        return Periodic(cron=_checked_cron(told.strip(), expression))
    if kind == "interval":
        return Periodic(every_s=_total_s(told, expression))
    raise UsageError(
        f"{expression!r:.80} says no times.", 'Write "interval@DAYS HOURS MINUTES SECONDS", or "cron@* * * * *".'
    )


def _total_s(told: str, expression: str) -> int:
    """Four numbers with single spaces between them; a number that is left out is 0."""
    parts = told.split(" ")
    if len(parts) != len(_FACTORS) or not all(each == "" or each.isdigit() for each in parts):
        raise UsageError(
            f"{expression!r:.80} is no interval.", 'Write four numbers: "interval@0 1 30 0" is an hour and a half.'
        )
    total = sum(int(each or 0) * factor for each, factor in zip(parts, _FACTORS, strict=True))
    if not total:
        raise UsageError(f"{expression!r:.80} is no time at all.", 'Write at least a second: "interval@0 0 0 1".')
    return total


def _checked_cron(told: str, expression: str) -> str:
    try:
        if len(told.split()) != _FIELDS:
            raise CronSimError(f"{len(told.split())} fields")
        CronSim(told, datetime.now(UTC))
    except CronSimError as error:
        raise UsageError(
            f"{expression!r:.80} is no cron expression: {error}.", 'Write five fields: "cron@*/5 * * * *".'
        ) from None
    return told

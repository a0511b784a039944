"""Retries: how long each waits. Names are those of Prefect 3."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from motet.errors import UsageError
from motet.typed import Any

MOST_DELAYS = 50


def exponential_backoff(backoff_factor: float) -> Callable[[int], list[float]]:
    """For `retry_delay_seconds`: the first retry waits so many seconds, each further one twice as long."""

    def delays(retries: int) -> list[float]:
        return [backoff_factor * max(0, 2**each) for each in range(min(retries, MOST_DELAYS))]

    return delays


def delays_of(where: str, options: Mapping[str, Any], retries: int) -> tuple[float, ...]:
    """Seconds before the 1st, 2nd, ... retry; a function among the options is asked once, here. Raises UsageError."""
    given = options.get("retry_delay_seconds")
    if callable(given):
        given = given(retries)
    delays = () if given is None else given if isinstance(given, Iterable) and not isinstance(given, str) else (given,)
    try:
        listed = tuple(float(each) for each in delays)
    except (TypeError, ValueError):
        listed = (-1.0,)
    if any(not 0 <= each < float("inf") for each in listed):
        raise UsageError(
            f"{where}: retry_delay_seconds is {given!r}.",
            "Give seconds, 0 or more; or a list of them; or a function of the number of retries that gives a list.",
        )
    if len(listed) > MOST_DELAYS:
        raise UsageError(
            f"{where}: retry_delay_seconds holds {len(listed)} delays.",
            f"Give {MOST_DELAYS} at most: the last one holds for all further retries.",
        )
    return listed


def jitter_of(where: str, options: Mapping[str, Any]) -> float:
    """By which share of itself a wait may be lengthened. Raises UsageError."""
    given = options.get("retry_jitter_factor") or 0.0
    if not isinstance(given, int | float) or not 0 <= given < float("inf"):
        raise UsageError(f"{where}: retry_jitter_factor is {given!r}.", "Give a number, 0 or more.")
    return float(given)

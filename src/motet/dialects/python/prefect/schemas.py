"""Filters and orders of the client, which look at the attributes of runs by the names of their own."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import Any

_NAMES = {"type": "state_type", "state_type": "state_type"}


class Filter:
    """What is to hold: conditions by attribute, `FlowRunFilter(name=FlowRunFilterName(any_=["a"]))`."""

    def __init__(self, **asked: Any) -> None:
        self._asked = {name: each for name, each in asked.items() if each is not None and name != "operator"}
        vars(self).update(asked)

    def passes(self, run: Any) -> bool:
        """Whether it holds for the run."""
        return all(_holds(name, each, run) for name, each in self._asked.items())


def _holds(name: str, asked: Any, run: Any) -> bool:
    if name == "state":
        return all(
            _holds({"name": "state_name", "type": "state_type"}.get(each, each), it, run) for each, it in _items(asked)
        )
    value = getattr(run, name, None)
    return all(_condition(each, it, value) for each, it in _items(asked))


def _items(asked: Any) -> Iterable[tuple[str, Any]]:
    found = asked._asked if isinstance(asked, Filter) else asked
    return [(name, each) for name, each in dict(found).items() if each is not None]


def _condition(name: str, asked: Any, value: Any) -> bool:
    match name:
        case "any_":
            wanted = {str(each) for each in asked}
            return bool(wanted & {str(each) for each in value}) if isinstance(value, list) else str(value) in wanted
        case "not_any_":
            return str(value) not in {str(each) for each in asked}
        case "all_":
            return {str(each) for each in asked} <= {str(each) for each in value or ()}
        case "like_":
            return str(asked).lower() in str(value).lower()
        case "is_null_":
            return (value is None) == bool(asked)
        case "before_":
            return isinstance(value, datetime) and bool(value <= asked)
        case "after_":
            return isinstance(value, datetime) and bool(value >= asked)
        case _:
            return True


class FlowRunSort(StrEnum):
    """In which order runs are listed; the newest come first in any case."""

    ID_DESC = "ID_DESC"
    START_TIME_ASC = "START_TIME_ASC"
    START_TIME_DESC = "START_TIME_DESC"
    EXPECTED_START_TIME_ASC = "EXPECTED_START_TIME_ASC"
    EXPECTED_START_TIME_DESC = "EXPECTED_START_TIME_DESC"
    NAME_ASC = "NAME_ASC"
    NAME_DESC = "NAME_DESC"
    NEXT_SCHEDULED_START_TIME_ASC = "NEXT_SCHEDULED_START_TIME_ASC"
    END_TIME_DESC = "END_TIME_DESC"


class LogSort(StrEnum):
    """In which order log lines are listed."""

    TIMESTAMP_ASC = "TIMESTAMP_ASC"
    TIMESTAMP_DESC = "TIMESTAMP_DESC"


class ArtifactSort(StrEnum):
    """In which order artifacts are listed."""

    CREATED_DESC = "CREATED_DESC"
    UPDATED_DESC = "UPDATED_DESC"
    ID_DESC = "ID_DESC"
    KEY_ASC = "KEY_ASC"
    KEY_DESC = "KEY_DESC"

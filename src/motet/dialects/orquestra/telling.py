"""Runs as `qe` told of them: the same words, lines and columns, for scripts that take them apart."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from motet.dialects.orquestra.ids import RUN_WORDS, step_id
from motet.dialects.orquestra.program import reason
from motet.dialects.orquestra.spec import Workflow
from motet.kernel.events import Json
from motet.ports import RunRow, StepRow

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_UNITS = (
    ("year", 31_536_000), ("month", 2_592_000), ("week", 604_800), ("day", 86_400), ("hour", 3_600), ("minute", 60),
)  # fmt: skip
_MESSAGE_CHARS = 120
_SHIFT = 9
"""By so much the original's header stands to the left of what is below it."""


@dataclass(slots=True)
class Told:
    """A run with its steps as they stand; `status` says crashed of a run whose process is gone."""

    row: RunRow
    status: str
    workflow: Workflow
    steps: Sequence[StepRow]


def workflow_text(told: Told, now: float) -> str:
    """What `qe get workflow` prints."""
    row = told.row
    facts = [("Name", row.id), ("Namespace", "default"), ("Status", RUN_WORDS[told.status])]
    for name, at in (("Created", row.created_at), ("Started", row.started_at), ("Finished", row.ended_at)):
        if at is not None:
            facts.append((name, f"{moment(at)} ({ago(now - at)})"))
    if row.started_at is not None:
        facts.append(("Duration", duration((row.ended_at or now) - row.started_at)))
    lines = [f"{name + ':':<21}{value}" for name, value in facts]
    lines += ["Parameters:          ", "  s3-bucket:         quantum-engine", "  s3-key:            projects/v1", ""]
    return "\n".join([*lines, *_table(told, now)]) + "\n"


def _table(told: Told, now: float) -> list[str]:
    order = {name: index for index, name in enumerate(told.workflow.steps)}
    steps = sorted(told.steps, key=lambda step: (step.started_at or float("inf"), order.get(step.key, 0)))
    head = f"  {told.row.id} (qeDagWorkflow)"
    rows = []
    for index, step in enumerate(steps):
        branch = "└-" if index == len(steps) - 1 else "├-"
        took = (step.ended_at or now) - step.started_at if step.started_at is not None else None
        ids = step_id(told.row.id, step.key)
        rows.append((f" {branch} {step.key} ({step.key})", ids, short_duration(took), message(told.workflow, step)))
    first = max(map(len, [head, *(row[0] for row in rows)])) + 2
    second = max([len("PODNAME"), *(len(row[1]) for row in rows)]) + 2
    lines = [f"{row[0]:<{first}}{row[1]:<{second}}{row[2]:<10}{row[3]}  " for row in rows]
    header = f"{'STEP':<{max(first - _SHIFT, 6)}}{'PODNAME':<{second}}DURATION  MESSAGE"
    return [header, f"{head:<{max(map(len, [head, *lines]))}}", *lines]


def message(workflow: Workflow, step: StepRow) -> str:
    """What a step's line ends with: its outputs, or why it has none."""
    if step.status == "succeeded":
        known = workflow.steps.get(step.key)
        return ",".join(each.name for each in known.outputs) if known is not None else ""
    if step.status == "skipped":
        return "omitted: depends condition not met"
    text = reason(step.key, step.error)
    return text if len(text) <= _MESSAGE_CHARS else f"{text[: _MESSAGE_CHARS - 3]}..."


def result_text(run: str, location: str) -> str:
    """What `qe get workflowresult` prints."""
    return f"Name:        {run}\nLocation:    {location}\n"


def list_text(rows: Sequence[tuple[RunRow, str]], now: float) -> str:
    """What `qe list workflow` prints: no sample of the original's table is known; these are Argo's columns."""
    cells = [("NAME", "STATUS", "CREATED", "DURATION")]
    for row, status in rows:
        took = (row.ended_at or now) - row.started_at if row.started_at is not None else None
        cells.append((row.id, RUN_WORDS[status], rfc3339(row.created_at), short_duration(took)))
    widths = [max(len(each[at]) for each in cells) for at in range(3)]
    return "".join(f"{a:<{widths[0]}}  {b:<{widths[1]}}  {c:<{widths[2]}}  {d}\n" for a, b, c, d in cells)


def list_json(rows: Sequence[tuple[RunRow, str]]) -> list[Json]:
    """What `qe list workflow -o json` prints, with the field names of the original's list of workflows."""
    return [_listed(row, status) for row, status in rows]


def _listed(row: RunRow, status: str) -> Json:
    changed_at = row.ended_at or row.started_at or row.created_at
    return {
        "id": row.id, "name": row.id, "status": RUN_WORDS[status], "created": rfc3339(row.created_at),
        "lastModified": rfc3339(changed_at), "completed": row.ended_at is not None, "target": "argo", "owner": "",
        "version": row.workflow,
    }  # fmt: skip


# ---------------------------------------------------------------- times


def moment(at: float) -> str:
    """A time as Argo writes it, in English whatever the locale: Wed Sep 16 05:17:07 +0000."""
    then = time.localtime(at)
    day, month = _DAYS[then.tm_wday], _MONTHS[then.tm_mon - 1]
    return f"{day} {month} {then.tm_mday:02d} {time.strftime('%H:%M:%S', then)} {_offset(then, '')}"


def rfc3339(at: float) -> str:
    """A time in the local zone by RFC 3339."""
    then = time.localtime(at)
    return time.strftime("%Y-%m-%dT%H:%M:%S", then) + _offset(then, ":")


def _offset(then: time.struct_time, colon: str) -> str:
    minutes = (then.tm_gmtoff or 0) // 60
    hours, rest = divmod(abs(minutes), 60)
    return f"{'-' if minutes < 0 else '+'}{hours:02d}{colon}{rest:02d}"


def ago(seconds: float) -> str:
    """How long ago, in the largest unit: "48 seconds ago"."""
    whole = int(seconds)
    if whole < 1:
        return "now"
    for unit, size in _UNITS:
        if whole >= size:
            return f"{_counted(whole // size, unit)} ago"
    return f"{_counted(whole, 'second')} ago"


def duration(seconds: float) -> str:
    """A duration in its two largest units: "22 seconds", "1 minute 5 seconds"."""
    left = max(0, int(seconds))
    parts = []
    for unit, size in (*_UNITS[3:], ("second", 1)):
        count, left = divmod(left, size)
        if count:
            parts.append(_counted(count, unit))
    return " ".join(parts[:2]) or "0 seconds"


def short_duration(seconds: float | None) -> str:
    """A duration in its largest unit: "10s", "2m"; empty for None."""
    if seconds is None:
        return ""
    whole = max(0, int(seconds))
    for letter, size in (("d", 86_400), ("h", 3_600), ("m", 60)):
        if whole >= size:
            return f"{whole // size}{letter}"
    return f"{whole}s"


def _counted(count: int, unit: str) -> str:
    return f"{count} {unit}" if count == 1 else f"{count} {unit}s"

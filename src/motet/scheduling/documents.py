"""What is registered and scheduled, as JSON documents: the command line prints them, the server gives them."""

from __future__ import annotations

from motet.kernel.events import Json
from motet.ports.definition import Definition
from motet.scheduling import times
from motet.scheduling.alerts import Alert
from motet.scheduling.times import Schedule
from motet.scheduling.triggers import Trigger


def definition_json(definition: Definition) -> Json:
    """A definition as a document."""
    return {
        "name": definition.name, "version": definition.number, "digest": definition.digest, "voice": definition.voice,
        "workflow": definition.workflow, "target": definition.target, "schema": definition.schema,
        "params": dict(definition.given), "tags": list(definition.tags), "created_at": definition.created_at,
        "snapshot": definition.snapshot, "source": definition.source, "environment": dict(definition.environment),
    }  # fmt: skip


def schedule_json(found: Schedule, now: float) -> Json:
    """A schedule as a document."""
    state = found.state
    return {
        "name": found.name, "number": found.number, "target": found.target, "params": dict(found.params),
        "cron": found.cron or None, "every_s": found.every_s or None, "at": found.at, "zone": found.zone,
        "start_at": found.start_at, "end_at": found.end_at, "catch_up": found.catch_up, "overlap": found.overlap,
        "paused": found.paused, "created_at": found.created_at, "started": state.get("started", 0),
        "skipped": state.get("skipped", 0), "told": state.get("told", []), "runs": state.get("runs", []),
        "waiting": state.get("waiting", []), "next_at": None if found.paused else times.next_due(found, now),
    }  # fmt: skip


def trigger_json(found: Trigger) -> Json:
    """A trigger as a document."""
    return {
        "name": found.name, "number": found.number, "target": found.target, "key": found.key,
        "namespace": found.namespace, "sender": found.sender, "where": list(found.where),
        "params": dict(found.params), "take": dict(found.take), "paused": found.paused,
        "created_at": found.created_at, "started": found.state.get("started", 0), "runs": found.state.get("runs", []),
        "told": found.state.get("told", []),
    }  # fmt: skip


def alert_json(found: Alert) -> Json:
    """An alert as a document."""
    return {
        "name": found.name, "number": found.number, "on": list(found.on), "workflow": found.workflow, "tag": found.tag,
        "late_s": found.late_s or None, "command": list(found.command), "mail": found.mail, "smtp": found.smtp,
        "sender": found.sender, "hook": found.hook, "headers": list(found.headers), "created_at": found.created_at,
        "delivered": found.state.get("delivered", 0), "failed": found.state.get("failed", 0),
        "told": found.state.get("told", []),
    }  # fmt: skip

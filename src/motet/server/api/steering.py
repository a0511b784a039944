"""What may be asked to be done: begin runs, stop, carry on, fork, answer them, publish events."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from annotated_types import Ge, Le, MaxLen, MinLen
from typing_extensions import TypedDict

from motet import questions, requests
from motet.errors import Conflict, NotFound, UsageError
from motet.kernel.transitions import ENDED, PENDING
from motet.owners import is_dead
from motet.ports import STEERING, Publication, RunRow
from motet.server.api.documents import Run
from motet.server.submitting import submitted
from motet.server.table import OPERATE, PREFIX, Call, Text, asked, post
from motet.values.naming import KEY_CHARS, check_published
from motet.views import documents, lookup
from motet.views.steps import find_step

Many = Annotated[list[Text], MaxLen(100)]
Key = Annotated[str, MinLen(1), MaxLen(KEY_CHARS)]
Priority = Annotated[int, Ge(-1000), Le(1000)]
_CODE_CHARS = 64 * 2**20
_LEAST_OPTIONS = ("--home", "--json", "--params")


class Offset(TypedDict):
    """The place of an event in the journal."""

    offset: int


@asked
class Submission:
    """Code, a file or an archive in base64, and which run is to be made of it: see `motet submit`."""

    target: Annotated[Text, MinLen(1)]
    code: Annotated[str, MaxLen(_CODE_CHARS)]
    params: dict[str, Any] | None = None
    name: Text = ""
    key: Text = ""
    priority: Priority = 0
    only_one: bool = False
    options: Many | None = None


@asked
class Resumption:
    """Which steps are to run anew, by key; and whether those that have changed are."""

    rerun: Many | None = None
    rerun_changed: bool = False


@asked
class Fork:
    """Which steps of the new run are to run anew even if nothing changes (STEP@12, STEP@last: from that checkpoint);
    parameters to change; its name; and how it stands to others, as with a run of code that is sent.
    """

    anew: Many | None = None
    params: dict[str, Any] | None = None
    name: Text = ""
    priority: Priority = 0
    only_one: bool = False


@asked
class Reason:
    """Why, in words."""

    reason: Text = ""


@asked
class Answer:
    """What is answered, by field, to the question of a step (where a run has asked several)."""

    values: dict[str, Any]
    step: Text = ""


@asked
class Event:
    """An event to be published. The same `client_key` twice is one event."""

    key: Key
    value: Any = None
    namespace: Annotated[str, MaxLen(KEY_CHARS)] = ""
    client_key: Annotated[str, MaxLen(KEY_CHARS)] = ""


@asked
class Request:
    """What a run that goes on is asked for a step of it; `fields` are those of `step.add`. See `motet.requests`."""

    ask: Literal["step.stop", "step.retry", "step.add"]
    step: Key
    reason: Text = ""
    fields: dict[str, Any] | None = None


def submit(call: Call, body: Submission) -> Run:
    """Begin a run of code that is sent. It runs as the user whose server this is."""
    options = list(body.options or ())
    if any(each.startswith(_LEAST_OPTIONS) or each == "--" for each in options):
        raise UsageError("The options name what the server says itself.", "Leave out --home, --json, --params and --.")
    options += [f"--key={body.key}"] if body.key else []
    options += _beginning(body)
    params = body.params or {}
    made: Run = submitted(call.site, body.target, body.code, params, options, _begun(call))
    return made


def _beginning(body: Submission | Fork) -> list[str]:
    """Options of commands: what the run is called, and how it stands to others."""
    name = [f"--name={body.name}"] if body.name else []
    priority = [f"--priority={body.priority}"] if body.priority else []
    return [*name, *priority, *(["--only-one"] if body.only_one else [])]


def _begun(call: Call) -> Mapping[str, str]:
    return {"by": "server", "user": call.caller.user}


def stop(call: Call, run: Text, body: Reason) -> Run:
    """Ask a run to stop; give it as it stands then. One that nobody drives is ended at once."""
    row = lookup.find_run(call.site.store, run)
    if row.status in ENDED:
        return _shown(call, row)
    if lookup.has_crashed(row, time.time()) or (row.status == PENDING and row.owner is None):
        call.site.command("stop", [row.id], call.site.home, _begun(call))
    else:
        _publish(call, "run.stop", body.reason or f"asked for by {call.caller.user}", row.id, STEERING)
    return _shown(call, row)


def resume(call: Call, run: Text, body: Resumption) -> Run:
    """Start a process that carries on with a run that crashed, failed, was stopped or waits for a word to go on."""
    store = call.site.store
    row = lookup.find_run(store, run)
    if row.status in ENDED and row.status == "succeeded":
        raise UsageError(f"Run {row.name} has succeeded.", "There is nothing left to resume; a fork runs it again.")
    if row.owner is not None and not is_dead(row.owner) and not row.waits:
        raise Conflict(f"Run {row.name} is being driven.", "Stop it first, or wait for it to end.")
    steps = [find_step(store, row, each).key for each in body.rerun or ()]
    again = [part for key in steps for part in ("--rerun", key)]
    changed = ["--rerun-changed"] if body.rerun_changed else []
    call.site.start(row.id, ["resume", row.id, "--quiet", *again, *changed])
    return _shown(call, row)


def fork(call: Call, run: Text, body: Fork) -> Run:
    """Make a new run like that one and start a process that drives it; what does not change is taken over."""
    row = lookup.find_run(call.site.store, run)
    anew = [f"--from={_anew(call, row, each)}" for each in body.anew or ()]
    params = [f"--param={_written(name, value)}" for name, value in (body.params or {}).items()]
    options = [row.id, "--detach", *anew, *params, *_beginning(body)]
    made: Run = call.site.command("fork", options, call.site.folder_of(row), _begun(call))
    return made


def _anew(call: Call, row: RunRow, text: str) -> str:
    """The key of the step, with the checkpoint that it is to begin from, where one is named."""
    store = call.site.store
    name, mark, which = text.partition("@")
    try:
        return find_step(store, row, text).key
    except NotFound:
        if not (name and mark and which):
            raise
    return f"{find_step(store, row, name).key}@{which}"


def _written(name: str, value: Any) -> str:
    return f"{name}={json.dumps(value)}"


def answer(call: Call, run: Text, body: Answer) -> Run:
    """Answer what a run has asked, so that it goes on."""
    store = call.site.store
    row = lookup.find_run(store, run)
    questions.give(store, questions.question(store, row, body.step), body.values, call.caller.user, time.time())
    if lookup.is_suspended(row) or lookup.has_crashed(row, time.time()):
        call.site.start(row.id)
    return _shown(call, row)


def publish(call: Call, body: Event) -> Offset:
    """Publish an event that all runs may hear."""
    check_published(body.key, body.namespace, body.client_key, body.value)
    return _publish(call, body.key, body.value, "", body.namespace, body.client_key)


def publish_for(call: Call, run: Text, body: Event) -> Offset:
    """Publish an event that this run alone hears."""
    row = lookup.find_run(call.site.store, run)
    check_published(body.key, body.namespace, body.client_key, body.value)
    return _publish(call, body.key, body.value, row.id, body.namespace, body.client_key)


def ask(call: Call, run: Text, body: Request) -> Offset:
    """Ask something of a run that goes on, for a step. What it refuses is told by an event `request.refused`."""
    row = lookup.find_run(call.site.store, run)
    if row.status in ENDED:
        raise UsageError(f"Run {row.name} has ended: {row.status}.", "Resume it: that runs what failed again.")
    told = {**(body.fields or {}), "step": body.step, "token": requests.token(call.site.home, row.id)}
    if body.reason:
        told["reason"] = body.reason
    return _publish(call, body.ask, told, row.id, STEERING)


def _publish(call: Call, key: str, value: Any, run: str, namespace: str, client_key: str = "") -> Offset:
    told = Publication(key, value, namespace, call.caller.user, run, client_key, time.time())
    return {"offset": call.site.store.publish([told])[0]}


def _shown(call: Call, row: RunRow) -> Run:
    found: Run = documents.run_json(lookup.find_run(call.site.store, row.id))
    return found


_RUN = f"{PREFIX}/runs/{{run}}"

ROUTES = (
    post(f"{PREFIX}/runs", OPERATE, submit, status=201, most_bytes=_CODE_CHARS + 2**20, is_long=True),
    post(f"{_RUN}/stop", OPERATE, stop, by_run=True, status=202),
    post(f"{_RUN}/resume", OPERATE, resume, status=202),
    post(f"{_RUN}/fork", OPERATE, fork, status=201, is_long=True),
    post(f"{_RUN}/answer", OPERATE, answer, by_run=True, status=202),
    post(f"{_RUN}/events", OPERATE, publish_for, by_run=True, status=201),
    post(f"{_RUN}/requests", OPERATE, ask, by_run=True, status=202),
    post(f"{PREFIX}/events", OPERATE, publish, status=201),
)

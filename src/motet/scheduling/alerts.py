"""Alerts: what is told, and to whom, when a run fails, crashes, waits or is late.

Ends of runs are read from the journal, from an offset on; what holds of runs that are under way is looked at each time.
What is to be told is written down first, under the alert, the run and what befell it: so it is told at least once, and
not again and again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from fnmatch import fnmatchcase

from motet.errors import Conflict, NotFound, UsageError
from motet.kernel.events import Json
from motet.kernel.transitions import CANCELLING, FAILED, PENDING, RUNNING, WAITING
from motet.ports import STEERING, Document, Publication, RunFilter, RunRow, Store
from motet.records import Record, field
from motet.scheduling import delivery
from motet.scheduling.kept import Kept
from motet.values.secrets import Secrets, hide
from motet.views import lookup

__all__ = ["Alert", "add", "every", "find", "remove"]

KINDS = ("failed", "crashed", "waiting", "late")
_VOICE, _PLACE, _KEY, _DELIVERY = "motet", "alerts", "judged", "alert.delivery"
_AT_ONCE = 2000
_LOOK_S = 2.0
_THREADS = 4
_TOLD = 20
WAITS_S = (10.0, 60.0, 300.0, 1800.0, 7200.0)
"""How long is waited after each try that failed; after one more it is given up."""


class Alert(Record):
    """Who is told of what.

    on        which of failed, crashed, waiting, late
    workflow  a pattern of the names of workflows; `tag` one that the run must have
    late_s    a run that has not ended so long after it was made is late
    command   arguments of a program, which is given the message on its standard input
    mail      an address; `smtp` the server, as smtp://USER:PASSWORD@HOST:PORT or smtps://...; `sender` who writes
    hook      an address that the message is posted to as JSON; `headers` as "NAME: VALUE"
    state     {"delivered": so many, "failed": so many, "told": what could not be delivered}

    In `smtp`, `hook` and `headers`, {secret:NAME} stands for the secret of that name: its value is kept nowhere else.
    """

    name: str
    on: Sequence[str] = ("failed", "crashed")
    workflow: str = "*"
    tag: str = ""
    late_s: float = 0.0
    command: Sequence[str] = ()
    mail: str = ""
    smtp: str = "smtp://localhost"
    sender: str = ""
    hook: str = ""
    headers: Sequence[str] = ()
    number: int = 0
    created_at: float = 0.0
    state: dict[str, Json] = field(default_factory=dict)


KEPT = Kept("alert", Alert)
find, every = KEPT.find, KEPT.every


def add(store: Store, home: str, alert: Alert, now: float) -> Alert:
    """Keep the alert: what happens from now on is told. Raises UsageError; Conflict for a name that is taken."""
    if sum(map(bool, (alert.command, alert.mail, alert.hook))) != 1:
        raise UsageError("An alert has one way to tell.", "Give one of --command, --mail and --hook.")
    for each in alert.on:
        if each not in KINDS:
            raise UsageError(f"There is no {each!r} to be told of.", f"There are {', '.join(KINDS)}.")
    if ("late" in alert.on) != (alert.late_s > 0):
        raise UsageError("When is a run late?", "Say after how long: --on late --after 2h.")
    texts = [alert.smtp, alert.hook, *alert.headers, *alert.command]
    cover = Secrets(home).cover()
    if any(cover(each) != each for each in texts):
        raise UsageError("A secret stands in what is to be kept.", "Write {secret:NAME} in its place.")
    delivery.check(alert)
    if store.document(_VOICE, _PLACE, _KEY) is None or not every(store):
        _move_on(store, store.head())
    return KEPT.add(store, alert, now)


def remove(store: Store, name: str, now: float) -> Alert:
    """Remove it, with what it has not told yet. Raises NotFound."""
    removed = KEPT.remove(store, name, now)
    for each in store.documents(_VOICE, _DELIVERY):
        if each.body["alert"] == name:
            with suppress(Conflict):
                store.delete_document(each)
    return removed


def undelivered(store: Store) -> list[Json]:
    """What is still to be told, or could not be."""
    return [each.body for each in store.documents(_VOICE, _DELIVERY)]


def message(alert: Alert, row: RunRow, kind: str) -> dict[str, Json]:
    """What is told of a run, without secrets."""
    told = {"failed": "failed", "crashed": "crashed: nobody drives it", "waiting": "waits", "late": "is late"}[kind]
    lines = [f"Run {row.name} ({row.id}) of workflow {row.workflow} {told}."]
    if kind == "waiting":
        lines += [str(each.get("description") or each.get("for")) for each in row.waits or ()]
    elif error := lookup.error_line(row.error):
        lines.append(error)
    text = hide("\n".join([*lines, f"To see it: motet show {row.id}"]))
    return {
        "alert": alert.name, "kind": kind, "title": hide(f"{row.workflow}: run {row.name} {told}"), "text": text,
        "run": {"id": row.id, "name": row.name, "workflow": row.workflow, "status": lookup.status_of(row)},
    }  # fmt: skip


# ---------------------------------------------------------------- what a scheduler does


class Teller:
    """Sees what is to be told, and has threads of its own tell it: a slow mail server delays no schedule."""

    def __init__(self, store: Store, home: str, now: Callable[[], float], say: Callable[[str], None]) -> None:
        self._store = store
        self._home = home
        self._now = now
        self._say = say
        self._threads: ThreadPoolExecutor | None = None

    def look(self) -> float | None:
        """Write down what is to be told, and tell what is due; gives when to look again, None without alerts."""
        there = every(self._store)
        if not there:
            return None
        now = self._now()
        self._read_ends(there)
        if any(kind != "failed" for each in there for kind in each.on):
            for row in self._under_way():
                for kind in _befallen(row, now):
                    self._note(there, row, kind)
        for key in self.due():
            if self._threads is None:
                self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="motet-alert")
            self._threads.submit(self.tell, key)
        return now + _LOOK_S

    def due(self) -> list[str]:
        """The keys of what is to be told now."""
        now = self._now()
        return [
            each.key
            for each in self._store.documents(_VOICE, _DELIVERY)
            if each.body["next_at"] is not None and each.body["next_at"] <= now
        ]

    def tell(self, key: str) -> None:
        """Tell it, if no other process does. The try is counted before: if this dies, it is told again later."""
        document = self._store.document(_VOICE, _DELIVERY, key)
        if document is None or document.body["next_at"] is None or document.body["next_at"] > self._now():
            return
        tries = document.body["tries"]
        wait_s = WAITS_S[tries] if tries < len(WAITS_S) else None
        body = {**document.body, "tries": tries + 1, "next_at": self._now() + (wait_s or WAITS_S[-1])}
        try:
            mine = self._store.put_document(Document(_VOICE, _DELIVERY, key, body, document.version))
        except Conflict:  # another process tells it
            return
        try:
            alert = find(self._store, body["alert"])
        except NotFound:  # removed while this was written down
            with suppress(Conflict):
                self._store.delete_document(mine)
            return
        try:
            delivery.deliver(alert, body["message"], self._home)
        except Exception as error:  # noqa: BLE001 - boundary: whatever mail servers, programs and addresses lead to
            self._missed(mine, alert, hide(f"{type(error).__name__}: {error}"), wait_s)
            return
        with suppress(Conflict):
            self._store.delete_document(mine)
        _count(self._store, alert.name, "delivered", None)
        self._say(f"Alert {alert.name}: told of {body['run']} ({body['kind']}).")

    def close(self, *, wait: bool = False) -> None:
        """Let go of the threads, when they have told what is due with `wait`; else the next scheduler tells it."""
        if self._threads is not None:
            self._threads.shutdown(wait=wait, cancel_futures=not wait)

    def _missed(self, mine: Document, alert: Alert, why: str, wait_s: float | None) -> None:
        is_over = wait_s is None
        body = {**mine.body, "error": why, **({"next_at": None} if is_over else {})}
        with suppress(Conflict):
            self._store.put_document(Document(_VOICE, _DELIVERY, mine.key, body, mine.version))
        after = "It is given up." if is_over else f"Trying again in {wait_s:.0f} s."
        self._say(f"Alert {alert.name}: {body['run']} ({body['kind']}) could not be told: {why} {after}")
        if is_over:
            told = {"alert": alert.name, "run": body["run"], "kind": body["kind"], "why": why}
            at = self._now()
            failed = Publication("alert.failed", told, STEERING, "motet", client_key=f"alert/{mine.key}", at=at)
            self._store.publish([failed])
            _count(self._store, alert.name, "failed", told)

    def _read_ends(self, there: Sequence[Alert]) -> None:
        """Go through what engines have recorded since, up to now."""
        document = self._store.document(_VOICE, _PLACE, _KEY)
        offset = document.body["offset"] if document is not None else self._store.head()
        while entries := self._store.read(offset, limit=_AT_ONCE):
            ended = {each.run for each in entries if not each.published and each.key == "run.finished"}
            for run in sorted(ended):
                with suppress(NotFound):
                    row = self._store.run(run)
                    if row.status == FAILED:
                        self._note(there, row, "failed")
            offset = entries[-1].offset
            _move_on(self._store, offset)

    def _under_way(self) -> Iterator[RunRow]:
        for status in (PENDING, RUNNING, WAITING, CANCELLING):
            start: str | None = None
            while True:
                page = self._store.run_page(RunFilter(status=status), start=start, limit=200)
                yield from lookup.with_waits(self._store, page.runs)
                if (start := page.next) is None:
                    break

    def _note(self, there: Sequence[Alert], row: RunRow, kind: str) -> None:
        """Write down that those who want to know are told, once: what was told is known until pruning removes it."""
        what, now = kind.partition(":")[0], self._now()
        for alert in there:
            if not _wants(alert, row, what, now):
                continue
            key = f"{alert.number}/{row.id}/{kind}/{row.epoch if what in ('failed', 'crashed') else ''}"
            if self._store.document(_VOICE, "cache", f"alert/{key}") is not None:
                continue
            body = {
                "alert": alert.name, "run": row.id, "kind": what, "message": message(alert, row, what), "tries": 0,
                "next_at": now, "error": "",
            }  # fmt: skip
            with suppress(Conflict):
                self._store.put_document(Document(_VOICE, _DELIVERY, key, body, 0))
            with suppress(Conflict):
                self._store.put_document(Document(_VOICE, "cache", f"alert/{key}", {"at": now}, 0))


def _befallen(row: RunRow, now: float) -> Iterator[str]:
    if lookup.has_crashed(row, now):
        yield "crashed"
    for each in row.waits or ():
        yield f"waiting:{each.get('step', '')}:{each.get('since', '')}"
    yield "late"


def _wants(alert: Alert, row: RunRow, kind: str, now: float) -> bool:
    if (
        kind not in alert.on
        or not fnmatchcase(row.workflow, alert.workflow)
        or (alert.tag and alert.tag not in row.tags)
    ):
        return False
    if kind == "late":
        return now - row.created_at > alert.late_s and row.created_at + alert.late_s >= alert.created_at
    return True


def _move_on(store: Store, offset: int) -> None:
    """Note up to where ends have been read; never back."""
    while True:
        found = store.document(_VOICE, _PLACE, _KEY)
        if found is not None and found.body["offset"] >= offset:
            return
        with suppress(Conflict):
            store.put_document(
                Document(_VOICE, _PLACE, _KEY, {"offset": offset}, found.version if found is not None else 0)
            )
            return


def _count(store: Store, name: str, what: str, told: Json) -> None:
    def change(alert: Alert) -> bool:
        alert.state[what] = alert.state.get(what, 0) + 1
        if told is not None:
            alert.state["told"] = [*alert.state.get("told", ()), told][-_TOLD:]
        return True

    with suppress(NotFound):
        KEPT.change(store, name, change)

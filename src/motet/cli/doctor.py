"""`motet doctor`: what could be wrong, and the cure."""

from __future__ import annotations

import os
import sys
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from shlex import quote

from motet import __version__, app, private
from motet.cli.terminal import Terminal
from motet.errors import MotetError
from motet.kernel.transitions import PENDING
from motet.ports import ArtifactStore, RunRow, Store
from motet.values.versions import missing
from motet.views import contents, human, lookup

_LITTLE_BYTES = 500_000_000
_OPTIONAL = {"sklearn": "scikit-learn", "matplotlib": "matplotlib", "pandas": "pandas"}
"""What tutorial and example import, and the packages that bring it."""
_NEEDED = ("cloudpickle", "pydantic")
_WAITS_S = 60.0
"""A run that has been pending for so long has lost the process that was to drive it."""


@dataclass(frozen=True)
class Check:
    """One thing looked at. `state` is ok, note (worth knowing) or wrong."""

    name: str
    state: str
    told: str
    cure: str = ""


def doctor_arguments(parser: ArgumentParser) -> None:
    """How thoroughly."""
    parser.add_argument("--quick", action="store_true", help="leave out what takes long: reading all that is kept")


def doctor(options: Namespace, terminal: Terminal) -> int:
    """Look at everything and say what is wrong; exit code 1 if something is."""
    found = list(_checks(app.home(), quick=options.quick))
    bad = [each for each in found if each.state == "wrong"]
    if options.json:
        terminal.json({"ok": not bad, "checks": [asdict(each) for each in found]})
    width = max(len(each.name) for each in found)
    for each in found:
        mark = terminal.paint(f"{each.state:5}", {"ok": "green", "note": "yellow", "wrong": "red"}[each.state])
        terminal.say(f"{mark}  {each.name:{width}}  {each.told}")
        if each.cure:
            terminal.say(f"{'':5}  {'':{width}}  {each.cure}")
    terminal.say("All is well." if not bad else f"{human.counted(len(bad), 'thing')} wrong.")
    return int(bool(bad))


def _checks(home: str, *, quick: bool) -> Iterator[Check]:
    version = ".".join(map(str, sys.version_info[:3]))
    yield Check("motet", "ok", f"{__version__}, Python {version} ({sys.executable})")
    yield from _libraries()
    yield _namespaces()
    yield _folder(home)
    if os.path.isdir(home):
        yield from _rights(home)
    yield _space(home)
    try:
        store = app.open_store(home)
        yield Check("store", "ok", f"version {store.version}, {human.counted(store.head(), 'event')}")
        problems = store.check(quick=quick)
        for told in problems[:_TOLD]:
            yield Check("integrity", "wrong", told, _REPAIR.format(home=home))
        if len(problems) > _TOLD:
            yield Check("integrity", "wrong", f"and {len(problems) - _TOLD} more")
        if not problems:
            read = "the file hangs together" if quick else "every record was read and is sound"
            yield Check("integrity", "ok", read)
        yield from _runs(store)
        yield from _scheduling(home, store)
        yield from _contents(home, store) if not quick else ()
    except MotetError as error:
        yield Check("store", "wrong", error.what, error.cure)


_TOLD = 10
_REPAIR = "Copy {home} away; put a backup in its place, or `sqlite3 store.db .recover` into a new file."


def _scheduling(home: str, store: Store) -> Iterator[Check]:
    """A scheduler lives where one is needed; no clock that was set back holds anything up; all alerts were told."""
    from motet.scheduling import alerts, living, loop, schedules

    if not loop.is_needed(store):
        return
    pid = living.owner(home)
    if living.is_living(home):
        yield Check("scheduler", "ok", f"is at work (process {pid})")
    else:
        yield Check("scheduler", "wrong", "none is at work, and something is scheduled", "Start it: motet scheduler")
    for each in schedules.every(store):
        if each.state.get("judged_at", 0.0) > time.time() + _WAITS_S:
            told = f"schedule {each.name} has been judged up to {human.moment(each.state['judged_at'])}"
            told += ": the clock was set back"
            yield Check("schedules", "note", told, f"To let it go on from now: motet schedule resume {each.name}")
    for body in alerts.undelivered(store):
        if body["next_at"] is None:
            told = f"alert {body['alert']} could not tell of run {body['run']}: {body['error']}"
            yield Check("alerts", "note", told, f"To try it: motet alert test {body['alert']}")


def _libraries() -> Iterator[Check]:
    from importlib.util import find_spec

    for name in _NEEDED:
        if find_spec(name) is None:
            yield Check(name, "wrong", "is not installed", f"pip install {name}")
    missing = [package for name, package in _OPTIONAL.items() if find_spec(name) is None]
    if missing:
        told = f"tutorial and example need {', '.join(missing)}, not installed here"
        yield Check("optional", "note", told, f"For them: pip install {' '.join(missing)}")
    else:
        yield Check("optional", "ok", ", ".join(_OPTIONAL))


def _namespaces() -> Check:
    from subprocess import DEVNULL, run

    from motet.executors.commands.warm import program

    done = run([sys.executable, "-S", "-E", program(), "--can-show", "/app"], stderr=DEVNULL, check=False)
    if done.returncode == 0:
        return Check("namespaces", "ok", "sandboxes, and folders that steps see under another name")
    told = "are not allowed here: no sandboxes, and steps see folders under their own names only"
    return Check("namespaces", "note", told, "See sysctl kernel.unprivileged_userns_clone, user.max_user_namespaces.")


def _folder(home: str) -> Check:
    """The home, or the nearest folder above it that exists, can be written to."""
    there = home
    while not os.path.lexists(there):
        there = os.path.dirname(there)
    kind = app.file_system(there)
    if not os.path.isdir(there) or not os.access(there, os.W_OK | os.X_OK):
        return Check("home", "wrong", f"{home} cannot be written to", "Set MOTET_HOME to a folder that can.")
    state = "" if there == home else ", not made yet"
    return Check("home", "ok", f"{home} (file system: {kind or 'unknown'}{state})")


def _rights(home: str) -> Iterator[Check]:
    """Nobody but this user can get at what is kept, and this user can get at all of it."""
    told: dict[str, list[str]] = {}
    for path, who in private.open_to_others(home):
        told.setdefault(who, []).append(path)
    for who, paths in told.items():
        mine = not who.startswith(private.ANOTHER)
        grave = " write " in who or os.path.join(home, "secrets") in paths
        cure = f"chmod -R go-rwx {quote(home)}" if mine else f'sudo chown -R "$(id -un)" {quote(home)}'
        yield Check("rights", "wrong" if grave else "note", f"{who} {', '.join(paths[:5])}", cure)
    lost = [path for path in private.parts(home) if not os.access(path, os.R_OK)]
    for path in lost:
        cure = f'sudo chown -R "$(id -un)" {quote(home)}'
        yield Check("rights", "wrong", f"{path} belongs to {private.owner(path)}, and this user may not read it", cure)
    if not told and not lost:
        yield Check("rights", "ok", "what is kept is this user's alone")


def _space(home: str) -> Check:
    there = home
    while not os.path.isdir(there):
        there = os.path.dirname(there)
    room = os.statvfs(there)
    free_bytes = room.f_bavail * room.f_frsize
    told = f"{human.size(free_bytes)} free"
    if free_bytes < _LITTLE_BYTES:
        return Check("space", "wrong", f"only {told}", "Free some; `motet prune` removes old runs.")
    return Check("space", "ok", told)


def _runs(store: Store) -> Iterator[Check]:
    rows = [row for status in (*lookup.DRIVEN, PENDING) for row in store.runs(limit=1_000_000, status=status)]
    lookup.with_waits(store, rows)
    now = time.time()
    crashed = [row for row in rows if lookup.has_crashed(row, now)]
    stuck = [row for row in rows if row.status == PENDING and row.owner is None and row.created_at + _WAITS_S < now]
    for row in crashed:
        cure = f"motet resume {row.id} carries on; motet stop {row.id} gives it up."
        yield Check("run", "wrong", f"{row.name} has crashed", cure)
    for row in stuck:
        yield Check("run", "wrong", f"{row.name} was never begun", f"motet resume {row.id}, or motet stop {row.id}.")
    alive = len(rows) - len(crashed) - len(stuck)
    yield Check("runs", "ok", f"{alive} under way, {len(crashed)} crashed")


_TOLD = 20
"""How many damaged artifacts of a run are told of one by one."""


def _contents(home: str, store: Store) -> Iterator[Check]:
    """All artifacts, and whether what was pickled can be loaded here."""
    artifacts = app.open_artifacts(home)
    faults: dict[str, str] = {}
    lost: dict[str, list[contents.Use]] = {}
    lacks: dict[tuple[str, str], list[contents.Use]] = {}
    for use in contents.uses(store):
        for digest in use.digests:
            if digest not in faults:
                faults[digest] = _fault(artifacts, digest)
            if faults[digest]:
                lost.setdefault(use.run.id, []).append(use)
        for each in missing(use.libraries, _path_of(use.run)):
            lacks.setdefault(each, []).append(use)
    for of in lost.values():
        yield from _lost(of, faults)
    for digest in sorted(store.artifacts() - faults.keys()):  # of the cache, and of steps that were run anew since
        faults[digest] = _fault(artifacts, digest)
        if faults[digest]:
            yield Check("artifact", "note", faults[digest], "Nothing but the cache reads it, which makes it again.")
    if not any(faults.values()):
        yield Check("artifacts", "ok", f"{human.counted(len(faults), 'artifact')} read, all as they were kept")
    for (root, what), of in lacks.items():
        more = f" and {human.counted(len(of) - 1, 'other')}" if len(of) > 1 else ""
        yield Check("library", "note", f"{root} {what}: {of[0].told}{more} may not load", f"Install {root} as it was.")


def _lost(of: Sequence[contents.Use], faults: Mapping[str, str]) -> Iterator[Check]:
    """What a run has lost, and how it is made again."""
    for use in of[:_TOLD]:
        why = next(faults[each] for each in use.digests if faults[each])
        last = use is of[min(len(of), _TOLD) - 1]
        yield Check("artifact", "wrong", f"{use.told}: {why}", contents.cure(of) if last else "")
    if len(of) > _TOLD:
        yield Check("artifact", "wrong", f"{len(of) - _TOLD} more of run {of[0].run.name}", contents.cure(of))


def _fault(artifacts: ArtifactStore, digest: str) -> str:
    """What is the matter with the artifact; empty if it is sound."""
    try:
        artifacts.path(digest)
    except (MotetError, ValueError) as error:
        return error.what if isinstance(error, MotetError) else str(error)
    return ""


def _path_of(run: RunRow) -> tuple[str, ...]:
    """Where the run's own modules are."""
    found = (run.program.get(name) for name in ("path", "cwd"))
    return tuple(each for each in found if isinstance(each, str) and each)

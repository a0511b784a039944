"""One step of a run: its command made, its results published, what went wrong with it told."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from motet.dialects.yadage.packtivity import environments
from motet.dialects.yadage.packtivity.caching import Cache, Paths
from motet.dialects.yadage.packtivity.publishing import OWN, needs_files, publish
from motet.dialects.yadage.packtivity.settings import HOST, Settings
from motet.dialects.yadage.packtivity.spec import identity, image_of
from motet.errors import MotetError, UsageError
from motet.executors.commands.engines import GET_IMAGE
from motet.executors.commands.spec import Command, Finished
from motet.executors.commands.telling import explained
from motet.executors.commands.tools import Tools, tools
from motet.ports import Attempt, Failure, Outcome, Success
from motet.ports.execution import Prepared, Settled
from motet.records import Record
from motet.values import folders, yaml
from motet.values.errors import encode_error
from motet.values.placeholders import texts_of

if TYPE_CHECKING:
    from motet.kernel.events import Json
    from motet.ports.voice import Host


_MOST_NAMED = 5
_SANDBOX = 'place="sandbox".'


class Step(Record):
    """What is asked of a step.

    name        of its log, and for messages: "classification_0"
    title       the same with its stage, for messages
    spec        as `spec.read` gives it
    parameters  their values: JSON
    folder      where it works: an absolute path, made when it runs
    readonly    the folders of the steps whose results it uses; it may write to them, which is told
    workdir     the folder of the whole run
    own         whether the folder is this step's alone: what an earlier attempt has left there is removed then
    """

    name: str
    title: str
    spec: Json
    parameters: Json
    folder: str
    readonly: tuple[str, ...] = ()
    workdir: str = ""
    own: bool = True


class PacktivityCall:
    """The `Call` of a step. The record of its success is {"published", "folder", "log", ...}, whole."""

    def __init__(self, host: Host, step: Step, settings: Settings, task: str, context: Mapping[str, Json]) -> None:
        self._host = host
        self._step = step
        self._settings = settings
        self._task = task
        self._context = context
        self._log = log_of(step.folder, step.name)

    def prepare(self, element: int, attempt: int, *, here: bool) -> Prepared | Settled:
        """The function that makes its command; the result at once, where nothing has to be run or looked at."""
        step = self._step
        if step.spec["process"] is None and not needs_files(step.spec["publisher"]):
            published = publish(step.spec["publisher"], step.parameters, step.folder, _silent)
            return Settled(True, {"published": published, "folder": step.folder})
        work = Work(self._host, step, self._settings, (self._context["run"], self._context["key"], self._task))
        return Prepared(work.begin, context={**self._context, "attempt": attempt}, log_file=self._log)

    def settle(self, attempt: Attempt, outcome: Outcome) -> Settled:
        """The record of what it published; or why it failed, with step, stage, command, logs and cure."""
        if isinstance(outcome, Success):
            done: Done = outcome.value
            return Settled(True, done.record, cached="from" in done.record, note=done.note)
        assert isinstance(outcome, Failure)
        error = outcome.exception
        told = dict(outcome.error)
        if isinstance(error, MotetError | OSError):
            if isinstance(error, OSError) or not error.what.startswith("Step "):
                error = explained(error, attempt, "")
            told.update(encode_error(type(error)(self._detailed(error.what), self._cure(error.cure))))
        return Settled(False, error=told, retry=not isinstance(error, UsageError))

    def _cure(self, cure: str) -> str:
        """The cure, which for a container that cannot be had is to do without, too."""
        can_do_without = cure == GET_IMAGE or cure.endswith(_SANDBOX)
        if not (can_do_without and environments.is_contained(self._step.spec, self._settings)):
            return cure
        return f"{cure.partition('; or run the command')[0].rstrip('.')}. Or run steps on this host: --containers host."

    def _detailed(self, what: str) -> str:
        """What went wrong, with stage, command and the file of its log."""
        step = self._step
        process = step.spec["process"]
        lines = [each for each in what.splitlines() if not each.startswith("  command: ")]
        lines.append(f"  of: {step.title}")
        if process is not None:
            lines.append(f"  command: {_title(process, step.parameters)}")
        if os.path.isfile(self._log):
            lines.append(f"  its file: {self._log}")
        return "\n".join(lines)


def _silent(text: str) -> None:
    pass


def _title(process: Mapping[str, Any], parameters: Json) -> str:
    """The command in a line, for messages; that of the script that an interpreter reads."""
    if "instructions" in process:
        return "(for a person)"
    try:
        run, script = environments.command_of(process, parameters)
    except MotetError:
        return Command(process.get("cmd") or process["script"]).title
    title = Command(run).title
    return f"{title} < {Command(script).title}" if script else title


class Done(Record):
    """The record of a step that has succeeded, and what is to be remembered of why it was run or not."""

    record: Json
    note: Json = None


class Work:
    """An attempt at a step, in the thread that makes its command and hears how that has ended."""

    def __init__(self, host: Host, step: Step, settings: Settings, at: tuple[str, str, str]) -> None:
        """`at` are the ids of its run and of the step in it, and its task."""
        self._host = host
        self._step = step
        self._settings = settings
        self._log = log_of(step.folder, step.name)
        self._say: Callable[[str], None] = _silent
        self._watch = folders.Watch(())
        self._at = at
        self._cache: Cache | None = None

    def begin(self) -> Command | Done:
        """The command of the step; how it is done, where nothing is to be run. Raises MotetError, OSError."""
        step, settings = self._step, self._settings
        mine = tools()
        if mine is not None:
            self._say = mine.say
        is_empty = _begun(step.folder, self._log, anew=step.own)
        if not environments.runs(step.spec, settings):
            self._tell_not_run()
            return Done(self._record(self._published(), {}))
        named = None if settings.cached else texts_of(step.parameters)
        self._watch = folders.Watch(step.readonly, OWN, named)
        if settings.cached:
            assert mine is not None
            self._cache = Cache(self._host, self._at, Paths(step.folder, step.readonly), step.workdir or step.folder)
            self._cache.why_not = "" if is_empty else "its folder was not empty"
            if (taken := self._taken(self._cache, mine)) is not None:
                return taken
            settings = replace(settings, pull="missing")  # it was fetched, if it had to be
        command = environments.command(step.spec, step.parameters, step.folder, step.readonly, step.workdir, settings)
        self._tell_place()
        return replace(command, then=self._ended)

    def _taken(self, cache: Cache, mine: Tools) -> Done | None:
        """How it is done, if an equal step has been."""
        step = self._step
        place = environments.identity(step.spec["environment"], self._settings, mine)
        found = None if cache.why_not else cache.find(identity(step.spec), place, step.parameters)
        if found is None:
            return None
        run, key = found["from"]
        self._say(f"motet: nothing was run: step {key} of run {run} had done the same, and its files were copied")
        return Done(self._record(found["published"], {"from": found["from"]}), cache.slot.note)

    def _ended(self, finished: Finished) -> Done:
        """What is recorded of its success."""
        published = self._published()
        changed = self._watch.changed()
        why_not = f"files of steps before it were changed: {_some_of(changed)}" if changed else ""
        if why_not:
            self._say(f"motet: while this step ran, {why_not}")
        note = self._kept(self._cache, published, why_not) if self._cache is not None else None
        place = {} if finished.place == {"kind": "host"} else {"place": dict(finished.place)}
        return Done(self._record(published, {**place, **({"wrote_upstream": changed} if changed else {})}), note)

    def _kept(self, cache: Cache, published: Json, why_not: str) -> Json:
        """Keep its result, if that may be; gives what is to be remembered of that."""
        cache.why_not = cache.why_not or why_not
        if not cache.why_not:
            cache.keep(published)
        else:
            cache.slot.missed = cache.why_not
            self._say(f"motet: no result of this step is kept for other runs: {cache.why_not}")
        return cache.slot.note

    def _published(self) -> Json:
        step = self._step
        return publish(step.spec["publisher"], step.parameters, step.folder, self._say)

    def _record(self, published: Json, more: Mapping[str, Json]) -> Json:
        return {"published": published, "folder": self._step.folder, "log": self._log, **more}

    def _tell_not_run(self) -> None:
        process = self._step.spec["process"]
        if process is None:
            return
        if "instructions" in process:
            self._say(f"{process['instructions']}\n{yaml.write(self._step.parameters)}".rstrip())
        else:
            run, script = environments.command_of(process, self._step.parameters)
            self._say(f"motet: nothing is run in this environment. It would be: {run}\n{script}".rstrip())

    def _tell_place(self) -> None:
        environment = self._step.spec["environment"]
        if environment["environment_type"] == environments.CONTAINER and self._settings.containers == HOST:
            self._say(f"motet: this runs on this host, as --containers host asks, not in {image_of(environment)}")


def log_of(folder: str, name: str) -> str:
    """The file with what the step of that name has written."""
    return os.path.join(folder, OWN, f"{name}.run.log")


def _begun(folder: str, log: str, *, anew: bool) -> bool:
    """Have the folder, and an empty log in it, there; with `anew`, without what an earlier attempt has left. Gives
    whether it is empty otherwise. Raises OSError.
    """
    own, is_new = os.path.dirname(log), True
    try:
        os.mkdir(folder)
    except FileNotFoundError:
        os.makedirs(folder)
    except FileExistsError:
        is_new = False
    try:
        os.mkdir(own)
    except FileExistsError:
        if anew:
            folders.clear(folder, OWN)
    os.close(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o666))
    return is_new or len(os.listdir(folder)) == 1


def _some_of(paths: Sequence[str]) -> str:
    """The first of the paths, for a message."""
    return ", ".join(paths[:_MOST_NAMED]) + (
        f", and {len(paths) - _MOST_NAMED} more" if len(paths) > _MOST_NAMED else ""
    )

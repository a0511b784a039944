"""The house: the one door to Spell's records in a home, for the client, the command and the API alike.

`current()` gives it. In a run it is `door.Away`, which has the same calls: the run's engine carries them out, and what
it makes there are runs of the workflow.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, cast

from motet import deaths, voices
from motet.dialects.spell import door, logs, making, metrics, resources, runs, words, workflows
from motet.dialects.spell.ledger import Ledger
from motet.dialects.spell.machines import table
from motet.dialects.spell.requests import RunRequest
from motet.dialects.spell.shown import Listed, LogEntry, RunView, WorkflowView
from motet.environments import code
from motet.errors import NotFound, UsageError
from motet.kernel.events import Json
from motet.kernel.transitions import ENDED, PENDING
from motet.owners import LEASE_S
from motet.ports import STEERING, NewRun, Publication, RunRow
from motet.values.naming import checked

if TYPE_CHECKING:
    from motet.ports.voice import Host

_LOOK_S = 0.2


class House(Ledger):
    """Spell's runs, workflows, files and documents of one owner in one home. Safe from any thread.

    start_engine  begins a process that drives a run to its end
    within        the run and the attempt whose code asks: what it makes is part of that run
    """

    def __init__(
        self, host: Host, start_engine: Callable[[str], None] | None = None, *, owner: str = "",
        within: tuple[str, int] | None = None,
    ) -> None:  # fmt: skip
        inner = str(host.store.run(within[0]).program["owner"]) if within else ""
        super().__init__(host, owner or inner)
        self._start_engine = start_engine or voices.hosting().start_engine
        self._within = within
        self._taken_up: dict[str, float] = {}

    # ---------------------------------------------------------------- runs

    def new(self, request: RunRequest) -> RunView:
        """Make a run, and have it driven: by a process of its own; within a run by that one's engine, as part of it.

        Its status is `machine_requested`, unless an equal run was taken (`already_existed`). Raises UsageError for what
        cannot be meant, such as a resource that there is not.
        """
        request.check()
        if self._within is not None:
            return workflows.worker(self, request, self._within)
        made = making.made(self, request)
        if found := making.same(self, made):
            return found
        self.start(made)
        return runs.view(self.host, self.host.store.run(made.id))

    def start(self, made: NewRun) -> None:
        """Keep a new run, and have a process of its own drive it."""
        making.keep(self, made)
        self._start_engine(made.id)

    def get(self, number: int) -> RunView:
        """The run as it stands. Raises NotFound."""
        return runs.view(self.host, self.row(number))

    def by_id(self, run: str) -> RunView:
        """The run with that id of Motet's. Raises NotFound."""
        return runs.view(self.host, self._own(self.host.store.run(run)))

    def runs(
        self, limit: int = 50, *, labels: Sequence[str] = (), project: str | None = None, archived: bool = False,
        repository: str | None = None,
    ) -> list[RunView]:  # fmt: skip
        """Runs, newest first: those that have one of the labels, are of that project, have that repository's code."""
        found: list[RunView] = []
        for row in runs.all_of(self.host.store, self.owner):
            if len(found) >= limit:
                break
            asked = row.program["request"]
            if (
                (archived or words.ARCHIVED not in row.tags)
                and (not labels or set(labels) & set(row.tags))
                and (project is None or asked.get("project", "") == project)
                and repository in (None, (row.program["code"] or {}).get("repository"))
            ):
                found.append(runs.view(self.host, row))
        return found

    def logs(self, number: int, offset: int = 0, follow: bool = False) -> Iterator[LogEntry]:
        """The log from the entry of that number on, from the end if it is negative; with `follow` until the run ends.

        All that a run has written is there before it is seen to have ended. Raises NotFound.
        """
        row = self.row(number)
        return logs.entries(self.host, row, offset, self._take_up if follow else None)

    def wait(self, number: int, statuses: Sequence[str], timeout_s: float | None = None) -> str:
        """Wait until the run has one of the statuses, or can have none of them any more; gives the one it has then.

        A status that it has passed while it was waited for counts. A run whose process died is taken up again.
        """
        return self._waited(self.row(number), statuses, timeout_s)

    def _waited(self, row: RunRow, statuses: Sequence[str], timeout_s: float | None = None) -> str:
        follower = self.host.store.follow()
        before = runs.status_of(self.host, row)
        until = math.inf if timeout_s is None else self.host.clock.now() + timeout_s
        try:
            while True:
                row = self.host.store.run(row.id)
                self._take_up(row)
                status = runs.status_of(self.host, row)
                is_left = runs.is_left(row) and not deaths.parked(self.host.store, row.id)
                if (status in statuses and not is_left) or row.status in ENDED or self.host.clock.now() >= until:
                    self._tell_end(row)
                    return passed(before, status, statuses)
                follower.wait(_LOOK_S)
        finally:
            follower.close()

    def _tell_end(self, row: RunRow) -> None:
        """Tell in the log of who has waited that the run ended with a bad exit status, which counts as done."""
        code = runs.view(self.host, row).user_exit_code
        if self._within is not None and row.status in ENDED and code:
            workflows.tell(self.host, *self._within, f"{row.name} has ended: {runs.status_of(self.host, row)} ({code})")

    def _take_up(self, row: RunRow) -> None:
        """Have a run whose process died go on in another one, which gets its time to begin."""
        now = self.host.clock.now()
        never_begun = row.status == PENDING and not row.parent and now - row.created_at > LEASE_S
        if (runs.is_left(row) or never_begun) and now - self._taken_up.get(row.id, -math.inf) > LEASE_S:
            self._taken_up[row.id] = now
            self._start_engine(row.id)

    def stop(self, numbers: Sequence[int]) -> dict[str, list[int]]:
        """Ask runs to end, and keep what they have put out; gives which were "asked", "over", or are "unknown"."""
        return self._end(numbers, words.STOP_REASON)

    def kill(self, numbers: Sequence[int]) -> dict[str, list[int]]:
        """The same for runs that count as killed. What they have put out is kept as well."""
        return self._end(numbers, words.KILL_REASON)

    def _end(self, numbers: Sequence[int], reason: str) -> dict[str, list[int]]:
        return self._each(numbers, lambda row: row.status not in ENDED, lambda row: self.end(row, reason), "asked")

    def end(self, row: RunRow, reason: str) -> None:
        """Ask the run to end for that reason."""
        at = self.host.clock.now()
        self.host.store.publish([Publication("run.stop", reason, STEERING, words.VOICE, row.id, "", at)])
        self._take_up(row)

    def archive(self, numbers: Sequence[int]) -> dict[str, list[int]]:
        """Leave runs that are over out of lists; gives which are "archived", "going on", or "unknown"."""
        told = self._each(
            numbers, lambda row: row.status in ENDED, lambda row: self._tag(row, [words.ARCHIVED], ()), "archived"
        )
        return {"going on" if name == "over" else name: each for name, each in told.items()}

    def _each(
        self, numbers: Sequence[int], is_due: Callable[[RunRow], bool], do: Callable[[RunRow], None], done: str
    ) -> dict[str, list[int]]:  # fmt: skip
        told: dict[str, list[int]] = {done: [], "over": [], "unknown": []}
        for number in numbers:
            try:
                row = self.row(number)
            except NotFound:
                told["unknown"].append(number)
                continue
            if is_due(row):
                do(row)
            told[done if is_due(row) else "over"].append(number)
        return told

    def label(self, number: int, add: Sequence[str] = (), remove: Sequence[str] = ()) -> RunView:
        """Give the run labels, and take some from it."""
        self._tag(self.row(number), [checked(each, "The label") for each in add], remove)
        return self.get(number)

    def _tag(self, row: RunRow, add: Sequence[str], remove: Sequence[str]) -> None:
        self.host.store.relabel(row.id, row.name, sorted({*row.tags, *add} - {*remove}))

    # ---------------------------------------------------------------- metrics

    def send_metric(self, number: int, name: str, value: float | str, index: int | None = None) -> int:
        """Add a point to a series of the run; gives its index: without one, the next.

        Ends the run where one of its conditions to stop holds now.
        """
        return self.send_metric_of(self.row(number).id, name, value, index)

    def send_metric_of(self, run: str, name: str, value: float | str, index: int | None = None) -> int:
        """The same for the run with that id of Motet's."""
        row = self.host.store.run(run)
        told = metrics.sent(self.host, run, name, value, index)
        if why := metrics.met(self.host, row):
            self.end(row, f"{words.STOP_REASON}: {why}")
        return told

    def metrics(
        self, number: int, name: str, start: int | None = None, follow: bool = False
    ) -> Iterator[tuple[float, int, float | str]]:  # fmt: skip
        """The points (when, index, value) of the series with an index beyond `start`; with `follow` until it ends."""
        return metrics.points(self.host, self.row(number), name, start, follow=follow)

    def metric_names(self, number: int) -> list[str]:
        """The series that the run has."""
        return metrics.names(self.host, self.row(number).id)

    # ---------------------------------------------------------------- code and files

    def snapshot(self, folder: str, *, uncommitted: bool = False, untracked: bool = False, ref: str = "") -> Json:
        """Keep the code of a folder: of git's commit `ref` (HEAD), or of all that it tracks as it is now; of a folder
        that git does not know, all files. Gives a record for `RunRequest.code`. Raises UsageError.
        """
        return code.snapshot(self.host.artifacts, folder, uncommitted=uncommitted, untracked=untracked, ref=ref)

    def github(self, url: str, ref: str = "") -> Json:
        """Keep the code of a repository elsewhere at a commit. Raises UsageError for one that cannot be had."""
        return code.fetched(self.host.artifacts, url, ref, os.path.join(self.host.home, "shared"))

    def ls(self, path: str = "") -> list[Listed]:
        """What is at the path: of runs, those under way included, uploads, public files, links. Raises NotFound."""
        return resources.ls(self, path)

    def tar(self, path: str) -> Iterator[bytes]:
        """The file, or all that is below the folder, as a tar archive, piece by piece. Raises NotFound."""
        return resources.tar(self, path)

    def put_upload(self, name: str, folder: str) -> int:
        """Keep the files of a folder, or a file, as `uploads/NAME`, in place of what is there; gives how many."""
        return resources.put_upload(self, name, folder)

    def remove_upload(self, name: str) -> None:
        """Remove `uploads/NAME`. Runs that were given it keep it. Raises NotFound."""
        resources.remove_upload(self, name)

    def link(self, alias: str, path: str) -> None:
        """Let a name stand for a path. Raises NotFound for a path of nothing, UsageError for what cannot be a name."""
        if alias in resources.KINDS or "/" in alias or alias in ("", ".", ".."):
            raise UsageError(f"{alias!r} is no name of a link.", "Choose another one, without slashes.")
        resources.files(self, path)
        self.put_document("link", checked(alias, "The link"), {"path": path})

    def unlink(self, alias: str) -> None:
        """Remove a link. Raises NotFound."""
        self.forget("link", alias)

    # ---------------------------------------------------------------- workflows

    def workflow(self, request: RunRequest, repos: Mapping[str, Json] | None = None) -> WorkflowView:
        """Make a workflow whose master runs the command, and have it driven.

        repos  {label: {"path": where in the master's folder it is seen, **record of code}}
        """
        return workflows.new(self, request, repos or {}, self.start)

    def workflows(self) -> list[WorkflowView]:
        """The workflows, newest first."""
        return workflows.every(self)

    def find_workflow(self, number: int) -> WorkflowView:
        """The workflow of that number. Raises NotFound."""
        return workflows.find(self, number)

    def machine_types(self) -> dict[str, dict[str, Json]]:
        """The machine types by name, and what each takes."""
        return table(self.host.home)


def passed(before: str, status: str, statuses: Sequence[str]) -> str:
    """The status that was waited for, where it was passed between two looks; else the one that there is now."""
    way = words.ON_THE_WAY
    if status in statuses or before not in way:
        return status
    ended_well = status in (words.COMPLETE, words.STOPPED)
    until = way.index(status) if status in way else len(way) if ended_well else 0
    return next((each for each in way[way.index(before) : until] if each in statuses), status)


def current() -> House:
    """The house: of the run that this process is part of; outside of one, of the home."""
    away = door.away()
    return cast(House, away) if away is not None else House(voices.hosting().host())

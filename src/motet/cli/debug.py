"""`motet debug`: one step alone, with what it was given, in a debugger. Nothing is recorded."""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser, Namespace
from bdb import BdbQuit
from collections.abc import Mapping
from pdb import Pdb, post_mortem
from traceback import print_exception
from types import TracebackType
from typing import Any

from motet import app, checkpoints
from motet.cli.rehearsal import Beside, Scene, scene_of
from motet.cli.terminal import Terminal
from motet.engine.host import Host
from motet.errors import UsageError
from motet.executors.current import Current, running
from motet.executors.whole import whole
from motet.kernel.events import Json
from motet.kernel.transitions import PENDING
from motet.ports import ArtifactStore, RunRow, StepRow
from motet.views import human, lookup
from motet.views.steps import find_step

_OWN = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "")

_LIBRARY = os.path.join(os.path.dirname(os.__file__), "")


def debug_arguments(parser: ArgumentParser) -> None:
    """A step of a run; where to begin."""
    parser.add_argument("run", metavar="RUN", help="id, unique beginning of it, or name (the newest of that name)")
    parser.add_argument("step", metavar="STEP", help="key of a step, or how its key ends; scale-0[3] for an element")
    parser.add_argument("--break", action="store_true", dest="stop", help="stop at the first line, not where it fails")
    parser.add_argument(
        "--shell", action="store_true", help="of a command: a shell in its place, to try things by hand"
    )


def debug(options: Namespace, terminal: Terminal) -> int:
    """Run the step here, as the code is now, with what it was given; where it fails, stop at that line in pdb.

    The flows around it run again as on a resume, with the recorded outcomes of all other steps. Nothing is recorded.
    """
    host = app.hosts.current()
    row = lookup.find_run(host.store, options.run)
    step = find_step(host.store, row, options.step)
    if step.form == "flow" or (step.form == "map" and step.size is not None):
        what = "a flow" if step.form == "flow" else "a map"
        raise UsageError(f"{step.key} is {what}.", "Name a task's step in it, or one element: scale-0[3].")
    if step.status == PENDING:
        raise UsageError(f"{step.key} has not begun: what it would be given is not there yet.", "Resume the run.")
    key, element = _place(step)
    scene = scene_of(host, row, key, element)
    for each in scene.differs:
        terminal.say(f"Changed since it was recorded: {each}.")
    if scene.executor == "commands":
        from motet.cli.commanded import debugged

        return debugged(host, terminal, step, scene, shell=options.shell or options.stop)
    if options.shell:
        raise UsageError(f"{step.key} is no command.", "Leave out --shell: it runs in Python's debugger.")
    return _debugged(_Attempt(host, row, step, scene), terminal, stop=options.stop)


def _place(step: StepRow) -> tuple[str, int]:
    if step.form != "element":
        return step.key, -1
    of, _, index = step.key[:-1].rpartition("[")
    return of, int(index)


class _Attempt:
    """An attempt at a task here: what its code asks Motet is answered as in a run, and kept nowhere."""

    def __init__(self, host: Host, row: RunRow, step: StepRow, scene: Scene) -> None:
        self.key = step.key
        self.function, self.args, self.kwargs = _own(scene)
        self._artifacts = Beside(host.artifacts)
        found = checkpoints.of_step(host.store, row.id, step.key)
        entries = [each.json for each in reversed(found)]
        self.here = Current({**scene.context, "checkpoints": entries})
        self.here.keeper = self
        self.has_returned = False

    @property
    def artifacts(self) -> ArtifactStore:
        """See `current.Keeper`."""
        return self._artifacts

    def keep(self, made: Mapping[str, Json]) -> int:
        """See `current.Keeper`: a number that says that nothing was kept."""
        return 0

    def run(self) -> Any:
        """Call the function to its end."""
        token = running.set(self.here)
        try:
            value = whole(self.function(*self.args, **self.kwargs))
            self.has_returned = True
            return value
        finally:
            running.reset(token)


def _own(scene: Scene) -> tuple[Any, tuple[Any, ...], Mapping[str, Any]]:
    """The user's function with its arguments, without what is put around it in other processes."""
    function, args, kwargs = scene.function, scene.args, scene.kwargs
    if getattr(function, "__module__", "").startswith("motet.") and len(args) >= 3 and callable(args[0]):
        return args[0], args[1], args[2]
    return function, args, kwargs


def _debugged(attempt: _Attempt, terminal: Terminal, *, stop: bool) -> int:

    given = ", ".join(
        [*(human.short(each, 60) for each in attempt.args)]
        + [f"{name}={human.short(value, 60)}" for name, value in attempt.kwargs.items()]
    )
    terminal.say(f"{attempt.key}: {getattr(attempt.function, '__name__', 'function')}({given})")
    terminal.flush()
    try:
        value = _stopping(attempt) if stop else attempt.run()
    except BdbQuit:
        return 1
    except Exception as error:  # noqa: BLE001 - boundary: the user's code fails here, which is what is wanted
        trace = _outside(error.__traceback__)
        print_exception(type(error), error, trace)
        sys.stderr.flush()
        post_mortem(trace)
        return 1
    terminal.say(f"It succeeds here: {human.short(value)}")
    terminal.say("Nothing was recorded. To have it run again in its run: motet retry, or motet fork --from.")
    return 0


def _stopping(attempt: _Attempt) -> Any:
    """Call the function to its end, with a stop at its first line. Raises BdbQuit where the debugger was left."""
    debugger = Pdb()
    code = getattr(attempt.function, "__code__", None)
    if code is not None:
        lines = [line for _, _, line in code.co_lines() if line is not None and line > code.co_firstlineno]
        first = min(lines, default=code.co_firstlineno)
        debugger.rcLines.extend((f"tbreak {code.co_filename}:{first}", "continue"))
    value = debugger.runcall(attempt.run)
    if not attempt.has_returned:
        raise BdbQuit
    return value


def _outside(trace: TracebackType | None) -> TracebackType | None:
    """The traceback from where the user's code begins."""
    begun = trace
    while begun is not None and begun.tb_frame.f_code.co_filename.startswith((_OWN, _LIBRARY)):
        begun = begun.tb_next
    return begun or trace

"""A step that is a command, made ready in a folder of its own, and run, or replaced by a shell."""

from __future__ import annotations

import os
import shlex
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import cast

from motet import app, checkpoints
from motet.cli.rehearsal import Scene
from motet.cli.terminal import Terminal
from motet.engine.host import Host
from motet.executors.alarm import Alarm
from motet.executors.commands.child import script_on
from motet.executors.commands.keeping import VARIABLE
from motet.executors.commands.launching import launch, seen_at
from motet.executors.commands.mounts import Placed, placed
from motet.executors.commands.places import Folders, Launch, once
from motet.executors.commands.setting import Setting, environment_of
from motet.executors.commands.spec import Command, Function
from motet.executors.commands.spec import Host as OnHost
from motet.executors.commands.tools import Tools, lent
from motet.ports import Attempt, Outcome, StepRow
from motet.values.secrets import Secrets
from motet.values.snapshots import Snapshot

_SHELL = "/bin/sh"


class _Wanted:
    """The attempt that tools work for."""

    stopping: str | None = None
    grace_s = 5.0
    tee = True
    taken_at = 0.0

    def __init__(self, attempt: Attempt) -> None:
        self.attempt = attempt


def debugged(host: Host, terminal: Terminal, step: StepRow, scene: Scene, *, shell: bool) -> int:
    """Run the step's command, attached to this terminal, in a fresh folder with its inputs; or a shell in its place.

    Gives its exit status. The folder stays.
    """
    folder = tempfile.mkdtemp(prefix="motet-debug-")
    setting = Setting(
        os.path.join(folder, "own"), lambda: host.artifacts, Secrets(host.home), app.shared_folder(host.home)
    )  # fmt: skip
    attempt = Attempt(scene.context["run"], step.key, 1, scene.function, scene.args, scene.kwargs, _ignored)
    tools = Tools(setting, _Wanted(attempt), Alarm())
    with lent(tools):
        command = scene.function(*scene.args, **scene.kwargs)
    if not isinstance(command, Command):
        terminal.say(f"{step.key} runs no command: it gives {command!r:.200}")
        return 0
    work, kept = os.path.join(folder, "folder"), os.path.join(folder, "checkpoint")
    os.mkdir(work)
    os.mkdir(kept)
    found = checkpoints.of_step(host.store, attempt.run, step.key)
    if found:
        Snapshot(host.artifacts.get(found[-1].digest)).restore(kept)
    started = replace(command, run=[_SHELL, "-i"] if sys.stdin.isatty() else [_SHELL], stdin="") if shell else command
    seen = seen_at(command.place) or work
    mounts = placed(command.mounts, host.artifacts, seen)
    if not isinstance(command.place, OnHost):
        mounts = [*mounts, Placed(kept, kept, "rw")]
    launched = launch(started, Folders(work, os.path.join(folder, "beside"), seen, setting.hidden), mounts, tools)
    given = {
        VARIABLE: kept, "MOTET_RUN": attempt.run, "MOTET_STEP": step.key, "MOTET_ATTEMPT": str(step.attempt or 1),
        **command.env, "PWD": launched.cwd,
    }  # fmt: skip
    given.update({name: setting.secret(wanted) for name, wanted in command.secrets.items()})
    env = environment_of(launched.environ(given))
    argv = launched.argv or once(cast("Function", command.run), work, command.cwd)
    terminal.say(f"{step.key}: {command.title}")
    terminal.say(f"Its folder, with its inputs: {work}")
    if shell:
        terminal.say(f"A shell in place of the command; leave it with `exit`. The command is:\n  {_told(command)}")
    terminal.flush()
    try:
        status = _run(argv, launched, env, None if shell else command.stdin)
    finally:
        launched.end()
        launched.close()
    terminal.say(f"It ended with exit status {status}. Nothing was recorded; its folder stays.")
    return 1 if status else 0


def _ignored(attempt: Attempt, outcome: Outcome) -> None:
    """Nobody waits for how it ends."""


def _run(argv: Sequence[str], launched: Launch, env: Mapping[bytes, bytes], stdin: str | None) -> int:
    """Run it to its end, attached to this terminal but for what it is to read (None: from the terminal, too)."""
    import subprocess

    if stdin is None:
        return launched.status(subprocess.call(argv, cwd=launched.start_in, env=env))
    script = script_on(stdin)
    try:
        return launched.status(subprocess.call(argv, cwd=launched.start_in, env=env, stdin=script))
    finally:
        os.close(script)


def _told(command: Command) -> str:
    run = command.run
    return run if isinstance(run, str) else command.title if isinstance(run, Function) else shlex.join(run)

"""A run of a single packtivity: its program, and the run made of what is asked."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from motet.dialects.yadage.packtivity import environments
from motet.dialects.yadage.packtivity.settings import VOICE, Settings
from motet.dialects.yadage.packtivity.step import PacktivityCall, Step
from motet.kernel.program import Action, AddStep, Finish, View
from motet.kernel.transitions import FAILED, SUCCEEDED
from motet.ports import NewRun, RunRow
from motet.values.errors import step_failed
from motet.values.naming import new_id, new_name
from motet.values.records import encode

if TYPE_CHECKING:
    from motet.engine.session import Session
    from motet.kernel.events import Json
    from motet.kernel.state import Step as RecordedStep
    from motet.ports.voice import Host

_PART = "packtivity"
"""Where the program of such a run has its step."""


class PacktivityProgram:
    """Adds the step, and ends as that has ended."""

    def __init__(self, host: Host, key: str, step: Step, settings: Settings) -> None:
        self._host = host
        self._key = key
        self._step = step
        self._settings = settings

    def advance(self, view: View) -> Iterable[Action]:
        """The step; then the end."""
        if self._key not in view.state.steps:
            policy = environments.policy(self._step.spec, self._settings, self._host.resources)
            call = {"spec": self._step.spec, "parameters": self._step.parameters}
            yield AddStep(self._key, self._key, call=call, policy=policy, name=self._key)
        elif view.status(self._key) == SUCCEEDED:
            yield Finish(SUCCEEDED, encode(view.result(self._key)["published"], None))
        elif view.ended(self._key):
            error = view.state.steps[self._key].error
            message = error.get("message", "") if isinstance(error, dict) else str(error)
            yield Finish(FAILED, error=step_failed(message))

    def call(self, session: Session, step: RecordedStep) -> PacktivityCall:
        """What carries out the step."""
        return PacktivityCall(
            self._host, self._step, self._settings, step.task, {"run": session.state.run, "key": step.key}
        )


def is_single(row: RunRow) -> bool:
    """Whether the run is one of a single packtivity."""
    return _PART in row.program


def program_of(host: Host, row: RunRow) -> PacktivityProgram:
    """The program of such a run, from what the run itself keeps."""
    kept: Mapping[str, Any] = row.program[_PART]
    step = Step(**{**kept["step"], "readonly": tuple(kept["step"]["readonly"])})
    return PacktivityProgram(host, kept["key"], step, Settings.from_json(kept["settings"]))


def new_run(host: Host, key: str, step: Step, settings: Settings) -> NewRun:
    """A run of the step, not yet made."""
    now = host.clock.now()
    asked: dict[str, Json] = {name: getattr(step, name) for name in Step.__match_args__}
    asked["readonly"] = list(step.readonly)
    program = {
        "voice": VOICE, "cwd": os.getcwd(), _PART: {"key": key, "step": asked, "settings": settings.to_json()}
    }  # fmt: skip
    return NewRun(new_id(now), new_name(), key, program, step.parameters, created_at=now, offset=host.store.head())

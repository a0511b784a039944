"""What flows and tasks share that hooks can be given to: checked and kept here, called by `hooks`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias, TypeVar

from motet.dialects.python.running.absent import FlowAbsent, TaskAbsent
from motet.errors import UsageError

Hooks: TypeAlias = Mapping[str, tuple[Callable[..., Any], ...]]
F = TypeVar("F", bound=Callable[..., Any])

FLOW_EVENTS = ("on_running", "on_completion", "on_failure", "on_cancellation", "on_crashed")
TASK_EVENTS = ("on_running", "on_completion", "on_failure", "on_commit", "on_rollback")


def given(where: str, options: Mapping[str, Any], events: Iterable[str]) -> Hooks:
    """The hooks among the options, by event. Raises UsageError for what is no list of functions."""
    found = {}
    for event in events:
        hooks = options.get(event)
        if hooks is None:
            continue
        listed = () if callable(hooks) or isinstance(hooks, str) or not isinstance(hooks, Iterable) else tuple(hooks)
        if not listed and (not isinstance(hooks, Iterable) or isinstance(hooks, str)):
            raise UsageError(f"{where}: {event} is {hooks!r}.", f"Give a list of functions: {event}=[tell].")
        for each in listed:
            if not callable(each):
                raise UsageError(f"{where}: {event} holds {each!r}, which is no function.", "Give functions.")
        if listed:
            found[event] = listed
    return found


class Hooked:
    """What flows and tasks share: hooks by event, added by decorators or options."""

    hooks: Hooks

    def _hook(self, event: str, fn: F) -> F:
        self.hooks = {**self.hooks, **given(f"@{event}", {event: [*self.hooks.get(event, ()), fn]}, [event])}
        own = vars(self)
        own["options"] = {**own["options"], event: self.hooks[event]}
        return fn

    def on_running(self, fn: F) -> F:
        """Decorator: call `fn` when it begins; again if a crash interrupted it, not for a retry."""
        return self._hook("on_running", fn)

    def on_completion(self, fn: F) -> F:
        """Decorator: call `fn` when it has ended well."""
        return self._hook("on_completion", fn)

    def on_failure(self, fn: F) -> F:
        """Decorator: call `fn` when it has failed, and no retry is left."""
        return self._hook("on_failure", fn)


class FlowHooked(Hooked, FlowAbsent):
    """The decorators of a flow: @flow.on_failure above a function of (flow, flow_run, state)."""

    def on_cancellation(self, fn: F) -> F:
        """Decorator: call `fn` when the run was stopped."""
        return self._hook("on_cancellation", fn)

    def on_crashed(self, fn: F) -> F:
        """Decorator: call `fn` when a run whose process died is taken up again, before its function is called."""
        return self._hook("on_crashed", fn)


class TaskHooked(Hooked, TaskAbsent):
    """The decorators of a task: @task.on_failure above a function of (task, task_run, state)."""

    def on_commit(self, fn: F) -> F:
        """Decorator: call `fn` with the transaction that the task was called in when that is committed."""
        return self._hook("on_commit", fn)

    def on_rollback(self, fn: F) -> F:
        """Decorator: call `fn` with the transaction that the task was called in when that is rolled back."""
        return self._hook("on_rollback", fn)

"""What flows and tasks share: hooks, which are checked and kept here and called by `hooks`; whether results are kept;
and what Prefect's have and Motet's do not, which says what to do in place of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from motet.errors import UsageError
from motet.ports import ArtifactStore, Outcome, Success
from motet.typed import TYPE_CHECKING, Any, Never, TypeVar
from motet.values.records import decode

Hooks = Mapping[str, tuple[Callable[..., Any], ...]]
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


_NO_DEPLOYMENTS = (
    "There are no deployments. `motet submit` runs a flow in the background; cron or a systemd timer calls `motet run`."
)
_NO_PLAN = "What a Python flow will do is known only by running it: see `motet show RUN`."
_NO_QUEUE = "There are no background workers. Call .submit() in a flow, or have `motet submit` run a flow."
_ON_CALL = "Parameters are checked when the flow is called."


class _Absent:
    """A name that is not there. No `__getattr__` of the class: that would slow down each name that is there."""

    def __init__(self, cure: str) -> None:
        self._cure = cure

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, instance: object, owner: type) -> Never:
        raise AttributeError(f"{owner.__name__!r} object has no attribute {self._name!r}. {self._cure}")


class FlowAbsent:
    """What a flow says to the names of Prefect's that it does not have."""

    if not TYPE_CHECKING:  # for a checker, what is not there is not there
        serve = _Absent(_NO_DEPLOYMENTS)
        deploy = _Absent(_NO_DEPLOYMENTS)
        to_deployment = _Absent(_NO_DEPLOYMENTS)
        from_source = _Absent(_NO_DEPLOYMENTS)
        ato_deployment = _Absent(_NO_DEPLOYMENTS)
        visualize = _Absent(_NO_PLAN)
        generate_mermaid_graph = _Absent(_NO_PLAN)
        validate_parameters = _Absent(_ON_CALL)
        serialize_parameters = _Absent(_ON_CALL)
        map = _Absent("Flows are not mapped. Call .submit() for each: [flow.submit(each) for each in ...].")


class TaskAbsent:
    """What a task says to them."""

    if not TYPE_CHECKING:
        delay = _Absent(_NO_QUEUE)
        apply_async = _Absent(_NO_QUEUE)
        serve = _Absent(_NO_QUEUE)
        result = _Absent("A task is no future: call it, or call .submit() in a flow, and ask what that gives.")


class Hooked:
    """What flows and tasks share: hooks by event, added by decorators or options.

    persist    whether results go to the store
    in_memory  whether values stay here
    """

    hooks: Hooks
    persist: bool
    in_memory: bool

    def keep_as(self, options: Mapping[str, Any]) -> None:
        """Keep results as these options say."""
        self.persist = options.get("persist_result") is not False
        self.in_memory = options.get("cache_result_in_memory", True) or not self.persist

    def held(self, outcome: Outcome, artifacts: ArtifactStore) -> Outcome:
        """The outcome of what is not to be persisted: the value itself, where another process has sent its record."""
        if not isinstance(outcome, Success) or outcome.record is None:
            return outcome
        return Success(decode(outcome.record, artifacts))

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

"""What Prefect's flows and tasks have and Motet's do not: asked for it, they say what to do in place of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Never

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

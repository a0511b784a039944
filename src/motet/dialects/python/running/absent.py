"""What Prefect's flows and tasks have and Motet's do not: asked for it, they say what to do in place of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

_NO_DEPLOYMENTS = (
    "There are no deployments. `motet submit` runs a flow in the background; cron or a systemd timer calls `motet run`."
)
_NO_PLAN = "What a Python flow will do is known only by running it: see `motet show RUN`."
_NO_QUEUE = "There are no background workers. Call .submit() in a flow, or have `motet submit` run a flow."
_ON_CALL = "Parameters are checked when the flow is called."


class FlowAbsent:
    """What a flow says to the names of Prefect's that it does not have."""

    _absent: ClassVar[dict[str, str]] = {
        **dict.fromkeys(("serve", "deploy", "to_deployment", "from_source", "ato_deployment"), _NO_DEPLOYMENTS),
        **dict.fromkeys(("visualize", "generate_mermaid_graph"), _NO_PLAN),
        **dict.fromkeys(("validate_parameters", "serialize_parameters"), _ON_CALL),
        "map": "Flows are not mapped. Call .submit() for each: [flow.submit(each) for each in ...].",
    }

    if not TYPE_CHECKING:  # for a checker, what is not there is not there

        def __getattr__(self, name: str) -> Any:
            cure = self._absent.get(name)
            kind = type(self).__name__
            raise AttributeError(f"{kind!r} object has no attribute {name!r}" + (f". {cure}" if cure else ""))


class TaskAbsent(FlowAbsent):
    """What a task says to them."""

    _absent: ClassVar[dict[str, str]] = {
        **dict.fromkeys(("delay", "apply_async", "serve"), _NO_QUEUE),
        "result": "A task is no future: call it, or call .submit() in a flow, and ask what that gives.",
    }

"""Flows as Prefect's users have them."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, ParamSpec, TypeVar

from motet.dialects.python import flows
from motet.dialects.python.finding.loading import load_module, pick
from motet.dialects.python.options import FlowOptions
from motet.dialects.python.prefect.accepted import Attributes, accepted, decorated, hook
from motet.dialects.python.prefect.calls import PrefectFlowCall
from motet.dialects.python.prefect.deployments import Deployment, run_once
from motet.dialects.python.prefect.either import awaited, either, say
from motet.kernel.events import Json

P = ParamSpec("P")
R = TypeVar("R", covariant=True)


class Flow(Attributes, flows.Flow[P, R]):
    """A function whose calls are recorded runs. Attributes are its options, under Prefect's names."""

    call_type = PrefectFlowCall
    from_options: ClassVar[Mapping[str, str]] = {
        **{each: each for each in ("version", "retries", "retry_delay_seconds", "timeout_seconds", "log_prints",
                                   "flow_run_name", "persist_result", "result_storage", "result_serializer",
                                   "cache_result_in_memory")},
        "should_validate_parameters": "validate_parameters", "on_completion_hooks": "on_completion",
        "on_failure_hooks": "on_failure", "on_cancellation_hooks": "on_cancellation",
        "on_crashed_hooks": "on_crashed", "on_running_hooks": "on_running",
    }  # fmt: skip
    defaults: ClassVar[Mapping[str, Any]] = {
        "retries": 0, "should_validate_parameters": True, "cache_result_in_memory": True,
        **{f"on_{each}_hooks": [] for each in ("completion", "failure", "cancellation", "crashed", "running")},
    }  # fmt: skip

    def __init__(self, fn: Callable[P, R] | None = None, options: FlowOptions | None = None, **more: Any) -> None:
        super().__init__(fn, accepted("flow", fn, {**(options or {}), **more}))  # type: ignore[arg-type]

    def _hook(self, event: str, fn: Any) -> Any:
        super()._hook(event, hook(fn))
        return fn

    def _spec(self) -> Json:
        return {**super()._spec(), "gives": "value or state"}

    # ------------------------------------------------------------ deployments

    def serve(self, name: str | None = None, **asked: Any) -> None:
        """Run it once now, and say how it is run by the clock."""
        run_once([Deployment(self, name, **asked)], "serve")

    def deploy(self, name: str | None = None, *args: Any, **asked: Any) -> Any:
        """Run it once now, and say how it is run by the clock."""
        run_once([Deployment(self, name, **asked)], "deploy")
        return either(lambda: None)()

    def to_deployment(self, name: str | None = None, **asked: Any) -> Any:
        """What `serve` and `deploy` take."""
        return either(Deployment)(self, name, **asked)

    async def ato_deployment(self, name: str | None = None, **asked: Any) -> Deployment:
        """The same, awaited."""
        return Deployment(self, name, **asked)

    @classmethod
    def from_source(cls, source: Any = None, entrypoint: str = "") -> Any:
        """The flow of a file of this machine: `flow.from_source(".", "flows.py:train")`."""
        folder = source if isinstance(source, str) and os.path.isdir(source) else "."
        if folder == "." and source not in (None, "."):
            say(f"from_source({source!r}): sources are not fetched; {entrypoint} is looked for here.")
        return either(load_flow_from_entrypoint)(os.path.join(folder, entrypoint))

    # ------------------------------------------------------------ parameters, pictures

    def validate_parameters(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """The values as the annotations ask for them. Raises ParameterTypeError."""
        return dict(self.parameters.bind((), dict(parameters)))

    def serialize_parameters(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """The values as JSON, or as text."""
        import json

        return {name: json.loads(json.dumps(value, default=str)) for name, value in parameters.items()}

    def visualize(self, *args: Any, **kwargs: Any) -> Any:
        """What a flow of Python does is known by running it: says so."""
        say(f"visualize: what flow {self.name!r} does is known only by running it. Then: motet show RUN.")
        return either(lambda: None)()


def load_flow_from_entrypoint(entrypoint: str, use_placeholder_flow: bool = True) -> Any:
    """The flow that `flows.py:train`, or `package.flows:train`, names."""
    place, _, name = str(entrypoint).rpartition(":")
    if not place.endswith(".py"):
        return pick(load_module(place), name, place)
    folder, file = os.path.split(os.path.abspath(place))
    return pick(load_module(file.removesuffix(".py"), folder), name, place)


aload_flow_from_entrypoint = awaited(load_flow_from_entrypoint)


class _Decorator:
    """`@flow`, `@flow(...)`, and `flow.from_source(...)`."""

    def __call__(self, fn: Any = None, /, **options: Any) -> Any:
        """Make a function a flow."""
        return decorated(Flow, fn, options)

    from_source = staticmethod(Flow.from_source)


flow = _Decorator()

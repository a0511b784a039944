"""What a flow is to those who begin runs of it without loading it: its program, and its parameters as a JSON schema."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from motet.dialects.python.finding.loading import explained, find_again
from motet.dialects.python.flows import Flow
from motet.dialects.python.starting import called_by, door
from motet.engine.host import Host
from motet.errors import ParameterError
from motet.kernel.events import Json
from motet.ports.definition import Described, recorded
from motet.ports.voice import Asked, Target
from motet.values.coercion import as_json, schema_of


def described(host: Host, target: Target, asked: Asked) -> Described:
    """What runs of the flow that is named are made of; or of the first one that the script calls, or of its only one.

    What that call gives, or what is asked, stands for runs that are given nothing. Raises TargetError, ParameterError.
    """
    with explained(str(target)), door(target, asked):
        flow, args, kwargs = called_by(target, asked)
        new = flow.new_run(host, {}, name="registered")
        find_again(new.program, new.workflow)
    given = flow.parameters.partly(args, kwargs, asked.params)
    frame = {name: recorded(_plain(flow, name, value)) for name, value in given.items()}
    return Described(new.workflow, new.program, schema(flow), frame, recorded=True, tags=list(new.tags))


def schema(flow: Flow[..., Any]) -> dict[str, Json]:
    """The JSON schema of what the flow can be given by name."""
    shape = flow.parameters.shape
    signed: Mapping[str, Any] = shape.signature.parameters
    defaults = {name: signed[name].default for name in shape.names if signed[name].default is not signed[name].empty}
    return schema_of(flow.parameters.kinds, defaults, more=bool(shape.gathers))


def _plain(flow: Flow[..., Any], name: str, value: Any) -> Json:
    try:
        return as_json(value)
    except ValueError:
        raise ParameterError(
            f"{name} of flow {flow.name} is given a {type(value).__name__}, which is no JSON.",
            f"Give what is JSON instead: -p {name}=VALUE.",
        ) from None

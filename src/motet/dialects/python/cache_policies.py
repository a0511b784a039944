"""What a cached result depends on. Names are those of Prefect 3; nothing is cached unless a task says so.

A policy gives the parts of the key by name, each a digest, so that `motet why` can say which part differed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from motet.errors import UsageError
from motet.records import Record
from motet.values.fingerprints import fingerprint

if TYPE_CHECKING:
    from motet.dialects.python.tasks import Task

Parts = dict[str, str]


class Uncacheable(Exception):
    """The key cannot be computed, so the step is not cached; says why."""


class Context(Record, frozen=True):
    """What a policy may look at: the task, its arguments by name, the run, the parameters of its flow."""

    task: Task[..., Any]
    parameters: Mapping[str, Any]
    run: str
    flow_parameters: Mapping[str, Any]


class CachePolicy:
    """What a result depends on. `a + b`: on both; `a - "name"`: on all inputs but that one.

    Policies of your own say it by `compute_key`.
    """

    def compute_key(
        self, task_ctx: Context, inputs: Mapping[str, Any], flow_parameters: Mapping[str, Any], **kwargs: Any
    ) -> str | None:
        """The key under which the result is kept; None for not cached."""
        raise UsageError(f"The cache policy {type(self).__name__} gives no key.", "Write its method compute_key.")

    def parts(self, context: Context) -> Parts | None:
        """The parts of the key; None for never cached. Raises Uncacheable."""
        key = self.compute_key(context, context.parameters, context.flow_parameters)
        return None if key is None else {"key": str(key)}

    def __add__(self, other: CachePolicy) -> CachePolicy:
        return Compound((self, other))

    def __sub__(self, name: str) -> CachePolicy:
        return Without(self, frozenset((name,)))


class Compound(CachePolicy, Record, frozen=True):
    """All of several policies. One that is never cached counts for nothing beside others."""

    policies: tuple[CachePolicy, ...]

    def parts(self, context: Context) -> Parts | None:
        found = [each for policy in self.policies if (each := policy.parts(context)) is not None]
        if not found:
            return None
        whole: Parts = {}
        for name, digest in [pair for each in found for pair in each.items()]:
            again = whole.get(name, digest) != digest  # the keys of two policies of a user's own
            whole[f"{name} {len(whole)}" if again else name] = digest
        return whole


class Without(CachePolicy, Record, frozen=True):
    """A policy that does not look at some of the inputs."""

    policy: CachePolicy
    names: frozenset[str]

    def parts(self, context: Context) -> Parts | None:
        inputs = {name: value for name, value in context.parameters.items() if name not in self.names}
        return self.policy.parts(Context(context.task, inputs, context.run, context.flow_parameters))


class Inputs(CachePolicy):
    """The arguments, by content."""

    def parts(self, context: Context) -> Parts | None:
        return {f"input {name}": _digest(name, value) for name, value in context.parameters.items()}


class TaskSource(CachePolicy):
    """The code of the task's function, and of the functions of its own module that it calls."""

    def parts(self, context: Context) -> Parts | None:
        from motet.dialects.python.source import code_digest

        return {"source": code_digest(context.task.fn)}


class RunId(CachePolicy):
    """The run: cached within one run only."""

    def parts(self, context: Context) -> Parts | None:
        return {"run": context.run}


class FlowParameters(CachePolicy):
    """The parameters of the flow, by content."""

    def parts(self, context: Context) -> Parts | None:
        return {f"parameter {name}": _digest(name, value) for name, value in context.flow_parameters.items()}


class NoCache(CachePolicy):
    """Never cached."""

    def parts(self, context: Context) -> Parts | None:
        return None


class KeyFunction(CachePolicy, Record, frozen=True):
    """A function of context and arguments that gives the key, or None for not cached."""

    function: Callable[[Context, Mapping[str, Any]], str | None]

    def parts(self, context: Context) -> Parts | None:
        key = self.function(context, context.parameters)
        return None if key is None else {"key": str(key)}


def _digest(name: str, value: Any) -> str:
    digest, exact = fingerprint(value)
    if not exact:
        kind = type(value)
        raise Uncacheable(f"argument {name} ({kind.__module__}.{kind.__qualname__}) has no stable content")
    return digest


INPUTS = Inputs()
TASK_SOURCE = TaskSource()
RUN_ID = RunId()
FLOW_PARAMETERS = FlowParameters()
NO_CACHE = NoCache()
DEFAULT = INPUTS + TASK_SOURCE + RUN_ID


def task_input_hash(context: Context, arguments: Mapping[str, Any]) -> str | None:
    """A `cache_key_fn`: the task's code and its arguments, by content."""
    parts = (INPUTS + TASK_SOURCE).parts(context)
    return None if parts is None else fingerprint(parts)[0]

"""What a cached result depends on. Names are those of Prefect 3; nothing is cached unless a task says so.

A policy gives the parts of the key by name, each a digest, so that `motet why` can say which part differed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Self

from motet.errors import UsageError
from motet.ports.spec import StepSpec
from motet.records import Record
from motet.values.identity import files
from motet.values.identity.fingerprints import MADE_UP, Walk, fingerprint

if TYPE_CHECKING:
    from motet.dialects.python.running.about import TaskRun
    from motet.dialects.python.tasks import Task

Parts = dict[str, str]


class Uncacheable(Exception):
    """The key cannot be computed, so the step is not cached; says why."""


class Context(Record, frozen=True):
    """What a policy may look at.

    task             the task
    parameters       its arguments by name; those of a method with the object that it is called on
    run              the id of the run
    flow_parameters  the parameters of the flow that it is called in
    spec             what the step is asked to do: its code, and the values that this reads
    task_run         the run of the task, with flow_run_id, name, ...
    """

    task: Task[..., Any]
    parameters: Mapping[str, Any]
    run: str
    flow_parameters: Mapping[str, Any]
    spec: StepSpec
    ask_task_run: Callable[[], TaskRun]

    @property
    def task_run(self) -> TaskRun:
        """The run of the task."""
        return self.ask_task_run()

    def without(self, names: frozenset[str]) -> Context:
        """The same, without these arguments and outside values."""
        kept = {name: value for name, value in self.parameters.items() if name not in names}
        outside = {name: form for name, form in self.spec.outside.items() if name not in names}
        fields = {name: getattr(self.spec, name) for name in StepSpec.__match_args__}
        spec = StepSpec(**{**fields, "outside": outside})
        return Context(self.task, kept, self.run, self.flow_parameters, spec, self.ask_task_run)


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

    def configure(self, *, key_storage: Any = None, lock_manager: Any = None, isolation_level: Any = None) -> Self:
        """Itself: where Prefect keeps keys and locks is configured, and Motet keeps them in the home."""
        return self

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
        return self.policy.parts(context.without(self.names))


class Inputs(CachePolicy):
    """The arguments, but for those to `exclude`, by content; with the object that a method is called on, and the values
    that the code reads.
    """

    def __init__(self, exclude: Iterable[str] | None = None) -> None:
        self.exclude = frozenset(exclude or ())

    def parts(self, context: Context) -> Parts | None:
        context = context.without(self.exclude) if self.exclude else context
        by_content = context.task.shape.contents
        inputs = {
            f"input {name}": _digest_of_files(name, value) if name in by_content else _digest(name, value)
            for name, value in context.parameters.items()
        }
        return inputs | _outside(context)


class TaskSource(CachePolicy):
    """The code of the task and all that it reaches: the user's own by what it does, packages by version; and the
    values that it reads.
    """

    def parts(self, context: Context) -> Parts | None:
        packages = {f"package {name}": version for name, version in context.spec.environment.items()}
        return {"source": context.spec.code, **packages, **_outside(context)}


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


def _outside(context: Context) -> Parts:
    """The values that the code reads beside its arguments, as they were when the step was asked for."""
    for name, why in context.spec.unknown.items():
        if name in context.spec.outside or why == MADE_UP:
            raise Uncacheable(f"{name} {why}" if why == MADE_UP else f"{name}, which its code reads, {why}")
    return {f"outside {name}": json.dumps(form) for name, form in context.spec.outside.items()}


def _digest(name: str, value: Any) -> str:
    digest, exact = fingerprint(value)
    if exact:
        return digest
    walk = Walk()
    walk.digest(value)
    raise Uncacheable(f"argument {name} {walk.cannot}, which has no stable content")


def _digest_of_files(name: str, value: Any) -> str:
    try:
        return _digest(name, (files.names(value), files.contents(value)))
    except files.NoFile as error:
        raise Uncacheable(f"argument {name} {error}") from None


INPUTS = Inputs()
TASK_SOURCE = TaskSource()
RUN_ID = RunId()
FLOW_PARAMETERS = FlowParameters()
NO_CACHE = NoCache()
DEFAULT = INPUTS + TASK_SOURCE + RUN_ID


def task_input_hash(context: Context, arguments: Mapping[str, Any]) -> str | None:
    """A `cache_key_fn`: the task's code and its arguments, by content. Values that the code closes over do not count,
    as in Prefect: `cache_policy=INPUTS + TASK_SOURCE` counts them.
    """
    parts = (INPUTS + TASK_SOURCE).parts(context.without(frozenset(context.spec.outside)))
    return None if parts is None else fingerprint(parts)[0]

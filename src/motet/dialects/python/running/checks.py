"""Whether options of tasks and flows make sense: what is wrong is said where the function is decorated."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from motet.dialects.python.task_runners import TaskRunner
from motet.errors import UsageError, did_you_mean
from motet.typed import Any
from motet.values.naming import checked

_ONE_STORE = "Results are kept below MOTET_HOME, by content, and found again by run and step or by `cache_policy`."
ABSENT = {
    "result_storage": f"{_ONE_STORE} Set MOTET_HOME to keep them elsewhere.",
    "result_storage_key": f"{_ONE_STORE} To name a result yourself, give `cache_key_fn`.",
    "result_serializer": f"{_ONE_STORE} Plain values are kept as JSON, others pickled.",
    "viz_return_value": "The plan of a flow is what it does: run it, and see `motet show`.",
    "asset_deps": "Motet keeps no assets; what a step used is in its lineage.",
    "asset_key": "Motet keeps no assets; what a step used is in its lineage.",
}
"""Options of Prefect 3 that Motet does not have, with what to do in place of them."""

_EXECUTORS = ("threads", "processes", "commands")


def _is_duration(value: Any) -> bool:
    return isinstance(value, int | float) and value > 0


def _is_runner(value: Any) -> bool:
    if isinstance(value, type):
        return issubclass(value, TaskRunner)
    return isinstance(value, TaskRunner) and (value.max_workers is None or value.max_workers >= 1)


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_flag(value: Any) -> bool:
    return isinstance(value, bool)


def _are_words(value: Any) -> bool:
    return not isinstance(value, str) and all(isinstance(each, str) for each in value)


Kinds = Mapping[str, tuple[Callable[[Any], bool], str]]
"""For options by name: whether a value is of their kind, and the cure where it is not."""

_KINDS: Kinds = {
    **dict.fromkeys(("name", "description", "version"), (_is_text, "Give text.")),
    **dict.fromkeys(
        ("log_prints", "persist_result", "cache_result_in_memory", "refresh_cache", "validate_parameters"),
        (_is_flag, "Give True or False."),
    ),
    "tags": (_are_words, 'Give a list of words: tags=["gpu"].'),
    "priority": (lambda value: type(value) is int, "Give a whole number; higher ones come first."),
    "timeout_seconds": (_is_duration, "Give seconds above 0, or None."),
    "cache_policy": (lambda value: hasattr(value, "parts"), "Give a policy of motet.cache_policies: INPUTS, ..."),
    "cache_key_fn": (callable, "Give a function of (context, parameters) that gives a text, or None."),
    "cache_expiration": (lambda value: hasattr(value, "total_seconds"), "Give a datetime.timedelta."),
    "retry_condition_fn": (callable, "Give a function of (task, task_run, state)."),
    "task_runner": (_is_runner, "Give a runner of motet.task_runners: ThreadPoolTaskRunner(max_workers=4), ..."),
    "task_run_name": (lambda value: isinstance(value, str) or callable(value), "Give a template or a function."),
    "flow_run_name": (lambda value: isinstance(value, str) or callable(value), "Give a template or a function."),
}


def nearest(name: str, known: Iterable[str], what: str = "It takes") -> str:
    """The cure for a name that is not known: the nearest one that is, else all of them."""
    return did_you_mean(name, known, f"{what}: {', '.join(sorted(known))}.")


def check_kinds(where: str, options: Mapping[str, Any], kinds: Kinds) -> None:
    """Raise UsageError for a value of the wrong kind, naming option, value and cure."""
    for name, (fits, cure) in kinds.items():
        if name in options and not fits(options[name]):
            raise UsageError(f"{where}: {name} is {options[name]!r}.", cure)


def check_values(where: str, options: Mapping[str, Any]) -> None:
    """Raise UsageError for an option of a task or flow of the wrong kind; None is as if it was not given."""
    check_kinds(where, {name: value for name, value in options.items() if value is not None}, _KINDS)
    checked(options.get("name") or "", f"{where}: name")
    for each in options.get("tags") or ():
        checked(each, f"{where}: tag")
    executor = options.get("executor")
    if executor and executor != "inline" and executor not in _EXECUTORS:
        raise UsageError(f"{where}: executor is {executor!r}.", nearest(str(executor), _EXECUTORS, "There are"))

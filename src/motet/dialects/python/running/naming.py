"""What flow runs and task runs are called: templates, and functions, that users give."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from motet.errors import UsageError
from motet.values.naming import fitting

if TYPE_CHECKING:
    from motet.dialects.python.running.about import RunContext

named: ContextVar[RunContext | None] = ContextVar("motet_named", default=None)
"""The run that is being named just now: what a function that gives names sees of it."""


def filled(what: str, name: str | Callable[..., str], values: Mapping[str, Any], about: RunContext) -> str:
    """The name that a template gives, or a function of nothing or of `parameters`, which may ask `motet.runtime`.

    Raises UsageError.
    """
    token = named.set(about)
    try:
        if isinstance(name, str):
            return fitting(name.format(**values))
        from inspect import signature

        given = name(parameters=dict(values)) if "parameters" in signature(name).parameters else name()
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        where = repr(name) if isinstance(name, str) else "the function"
        raise UsageError(
            f"{what}: {where} does not fit its parameters: {error!r}.", "Use the names of its parameters in braces."
        ) from None
    finally:
        named.reset(token)
    if not isinstance(given, str):
        raise UsageError(f"{what}: the function gave {given!r}.", "Return a text.")
    return fitting(given)

"""Workflows that are Jinja templates: told from others, and rendered where that is asked for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from motet.errors import SpecError, UsageError
from motet.values.yaml import Limits

if TYPE_CHECKING:
    from jinja2.sandbox import SandboxedEnvironment

_MARK = re.compile(r"\{%[-+]?\s*[a-z]+|\{\{(?!\s*(?:steps|workflow|inputs|tasks|item)\b)[^{}]+\}\}|\{#")
"""What only templates have; braces around those words are v0's."""

_ENDINGS = (".j2", ".jinja", ".jinja2")
_WHILE_RENDERING = (TypeError, ValueError, ArithmeticError, LookupError, AttributeError, RecursionError, MemoryError)
_INSTALL = "pip install 'motet[jinja]'"


def is_asked(file: str, values: Mapping[str, Any]) -> bool:
    """Whether the file is to be rendered: it is called a template, or values for one are given."""
    return bool(values) or file.endswith(_ENDINGS)


def render(text: bytes, file: str, values: Mapping[str, Any]) -> bytes:
    """What the template gives with these values, in a sandbox: nothing of this program can be reached from it.

    Raises SpecError, with the line in the template; UsageError without jinja2, or if the file is no template.
    """
    template = text.decode("utf-8-sig", "replace")
    if values and not _MARK.search(template):
        name, value = next(iter(values.items()))
        raise UsageError(
            f"--set {name}={value}: this is no STEP.INPUT=VALUE, and {file} is no template that has a value {name!r}.",
            "Set an input of a step: --set train.model=svm.",
        )
    environment = _environment()
    import jinja2

    parts, size, most = [], 0, Limits().size_bytes
    try:
        for part in environment.from_string(template).generate(dict(values)):
            parts.append(part)
            size += len(part)
            if size > most:
                raise SpecError(f"{file}: what it renders to is larger than {most} bytes.", "Shorten it.")
    except SpecError:
        raise
    except (jinja2.TemplateError, *_WHILE_RENDERING) as error:
        missing = [each for each in _names(template) if each not in values]
        if missing:
            what = f"{file}: the template needs a value for {', '.join(missing)}."
            raise SpecError(what, _give(file, template, values)) from None
        line = getattr(error, "lineno", None)
        where = f"{file}:{line}" if line else file
        raise SpecError(f"{where}: the template cannot be rendered: {error}.", "Correct it there.") from None
    return "".join(parts).encode()


def refuse(text: str | bytes, file: str) -> None:
    """Raise SpecError if the text is a template, which nobody has asked to render."""
    template = text if isinstance(text, str) else text.decode("utf-8", "replace")
    found = _MARK.search(template)
    if found is None or re.search(r"^ZapOSApiVersion", template, re.MULTILINE):  # v0 has braces of its own
        return
    line = template.count("\n", 0, found.start()) + 1
    column = found.start() - template.rfind("\n", 0, found.start())
    raise SpecError(
        f"{file}:{line}:{column}: this is a Jinja template ({found[0]} ...): render it first.",
        _give(file, template, {}),
    )


def _give(file: str, template: str, values: Mapping[str, Any]) -> str:
    """How to have the template rendered."""
    try:
        names = [each for each in _names(template) if each not in values]
    except UsageError:
        return f"motet run {file} --set NAME=VALUE renders it with these values ({_INSTALL}); so does jinja2 itself."
    if not names and not values:
        return f"It needs no values: motet run renders it if it is called {file}.j2; so does jinja2 itself."
    return f"Give it values: motet run {file} {' '.join(f'--set {each}=VALUE' for each in names or ['NAME'])}"


def _names(template: str) -> list[str]:
    """The names that the template takes from outside. Raises UsageError without jinja2."""
    environment = _environment()
    from jinja2 import TemplateError, meta

    try:
        return sorted(meta.find_undeclared_variables(environment.parse(template)))
    except TemplateError:
        return []


def _environment() -> SandboxedEnvironment:
    try:
        from jinja2 import StrictUndefined
        from jinja2.sandbox import ImmutableSandboxedEnvironment
    except ImportError:
        raise UsageError("Templates are rendered by jinja2, which is not installed.", f"{_INSTALL}") from None
    return ImmutableSandboxedEnvironment(undefined=StrictUndefined, keep_trailing_newline=True)

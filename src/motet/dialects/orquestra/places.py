"""Reading a document key by key, and gathering what is wrong with it, each with its place."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from motet.dialects.orquestra.spec import nearest
from motet.errors import SpecError, near
from motet.values.yaml import Document, Path

_KINDS = {
    dict: "a mapping", list: "a list", str: "text", bool: "true or false", int: "a whole number", float: "a number",
    type(None): "nothing",
}  # fmt: skip


def told(value: Any) -> str:
    """A value as messages name it: its kind, and itself where it is short."""
    if isinstance(value, dict | list) or value is None:
        return _KINDS[type(value)]
    shown = repr(value)
    return f"{_KINDS.get(type(value), 'a value')} ({shown if len(shown) <= 60 else shown[:57] + '...'})"


class Problems:
    """What is wrong with a document, and what is merely odd. Not `heeded`, nothing is refused for it."""

    def __init__(self, document: Document, *, heeded: bool = True) -> None:
        self.document = document
        self._heeded = heeded
        self.errors: list[tuple[str, str]] = []
        self.warnings: list[str] = []

    def error(self, path: Path, what: str, cure: str = "", *, key: bool = False) -> None:
        """Something because of which the workflow cannot run. The same twice is told once."""
        told = f"{self.document.where(path, key=key)}: {what}", cure
        if told not in self.errors:
            self.errors.append(told)

    def warn(self, path: Path, what: str, *, key: bool = False) -> None:
        """Something that is odd, and does not hinder. The same twice is told once."""
        told = f"{self.document.where(path, key=key)}: {what}"
        if told not in self.warnings:
            self.warnings.append(told)

    def check(self) -> None:
        """Raise SpecError, naming all errors, if there are any."""
        if not self.errors or not self._heeded:
            return
        if len(self.errors) == 1:
            raise SpecError(*self.errors[0])
        lines = [f"{what} {cure}".rstrip() for what, cure in self.errors[:20]]
        if len(self.errors) > len(lines):
            lines.append(f"... and {len(self.errors) - len(lines)} more")
        raise SpecError(
            f"{self.document.file} has {len(self.errors)} errors:\n" + "\n".join(lines),
            "Nothing was run. Correct these first.",
        )


class Place:
    """A mapping in the document, whose keys are asked for by kind; `called` is what messages call it."""

    def __init__(self, problems: Problems, path: Path, value: Any, called: str, cure: str = "") -> None:
        self.problems = problems
        self.path = path
        self.called = called
        self.value: dict[str, Any] = value if isinstance(value, dict) else {}
        if not isinstance(value, dict):
            cure = "Lists within lists were v0: order steps by `passed`." if isinstance(value, list) else cure
            problems.error(path, f"found {told(value)}, expected a mapping for {called}.", cure)

    def only(self, known: Sequence[str], hints: dict[str, str] | None = None) -> None:
        """Warn of keys that mean nothing here."""
        for name in self.value:
            if name not in known:
                cure = (hints or {}).get(name) or nearest(name, known)
                self.problems.warn(
                    (*self.path, name), f"{self.called} has no key {name!r}; it is ignored. {cure}", key=True
                )

    def missing(self, name: str, cure: str = "") -> None:
        """A key is not there: blame the one that seems to be meant for it."""
        meant = near(name, (each for each in self.value if each != name), 0.75)
        if meant:
            self.problems.error(
                (*self.path, meant), f"found {meant!r}, expected {name!r} in {self.called}.", cure, key=True
            )
        else:
            self.problems.error(self.path, f"{name!r} is missing in {self.called}.", cure)

    def text(self, name: str, *, required: bool = True, cure: str = "") -> str:
        """The text of a key, "" if it is not there or is wrong."""
        value = self.value.get(name)
        if isinstance(value, str) and value.strip():
            return value.strip()
        if name not in self.value:
            if required:
                self.missing(name, cure)
        elif value is None and not required:
            return ""  # as exporters write what is not set
        elif value is None or value == "":
            self.problems.error((*self.path, name), f"{name!r} of {self.called} is empty.", cure)
        else:
            quote = "Write it in quotes." if isinstance(value, bool | int | float) else ""
            self.problems.error((*self.path, name), f"found {told(value)}, expected text for {name!r}.", quote or cure)
        return ""

    def list(self, name: str, *, required: bool = False, cure: str = "") -> list[Any]:
        """The list of a key; empty if it is not there, null or wrong."""
        value = self.value.get(name)
        if isinstance(value, list):
            return value
        if name not in self.value:
            if required:
                self.missing(name, cure)
        elif value is not None or required:
            self.problems.error((*self.path, name), f"found {told(value)}, expected a list for {name!r}.", cure)
        return []

    def names(self, name: str) -> Sequence[str]:
        """The list of a key, all of whose items are text."""
        found = []
        for index, each in enumerate(self.list(name, cure=f"Write {name}: [first, second].")):
            if isinstance(each, str):
                found.append(each)
            else:
                self.problems.error((*self.path, name, index), f"found {told(each)}, expected a name in {name!r}.")
        return found

    def within(self, name: str, called: str) -> Place | None:
        """The mapping of a key; None, with an error, if there is none."""
        if name in self.value:
            return Place(self.problems, (*self.path, name), self.value[name], called)
        self.missing(name)
        return None

    def items(self, name: str, called: str, *, required: bool = False) -> Iterable[Place]:
        """The mappings of a list, those that are named called by their name."""
        shown = "argument: value" if name == "inputs" else "name: ..."
        cure = f"Begin each with a dash: `- {shown}`."
        for index, each in enumerate(self.list(name, required=required, cure=cure)):
            own = each.get("name") if isinstance(each, dict) else None
            title = f"{called} {own!r}" if isinstance(own, str) else called
            place = Place(self.problems, (*self.path, name, index), each, title, f"Write `- {shown}`, then `type:`.")
            if place.value:
                yield place
            elif isinstance(each, dict):
                self.problems.error(place.path, f"{called} is empty.")

"""YAML as plain values with the place of each: the only module that imports `yaml`, for all voices that read YAML.

What is read is untrusted: only null, bool, int, float, str, list and dict come out of it, and size, depth and the
number of values (aliases counted as often as they are used) are limited. A key that is given twice is an error.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from math import inf
from typing import Any, NamedTuple, TypeAlias

from motet.errors import SpecError

Path: TypeAlias = tuple[str | int, ...]
"""Keys and indices that lead from the top of a document to a value."""


class Mark(NamedTuple):
    """A place in a file; both count from 1."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Limits:
    """What a document may come to: bytes of text, levels of nesting, values in all, characters of a number."""

    size_bytes: int = 3_145_728
    depth: int = 64
    values: int = 250_000
    number_chars: int = 1000


@dataclass(slots=True)
class Document:
    """A document: its value, and where in `file` each value and each key stands (`marks` and `keys`, by path)."""

    file: str
    value: Any = None
    marks: dict[Path, Mark] = field(default_factory=dict)
    keys: dict[Path, Mark] = field(default_factory=dict)

    def where(self, path: Path, *, key: bool = False) -> str:
        """The place as "file:line:column"; where the path leads nowhere, that of what encloses it."""
        mark = self.keys.get(path) if key else None
        while mark is None:
            mark = self.marks.get(path)
            if not path:
                break
            path = path[:-1]
        return f"{self.file}:{mark.line}:{mark.column}" if mark is not None else self.file


def read(text: str | bytes, file: str, *, modern_numbers: bool = False, limits: Limits | None = None) -> Document:
    """The one document that `text` holds. Raises SpecError, naming the place in `file`.

    Scalars are read as YAML 1.1 has them (as PyYAML does), but dates stay text. With `modern_numbers` they are read as
    YAML 1.2 and the JSON-minded readers of Go do: 1e-3 is a number, 12:30 is text, and so is 53e1162, which is none.
    """
    import yaml

    reader = _Reader(file, limits or Limits(), modern_numbers)
    try:
        return reader.read(_checked_text(text, file, reader.limits))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        at = f"{file}:{mark.line + 1}:{mark.column + 1}" if mark is not None else file
        began = error.context_mark
        context = f"{error.context} that begins in line {began.line + 1}" if error.context and began else error.context
        said = ", ".join(each for each in (context, error.problem) if each)
        raise SpecError(f"{at}: this is not YAML: {said}.", "Look at indentation, colons and quotes there.") from None
    except yaml.YAMLError as error:
        said = " ".join(str(error).split())
        raise SpecError(f"{file}: this is not YAML: {said}.", "Save it as plain UTF-8 text.") from None


def _checked_text(text: str | bytes, file: str, limits: Limits) -> str:
    size_bytes = len(text)
    if size_bytes > limits.size_bytes:
        raise SpecError(
            f"{file} has {size_bytes} bytes, and {limits.size_bytes} are the limit.",
            "Pass large values as files, not as text of the workflow.",
        )
    if isinstance(text, str):
        return text
    try:
        return text.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = text.count(b"\n", 0, error.start) + 1
        raise SpecError(f"{file}:{line}: this is no UTF-8 text.", "Save the file as UTF-8.") from None


def _cut(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:57]}..."


_EXPONENT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)[eE][-+]?[0-9]+")
_PREFIX = "tag:yaml.org,2002:"
_PLAIN = frozenset(_PREFIX + each for each in ("null", "bool", "int", "float", "str", "timestamp", "merge", "value"))


class _Reader:
    """Builds values from events, so that limits hold before anything is built."""

    def __init__(self, file: str, limits: Limits, modern_numbers: bool) -> None:
        import yaml

        self.limits = limits
        self._yaml = yaml
        self._document = Document(file)
        self._modern_numbers = modern_numbers
        self._scalars: Any = yaml.SafeLoader("")
        self._anchors: dict[str, tuple[Any, int, int]] = {}
        self._count = 0
        self._deepest = 0

    def read(self, text: str) -> Document:
        loader = getattr(self._yaml, "CSafeLoader", self._yaml.SafeLoader)
        if len(text) > self.limits.values:  # a value takes a character, and what parts it from the next
            self._check_count(self._yaml.parse(text, loader))
        events = iter(self._yaml.parse(text, loader))
        next(events)  # the stream begins
        first = next(events)
        if isinstance(first, self._yaml.StreamEndEvent):
            return self._document
        self._document.value = self._value(next(events), events, (), 0)
        next(events)  # the document ends
        after = next(events)
        if not isinstance(after, self._yaml.StreamEndEvent):
            self._refuse(after, "a second document begins here", "Keep one workflow in one file.")
        return self._document

    def _check_count(self, events: Iterator[Any]) -> None:
        """Refuse too many values before any is built, which takes ten times as long as scanning them."""
        yaml = self._yaml
        scalar, alias, start, end = (
            yaml.ScalarEvent,
            yaml.AliasEvent,
            yaml.CollectionStartEvent,
            yaml.CollectionEndEvent,
        )
        count, in_mapping, at_key = 0, False, False
        outer: list[tuple[bool, bool]] = []
        for event in events:
            if isinstance(event, end):
                in_mapping, at_key = outer.pop()
            elif isinstance(event, scalar | alias | start):
                is_value = not at_key
                count += is_value
                at_key = in_mapping and is_value
                if isinstance(event, start):
                    outer.append((in_mapping, at_key))
                    in_mapping = at_key = isinstance(event, yaml.MappingStartEvent)
                if count > self.limits.values:
                    self._refuse_count(event)

    def _refuse_count(self, event: Any) -> None:
        self._refuse(event, f"there are more than {self.limits.values} values, aliases included", "Make it smaller.")

    def _value(self, event: Any, events: Iterator[Any], path: Path, depth: int) -> Any:
        yaml = self._yaml
        self._count += 1
        self._deepest = max(self._deepest, depth)
        if depth > self.limits.depth:
            self._refuse(event, f"this is nested more than {self.limits.depth} levels deep", "Flatten it.")
        self._document.marks[path] = _mark(event)
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event, depth)
        before, deepest = self._count, self._deepest
        self._deepest = depth
        if isinstance(event, yaml.ScalarEvent):
            value = self._scalar(event)
        elif isinstance(event, yaml.SequenceStartEvent):
            value = self._sequence(event, events, path, depth)
        else:
            value = self._mapping(event, events, path, depth)
        if event.anchor is not None:
            height = self._deepest - depth
            self._anchors[event.anchor] = (value, self._count - before + 1, height)
        self._deepest = max(deepest, self._deepest)
        if self._count > self.limits.values:
            self._refuse_count(event)
        return value

    def _alias(self, event: Any, depth: int) -> Any:
        found = self._anchors.get(event.anchor)
        if found is None:
            self._refuse(event, f"*{event.anchor} names nothing above it (or what it stands in)", "Define it first.")
        value, count, height = found  # type: ignore[misc]
        self._count += count
        self._deepest = max(self._deepest, depth + height)
        if self._count > self.limits.values or self._deepest > self.limits.depth:
            self._refuse(
                event, f"with *{event.anchor} written out, the file is too large or too deep", "Write it plainly."
            )
        return value

    def _scalar(self, event: Any) -> Any:
        tag = event.tag
        if tag is None or tag == "!":
            tag = self._scalars.resolve(self._yaml.ScalarNode, event.value, event.implicit)
            if self._modern_numbers and event.implicit[0]:
                tag = _modern(tag, event.value)
        if tag not in _PLAIN:
            self._refuse(event, f"values with the tag {tag.removeprefix(_PREFIX)!r} are not read", "Leave the tag out.")
        if tag.endswith((":timestamp", ":merge", ":value")):
            return event.value
        most = self.limits.number_chars
        if len(event.value) > most and tag.endswith((":int", ":float")):
            what = f"this number has {len(event.value)} characters, and {most} are the limit"
            self._refuse(event, what, "Write it in quotes if it is meant as text.")
        try:
            found = self._scalars.construct_object(self._yaml.ScalarNode(tag, event.value))
        except (ValueError, OverflowError):
            what = f"{_cut(event.value)!r} is no {tag.removeprefix(_PREFIX)}"
            self._refuse(event, what, "Write it as such, or leave the tag out.")
        if self._modern_numbers and event.tag is None and found in (inf, -inf) and "inf" not in event.value.lower():
            return event.value  # no number is as large as that: it is a name, such as an abbreviated commit
        return found

    def _sequence(self, start: Any, events: Iterator[Any], path: Path, depth: int) -> list[Any]:
        self._check_tag(start, "seq")
        found: list[Any] = []
        while not isinstance(event := next(events), self._yaml.SequenceEndEvent):
            found.append(self._value(event, events, (*path, len(found)), depth + 1))
        return found

    def _mapping(self, start: Any, events: Iterator[Any], path: Path, depth: int) -> dict[str, Any]:
        self._check_tag(start, "map")
        own: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        event: Any
        while not isinstance(event := next(events), self._yaml.MappingEndEvent):
            if not isinstance(event, self._yaml.ScalarEvent):
                self._refuse(event, "a key must be a single word or text", "If this is a template in braces, quote it.")
            name: str = event.value
            if name == "<<" and event.implicit[0]:
                self._merge(event, self._value(next(events), events, (*path, name), depth + 1), merged)
                continue
            at = (*path, name)
            if name in own:
                first = self._document.keys[at]
                self._refuse(event, f"the key {name!r} stands here for the second time (first in line {first.line})",
                             "Keep one of the two.")  # fmt: skip
            self._document.keys[at] = _mark(event)
            own[name] = self._value(next(events), events, at, depth + 1)
        return {**merged, **own}

    def _check_tag(self, start: Any, kind: str) -> None:
        if start.tag not in (None, "!", _PREFIX + kind):
            told = start.tag.removeprefix(_PREFIX)
            self._refuse(start, f"values with the tag {told!r} are not read", "Leave the tag out.")

    def _merge(self, event: Any, value: Any, into: dict[str, Any]) -> None:
        for each in value if isinstance(value, list) else [value]:
            if not isinstance(each, dict):
                self._refuse(event, "<< takes a mapping, or a list of mappings", "Name a mapping's anchor.")
            for name, content in each.items():
                into.setdefault(name, content)

    def _refuse(self, event: Any, what: str, cure: str) -> Any:
        mark = _mark(event)
        raise SpecError(f"{self._document.file}:{mark.line}:{mark.column}: {what}.", cure)


def _modern(tag: str, text: str) -> str:
    """The tag of a plain scalar as newer readers have it."""
    if tag.endswith(":str") and _EXPONENT.fullmatch(text):
        return _PREFIX + "float"
    if tag.endswith((":int", ":float")) and ":" in text:
        return _PREFIX + "str"
    return tag


def _mark(event: Any) -> Mark:
    return Mark(event.start_mark.line + 1, event.start_mark.column + 1)


def write(value: Any) -> str:
    """Plain values as YAML text, keys in their order."""
    import yaml

    text: str = yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=100)
    return text

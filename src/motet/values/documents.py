"""YAML and JSON files, each value with its place; `$ref`s are followed on the way down, to where they may lead only.

References of the root document are relative to the toplevel, those of other documents to that document. A library
keeps the text of all that it has opened, so a run can be read again when the files have changed or gone.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

from motet.errors import SpecError, TargetError, UsageError, near
from motet.kernel.events import Json
from motet.values import yaml
from motet.values.yaml import Document, Path

_REF = "$ref"
_MOST_HOPS = 30
_MOST_VALUES = 100_000
_FETCH_BYTES = 4 * 1024 * 1024
_FETCH_S = 30.0
_TOLD = 20


class Problems:
    """What is wrong with files (`errors`: what with its place, and the cure), and what is merely odd."""

    def __init__(self) -> None:
        self.errors: list[tuple[str, str]] = []
        self.warnings: list[str] = []

    def error(self, where: str, what: str, cure: str = "") -> None:
        """Something because of which it cannot run. The same twice is told once."""
        if (told := (f"{where}: {what}", cure)) not in self.errors:
            self.errors.append(told)

    def warn(self, where: str, what: str) -> None:
        """Something that is odd, and does not hinder. The same twice is told once."""
        if (told := f"{where}: {what}") not in self.warnings:
            self.warnings.append(told)

    @contextmanager
    def gathering(self) -> Iterator[None]:
        """What is raised in here, such as for a reference that leads nowhere, is one of the errors."""
        try:
            yield
        except SpecError as error:
            if (told := (error.what, error.cure)) not in self.errors:
                self.errors.append(told)

    def check(self) -> None:
        """Raise SpecError, naming all errors, if there are any."""
        if not self.errors:
            return
        if len(self.errors) == 1:
            raise SpecError(*self.errors[0])
        lines = [f"{what} {cure}".rstrip() for what, cure in self.errors[:_TOLD]]
        if len(self.errors) > _TOLD:
            lines.append(f"... and {len(self.errors) - _TOLD} more")
        raise SpecError(f"There are {len(self.errors)} errors:\n" + "\n".join(lines), "Nothing was run.")


class Node:
    """A value in a file. `value` is as it was written: mappings and lists may hold `$ref`s further down, which the
    methods follow. Two nodes of one place have the same `place`.
    """

    __slots__ = ("_library", "_source", "path", "value")

    def __init__(self, library: Library, source: Source, path: Path, value: Json) -> None:
        self._library = library
        self._source = source
        self.path = path
        self.value = value

    @property
    def where(self) -> str:
        """Where it stands: "file:line:column"."""
        return self._source.document.where(self.path)

    @property
    def place(self) -> tuple[str, Path]:
        """What no other value has."""
        return self._source.uri, self.path

    def key_where(self, key: str) -> str:
        """Where that key of the mapping stands."""
        return self._source.document.where((*self.path, key), key=True)

    def get(self, key: str | int) -> Node | None:
        """What stands there; None where the mapping has no such key, or the list no such index, or it is neither."""
        value: Any = self.value
        if isinstance(value, dict) and isinstance(key, str):
            return self._child(key, value[key]) if key in value else None
        if isinstance(value, list) and isinstance(key, int) and -len(value) <= key < len(value):
            return self._child(key % len(value), value[key])
        return None

    def items(self) -> Iterator[tuple[str, Node]]:
        """Keys and values of a mapping, in their order."""
        for key, value in (self.value if isinstance(self.value, dict) else {}).items():
            yield key, self._child(key, value)

    def elements(self) -> Iterator[Node]:
        """What is in a list."""
        for index, value in enumerate(self.value if isinstance(self.value, list) else ()):
            yield self._child(index, value)

    def plain(self) -> Json:
        """The whole value, all references resolved. Raises SpecError where they go in a circle, or come to too much."""
        return self._plain(0, [0])

    def followed(self) -> Node:
        """Where its `$ref` leads; itself without one. Raises SpecError."""
        if isinstance(self.value, dict) and isinstance(self.value.get(_REF), str):
            return self._library.target(self._source, self.value[_REF], self.where)
        return self

    def _child(self, key: str | int, value: Json) -> Node:
        return Node(self._library, self._source, (*self.path, key), value).followed()

    def _plain(self, depth: int, count: list[int]) -> Json:
        count[0] += 1
        if depth > _MOST_HOPS * 2 or count[0] > _MOST_VALUES:
            raise SpecError(f"{self.where}: with its references, this is too deep or too large.", "Write it plainly.")
        if isinstance(self.value, dict):
            return {key: each._plain(depth + 1, count) for key, each in self.items()}
        if isinstance(self.value, list):
            return [each._plain(depth + 1, count) for each in self.elements()]
        return self.value


KINDS: Mapping[type, str] = {
    str: "text", dict: "a mapping", list: "a list", bool: "true or false", int: "a number", float: "a number",
    type(None): "nothing",
}  # fmt: skip
"""What messages call them."""


def told(value: Json) -> str:
    """A value as messages name it: its kind, and itself where it is short."""
    kind = KINDS.get(type(value), "a value")
    return kind if isinstance(value, dict | list) or value is None else f"{kind} ({repr(value)[:60]})"


class Checks:
    """Looks at nodes, and tells what is wrong with them."""

    def __init__(self, problems: Problems) -> None:
        self.problems = problems
        self.error = problems.error

    def of_kind(self, node: Node, kind: type, called: str, cure: str = "") -> bool:
        """Whether it is one; else that is told."""
        if isinstance(node.value, kind):
            return True
        self.problems.error(node.where, f"found {told(node.value)}, expected {KINDS[kind]} for {called}.", cure)
        return False

    def only(self, node: Node, known: Sequence[str], called: str, *, strict: bool = True) -> None:
        """Tell keys that mean nothing here: errors, where `strict`."""
        for name in node.value if isinstance(node.value, dict) else ():
            if name not in known:
                meant = near(name, known, 0.7)
                cure = f"Did you mean {meant}?" if meant else f"It takes: {', '.join(known)}."
                what = f"{called} has no key {name!r}."
                if strict:
                    self.problems.error(node.key_where(name), what, cure)
                else:
                    self.problems.warn(node.key_where(name), f"{what} It is ignored. {cure}")

    def missing(self, node: Node, name: str, called: str, cure: str = "") -> None:
        """Tell that a key is not there."""
        self.problems.error(node.where, f"{name!r} is missing in {called}.", cure or f"Write it there: `{name}: ...`.")

    def gather(self, found: Callable[[], Any]) -> Any:
        """What is found; None, with the error told, where a reference in it leads nowhere."""
        with self.problems.gathering():
            return found()

    def gathered(self, elements: Callable[[], Iterator[Any]]) -> Iterator[Any]:
        """The elements up to one that cannot be followed."""
        with self.problems.gathering():
            yield from elements()


class Source:
    """A document that was opened: its address, and the address that its references are relative to."""

    __slots__ = ("base", "document", "uri")

    def __init__(self, uri: str, base: str, document: Document) -> None:
        self.uri = uri
        self.base = base
        self.document = document


class Library:
    """The documents below a toplevel: a folder, or an address of the web in one of the forms of `toplevel_of`.

    `kept` are texts by address, as `texts` of an earlier library with that `toplevel` has them: what it names is not
    opened again, and nothing else is.
    """

    def __init__(self, toplevel: str = "", kept: Mapping[str, str] | None = None) -> None:
        self.toplevel = toplevel_of(toplevel) if kept is None else toplevel
        self.texts: dict[str, str] = dict(kept or {})
        self._sealed = kept is not None
        self._sources: dict[tuple[str, str], Source] = {}
        self._hops = 0

    def open(self, address: str) -> Node:
        """The root document, or what `#/pointer` behind its address names in it. Raises TargetError, SpecError."""
        name, fragment = urldefrag(address)
        uri = self._found(name if _is_web(name) else _joined(self.toplevel, name))
        try:
            source = self._source(uri, self.toplevel)
        except OSError as error:
            raise TargetError(f"{address} cannot be read: {_why(error)}.", "Check the path and the toplevel.") from None
        return self._at(source, fragment, address)

    def target(self, source: Source, ref: str, where: str) -> Node:
        """What a reference in that document, standing at that place, leads to in the end. Raises SpecError."""
        if self._hops > _MOST_HOPS:
            raise SpecError(f"{where}: $ref {ref!r} leads back to itself.", "Let it name something.")
        self._hops += 1
        try:
            name, fragment = urldefrag(ref)
            found = self._named(source, name, ref, where) if name else source
            return self._at(found, fragment, f"{where}: $ref {ref!r}")
        finally:
            self._hops -= 1

    def _named(self, source: Source, name: str, ref: str, where: str) -> Source:
        uri = name if _is_web(name) else _joined(source.base, name)
        try:
            self._allow(uri, source.base)
            return self._source(uri, uri.rpartition("/")[0] + "/")
        except PermissionError:
            raise SpecError(
                f"{where}: $ref {ref!r} leads out of {self.toplevel}.", "Name a toplevel that holds both: -t FOLDER."
            ) from None
        except (OSError, ValueError, UsageError) as error:
            if isinstance(error, SpecError):
                raise
            raise SpecError(
                f"{where}: $ref {ref!r} cannot be read: {_why(error)}.",
                f"References here are relative to {source.base}.",
            ) from None

    def _at(self, source: Source, fragment: str, told: str) -> Node:
        node = Node(self, source, (), source.document.value).followed()
        for name in keys_of(f"/{unquote(fragment).lstrip('/')}") if fragment.strip("/") else ():
            index = int(name) if isinstance(node.value, list) and name.isdecimal() else name
            below = node.get(index)
            if below is None:
                has = ", ".join(map(str, node.value)) if isinstance(node.value, dict) else "nothing of that name"
                raise SpecError(
                    f"{told} names nothing: there is no {name!r} at {node.where}.", f"There is: {has:.300}."
                )
            node = below
        return node

    def _found(self, uri: str) -> str:
        """The address, or that with the other of the two usual suffixes if only that file is there."""
        stem, dot, suffix = uri.rpartition(".")
        other = {"yml": "yaml", "yaml": "yml"}.get(suffix)
        if other and not self._has(uri) and self._has(f"{stem}{dot}{other}"):
            return f"{stem}{dot}{other}"
        return uri

    def _has(self, uri: str) -> bool:
        return uri in self.texts or (not self._sealed and not _is_web(uri) and os.path.isfile(uri))

    def _allow(self, uri: str, base: str) -> None:
        """Raise PermissionError for a file outside of the toplevel, or one that a document of the web names."""
        if _is_web(uri) or uri in self.texts:
            return
        top = os.path.realpath(self.toplevel)
        if _is_web(base) or "://" in uri or os.path.commonpath([top, os.path.realpath(uri)]) != top:
            raise PermissionError(uri)

    def _source(self, uri: str, base: str) -> Source:
        known = self._sources.get((uri, base))
        if known is None:
            if uri not in self.texts:
                if self._sealed:
                    raise FileNotFoundError(2, "the run has not kept it", uri)
                self.texts[uri] = _fetched(uri) if _is_web(uri) else _read(uri)
            known = self._sources[uri, base] = Source(uri, base, yaml.read(self.texts[uri], _shown(uri)))
        return known


def keys_of(pointer: str) -> list[str]:
    """The keys and indices that a JSON pointer leads through: "/a/0" is ["a", "0"]."""
    return [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]


def pointer_of(keys: Sequence[str | int]) -> str:
    """The JSON pointer that leads through these keys and indices."""
    return "".join(f"/{str(key).replace('~', '~0').replace('/', '~1')}" for key in keys)


def toplevel_of(text: str) -> str:
    """The folder or address that a toplevel stands for, ending in "/": a path, an address of the web,
    `github:OWNER/REPO[@BRANCH]:SUB`, `gitlab-cern:REPO[@BRANCH]:SUB` or `from-github/SUB`. Raises UsageError.
    """
    if text.startswith("from-cap/"):
        raise UsageError(
            f"The toplevel {text} names a record of CERN's analysis portal.", "Download it and name the folder."
        )
    if text.startswith("from-github/"):
        sub = text.removeprefix("from-github/").strip("/")
        return f"https://raw.githubusercontent.com/lukasheinrich/yadage-workflows/master/{sub}/"
    if text.startswith(("github:", "gitlab-cern:")):
        kind, _, rest = text.partition(":")
        where, _, sub = rest.partition(":")
        repository, _, branch = where.partition("@")
        root, default = _FORGES[kind]
        return f"{root.format(repository=repository, branch=branch or default)}/{sub.strip('/')}".rstrip("/") + "/"
    if _is_web(text):
        return text.rstrip("/") + "/"
    folder = os.path.abspath(text.removeprefix("file://") or ".")
    if not os.path.isdir(folder):
        raise TargetError(
            f"The toplevel {text} is no folder.", "Name the folder that references start from: -t FOLDER."
        )
    return folder.rstrip("/") + "/"


_FORGES = {
    "github": ("https://raw.githubusercontent.com/{repository}/{branch}", "main"),
    "gitlab-cern": ("https://gitlab.cern.ch/{repository}/-/raw/{branch}", "main"),
}


def _is_web(uri: str) -> bool:
    return uri.startswith(("http://", "https://"))


def _joined(base: str, name: str) -> str:
    if _is_web(base):
        return urljoin(base, name)
    path = unquote(urlsplit(name).path) if name.startswith("file://") else name
    return os.path.normpath(os.path.join(base, path))


def _shown(uri: str) -> str:
    """The file as messages name it: relative to where one is, if it is below."""
    here = os.getcwd() + "/"
    return uri[len(here) :] if uri.startswith(here) else uri


def _read(path: str) -> str:
    with open(path, "rb") as file:
        content = file.read(_FETCH_BYTES + 1)
    return _text(content, path)


def _fetched(uri: str) -> str:
    """The text of a page. Raises OSError."""
    from urllib.request import Request, urlopen

    token = os.environ.get("YADAGE_SCHEMA_LOAD_TOKEN", "")
    headers = {"PRIVATE-TOKEN": token} if token and uri.startswith("https://gitlab.cern.ch/") else {}
    with urlopen(Request(uri, headers=headers), timeout=_FETCH_S) as answer:
        return _text(answer.read(_FETCH_BYTES + 1), uri)


def _text(content: bytes, uri: str) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise SpecError(f"{_shown(uri)}: this is no UTF-8 text.", "Save the file as UTF-8.") from None


def _why(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or getattr(error, "reason", None) or error)

"""The voices that there are: those that come with Motet, and those of installed packages, found by their entry points.

Reading entry points takes longer than a short run, so those of Motet itself stand here as well, and what is installed
is looked at only where none of them will do.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping

from motet.errors import TargetError, UsageError
from motet.ports.voice import GROUP, Command, Target, Voice
from motet.records import Record
from motet.typed import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

    from motet.ports import RunRow
    from motet.ports.voice import Host

BUILT_IN: Mapping[str, str] = {
    "python": "motet.dialects.python.plugin:VOICE",
    "orquestra": "motet.dialects.orquestra.plugin:VOICE",
    "yadage": "motet.dialects.yadage.plugin:VOICE",
    "aiflow": "motet.dialects.aiflow.plugin:VOICE",
    "spell": "motet.dialects.spell.plugin:VOICE",
    "program": "motet.dialects.declared.plugin:VOICE",
}
"""The entry points of Motet's own voices, in the order in which they are asked about a file."""

_loaded: dict[str, Voice] = {}


def find(name: str) -> Voice | None:
    """The voice of that name; None where there is none. Raises UsageError for one that cannot be loaded."""
    if name in BUILT_IN:
        return _load(name, BUILT_IN[name])
    if name in _loaded:
        return _loaded[name]
    points = _installed()
    return _load_point(points[name]) if name in points else None


def of_run(row: RunRow) -> Voice:
    """The voice of a run. Raises UsageError for one that is not spoken here."""
    name = row.program.get("voice", "")
    found = find(name)
    if found is None:
        raise UsageError(
            f"Run {row.name} is written in {name!r}, which no voice here speaks.",
            "Install the package that it was run with, or update Motet.",
        )
    return found


def built_in() -> Iterator[Voice]:
    """Motet's own voices."""
    for name, place in BUILT_IN.items():
        yield _load(name, place)


def installed() -> Iterator[Voice]:
    """Those of other packages. One that cannot be loaded is left out: what it is asked for says why."""
    for point in _installed().values():
        try:
            yield _load_point(point)
        except UsageError:
            continue


def every() -> Iterator[Voice]:
    """All voices."""
    yield from built_in()
    yield from installed()


def of_target(target: Target) -> Voice:
    """The voice that the target is written in. Raises TargetError where none knows it, or where it cannot be loaded."""
    found = next((each for each in every() if each.tells(target)), None)
    if found is None:
        found = next((each for each in every() if each.takes(target)), None)
    if found is None:
        plain = "It is no UTF-8 text: save it as that." if "\0" in target.head else ""
        raise TargetError(
            f"{target} is no workflow that is known here.",
            plain or " ".join([*(each.sign for each in every() if each.sign), *_broken()]),
        )
    return found


def of_file(path: str) -> Voice:
    """The voice that the workflow file is written in. Raises TargetError for any other file."""
    target = Target(path)
    found = of_target(target)
    if not found.puts_out:
        signs = " ".join(each.sign for each in every() if each.puts_out)
        raise TargetError(f"{path} is no workflow file: it is {found.title}.", signs)
    return found


def command(name: str, told: str, module: str, function: str = "", *, shim: str = "") -> Command:
    """A command for a voice whose module is loaded when it is asked for: `arguments` and `perform` of that, or
    `FUNCTION_arguments` and `FUNCTION`.
    """
    arguments, perform = (f"{function}_arguments", function) if function else ("arguments", "perform")
    return Command(
        name, told,
        lambda parser: _at(f"{module}:{arguments}")(parser),
        lambda options, desk: _at(f"{module}:{perform}")(options, desk),
        shim,
    )  # fmt: skip


# ---------------------------------------------------------------- entry points


def _load(name: str, place: str) -> Voice:
    if name in _loaded:
        return _loaded[name]
    voice: Voice = _at(place)
    _loaded[name] = voice
    return voice


def _at(place: str) -> Any:
    """What stands at "module:name"."""
    module, _, name = place.partition(":")
    __import__(module)
    return getattr(sys.modules[module], name)


def _installed() -> dict[str, EntryPoint]:
    """Entry points of other packages, by name. Nobody takes the name of one of Motet's own."""
    from importlib.metadata import entry_points

    return {each.name: each for each in entry_points(group=GROUP) if each.name not in BUILT_IN}


def _load_point(point: EntryPoint) -> Voice:
    try:
        voice = _load(point.name, point.value)
    except Exception as error:
        raise UsageError(
            f"The voice {point.name!r} of package {_package(point)} cannot be loaded: {type(error).__name__}: {error}.",
            "Put that package right, or remove it.",
        ) from error
    if getattr(voice, "name", None) != point.name or not isinstance(voice, Voice):
        del _loaded[point.name]
        raise UsageError(
            f"The entry point {point.name!r} of package {_package(point)} gives no voice of that name.",
            f"Let {point.value} be a motet.ports.voice.Voice with name = {point.name!r}.",
        )
    return voice


def _package(point: EntryPoint) -> str:
    return point.dist.name if point.dist is not None else point.value.partition(".")[0]


def _broken() -> Iterator[str]:
    """What is wrong with installed voices."""
    for point in _installed().values():
        try:
            _load_point(point)
        except UsageError as error:
            yield error.what


# ---------------------------------------------------------------- where runs live


class Hosting(Record, frozen=True):
    """What the composition root lends code that runs: the host for the home that the settings name now, and a way to
    start a process that drives a run of it to its end.
    """

    host: Callable[[], Host]
    start_engine: Callable[[str], None]


_lent: list[Hosting] = []


def lend(hosting: Hosting) -> None:
    """From now on, lend this."""
    _lent[:] = [hosting]


def hosting() -> Hosting:
    """What is lent. The composition root is loaded where nobody has yet: a worker process has none."""
    if not _lent:
        from importlib import import_module

        import_module("motet.app")
    if not _lent:
        raise UsageError("Nothing says where runs are kept.", "Let motet.app be loaded to its end first.")
    return _lent[0]

"""`motet migrate prefect DIR`: what a code base uses of Prefect, and what becomes of it here."""

from __future__ import annotations

import ast
import os
from argparse import ArgumentParser, Namespace
from collections import Counter
from collections.abc import Iterator, Sequence

from motet.dialects.python.prefect.choosing import chosen, face_of
from motet.dialects.python.prefect.script import read
from motet.errors import MotetError, NotServed, UsageError
from motet.ports.voice import Desk
from motet.records import Record
from motet.standins import Face

SERVED, DIFFERENT, ABSENT = "served", "different", "absent"

_BY_THE_CLOCK = "The flow runs once now; by the clock: motet schedule add FILE.py:flow --cron '0 6 * * *'."
_NOTHING = "It can be made, and does nothing: a flow runs where `motet run` or `motet submit` runs it."
_MODULES = {
    "prefect.serve": _BY_THE_CLOCK,
    "prefect.aserve": _BY_THE_CLOCK,
    "prefect.deploy": _BY_THE_CLOCK,
    "prefect.deployments": _BY_THE_CLOCK,
    "prefect.flows.serve": _BY_THE_CLOCK,
    "prefect.schedules": _BY_THE_CLOCK,
    "prefect.filesystems": _NOTHING,
    "prefect.infrastructure": _NOTHING,
    "prefect.docker": _NOTHING,
    "prefect.runner": _NOTHING,
    "prefect.flow_runners": _NOTHING,
    "prefect.packaging": _NOTHING,
    "prefect.serializers": "It can be made, and does nothing: results are kept below MOTET_HOME.",
    "prefect.settings": "Read from the environment under its own name; Motet reads MOTET_HOME and a few others.",
    "prefect.automations": "It can be made, and does nothing: `motet trigger add` begins runs for events.",
    "prefect.events": "It can be made, and does nothing: `motet trigger add` begins runs for events.",
    "prefect.blocks.notifications": "What it would send is logged: send it in a hook, with a client of your own.",
    "prefect.blocks.webhook": "It is not called: call it in a task, with a client of your own.",
    "prefect.get_client": "It reads runs and variables of this home; all else is refused by name.",
    "prefect.client": "It reads runs and variables of this home; all else is refused by name.",
}
"""By the beginning of `module.name`: what differs of what is served. Those of `_THE_SAME` do not."""

_THE_SAME = (
    "prefect.events.emit_event", "prefect.events.utilities", "prefect.events.Event",
    "prefect.filesystems.LocalFileSystem", "prefect.client.schemas",
)  # fmt: skip
_CALLS = {
    "serve": (DIFFERENT, _BY_THE_CLOCK),
    "deploy": (DIFFERENT, _BY_THE_CLOCK),
    "to_deployment": (DIFFERENT, _BY_THE_CLOCK),
    "from_source": (DIFFERENT, "Sources are not fetched: the file is looked for here."),
    "visualize": (DIFFERENT, "What a flow does is known by running it: motet show RUN."),
    "delay": (ABSENT, "There are no background workers: .submit() in a flow, or `motet submit`."),
    "apply_async": (ABSENT, "There are no background workers: .submit() in a flow, or `motet submit`."),
}
_OPTIONS = ("result_storage", "result_serializer", "result_storage_key", "viz_return_value", "asset_deps")
_SKIPPED = ("node_modules", "site-packages", "__pycache__", "venv", "env")


class Use(Record, frozen=True):
    """One use of Prefect: where, of what, how it stands here, and what to do."""

    file: str
    line: int
    name: str
    stands: str
    cure: str


def arguments(parser: ArgumentParser) -> None:
    """What to look through."""
    parser.add_argument("system", metavar="SYSTEM", choices=("prefect",), help="what it is written for: prefect")
    parser.add_argument("folder", metavar="DIR", help="a folder of Python files, or a file")
    parser.add_argument("-a", "--all", action="store_true", help="list what is served as it is, too")


def perform(options: Namespace, desk: Desk) -> int:
    """List the uses; 1 if something is not there."""
    if not os.path.exists(options.folder):
        raise UsageError(f"There is no {options.folder}.", "Name a folder of Python files, or one file.")
    found = [use for file in files(options.folder) for use in uses(file)]
    counts = Counter(each.stands for each in found)
    if desk.terminal.as_json:
        desk.terminal.json({"uses": [{name: getattr(each, name) for name in each.__match_args__} for each in found]})
        return int(counts[ABSENT] > 0)
    for each in found:
        if options.all or each.stands != SERVED:
            place = f"{os.path.relpath(each.file)}:{each.line}"
            desk.terminal.say(f"{place}: {each.stands}: {each.name}{f'. {each.cure}' if each.cure else ''}")
    told = ", ".join(f"{counts[each]} {each}" for each in (SERVED, DIFFERENT, ABSENT))
    desk.terminal.say(f"{len({each.file for each in found})} files use Prefect: {told}.")
    return int(counts[ABSENT] > 0)


def files(place: str) -> Iterator[str]:
    """The Python files below a folder, but for hidden ones and installed packages; or the file itself."""
    if os.path.isfile(place):
        yield place
        return
    for folder, below, names in os.walk(place):
        below[:] = sorted(each for each in below if not each.startswith(".") and each not in _SKIPPED)
        yield from [os.path.join(folder, each) for each in sorted(names) if each.endswith(".py")]


def uses(file: str) -> Sequence[Use]:
    """What the file uses of Prefect, in its order; of one of Prefect 1, and one that is no Python, just that."""
    try:
        with open(file, "rb") as opened:
            source = opened.read()
        if b"prefect" not in source:
            return ()
        tree = ast.parse(source)
    except (OSError, SyntaxError, ValueError) as error:
        return (Use(file, getattr(error, "lineno", None) or 1, "the file", ABSENT, f"It cannot be read: {error}."),)
    signs = read([file], [os.path.dirname(os.path.abspath(file))])
    if os.path.abspath(file) not in signs.files:
        return ()
    door, found = "prefect", []
    try:
        door = chosen(signs, lambda text, verbosity: None)
    except MotetError as error:
        found.append(Use(file, 1, error.what.rstrip("."), ABSENT, error.cure))
        if signs.first:
            return found
    face = face_of(door)
    for node in ast.walk(tree):
        found += [Use(file, getattr(node, "lineno", 1), *each) for each in _of_node(node, face)]
    return sorted(found, key=lambda each: each.line)


def _of_node(node: ast.AST, face: Face) -> Iterator[tuple[str, str, str]]:
    if isinstance(node, ast.Import):
        for each in node.names:
            if each.name.partition(".")[0] == "prefect":
                yield _of_name(each.name, "", face)
    elif isinstance(node, ast.ImportFrom) and not node.level and (node.module or "").partition(".")[0] == "prefect":
        for each in node.names:
            yield _of_name(node.module or "", each.name, face)
    elif isinstance(node, ast.Call):
        if isinstance(node.func, ast.Attribute) and node.func.attr in _CALLS:
            yield f".{node.func.attr}(...)", *_CALLS[node.func.attr]
        for keyword in node.keywords:
            if keyword.arg in _OPTIONS:
                yield f"{keyword.arg}=", DIFFERENT, "It is accepted, and does nothing."


def _of_name(module: str, name: str, face: Face) -> tuple[str, str, str]:
    """How the name stands, and what to do."""
    whole = f"{module}.{name}" if name and name != "*" else module
    try:
        if face.names(module) is None:
            raise face.refuse(module)
        if name and name != "*" and face.names(whole) is None and name not in (face.names(module) or ()):
            face.get(module, name)
    except NotServed as error:
        return whole, ABSENT, error.cure
    if any(_is_within(whole, each) for each in _THE_SAME):
        return whole, SERVED, ""
    longest = max((each for each in _MODULES if _is_within(whole, each)), key=len, default="")
    return (whole, DIFFERENT, _MODULES[longest]) if longest else (whole, SERVED, "")


def _is_within(name: str, place: str) -> bool:
    return name == place or name.startswith(f"{place}.")

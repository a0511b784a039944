"""What the commands take: options of runs, and how parameters, mounts and conditions are written."""

from __future__ import annotations

import json
import math
import os
import re
from argparse import REMAINDER, ArgumentParser, Namespace
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any, NoReturn, TextIO

from motet.dialects.spell.house import House
from motet.dialects.spell.requests import RunRequest
from motet.errors import UsageError
from motet.kernel.events import Json
from motet.ports.voice import Desk
from motet.records import Record
from motet.values import yaml

Perform = Callable[[Namespace, Desk, House], int]

_CONDITION = re.compile(r"\s*(.+?)\s*(<=|>=|<|>)\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)(?::(\d+))?\s*")
_SCALES = ("linear", "log", "reverse_log")


class Entry(Record, frozen=True):
    """A command: what it does, what adds its arguments to a parser, who does it."""

    told: str
    perform: Perform
    takes: Callable[[ArgumentParser], None]


class Parser(ArgumentParser):
    """A parser whose complaints are Motet's."""

    def error(self, message: str) -> NoReturn:
        """Raise UsageError."""
        raise UsageError(f"{self.prog}: {message}.", f"`{self.prog} --help` tells how it is called.")


def run_options(parser: ArgumentParser) -> None:
    """The options of `spell run`, most of which a search and a workflow have, too; and the command."""
    add = parser.add_argument
    add("-t", "--machine-type", default="CPU", metavar="TYPE", help="machine type, of those of `spell machine-types`")
    add("-m", "--mount", action="append", default=[], metavar="RESOURCE[:PATH]", help="mount a file or folder")
    add("--docker-image", "--docker_image", "--from", default="", metavar="IMAGE", help="run in a container of it")
    add("--pip-req", metavar="FILE", help="requirements that pip installs")
    add("--pip", action="append", default=[], metavar="PACKAGE", help="a package that pip installs")
    add("--conda-file", metavar="FILE", help="taken: no conda environment is made")
    add("--apt", action="append", default=[], metavar="PACKAGE", help="taken: packages are those of this machine")
    add("-e", "--env", action="append", default=[], metavar="NAME=VALUE", help="an environment variable")
    add("-c", "--commit-ref", default="", metavar="REF", help="run this commit rather than what is here")
    add("--github-url", default="", metavar="URL", help="run the code of a repository elsewhere")
    add("--github-ref", default="", metavar="REF", help="its commit, branch or tag")
    add("-d", "--description", default="", help="what it is for; without, the message of the commit")
    add("--label", action="append", default=[], metavar="LABEL", help="a label of the run")
    add("-p", "--project", default="", help="the project that it is part of")
    add("--timeout", type=float, metavar="MINUTES", help="stop it after so long, and keep what it has made")
    add("--stop-condition", action="append", default=[], metavar="'METRIC < VALUE[:INDEX]'",
        help="stop it once a metric is so; several with && have to hold at once")  # fmt: skip
    add("--retries", type=int, default=0, metavar="N", help="how often it is tried again if it exits badly")
    add("--strict", action="store_true", help="a command that exits badly makes the run failed, not complete")
    add("--tensorboard-dir", default="", help="taken: no TensorBoard is started")
    add("--distributed", type=int, default=0, metavar="N", help="taken: it runs on this machine alone")
    add("--untracked", action="store_true", help="take files that git does not know along")
    add("--none", action="store_true", help="take no code along")
    for name in ("--deps-from-env", "--auto-resume", "--disable-auto-resume", "-f", "--force", "-v", "--verbose"):
        add(name, action="store_true", help="taken: nothing is asked, nothing more is told")
    add("--idempotent", action="store_true", help="take an equal run that there is already")
    add("--framework", help="taken: removed from Spell")
    add("--python2", "--python3", action="store_true", help="taken: removed from Spell")
    for name in ("--provider", "--node-group"):
        add(name, help="taken: runs are on this machine")


def command_arguments(parser: ArgumentParser) -> None:
    """The command to run and its arguments: all that comes after the options."""
    parser.add_argument("command", nargs=REMAINDER, metavar="COMMAND [ARGS]...", help="what a shell is to run")


def file_options(parser: ArgumentParser) -> None:
    """Options kept in a file, and read from one."""
    parser.add_argument("--from-file", metavar="FILE", help="read options and command from this YAML or JSON file")
    parser.add_argument("--save-command", metavar="FILE", help="write options and command to this file")


def command_of(options: Namespace) -> str:
    """The command as a shell gets it: the words as they are, with blanks between. Raises UsageError without one."""
    words = list(options.command)
    if words[:1] == ["--"]:
        del words[0]
    if not " ".join(words).strip():
        raise UsageError("There is no command to run.", "Write it last: spell run python train.py")
    return " ".join(words)


def request_of(options: Namespace, house: House) -> RunRequest:
    """What the options ask for, with the code of this folder. Raises UsageError."""
    asked: dict[str, Any] = {
        "command": command_of(options), "machine_type": options.machine_type, "docker_image": options.docker_image,
        "attached_resources": _mounts(options.mount), "pip_packages": options.pip,
        "apt_packages": options.apt, "envvars": dict(pair(each, "-e") for each in options.env),
        "github_url": options.github_url, "github_ref": options.github_ref, "description": options.description,
        "labels": options.label, "project": options.project, "timeout_minutes": options.timeout,
        "stop_conditions": [_conditions(each) for each in options.stop_condition], "retries": options.retries,
        "strict": options.strict or _is_strict(), "tensorboard_directory": options.tensorboard_dir,
        "distributed": options.distributed, "idempotent": options.idempotent,
        "requirements": _text(options.pip_req), "conda": _text(options.conda_file),
        "params": {name: value(each) for name, each in (pair(one, "--param") for one in _params(options))},
    }  # fmt: skip
    if not options.github_url and not options.none:
        code: Any = house.snapshot(
            ".", uncommitted=not options.commit_ref, untracked=options.untracked, ref=options.commit_ref
        )  # fmt: skip
        asked["code"] = code
        asked["description"] = options.description or code.get("description", "")
    return RunRequest.from_json(asked)


def _params(options: Namespace) -> Sequence[str]:
    """Those of a run: a search has others by the same name."""
    return options.param if getattr(options, "has_params", False) else ()


def _is_strict() -> bool:
    return os.environ.get("SPELL_STRICT", "") not in ("", "0", "false")


def _text(path: str | None) -> str:
    if not path:
        return ""
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except (OSError, UnicodeError) as error:
        raise UsageError(f"{path} cannot be read: {error}.", "Check the path.") from None


def pair(given: str, option: str) -> tuple[str, str]:
    """NAME=VALUE in two. Raises UsageError."""
    name, equals, text = given.partition("=")
    if not equals or not name:
        raise UsageError(f"{option} {given!r:.80} is no NAME=VALUE.", f"Write {option} NAME=VALUE.")
    return name, text


def _mounts(given: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for resource, place in map(_mount, given):
        if found.setdefault(resource, place) != place:
            cure = "Mount it once: the run can copy it, or make a link to it."
            raise UsageError(f"{resource} is to be mounted at {found[resource]!r} and at {place!r}.", cure)
    return found


def _mount(given: str) -> tuple[str, str]:
    scheme, slashes, rest = given.partition("://")
    resource, _, place = (rest if slashes else given).partition(":")
    return f"{scheme}{slashes}{resource}" if slashes else resource, place


def _conditions(given: str) -> list[dict[str, Json]]:
    """METRIC OPERATOR VALUE[:INDEX], several of them with && between."""
    found: list[dict[str, Json]] = []
    for each in given.split("&&"):
        read = _CONDITION.fullmatch(each)
        if read is None:
            raise UsageError(f"{each.strip()!r:.80} is no stop condition.", 'Write, for example: "loss < 0.1:5"')
        told: dict[str, Json] = {"metric": read[1], "operator": read[2], "value": float(read[3])}
        found.append({**told, "min_indices": int(read[4])} if read[4] else told)
    return found


# ---------------------------------------------------------------- parameters of searches


def value(text: str) -> Json:
    """A value as it was typed: a number where nothing of it is lost by that, else text, such as 3.10, 007 or nan."""
    found = _number(text)
    is_same = found is not None and (str(found) == text or "e" in text.lower())
    return found if is_same else text


def _number(text: str) -> int | float | None:
    for kind in (int, float):
        with suppress(ValueError, OverflowError):
            found: int | float = kind(text)
            return found if math.isfinite(found) else None
    return None


def spec(given: str, *, ranges: bool) -> tuple[str, dict[str, Json]]:
    """What a parameter may be: NAME=V,V,V or, where a range may be, NAME=MIN:MAX[:SCALING][:TYPE]."""
    name, text = pair(given, "--param")
    if "=" in text:
        raise UsageError(f"--param {given!r:.80} has two =.", "Give such values as JSON: --json-param.")
    parts = text.split(":")
    if not ranges or not 2 <= len(parts) <= 4 or "," in text:
        return name, {"values": [value(each) for each in text.split(",")]}
    ends = [_number(each) for each in parts[:2]]
    words = parts[2:]
    if None in ends or not set(words) <= {*_SCALES, "int", "float"}:
        raise UsageError(
            f"--param {given!r:.80} is no range.", "Write NAME=MIN:MAX[:linear|log|reverse_log][:int|float]"
        )
    scaling = next((each for each in words if each in _SCALES), "linear")
    return name, {"min": ends[0], "max": ends[1], "scaling": scaling, "type": "int" if "int" in words else "float"}


def json_spec(given: str) -> tuple[str, dict[str, Json]]:
    """What a parameter may be: NAME='[VALUE, ...]'."""
    name, text = pair(given, "--json-param")
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, list):
        raise UsageError(f"--json-param {given!r:.80} is no list.", """Write NAME='["a", "b"]'.""")
    return name, {"values": found}


# ---------------------------------------------------------------- options in files


def from_file(path: str) -> list[str]:
    """The words that a file of options stands for. Raises UsageError."""
    told = yaml.read(_text(path), path).value
    if not isinstance(told, Mapping):
        raise UsageError(f"{path} holds no options.", "Write them as NAME: VALUE, with the command: command: ...")
    words: list[str] = []
    rest = [str(told.get("command", "")), *map(str, told.get("args") or ())]
    for name, each in told.items():
        option = f"--{str(name).replace('_', '-')}"
        if name in ("command", "args") or each in (None, False):
            continue
        if each is True:
            words.append(option)
        else:
            words.extend(f"{option}={one}" for one in (each if isinstance(each, list) else [each]))
    return [*words, *filter(None, rest)]


def save(path: str, options: Namespace) -> None:
    """Write what was given, other than by default, to a file that `from_file` reads."""
    left_out = ("from_file", "save_command", "has_params", "json")
    told = {name: each for name, each in sorted(vars(options).items()) if each and name not in left_out}
    told["command"] = command_of(options)
    with written(path) as file:
        file.write(yaml.write(told))


@contextmanager
def written(path: str) -> Iterator[TextIO]:
    """A file to write to. Raises UsageError where it cannot be written."""
    try:
        with open(path, "w", encoding="utf-8", newline="") as file:
            yield file
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}.", "Name another file.") from None

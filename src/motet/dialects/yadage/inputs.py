"""What a run is begun with: parameters from files and options, and a folder or archive of files that they name."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from glob import glob
from typing import Any

from motet.errors import MotetError, StepFailed, UsageError, did_you_mean
from motet.kernel.events import Json
from motet.records import Record, field
from motet.values.archives import unpack
from motet.values.placeholders import mapped

_OPTIONS = (
    "initdir", "inputarchive", "archivematch", "overwrite", "nest", "ensure", "pathbase", "subinits", "read",
)  # fmt: skip


class Inputs(Record):
    """What a run keeps of it.

    values     the parameters of the root workflow
    initdir    the folder in which texts among them are looked up: an absolute path
    archive    the address of a zip file that is unpacked there first; `match` a pattern for the folder that counts
    discover, relative  whether texts are looked up as patterns, and as paths
    subinits   folders for nested workflows, by the names of their steps; `_data` stands for one that has more below it
    nest       whether steps have folders of their own
    """

    values: dict[str, Json] = field(default_factory=dict)
    initdir: str = ""
    archive: str = ""
    match: str = ""
    discover: bool = True
    relative: bool = True
    subinits: dict[str, Json] = field(default_factory=dict)
    nest: bool = True

    def to_json(self) -> dict[str, Json]:
        """As a run keeps it."""
        return {name: getattr(self, name) for name in Inputs.__match_args__}

    def nested(self, prefix: str) -> str:
        """The folder for what a nested workflow is given; "" for none."""
        found: Any = self.subinits
        for name in prefix.strip("/").split("/"):
            found = found.get(name) if isinstance(found, dict) else None
        place = found.get("_data", "") if isinstance(found, dict) else found or ""
        return os.path.join(os.path.dirname(self.initdir), str(place)) if place else ""


# ---------------------------------------------------------------- as they are asked for


def inputs_of(
    values: Mapping[str, Json], options: Mapping[str, Json], wflow: Mapping[str, Json], workdir: str
) -> Inputs:
    """What is asked by `-d` and `-w` beside the parameters. Raises UsageError."""
    for name in options:
        if name not in _OPTIONS:
            cure = did_you_mean(name, _OPTIONS, f"There are {', '.join(_OPTIONS[:-1])}.")
            raise UsageError(f"-d {name}: there is no such option.", cure)
    for name in wflow:
        if name not in ("discover", "relative"):
            raise UsageError(f"-w {name}: there is no such option.", "There are discover and relative.")
    if "read" in options:
        raise UsageError("-d read is not taken.", "Name the folder of input files: -d initdir=FOLDER.")
    subinits = options.get("subinits") or {}
    if not isinstance(subinits, dict):
        raise UsageError("-d subinits is no mapping.", "Write -d 'subinits={stage_0: FOLDER}'.")
    base = os.path.abspath(str(options["pathbase"])) if options.get("pathbase") else workdir
    initdir = os.path.normpath(os.path.join(base, str(options.get("initdir") or "init")))
    return Inputs(
        dict(values), initdir, str(options.get("inputarchive") or ""), str(options.get("archivematch") or ""),
        wflow.get("discover") is not False, wflow.get("relative") is not False, subinits,
        options.get("nest") is not False,
    )  # fmt: skip


# ---------------------------------------------------------------- the step `init`


def begun(inputs: Inputs, values: Json) -> Json:
    """The record of the root's `init`: its archive unpacked, its texts looked up. Raises StepFailed."""
    folder = inputs.initdir
    try:
        if inputs.archive:
            unpack(inputs.archive, folder, os.environ.get("YADAGE_INIT_TOKEN", ""))
        if inputs.match:
            folder = _matched(inputs.match, folder)
    except (OSError, MotetError) as error:
        what = error.what if isinstance(error, MotetError) else f"{inputs.archive} cannot be unpacked: {error}."
        raise StepFailed(f"Step init: {what}", getattr(error, "cure", "") or "Check the address.") from None
    return {"published": _found(values, [folder], discover=inputs.discover, relative=inputs.relative)}


def looked_up(record: Mapping[str, Json], folders: Sequence[str], opts: Mapping[str, bool]) -> Json:
    """The record of a nested workflow's `init` with its texts looked up in these folders; its templates stay."""
    is_relative = opts.get("relative", True)
    published = _found(record["published"], folders, discover=opts.get("discover", False), relative=is_relative)
    return {**record, "published": published}


def _found(value: Json, folders: Sequence[str], *, discover: bool, relative: bool) -> Json:
    """The value with each text that is a path in one of the folders as that path, or the paths that it matches."""

    def found(text: str) -> Json:
        for folder in folders if "\0" not in text else ():
            path = os.path.join(folder, text)
            if os.path.exists(path):
                return path
            if discover and text and (matched := sorted(glob(path, recursive=True))):
                return matched
        return text

    return mapped(value, found) if relative else value


def _matched(pattern: str, folder: str) -> str:
    found = sorted(each for each in glob(os.path.join(folder, pattern)) if os.path.isdir(each))
    if len(found) != 1:
        raise UsageError(f"-d archivematch={pattern} matches {len(found)} folders in {folder}.", "Let it match one.")
    return os.path.normpath(found[0])

"""`motet export`: a run as a folder of plain files that needs no Motet to be read."""

from __future__ import annotations

import json
import os
import re
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator

from motet import app
from motet.cli import requests
from motet.cli.terminal import Terminal
from motet.errors import MotetError, UsageError
from motet.kernel.events import Json
from motet.ports import ArtifactStore, LogStore, RunRow, Store
from motet.values.published import Published, published
from motet.values.secrets import hide
from motet.views import crate, documents, human, logs, lookup, usage
from motet.views.artifacts import as_csv, content_of, whole_table

_ENDINGS = {"table": (".csv", "text/csv"), "markdown": (".md", "text/markdown")}
_IMAGES = {"image/png": ".png", "image/jpeg": ".jpg", "image/svg+xml": ".svg", "image/gif": ".gif"}


def export_arguments(parser: ArgumentParser) -> None:
    """The run; where to."""
    parser.add_argument("run", metavar="RUN", help=requests.RUN)
    parser.add_argument("-o", "--output", metavar="FOLDER", help="a new folder (default: the name of the run)")
    parser.add_argument("--license", metavar="URL", default="", help="the license under which it may be used")


def export(options: Namespace, terminal: Terminal) -> int:
    """Write the run to a folder: its code, facts, log and artifacts, as a Workflow Run RO-Crate."""
    store = app.open_store(app.home())
    run = lookup.find_run(store, options.run)
    folder = options.output or _plain(run.name)
    try:
        os.mkdir(folder)
        writing = _Writing(folder)
        _write(writing, store, app.open_artifacts(app.home()), app.open_logs(app.home()), run, options.license)
    except FileExistsError:
        raise UsageError(f"{folder} is there already.", "Name another folder: -o FOLDER.") from None
    except OSError as error:
        raise UsageError(f"{folder} cannot be written: {error.strerror}.", "Name another folder: -o FOLDER.") from None
    for each in writing.missing:
        terminal.say(f"Left out: {each}")
    count = human.counted(len(writing.files) + 1, "file")
    terminal.say(f"Wrote {count} to {folder}: see {crate.METADATA} there.")
    if options.json:
        terminal.json({"folder": folder, "files": [each.path for each in writing.files], "left_out": writing.missing})
    return 0


class _Writing:
    """The folder that is written. `missing` tells what could not be had."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self.files: list[crate.File] = []
        self.missing: list[str] = []

    def add(self, path: str, told: str, media_type: str, content: bytes | memoryview, *, is_result: bool) -> None:
        """Write a file; under another name where there is one of that name."""
        stem, ending = os.path.splitext(path)
        there = {each.path for each in self.files}
        path = next(each for n in range(len(there) + 1) if (each := f"{stem}-{n}{ending}" if n else path) not in there)
        self.put(path, content)
        self.files.append(crate.File(path, told, media_type, len(content), is_result))

    def put(self, path: str, content: bytes | memoryview) -> None:
        """Write a file that the crate does not count among its own."""
        whole = os.path.join(self._folder, path)
        os.makedirs(os.path.dirname(whole), exist_ok=True)
        with open(whole, "xb") as file:
            file.write(content)


def _write(
    writing: _Writing, store: Store, artifacts: ArtifactStore, log: LogStore, run: RunRow, terms: str
) -> None:  # fmt: skip
    """All files of the run; the first is its workflow."""
    _add_workflow(writing, artifacts, run)
    found = published(store, run.id)
    for each in (*found, *usage.put_out(store, run)):
        try:
            _add_artifact(writing, artifacts, each)
        except MotetError as error:
            writing.missing.append(error.what)
    if points := list(_points(found)):
        text = as_csv(("step", "metric", "x", "value"), points).encode("utf-8", "surrogatepass")
        writing.add("metrics.csv", "Metrics", "text/csv", text, is_result=True)
    document = hide(json.dumps(documents.run_document(store, run), indent=1, default=str))
    writing.add("run.json", "The run and its steps", "application/json", document.encode(), is_result=False)
    lines = "".join(f"{human.clock(each.at)} {each.key}  {logs.shown(each)}\n" for each in logs.lines(log, run.id))
    if lines:
        written = hide(lines).encode("utf-8", "backslashreplace")
        writing.add("log.txt", "What it has written", "text/plain", written, is_result=False)
    workflow, *others = writing.files
    writing.put(crate.METADATA, json.dumps(crate.metadata(run, workflow, others, terms), indent=1).encode())


def _add_workflow(writing: _Writing, artifacts: ArtifactStore, run: RunRow) -> None:
    """What the run was made of: the text that was kept, else the file as it is now, else what is recorded of it."""
    program: Json = run.program
    file = program.get("file") or _file_of(program)
    try:
        if "source" in program:
            content: bytes | memoryview = artifacts.get(program["source"]["artifact"])
        else:
            with open(file, "rb") as source:
                content = source.read()
        name = _plain(os.path.basename(file))
    except (OSError, MotetError):
        writing.missing.append(f"the workflow's own file {file}: it is not there")
        name, content = "workflow.json", json.dumps(program, indent=1).encode()
    kinds = {".py": "text/x-python", ".json": "application/json"}
    kind = kinds.get(os.path.splitext(name)[1], "text/plain")
    writing.add(f"workflow/{name}", run.workflow, kind, content, is_result=False)


def _file_of(program: Json) -> str:
    """The file of a module."""
    place = os.path.join(program.get("path") or "", *str(program.get("module", "")).split("."))
    return next((each for each in (f"{place}.py", os.path.join(place, "__init__.py")) if os.path.isfile(each)), place)


def _add_artifact(writing: _Writing, artifacts: ArtifactStore, one: Published) -> None:
    """The content of an artifact that has any. Raises MotetError where it cannot be had."""
    if one.type not in ("table", "markdown", "image", "file") or not one.content:
        return
    content = content_of(artifacts, one)
    preview = one.preview or {}
    if one.type == "table":
        content = as_csv(*whole_table(content)).encode("utf-8", "surrogatepass")
    kind = preview.get("media_type") or (one.content or {}).get("media_type") or "application/octet-stream"
    ending, kind = _ENDINGS.get(one.type, ("" if one.type == "file" else _IMAGES.get(kind, ""), kind))
    name = str(preview.get("name") or one.key) if one.type == "file" else one.key
    place = [_plain(each) for each in (*one.step.split("/"), *name.split("/")) if each]
    told = one.description or f"{one.key} of {one.step}"
    writing.add("/".join(["artifacts", *place]) + ending, told, kind, content, is_result=True)


def _points(found: list[Published]) -> Iterator[tuple[str, str, float, float]]:
    for each in found:
        for x, y in sorted(each.points.items()):
            yield each.step, each.key, x, y


def _plain(text: str) -> str:
    """The text as the name of a file, on any system."""
    return re.sub(r"[^\w.\-\[\]]", "_", text).lstrip(".") or "_"

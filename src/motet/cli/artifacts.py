"""`motet artifacts`, `results` and `folder`: what runs have published, what steps have put out, or have at hand now."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Sequence

from motet import app, voices
from motet.cli import requests
from motet.cli.terminal import Terminal
from motet.errors import NotFound, UsageError
from motet.executors.commands.looking import Look
from motet.ports import ArtifactStore
from motet.values.published import Published, history, published
from motet.views import human, lookup, usage
from motet.views.artifacts import as_csv, content_of, told, whole_table
from motet.views.steps import find_step

# ---------------------------------------------------------------- artifacts


def artifacts_arguments(parser: ArgumentParser) -> None:
    """A run, and one of its artifacts; or a key, of whatever run."""
    parser.add_argument(
        "run", metavar="RUN", nargs="?", help="id, unique beginning of it, or name (the newest of that name)"
    )
    parser.add_argument("artifact", metavar="KEY", nargs="?", help="show that one; STEP#KEY where several have the key")
    parser.add_argument(
        "--key", metavar="KEY", dest="history", help="the artifacts of that key in all runs, oldest first"
    )
    parser.add_argument(
        "-o", "--output", metavar="FILE", help="write its content to a file; a table to FILE.csv as CSV"
    )
    parser.add_argument("--all", action="store_true", help="show a table whole, not its first rows")


def artifacts(options: Namespace, terminal: Terminal) -> int:
    """List the artifacts of a run or of a key, or show one whole."""
    store = app.store()
    if options.history:
        _list(terminal, history(store, options.history), of_runs=True)
        return 0
    if not options.run:
        raise UsageError("motet artifacts: neither a run nor --key was given.", "Name a run: `motet ls` lists them.")
    run = lookup.find_run(store, options.run)
    found = [*published(store, run.id), *usage.put_out(store, run)]
    if not options.artifact:
        _list(terminal, found, empty=f"Run {run.name} has published no artifacts, and put out no files.")
        return 0
    one = _find(found, options.artifact, run.name)
    if options.output:
        _write(app.artifacts(), one, options.output)
        terminal.say(f"Wrote {options.output}.")
    elif options.json:
        terminal.json(one.json)
    else:
        _show(terminal, app.artifacts(), one, whole=options.all)
    return 0


def _list(terminal: Terminal, found: Sequence[Published], *, of_runs: bool = False, empty: str = "") -> None:
    if terminal.as_json:
        terminal.json([each.json for each in found])
    elif not found:
        terminal.say(empty or "There are none.")
    else:
        place = ("RUN", "STEP") if of_runs else ("STEP",)
        rows = [
            (each.key, each.type, *((each.run, each.step) if of_runs else (each.step,)), told(each)) for each in found
        ]
        terminal.table(("KEY", "TYPE", *place, ""), rows)


def _find(found: Sequence[Published], text: str, run: str) -> Published:
    near = [each for each in found if text == each.key or f"/{each.step}#{each.key}".endswith(f"/{text}")]
    if len(near) == 1:
        return near[0]
    if not near:
        raise NotFound(f"Run {run} has no artifact {text!r}.", f"`motet artifacts {run}` lists them.")
    listed = "".join(f"\n  {each.step}#{each.key}" for each in near[:10])
    raise UsageError(f"{len(near)} steps of run {run} have published {text!r}:{listed}", "Write STEP#KEY.")


def _show(terminal: Terminal, artifacts: ArtifactStore, one: Published, *, whole: bool) -> None:
    terminal.say(f"{terminal.paint(one.key, 'bold')}  {one.type} of {one.step}, {human.moment(one.at)}")
    if one.description:
        terminal.say_lines(one.description)
    terminal.say()
    if one.type == "table":
        _show_table(terminal, artifacts, one, whole=whole)
    elif one.type == "metric":
        for x, y in sorted(one.points.items()):
            terminal.say(f"{x:>10g}  {y:g}")
        terminal.say(told(one))
    elif one.type == "markdown":
        terminal.say_lines(bytes(content_of(artifacts, one)).decode("utf-8", "replace"))
    else:
        terminal.say(told(one))
        if isinstance(one.content, dict) and "artifact" in one.content:
            terminal.say(artifacts.path(one.content["artifact"]))


def _show_table(terminal: Terminal, artifacts: ArtifactStore, one: Published, *, whole: bool) -> None:
    """The first rows of the table, or all of it."""
    columns, rows = one.preview["columns"], one.preview["rows"]
    if whole:
        columns, rows = whole_table(content_of(artifacts, one))
    terminal.table(columns, [["" if cell is None else str(cell) for cell in row] for row in rows])
    more = {"more row": one.preview["n_rows"] - len(rows), "more column": one.preview["n_columns"] - len(columns)}
    if any(more.values()):
        left = " and ".join(human.counted(count, noun) for noun, count in more.items() if count)
        terminal.say(f"... and {left}: --all shows them, -o FILE.csv writes them")


def _write(artifacts: ArtifactStore, one: Published, path: str) -> None:
    """Write its content; a table as CSV where the file is called so."""
    content = content_of(artifacts, one)
    if one.type == "table" and path.lower().endswith(".csv"):
        content = as_csv(*whole_table(content)).encode("utf-8", "surrogatepass")
    try:
        with open(path, "wb") as file:
            file.write(content)
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}.", "Name another file.") from None


# ---------------------------------------------------------------- results


def results_arguments(parser: ArgumentParser) -> None:
    """The run; where to."""
    parser.add_argument("run", metavar="RUN", help=requests.RUN)
    parser.add_argument("-o", "--output", metavar="PATH", default="", help="write it to a file, or to a folder")


def results(options: Namespace, terminal: Terminal) -> int:
    """Print or write what the steps of a workflow file's run have put out so far."""
    host = app.hosts.current()
    row = lookup.find_run(host.store, options.run)
    voice = voices.of_run(row)
    own: requests.Own = getattr(options, requests.OWN, requests.NOTHING)
    found = voice.results(host, row, own.of(voice, f"run {row.name}"), options.output)
    if found.text:
        terminal.write(found.text)
        return 0
    for path in found.files:
        terminal.say(path)
    if options.json:
        terminal.json({"written": list(found.files)})
    return 0


# ---------------------------------------------------------------- folder


def folder_arguments(parser: ArgumentParser) -> None:
    """A step of a run; a file or folder in its folder; where to copy it to."""
    parser.add_argument("run", metavar="RUN", help="id, unique beginning of it, or name (the newest of that name)")
    parser.add_argument("step", metavar="STEP", help="key of a step, or how its key ends; scale-0[3] for an element")
    parser.add_argument("path", metavar="PATH", nargs="?", default="", help="a file or folder in it (default: all)")
    parser.add_argument("-o", "--output", metavar="FOLDER", help="copy it to this folder")
    parser.add_argument("--attempt", type=human.whole("--attempt", 1), metavar="N", help="default: the last one")


def folder(options: Namespace, terminal: Terminal) -> int:
    """List the files that a command has in its folder as it sees them, or copy them. The command goes on."""
    store = app.store()
    run = lookup.find_run(store, options.run)
    step = find_step(store, run, options.step)
    look = Look(app.work_folder(app.home()), run.id, step.key, options.attempt or step.attempt)
    if options.output:
        try:
            copied = look.copy(options.path, options.output)
        except OSError as error:
            raise UsageError(f"{options.output} cannot be written: {error}.", "Name another folder.") from None
        terminal.say(f"Copied {human.counted(len(copied), 'file')} to {options.output}.")
        return 0
    found = [
        (path, each)
        for path, each in look.files()
        if not options.path or path == options.path or path.startswith(f"{options.path.rstrip('/')}/")
    ]
    if terminal.as_json:
        told = [{"path": path, "size_bytes": each.st_size, "changed_at": each.st_mtime} for path, each in found]
        terminal.json({"folder": look.folder, "files": told})
        return 0
    terminal.say(look.folder)
    rows = [(path, human.size(each.st_size), human.moment(each.st_mtime)) for path, each in found]
    terminal.table(("FILE", "SIZE", "CHANGED"), rows)
    return 0

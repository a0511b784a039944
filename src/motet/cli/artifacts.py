"""`motet artifacts`."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Sequence

from motet import app
from motet.cli import human, lookup
from motet.cli.terminal import Terminal
from motet.errors import NotFound, UsageError
from motet.kernel.events import Json
from motet.ports import ArtifactStore
from motet.values.published import Published, history, published

_BARS = "▁▂▃▄▅▆▇█"


def arguments(parser: ArgumentParser) -> None:
    """A run, and one of its artifacts; or a key, of whatever run."""
    parser.add_argument(
        "run", metavar="RUN", nargs="?", help="id, unique beginning of it, or name (the newest of that name)"
    )
    parser.add_argument("artifact", metavar="KEY", nargs="?", help="show that one; STEP#KEY where several have the key")
    parser.add_argument(
        "--key", metavar="KEY", dest="history", help="the artifacts of that key in all runs, oldest first"
    )
    parser.add_argument("-o", "--output", metavar="FILE", help="write its content to a file")


def command(options: Namespace, terminal: Terminal) -> int:
    """List the artifacts of a run or of a key, or show one whole."""
    store = app.open_store(app.home())
    if options.history:
        _list(terminal, history(store, options.history), of_runs=True)
        return 0
    if not options.run:
        raise UsageError("motet artifacts: neither a run nor --key was given.", "Name a run: `motet ls` lists them.")
    run = lookup.find_run(store, options.run)
    found = published(store, run.id)
    if not options.artifact:
        _list(terminal, found, empty=f"Run {run.name} has published no artifacts.")
        return 0
    one = _find(found, options.artifact, run.name)
    if options.output:
        _write(app.open_artifacts(app.home()), one, options.output)
        terminal.say(f"Wrote {options.output}.")
    elif options.json:
        terminal.json(one.json)
    else:
        _show(terminal, app.open_artifacts(app.home()), one)
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


def told(each: Published) -> str:
    """An artifact in a few words."""
    preview = each.preview or {}
    if each.type == "metric":
        ys = [y for _, y in sorted(each.points.items())]
        return f"{sparkline(ys)}  last {ys[-1]:g}, {human.counted(len(ys), 'point')}" if ys else ""
    match each.type:
        case "table":
            words = f"{preview['n_rows']} x {preview['n_columns']}: {', '.join(preview['columns'])}"
        case "markdown":
            words = preview["head"].partition("\n")[0]
        case "image":
            words = preview.get("url") or f"{preview['media_type']}{_pixels(preview)}"
        case "file":
            words = f"{preview['name']}, {human.size(preview['size_bytes'])}"
        case "progress":
            words = f"{preview['percent']:g} %"
        case _:
            words = preview.get("url", "")
    return human.short_text(f"{words}  {each.description}".rstrip(), 80)


def _pixels(preview: Json) -> str:
    return f", {preview['width']} x {preview['height']}" if "width" in preview else ""


def sparkline(values: Sequence[float], width: int = 20) -> str:
    """The course of a series: up to `width` small bars."""
    if len(values) > width:
        values = [values[at * (len(values) - 1) // (width - 1)] for at in range(width)]
    known = [value for value in values if value - value == 0]
    low, high = min(known, default=0.0), max(known, default=0.0)
    scale = (len(_BARS) - 1) / (high - low) if high > low else 0.0
    return "".join(_BARS[round((value - low) * scale)] if value - value == 0 else "?" for value in values)


def _show(terminal: Terminal, artifacts: ArtifactStore, one: Published) -> None:
    terminal.say(f"{terminal.paint(one.key, 'bold')}  {one.type} of {one.step}, {human.moment(one.at)}")
    if one.description:
        terminal.say(one.description)
    terminal.say()
    if one.type == "table":
        _show_table(terminal, one.preview)
    elif one.type == "metric":
        for x, y in sorted(one.points.items()):
            terminal.say(f"{x:>10g}  {y:g}")
        terminal.say(told(one))
    elif one.type == "markdown":
        terminal.say(bytes(_content(artifacts, one)).decode())
    else:
        terminal.say(told(one))
        if isinstance(one.content, dict) and "artifact" in one.content:
            terminal.say(artifacts.path(one.content["artifact"]))


def _show_table(terminal: Terminal, preview: Json) -> None:
    terminal.table(preview["columns"], [["" if cell is None else str(cell) for cell in row] for row in preview["rows"]])
    more = preview["n_rows"] - len(preview["rows"])
    if more:
        terminal.say(f"... and {human.counted(more, 'more row')}")


def _content(artifacts: ArtifactStore, one: Published) -> bytes | memoryview:
    content = one.content or {}
    if "text" in content:
        return bytes(content["text"].encode())
    if "artifact" not in content:
        raise UsageError(f"Artifact {one.key} has no content to be written.", "It is all shown without -o.")
    return artifacts.get(content["artifact"])


def _write(artifacts: ArtifactStore, one: Published, path: str) -> None:
    content = _content(artifacts, one)
    try:
        with open(path, "wb") as file:
            file.write(content)
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}.", "Name another file.") from None

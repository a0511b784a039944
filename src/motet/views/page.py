"""A run as one HTML file to look at and to send: nothing of it is fetched from elsewhere, and nothing that a run says
runs in it.
"""

from __future__ import annotations

import time
from base64 import b64encode
from collections.abc import Iterator, Sequence
from datetime import datetime
from html import escape

from motet.errors import MotetError
from motet.ports import ArtifactStore, LogStore, RunRow, StepRow, Store
from motet.values.published import Published, published
from motet.values.secrets import hide
from motet.views import artifacts as words
from motet.views import drawing, human, logs, lookup, summary, versions
from motet.views.values import told

_MOST_STEPS = 2000
_MOST_ROWS = 200
_LINES = 500
_IMAGE_BYTES = 5_000_000
_STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; margin: 2em auto; max-width: 70em; padding: 0 1em; color: #1b1f24; background: #fafaf8 }
h1 { font-size: 1.5em } h2 { font-size: 1.15em; margin-top: 2em } code, pre, .key { font-family: ui-monospace, monospace; font-size: .92em }
table { border-collapse: collapse; width: 100% } td, th { text-align: left; padding: .2em .7em .2em 0; vertical-align: top; border-bottom: 1px solid #e4e7eb }
th { color: #667; font-weight: 600 } pre { background: #f5f6f8; padding: .8em; overflow: auto; white-space: pre-wrap }
.succeeded { color: #1a7f37 } .failed, .crashed, .interrupted { color: #c1272d } .running, .waiting { color: #0a58ca } .cancelled, .skipped, .retrying { color: #9a6700 }
canvas.radar { display: block; width: 100%; height: 34em; margin: 1em 0; touch-action: none; cursor: grab }
img { max-width: 100% } svg { width: 18em; height: 5em; stroke: #0a58ca; fill: none; stroke-width: 1.5 }
svg.line { height: .8em; width: 100%; min-width: 10em; background: #f5f6f8; fill: #6b93d6; stroke: none }
@media (prefers-color-scheme: dark) { body { background: #0f1114; color: #e8eaed } pre, svg.line { background: #22262c } td, th { border-color: #333 } }
"""  # noqa: E501 - a style sheet, which readers of the page see


def page(store: Store, artifacts: ArtifactStore, log: LogStore, run: RunRow) -> str:
    """The whole file: the run as it stands now with its Radar, facts, parameters, steps with when they ran, artifacts,
    the end of the log.
    """
    status = lookup.status_of(run)
    code = drawing.script()
    parts = [
        f"<h1>{escape(run.name)} <span class={status}>{status}</span></h1>",
        f"<p>As of {_time(time.time())}. This file does not update.</p>" if run.ended_at is None else "",
        drawing.drawn(store, run) if code and run.counts else "",
        *_facts(store, run),
        *_steps(store, run),
        *_artifacts(artifacts, published(store, run.id)),
        *_log(log, run),
    ]
    return drawing.document(run.name, _STYLE, hide("\n".join(parts)), code)


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of cells that are HTML already."""
    head = f"<tr>{''.join(f'<th>{each}' for each in header)}" if header else ""
    return f"<table>{head}{''.join('<tr>' + ''.join(f'<td>{cell}' for cell in row) for row in rows)}</table>"


def _facts(store: Store, run: RunRow) -> Iterator[str]:
    params = run.params if isinstance(run.params, dict) else {}
    facts = {
        "Workflow": run.workflow, "Id": run.id, "Started": _time(run.started_at), "Ended": _time(run.ended_at),
        "Took": human.length(lookup.duration_of(run)), "Tags": ", ".join(run.tags),
        **{f"Parameter {name}": told(value) for name, value in params.items()},
        "Code": versions.told_code(run), "Made with": versions.told_made_with(store, run),
        "Result": told(run.result) if run.result is not None else "", "Error": lookup.error_line(run.error),
    }  # fmt: skip
    yield _table((), [(escape(name), escape(text)) for name, text in facts.items() if text])
    if isinstance(run.error, dict) and run.error.get("traceback"):
        yield f"<pre>{escape(run.error['traceback'])}</pre>"


def _time(at: float | None) -> str:
    return "" if at is None else datetime.fromtimestamp(at).astimezone().isoformat(" ", "seconds")


def _steps(store: Store, run: RunRow) -> Iterator[str]:
    steps = store.steps(run.id, limit=_MOST_STEPS)
    if not steps:
        return
    begin = min((step.started_at for step in steps if step.started_at is not None), default=0.0)
    end = max((step.ended_at or 0.0 for step in steps), default=begin)
    yield "<h2>Steps</h2>"
    rows = [(*_cells(run, step), _bar(step, begin, max(end - begin, 1e-9))) for step in steps]
    yield _table(("Step", "Status", "", "Took", "When"), rows)
    if sum(run.counts.values()) > len(steps):
        yield f"<p>and more than these {len(steps)}</p>"


def _cells(run: RunRow, step: StepRow) -> tuple[str, ...]:
    status = lookup.step_status(run, step)
    said = [step.name] if step.name and step.form != "map" else []
    said += [f"{step.done}/{step.size}"] if step.size is not None else []
    said += [kept] if (kept := summary.kept(run, step)) else []
    said += [f"attempt {step.attempt}"] if step.attempt > 1 else []
    said += [lookup.error_line(step.error)] if step.error is not None else []
    indent = "&emsp;" * step.key.count("/")
    return (
        f"{indent}<span class=key>{escape(step.key.rpartition('/')[2])}</span>",
        f"<span class={status}>{status}</span>", escape(", ".join(said)), human.length(lookup.duration_of(step)),
    )  # fmt: skip


def _bar(step: StepRow, begin: float, length: float) -> str:
    if step.started_at is None or step.ended_at is None:
        return ""
    left, wide = 100 * (step.started_at - begin) / length, 100 * (step.ended_at - step.started_at) / length
    rect = f'<rect x="{left:.2f}" width="{max(wide, 0.4):.2f}" height="8"/>'
    return f'<svg class=line viewBox="0 0 100 8" preserveAspectRatio=none>{rect}</svg>'


# ---------------------------------------------------------------- artifacts


def _artifacts(kept: ArtifactStore, found: Sequence[Published]) -> Iterator[str]:
    if found:
        yield "<h2>Artifacts</h2>"
    for each in found:
        yield f"<h3>{escape(each.key)} <small class=key>{escape(each.step)}</small></h3>"
        if each.description:
            yield f"<p>{escape(each.description)}</p>"
        try:
            yield _content(kept, each)
        except MotetError as error:
            yield f"<p class=failed>{escape(error.what)}</p>"


def _content(kept: ArtifactStore, one: Published) -> str:
    match one.type:
        case "table":
            columns, rows = words.whole_table(words.content_of(kept, one))
            cells = [["" if cell is None else escape(str(cell)) for cell in row] for row in rows[:_MOST_ROWS]]
            more = f"<p>and {len(rows) - _MOST_ROWS} more rows</p>" if len(rows) > _MOST_ROWS else ""
            return _table([escape(each) for each in columns], cells) + more
        case "markdown":
            return f"<pre>{escape(bytes(words.content_of(kept, one)).decode('utf-8', 'replace'))}</pre>"
        case "image" if one.content and one.content.get("size_bytes", 0) <= _IMAGE_BYTES:
            content = b64encode(words.content_of(kept, one)).decode()
            return f'<img alt="" src="data:{escape(str(one.preview["media_type"]))};base64,{content}">'
        case "metric":
            return f"{_curve(one.points)} {escape(words.told(one))}"
        case "link":
            url = str(one.preview["url"])
            shown = escape(url)
            return f'<a href="{shown}">{shown}</a>' if url.startswith(("http://", "https://")) else shown
        case _:
            return f"<p>{escape(words.told(one))}</p>"


def _curve(points: dict[float, float]) -> str:
    known = [(x, y) for x, y in sorted(points.items()) if y - y == 0]
    if len(known) < 2:
        return ""
    low, high = min(y for _, y in known), max(y for _, y in known)
    left, right = known[0][0], known[-1][0]
    wide, tall = 300 / ((right - left) or 1), 76 / ((high - low) or 1)
    drawn = " ".join(f"{(x - left) * wide:.1f},{80 - (y - low) * tall:.1f}" for x, y in known)
    return f'<svg viewBox="0 0 300 84" preserveAspectRatio="none"><polyline points="{drawn}"/></svg>'


def _log(log: LogStore, run: RunRow) -> Iterator[str]:
    lines, _ = logs.last(log, run.id, _LINES)
    if lines:
        yield f"<h2>Log{'' if len(lines) < _LINES else f' (the last {_LINES} lines)'}</h2>"
        text = "".join(f"{human.clock(line.at)} {line.key}  {logs.shown(line)}\n" for line in lines)
        yield f"<pre>{escape(text)}</pre>"

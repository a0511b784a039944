"""`motet show` and `motet why`: a run with its steps, one step, and why it stands as it does."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections import Counter
from collections.abc import Mapping

from motet import app, checkpoints, deaths, questions
from motet.checkpoints import Checkpoint
from motet.cli.terminal import Terminal
from motet.errors import NotFound, UsageError
from motet.kernel import transitions as st
from motet.kernel.events import Json
from motet.ports import RunRow, StepRow, Store
from motet.typed import TYPE_CHECKING
from motet.values.published import Published, published
from motet.views import documents, human, lookup, summary, usage, values, versions
from motet.views.artifacts import told
from motet.views.facts import Facts, checkpoint_line
from motet.views.reasons import Reasons
from motet.views.steps import counts, elements, find_step, index_of, of_maps
from motet.views.tree import Node, lines, pressing_first, tree, urgent

if TYPE_CHECKING:
    from motet.views.reactions import Reaction

# ---------------------------------------------------------------- show


_ARTIFACTS = 10
_GLANCE = 10

_NAMED = 20_000
"""Of a run whose maps have more elements than this, the tree does not name them: `motet show RUN MAP` does."""


def show_arguments(parser: ArgumentParser) -> None:
    """A run, or a step of it."""
    parser.add_argument("run", metavar="RUN", help="id, unique beginning of it, or name (the newest of that name)")
    parser.add_argument("step", metavar="STEP", nargs="?", help="key of a step, or how its key ends")
    parser.add_argument("--html", metavar="FILE", help="write the run as one file for browsers, with all that it shows")
    parser.add_argument(
        "-n", type=human.whole("-n", 1), default=200, metavar="N", help="at most N steps (default: 200)"
    )


def show(options: Namespace, terminal: Terminal) -> int:
    """Show a run and its steps, or all of one step."""
    store = app.store()
    run = lookup.find_run(store, options.run)
    if options.html:
        return _write_page(terminal, store, run, options)
    if options.step:
        _show_step(terminal, store, run, options)
        return 0
    if options.json:
        terminal.json(documents.run_document(store, run))
        return 0
    steps = store.steps(run.id)
    _show_run(terminal, store, run, steps)
    _show_steps(terminal, store, run, steps, options.n)
    _show_artifacts(terminal, run, published(store, run.id))
    return 0


def _write_page(terminal: Terminal, store: Store, run: RunRow, options: Namespace) -> int:
    from motet.views.page import page

    if options.step:
        raise UsageError("--html writes a whole run.", "Leave out the step.")
    text = page(store, app.artifacts(), app.logs(), run)
    try:
        with open(options.html, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(text)
    except OSError as error:
        raise UsageError(f"{options.html} cannot be written: {error.strerror}.", "Name another file.") from None
    terminal.say(f"Wrote {options.html}.")
    if terminal.as_json:
        terminal.json({"written": [options.html]})
    return 0


def _show_artifacts(terminal: Terminal, run: RunRow, found: list[Published]) -> None:
    """The first artifacts of the run."""
    if not found:
        return
    terminal.say()
    rows = [(each.key, each.type, each.step, told(each)) for each in found[:_ARTIFACTS]]
    terminal.table(("ARTIFACT", "TYPE", "STEP", ""), rows)
    if len(found) > _ARTIFACTS:
        terminal.say(f"... and {len(found) - _ARTIFACTS} more: motet artifacts {run.name}")


def _show_run(terminal: Terminal, store: Store, run: RunRow, steps: list[StepRow]) -> None:
    status = lookup.status_of(run)
    facts = [
        ("Run", f"{terminal.paint(run.name, 'bold')}  {run.id}"),
        ("Workflow", run.workflow),
        ("Status", terminal.status(status)),
        ("Died", "; ".join(_deaths(store, run)) if status == lookup.CRASHED else ""),
        ("Waits for", "; ".join(questions.told(each) for each in run.waits or ())),
        ("Created", human.moment(run.created_at)),
        ("Started", human.moment(run.started_at)),
        ("Ended", human.moment(run.ended_at)),
        ("Took", human.length(lookup.duration_of(run))),
        ("Tags", ", ".join(run.tags)),
        ("Params", _params(run.params)),
        ("Steps", _counted(run, steps)),
        ("Code", versions.told_code(run)),
        ("Made with", versions.told_made_with(store, run)),
        ("Result", values.told(run.result) if run.result is not None else ""),
        ("Driven by", f"process {run.owner.pid} on {run.owner.host}" if run.owner and not run.ended_at else ""),
        ("Error", lookup.error_line(run.error)),
    ]
    _show_facts(terminal, facts)
    if isinstance(run.error, dict) and run.error.get("traceback"):
        terminal.say()
        terminal.say_lines(run.error["traceback"])
    if status in (lookup.CRASHED, "failed", "cancelled"):
        terminal.say()
        terminal.say(f"To carry on: motet resume {run.name}")
    for each in run.waits or ():
        terminal.say()
        terminal.say(f"To answer: {questions.how(each).format(run=run.name)}")


def _deaths(store: Store, run: RunRow) -> list[str]:
    """How the engine of the run died; those before it too if it is parked for that."""
    told = deaths.parked(store, run.id)
    if told:
        return [f"parked after {len(told)} deaths", *told]
    return [app.remote().how_died(run) if app.server() else app.how_died(run)]


def _params(params: Json) -> str:
    if not isinstance(params, dict):
        return "" if params is None else values.told(params)
    return ", ".join(f"{name}={values.told(value)}" for name, value in params.items())


def _show_facts(terminal: Terminal, facts: list[tuple[str, str]]) -> None:
    width = max(len(name) for name, _ in facts)
    for name, value in facts:
        if value:
            first, *others = terminal.wrapped(value, width + 2)
            terminal.say(f"{terminal.paint(f'{name:{width}}', 'grey')}  {first}")
            for each in others:
                terminal.say(f"{'':{width}}  {each}")


def _show_steps(terminal: Terminal, store: Store, run: RunRow, steps: list[StepRow], limit: int) -> None:
    if not steps:
        return
    ascii_only = not terminal.prints("├")
    drawn = list(lines(tree(steps, limit), ascii_only=ascii_only))
    names = _names(store, run, steps)
    # A tree that is taken in at a glance shows by itself what has to be seen to.
    first = [(step.key, Node(step)) for step in urgent(steps)][:limit] if len(drawn) > _GLANCE else []
    kept = checkpoints.of_run(store, run.id)
    rows = [
        (
            branch, lookup.step_status(run, node.step), _said(run, node, names.get(node.step.key, ""), kept),
            human.moment(node.step.started_at), human.length(_took_s(run, node)),
        )
        for branch, node in first + drawn[: limit - len(first)]
    ]  # fmt: skip
    terminal.say()
    terminal.table(("STEP", "STATUS", "", "STARTED", "TOOK"), rows)
    if len(drawn) > limit:
        terminal.say(f"... and {len(drawn) - limit} more: motet show {run.name} -n {len(steps)}")


def _took_s(run: RunRow, node: Node) -> float | None:
    """How long the step took, or all those that its line stands for took together."""
    if lookup.step_status(run, node.step) == lookup.INTERRUPTED:
        return None
    took = [found for each in (node.step, *node.alike) if (found := lookup.duration_of(each)) is not None]
    return sum(took) if took else None


def _said(run: RunRow, node: Node, name: str, kept: Mapping[str, list[Checkpoint]]) -> str:
    """What is said of a step beside its status, with its last checkpoint while that may be of use."""
    found = kept.get(node.step.key, ()) if node.step.status != st.SUCCEEDED else ()
    last = f"checkpoint {checkpoint_line(found)}" if found else ""
    return ", ".join(filter(None, (_extra(run, node, name), last)))


def _names(store: Store, run: RunRow, steps: list[StepRow]) -> dict[str, str]:
    """What steps, and those elements that have a line of their own, are called."""
    names = {step.key: step.name for step in steps if step.name and step.form != "map"}
    shown = {step.key.rpartition("[")[0] for step in steps if step.form == "element"}
    maps = [step for step in steps if step.key in shown]
    if sum(step.size or 0 for step in maps) <= _NAMED:
        for rows in of_maps(store, run, maps).values():
            names |= {row.key: row.name for row in rows}
    return names


def _kept(run: RunRow, step: StepRow) -> str:
    """Whether an earlier result stands for it, behind its status."""
    told = summary.kept(run, step)
    return f" ({told})" if told else ""


def _extra(run: RunRow, node: Node, name: str) -> str:
    """What is said of a step beside its status."""
    step, alike = node.step, [node.step, *node.alike]
    said = [human.counted(len(alike), "element" if step.form == "element" else "call")] if node.alike else []
    said += [human.short_text(name, 60)] if name and not node.alike else []
    said += [f"{step.done}/{step.size}"] if step.size is not None else []
    said += [kept] if (kept := summary.kept(run, step)) else []
    tried = sorted({each.attempt for each in alike})
    if tried[-1] > 1:
        said.append(f"attempt {tried[0]}" if len(tried) == 1 else f"attempts {tried[0]} to {tried[-1]}")
    if step.error is not None:
        said.append(human.short_text(lookup.error_line(step.error), 60))
    return ", ".join(said)


def _counted(run: RunRow, steps: list[StepRow]) -> str:
    return summary.told_counts(run, dict(Counter(lookup.step_status(run, each) for each in steps).most_common()), steps)


def _show_step(terminal: Terminal, store: Store, run: RunRow, options: Namespace) -> None:
    step = find_step(store, run, options.step)
    if terminal.as_json:
        terminal.json(documents.step_document(store, run, step))
        return
    found = elements(store, run, step) if step.size is not None else None
    kept = checkpoints.of_step(store, run.id, step.key)
    facts = [
        ("Step", terminal.paint(step.key, "bold")),
        ("Run", f"{run.name}  {run.id}"),
        ("Task", step.task),
        ("Name", step.name if found is None else ""),
        ("Status", terminal.status(lookup.step_status(run, step)) + _kept(run, step)),
        ("Elements", f"{step.size}: {_told_elements(run, found)}" if found else ""),
        ("Attempt", str(step.attempt or "")),
        ("Needs", ", ".join(step.needs)),
        ("Added", human.moment(step.added_at)),
        ("Started", human.moment(step.started_at)),
        ("Ended", human.moment(step.ended_at)),
        ("Took", human.length(lookup.duration_of(step))),
        ("Used", usage.told(took[-1]) if (took := Facts(store, run, step).used) and found is None else ""),
        ("Result", values.told(step.result) if step.status == "succeeded" and found is None else ""),
        ("Checkpoint", checkpoint_line(kept)),
        ("Error", lookup.error_line(step.error)),
    ]
    _show_facts(terminal, facts)
    if isinstance(step.error, dict) and step.error.get("traceback"):
        terminal.say()
        terminal.say_lines(step.error["traceback"])
    if kept:
        terminal.say()
        rows = [(each.title, str(each.attempt), human.moment(each.at), human.size(each.size_bytes)) for each in kept]
        terminal.table(("CHECKPOINT", "ATTEMPT", "MADE", "SIZE"), rows)
    if found:
        _show_elements(terminal, run, step, found, options.n)
    _show_artifacts(
        terminal,
        run,
        [each for each in (*published(store, run.id), *usage.put_out(store, run)) if each.step == step.key],
    )


def _told_elements(run: RunRow, found: list[StepRow]) -> str:
    return ", ".join(f"{count} {what}" for what, count in counts(run, found).items())


def _show_elements(terminal: Terminal, run: RunRow, step: StepRow, found: list[StepRow], limit: int) -> None:
    """The elements of a map, those that are most pressing first."""
    terminal.say()
    shown = pressing_first(found)[:limit]
    rows = [
        (
            f"[{index_of(row)}]", row.name, row.status, _extra(run, Node(row), ""), human.moment(row.ended_at),
            human.short_text(values.told(row.result), 60) if row.status == "succeeded" else "",
        )
        for row in shown
    ]  # fmt: skip
    terminal.table(("ELEMENT", "NAME", "STATUS", "", "ENDED", "RESULT"), rows)
    if len(found) > limit:
        terminal.say(f"... and {len(found) - limit} more: motet show {run.name} {step.key} -n {len(found)}")


# ---------------------------------------------------------------- why


def why_arguments(parser: ArgumentParser) -> None:
    """A step of a run, or a rule of it."""
    parser.add_argument("run", metavar="RUN", help="id, unique beginning of it, or name (the newest of that name)")
    parser.add_argument(
        "step", metavar="STEP", nargs="?",
        help="key of a step, or how its key ends; scale-0[3] for an element; a rule of the run (default: all rules)",
    )  # fmt: skip


def why(options: Namespace, terminal: Terminal) -> int:
    """Say why the step stands as it does, or the rule has fired or not, and what befell it, in order."""
    store = app.store()
    run = lookup.find_run(store, options.run)
    try:
        step = find_step(store, run, options.step) if options.step else None
    except NotFound as error:
        return _why_rules(terminal, store, run, options.step, error)
    if step is None:
        return _why_rules(terminal, store, run, "", None)
    reasons = Reasons(store, run, step)
    if options.json:
        terminal.json(reasons.json())
        return 0
    status = terminal.status(lookup.step_status(run, step))
    _say_why(terminal, f"{terminal.paint(step.key, 'bold')}  {status}{_kept(run, step)}  in run {run.name}", reasons)
    return 0


def _why_rules(terminal: Terminal, store: Store, run: RunRow, rule: str, unknown: NotFound | None) -> int:
    """The same of a rule, or of all that the run listens for."""
    from motet.views import reactions

    found = reactions.of_run(store, run)
    if not found:
        raise unknown or UsageError(f"Run {run.name} listens for no rules.", f"Name a step: motet why {run.name} STEP")
    found = [reactions.find(found, run, rule)] if rule else found
    if terminal.as_json:
        terminal.json(found[0].json if rule else [each.json for each in found])
        return 0
    for each in found:
        times = human.counted(each.fired, "firing") if each.fired else "has not fired"
        _say_why(terminal, f"{terminal.paint(each.id, 'bold')}  {times}  in run {run.name}", each)
        if each is not found[-1]:
            terminal.say()
    return 0


def _say_why(terminal: Terminal, title: str, reasons: Reasons | Reaction) -> None:
    terminal.say(title)
    terminal.say()
    for line in (part for text in reasons.why() for part in terminal.wrapped(text)):
        terminal.say(line)
    story = list(reasons.story())
    if story:
        terminal.say()
    for at, text in story:
        terminal.say(f"{terminal.paint(human.clock(at), 'grey')}  {text}")

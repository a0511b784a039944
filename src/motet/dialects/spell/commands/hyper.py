"""`spell hyper`: searches for hyperparameters, by grid, by chance, by what is known of earlier runs."""

from __future__ import annotations

import os
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any

from motet.dialects.spell import searches
from motet.dialects.spell.commands import formats, grammar
from motet.dialects.spell.commands.grammar import Entry
from motet.dialects.spell.house import House
from motet.dialects.spell.searches import SearchRequest, SearchView
from motet.errors import UsageError
from motet.ports.voice import Desk


def _search_arguments(kind: str, parser: ArgumentParser) -> None:
    add = parser.add_argument
    add("--param", action="append", default=[], metavar="NAME=VALUES", help=":NAME: in the command: V,V,V, or a range"
        " MIN:MAX[:linear|log|reverse_log][:int|float]")  # fmt: skip
    add("--json-param", action="append", default=[], metavar="NAME='[VALUE, ...]'", help="the same, as JSON")
    add("--metric", default="", help="what is looked at of a run")
    add("-a", "--metric-agg", choices=searches.AGGREGATES, default="last", help="which of its values (last)")
    add("--parallel", "-r", "--parallel-runs", type=int, default=0, metavar="N", help="how many runs at once")
    add("-n", "--num-runs", type=int, default=0, metavar="N", help="how many runs; of a grid, all")
    add("--direction", choices=("maximize", "minimize"), default="maximize", help="which values are good (maximize)")
    add("--seed", type=int, default=0, help="the same seed makes the same search")
    add("--prune", type=int, default=0, metavar="INDEX", help="give up runs that others have left behind at that index")
    add("-b", "--background", action="store_true", help="taken: a search is not followed")
    grammar.run_options(parser)
    grammar.file_options(parser)
    grammar.command_arguments(parser)
    parser.set_defaults(has_params=False)


def _search(kind: str, options: Namespace, desk: Desk, house: House) -> int:
    params = dict(grammar.spec(each, ranges=kind != searches.GRID) for each in options.param)
    params.update(grammar.json_spec(each) for each in options.json_param)
    request = SearchRequest(
        kind, params, options.num_runs, options.parallel or (kind == searches.BAYESIAN), options.metric,
        options.metric_agg, options.direction, options.seed, options.prune,
    )  # fmt: skip
    request.check()
    view = searches.begin(house, request, grammar.request_of(options, house))
    if desk.terminal.as_json:
        desk.terminal.json(_document(view))
        return 0
    desk.terminal.say(f"💫 Casting hyperparameter search #{view.number}…")
    rows = [[*_values(view, each.params), each.run] for each in view.trials]
    for line in formats.columns([*view.request.params, "Run ID"], rows):
        desk.terminal.say(line)
    return 0


def _values(view: SearchView, params: Mapping[str, Any]) -> list[str]:
    found = [params.get(name) for name in view.request.params]
    return [f"{each:.6g}" if isinstance(each, float) else str(each) for each in found]


def _list(options: Namespace, desk: Desk, house: House) -> int:
    views = searches.every(house)
    if desk.terminal.as_json:
        desk.terminal.json([_document(each) for each in views])
        return 0
    now = datetime.now(UTC).timestamp()
    rows = [
        [each.number, each.request.many, f"{formats.ago(now - each.created_at)} ago", each.creator] for each in views
    ]
    for line in formats.columns(["ID", "# RUNS", "CREATED AT", "CREATOR"], rows):
        desk.terminal.say(line)
    return 0


def _one_argument(parser: ArgumentParser) -> None:
    parser.add_argument("search_id", type=int, metavar="ID")


def _describe(options: Namespace, desk: Desk, house: House) -> int:
    view = searches.find(house, options.search_id)
    if desk.terminal.as_json:
        desk.terminal.json(_document(view))
        return 0
    ended = view.ended_at or datetime.now(UTC).timestamp()
    best = searches.best_of(view)
    desk.terminal.say("Hyperparameter Search Info:")
    for line in formats.facts({
        "ID": view.number, "Type": view.request.kind, "# Runs": view.request.many, "Command": view.command,
        "Machine Type": view.asked.get("machine_type", "CPU"), "Status": view.status,
        "Duration": formats.ago(ended - view.started_at) if view.started_at else "",
        "Description": view.asked.get("description"), "Metric": view.request.metric,
        "Direction": view.request.direction if view.request.metric else "",
        "Best": f"run {best.run}: {best.value:g}" if best is not None and best.value is not None else "",
        "Motet Run": view.run,
    }):  # fmt: skip
        desk.terminal.say(line)
    desk.terminal.say()
    desk.terminal.say("Runs:")
    for line in formats.columns(["Run ID", "Status", "Duration", *view.request.params], list(_rows(view, house))):
        desk.terminal.say(line)
    return 0


def _rows(view: SearchView, house: House) -> Iterator[list[Any]]:
    for each in view.trials:
        if each.run:
            run = house.get(int(each.run))
            duration = formats.ago(run.ended_at - run.started_at) if run.started_at and run.ended_at else ""
            yield [each.run, run.status, duration, *_values(view, each.params)]


def _end(kill: bool, options: Namespace, desk: Desk, house: House) -> int:
    searches.end(house, options.search_id, kill=kill)
    desk.terminal.say(f"{'Killing' if kill else 'Stopping'} hyperparameter search {options.search_id}.")
    return _as_json(options, desk, house)


def _archive(options: Namespace, desk: Desk, house: House) -> int:
    searches.archive(house, options.search_id)
    desk.terminal.say(str(options.search_id))
    return _as_json(options, desk, house)


def _as_json(options: Namespace, desk: Desk, house: House) -> int:
    if desk.terminal.as_json:
        desk.terminal.json(_document(searches.find(house, options.search_id)))
    return 0


def _download_arguments(parser: ArgumentParser) -> None:
    _one_argument(parser)
    parser.add_argument("-d", "--destination", default="", metavar="FILE", help="where to (search-ID-metrics.csv)")
    parser.add_argument("-f", "--force", action="store_true", help="replace a file that is there")


def _download(options: Namespace, desk: Desk, house: House) -> int:
    import csv

    view = searches.find(house, options.search_id)
    path = options.destination or f"search-{view.number}-metrics.csv"
    if os.path.exists(path) and not options.force:
        raise UsageError(f"{path} is there already.", "-f replaces it.")
    with grammar.written(path) as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(["run_id", "metric_name", "timestamp", "index", "value"])
        for run in view.runs:
            for name in house.metric_names(run):
                for at, index, value in house.metrics(run, name):
                    rows.writerow([run, name, datetime.fromtimestamp(at, UTC).isoformat(), index, value])
    desk.terminal.say(f"Downloaded metrics to {path}.")
    if desk.terminal.as_json:
        desk.terminal.json({"file": path})
    return 0


def _document(view: SearchView) -> dict[str, Any]:
    trials = [{name: getattr(each, name) for name in each.__match_args__} for each in view.trials]
    return {
        "id": view.number, "status": view.status, "run": view.run, "command": view.command, "creator": view.creator,
        "request": view.request.to_json(), "runs": view.runs, "trials": trials, "created_at": view.created_at,
        "started_at": view.started_at, "ended_at": view.ended_at,
    }  # fmt: skip


COMMANDS: Mapping[str, Entry] = {
    **{
        f"hyper {kind}": Entry(f"a {kind} search", partial(_search, kind), partial(_search_arguments, kind))
        for kind in (searches.GRID, searches.RANDOM, searches.BAYESIAN)
    },
    "hyper list": Entry("list searches", _list, lambda parser: None),
    "hyper describe": Entry("describe a search", _describe, _one_argument),
    "hyper stop": Entry("stop a search and its runs", partial(_end, False), _one_argument),
    "hyper kill": Entry("kill a search and its runs", partial(_end, True), _one_argument),
    "hyper archive": Entry("leave a search out of lists", _archive, _one_argument),
    "hyper download-metrics": Entry("write the metrics of its runs to a file", _download, _download_arguments),
}  # fmt: skip

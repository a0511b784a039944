"""Searches for hyperparameters, as the client asks for them and reads them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from motet.dialects.spell import searches
from motet.dialects.spell.api import asked
from motet.dialects.spell.api.houses import house_of
from motet.dialects.spell.api.runs import asked_for
from motet.dialects.spell.api.wire import Telling, date, named_freely
from motet.dialects.spell.searches import SearchRequest, SearchView
from motet.errors import UsageError
from motet.kernel.events import Json
from motet.ports.routes import OPERATE, READ, Call, delete, get, post

_PARAMS = {f"{kind}_params": kind for kind in (searches.GRID, searches.RANDOM, searches.BAYESIAN)}


def search_made(call: Call, owner: str, body: asked.Search) -> Json:
    """Begin a search, and wait until its first runs are there."""
    house = house_of(call, owner)
    told: Mapping[str, Any] = body
    given = [(kind, told[name]) for name, kind in _PARAMS.items() if told.get(name)]
    if len(given) != 1 or "run" not in body:
        raise UsageError("What is to be searched is missing, or is there twice.", f"Give one of {', '.join(_PARAMS)}.")
    ((kind, params),) = given
    request = SearchRequest(
        kind, {name: _plain(each) for name, each in params.items()}, num_runs=body.get("num_runs") or 0,
        parallel=body.get("parallel_runs") or 0, metric=body.get("metric") or "",
        aggregate=body.get("metric_aggregation") or "last",
    )  # fmt: skip
    made = searches.begin(house, request, asked_for(call, house, body["run"]))
    return {"hyper_search": _told(Telling(call, house), made)}


def _plain(spec: Mapping[str, Any]) -> Any:
    """What may be tried of a parameter, without saying twice of which kind it is."""
    return spec.get("value_spec") or spec.get("range_spec") or spec


def _told(tell: Telling, view: SearchView) -> Json:
    spec = {f"{view.request.kind}_params": named_freely(view.request.params)}
    return {
        **_in_short(tell, view), "status": view.status, "gpu": view.asked.get("machine_type", "CPU"),
        "parameter_spec": spec, "description": view.asked.get("description", ""), "runs": tell.runs(view.runs),
    }  # fmt: skip


def _in_short(tell: Telling, view: SearchView) -> dict[str, Json]:
    return {
        "id": view.number, "command": view.command, "creator": tell.owner, "num_runs": view.request.many,
        "created_at": date(view.created_at), "started_at": date(view.started_at), "ended_at": date(view.ended_at),
    }  # fmt: skip


def searches_listed(call: Call, owner: str) -> Json:
    """The searches, oldest first."""
    house = house_of(call, owner)
    tell = Telling(call, house)
    return {"hyper_searches": [_in_short(tell, each) for each in searches.every(house)]}


def search(call: Call, owner: str, search: int) -> Json:
    """A search, with its runs so far."""
    house = house_of(call, owner)
    return {"hyper_search": _told(Telling(call, house), searches.find(house, search))}


def search_stopped(call: Call, owner: str, search: int) -> Json:
    """Stop its runs, and begin no more."""
    searches.end(house_of(call, owner), search)
    return {}


def search_killed(call: Call, owner: str, search: int) -> Json:
    """Kill its runs, and begin no more."""
    searches.end(house_of(call, owner), search, kill=True)
    return {}


def search_archived(call: Call, owner: str, search: int) -> Json:
    """Leave it out of lists."""
    searches.archive(house_of(call, owner), search)
    return {}


def search_metric(call: Call, owner: str, search: int, name: str) -> Json:
    """The points of a series, of each of its runs."""
    house = house_of(call, owner)
    found = {
        str(number): {"data": [[date(at), index, value] for at, index, value in house.metrics(number, name)]}
        for number in searches.find(house, search).runs
    }
    return {"metrics": found}


def search_metric_names(call: Call, owner: str, search: int) -> Json:
    """The series that its runs have."""
    house = house_of(call, owner)
    found = {name for number in searches.find(house, search).runs for name in house.metric_names(number)}
    return {"metric_names": [{"name": each} for each in sorted(found)]}


_SEARCHES, _SEARCH = "/v1/runs/{owner}/hyper_search", "/v1/runs/{owner}/hyper_search/{search}"

ROUTES = (
    post(_SEARCHES, OPERATE, search_made, is_long=True),
    get(_SEARCHES, READ, searches_listed, by_runs=True),
    get(_SEARCH, READ, search, by_runs=True),
    delete(_SEARCH, OPERATE, search_archived),
    post(f"{_SEARCH}/stop", OPERATE, search_stopped),
    post(f"{_SEARCH}/kill", OPERATE, search_killed),
    get(f"{_SEARCH}/metrics/{{name}}", READ, search_metric, by_runs=True),
    get(f"{_SEARCH}/metric-names", READ, search_metric_names, by_runs=True),
)

"""Searches for hyperparameters: `client.hyper`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from motet.dialects.spell import searches
from motet.dialects.spell.searches import SearchRequest, SearchView
from motet.spell.api import models
from motet.spell.api.exceptions import ClientException, told
from motet.spell.api.models import RangeSpec, ValueSpec
from motet.spell.client.model import Client, SpellModel
from motet.spell.client.runs import Run, moment, requested

__all__ = ["Hyper", "HyperSearch", "HyperService"]

OWN = ("direction", "seed", "prune")
"""Keywords of a search that the original has not: see `SearchRequest`."""


class Hyper:
    """New searches, and those that there are. Keywords beside those of the search are those of `client.runs.new`."""

    LINEAR, LOG, REVERSE_LOG = "linear", "log", "reverse_log"
    FLOAT, INT = "float", "int"

    def __init__(self, client: Client) -> None:
        self._client = client

    def new_grid_search(self, params: Mapping[str, ValueSpec], **kwargs: Any) -> HyperSearch:
        """A run for each combination of the values. `:NAME:` in the command stands for the value."""
        return self._new(searches.GRID, params, kwargs)

    def new_random_search(self, params: Mapping[str, Any], num_runs: int, **kwargs: Any) -> HyperSearch:
        """`num_runs` runs with values that are drawn: the same for the same `seed`."""
        return self._new(searches.RANDOM, params, kwargs, num_runs=num_runs)

    def new_bayesian_search(
        self, params: Mapping[str, RangeSpec], num_runs: int, parallel_runs: int, metric: str, metric_agg: str = "last",
        **kwargs: Any,
    ) -> HyperSearch:  # fmt: skip
        """`num_runs` runs, `parallel_runs` at once, each with values chosen by what is known of the others: the highest
        value of the metric is looked for, or with `direction="minimize"` the lowest.
        """
        return self._new(
            searches.BAYESIAN, params, kwargs, num_runs=num_runs, parallel=parallel_runs, metric=metric,
            aggregate=metric_agg,
        )  # fmt: skip

    def get(self, search_id: int) -> HyperSearch:
        """The search of that number. Raises BadRequest where there is none."""
        with told():
            return HyperSearch(self._client, searches.find(self._client.house, int(search_id)))

    def list(self) -> list[HyperSearch]:
        """All searches, oldest first."""
        with told():
            return [HyperSearch(self._client, each) for each in searches.every(self._client.house)]

    def archive(self, search_id: int) -> None:
        """Leave it out of lists."""
        with told():
            searches.archive(self._client.house, int(search_id))

    def _new(self, kind: str, params: Mapping[str, Any], kwargs: dict[str, Any], **more: Any) -> HyperSearch:
        if not all(isinstance(each, ValueSpec | RangeSpec) for each in params.values()):
            raise ClientException("values of params must be either a ValueSpec or RangeSpec")
        own = {name: kwargs.pop(name) for name in OWN if name in kwargs}
        spec = {name: each.to_payload() for name, each in params.items()}
        with told():
            request = requested(self._client, kwargs)
            view = searches.begin(self._client.house, SearchRequest(kind, spec, **more, **own), request)
        return HyperSearch(self._client, view)


HyperService = Hyper


class HyperSearch(SpellModel):
    """A search as it stood when it was asked for last: `id`, `status` (queued, running, finished), `runs`."""

    model = "hyper_search"

    def __init__(self, client: Client, view: SearchView) -> None:
        super().__init__(client, _told_of(view))

    @property
    def runs(self) -> list[Run]:
        """The runs that it has begun, in order."""
        return [self._client.runs.get(each) for each in self._told.run_ids]  # type: ignore[attr-defined]

    def refresh(self) -> None:
        """Ask how it stands."""
        with told():
            self._told = _told_of(searches.find(self._client.house, self.id))

    def stop(self) -> None:
        """Stop its runs, kill those that do not run yet, begin no more."""
        with told():
            searches.end(self._client.house, self.id)

    def kill(self) -> None:
        """Kill its runs, begin no more."""
        with told():
            searches.end(self._client.house, self.id, kill=True)

    def metrics(
        self, metric_name: str, follow: bool = False, start: int | None = None
    ) -> dict[int, Iterator[tuple[datetime, int, float | str]]]:  # fmt: skip
        """The points of the metric of each of its runs, by number."""
        return {each.id: each.metrics(metric_name, follow, start) for each in self.runs}

    def metric_names(self) -> list[str]:
        """The metrics that its runs have."""
        with told():
            found = [name for each in self._told.run_ids for name in self._client.house.metric_names(each)]  # type: ignore[attr-defined]
        return list(dict.fromkeys(found))


def _told_of(view: SearchView) -> models.HyperSearch:
    return models.HyperSearch(
        id=view.number, status=view.status, run_ids=view.runs, gpu=view.asked.get("machine_type", "CPU"),
        parameter_spec={f"{view.request.kind}_params": dict(view.request.params)}, command=view.command,
        created_at=moment(view.created_at), started_at=moment(view.started_at), ended_at=moment(view.ended_at),
        creator=models.User(user_name=view.creator), description=view.asked.get("description", ""),
        num_runs=view.request.many,
    )  # fmt: skip

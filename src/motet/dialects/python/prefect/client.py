"""The client: what the store can answer of Prefect's API. All else is refused by name."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self
from uuid import UUID

from motet.dialects.python.prefect.blocks import Secret
from motet.dialects.python.prefect.runs import FlowRun, of_row, run_of
from motet.dialects.python.prefect.schemas import Filter
from motet.dialects.python.prefect.variables import Variable, store_here
from motet.errors import NotFound, NotServed
from motet.records import Record


class _Flow(Record):
    """A flow, as lists name it."""

    id: Any
    name: str


class SyncPrefectClient:
    """Asks the store of this home: runs and variables."""

    api_url = "motet"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing has to be closed."""

    def hello(self) -> None:
        """The store is there."""
        store_here()

    api_healthcheck = hello

    def read_flow_run(self, flow_run_id: UUID | str) -> FlowRun:
        """The run. Raises ObjectNotFound."""
        rows = store_here().find_runs(run_of(flow_run_id))
        if not rows:
            raise NotFound(f"There is no run {flow_run_id}.", "`motet ls` lists the runs.")
        return of_row(rows[0])

    def read_flow_runs(
        self, *, flow_filter: Filter | None = None, flow_run_filter: Filter | None = None, sort: Any = None,
        limit: int | None = None, offset: int = 0, **others: Any,
    ) -> list[FlowRun]:  # fmt: skip
        """The newest runs that pass the filters: by id, name, state, tags, flow name."""
        rows = store_here().runs(limit=1000)
        found = [(row, of_row(row)) for row in rows]
        kept = [
            run
            for row, run in found
            if (flow_run_filter is None or flow_run_filter.passes(run))
            and (flow_filter is None or flow_filter.passes(_Flow(run.flow_id, row.workflow)))
        ]
        return kept[offset:][: limit if limit is not None else 200]

    def read_variable_by_name(self, name: str) -> Variable | None:
        """The variable; None if there is none."""
        absent = object()
        value = Variable._get(name, absent)
        return None if value is absent else Variable(name, value)

    def read_block_document_by_name(self, name: str, block_type_slug: str, **others: Any) -> Any:
        """A secret, by name."""
        if block_type_slug != "secret":
            raise NotServed(f"The client does not read blocks of type {block_type_slug}.", "Call load() on the block.")
        return Secret._load(name)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        raise NotServed(
            f"Motet's door 'prefect' has no {name}() of the client.",
            f"It has {', '.join(each for each in vars(SyncPrefectClient) if not each.startswith('_'))}. "
            "`motet ls`, `show`, `stop` and `resume` do what most of the others did.",
        )


class PrefectClient:
    """The same, awaited."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._plain = SyncPrefectClient()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing has to be closed."""

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._plain, name)

        async def call(*args: Any, **kwargs: Any) -> Any:
            return found(*args, **kwargs)

        return call if callable(found) else found


def get_client(sync_client: bool = False, httpx_settings: Mapping[str, Any] | None = None) -> Any:
    """A client, for `async with`; for `with` where `sync_client` is True."""
    return SyncPrefectClient() if sync_client else PrefectClient()

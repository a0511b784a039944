"""What every store must do: checks to run against a store of one's own, a suite for each of the port's four parts.

    @pytest.mark.parametrize("check", store_suite.CHECKS, ids=lambda check: check.__name__)
    def test_store(check, tmp_path):
        clock = SetClock()
        store = MyStore(tmp_path, now=clock)
        check(store, clock)
        store.close()

Each check takes a new, empty store, and the clock that this store goes by. For stores that several processes share
there is more in `SHARED_CHECKS`: each of those takes a function that opens the same store again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from motet.ports import Store
from motet.testing import (
    store_checks_directory,
    store_checks_documents,
    store_checks_events,
    store_checks_journal,
    store_checks_pages,
    store_checks_shared,
    store_checks_upkeep,
)
from motet.testing.checking import SetClock as SetClock

Check: TypeAlias = Callable[[Store, SetClock], None]

JOURNAL: list[Check] = store_checks_journal.CHECKS
DIRECTORY: list[Check] = store_checks_directory.CHECKS
EVENTS: list[Check] = store_checks_events.CHECKS
DOCUMENTS: list[Check] = store_checks_documents.CHECKS
PAGES: list[Check] = store_checks_pages.CHECKS
UPKEEP: list[Check] = store_checks_upkeep.CHECKS

CHECKS: list[Check] = [*JOURNAL, *DIRECTORY, *PAGES, *EVENTS, *DOCUMENTS, *UPKEEP]
"""What every store must pass."""

SHARED_CHECKS: list[Callable[[Callable[[], Store]], None]] = store_checks_shared.CHECKS
"""What a store that outlives its objects must pass besides."""

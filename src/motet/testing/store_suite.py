"""What every store must do: checks to run against a store of one's own.

    @pytest.mark.parametrize("check", store_suite.CHECKS, ids=lambda check: check.__name__)
    def test_store(check, tmp_path):
        store = MyStore(tmp_path)
        check(store)
        store.close()

Each check takes a new, empty store. For stores that several processes share there is more in `SHARED_CHECKS`:
each of those takes a function that opens the same store again.
"""

from __future__ import annotations

from collections.abc import Callable

from motet.ports import Store
from motet.testing import store_checks_events, store_checks_runs, store_checks_shared, store_checks_upkeep

CHECKS: list[Callable[[Store], None]] = [
    *store_checks_runs.CHECKS,
    *store_checks_events.CHECKS,
    *store_checks_upkeep.CHECKS,
]
"""What every store must pass."""

SHARED_CHECKS: list[Callable[[Callable[[], Store]], None]] = store_checks_shared.CHECKS
"""What a store that outlives its objects must pass besides."""

"""Both stores do what the port promises."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from motet.ports import Store
from motet.stores.memory import MemoryStore
from motet.stores.sqlite import SqliteStore
from motet.testing.store_suite import CHECKS, SHARED_CHECKS, Check, SetClock


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("kind", ["memory", "sqlite", "sqlite-full"])
def test_store(kind: str, check: Check, tmp_path: Path) -> None:
    clock = SetClock()
    store: Store = (
        MemoryStore(clock)
        if kind == "memory"
        else SqliteStore(str(tmp_path / "home"), durability="full" if kind == "sqlite-full" else "normal", now=clock)
    )
    check(store, clock)
    if isinstance(store, SqliteStore):
        assert store.check() == []
    store.close()


@pytest.mark.parametrize("check", SHARED_CHECKS, ids=lambda check: check.__name__)
def test_shared_store(check: Callable[[Callable[[], Store]], None], tmp_path: Path) -> None:
    check(lambda: SqliteStore(str(tmp_path / "home")))

"""Both artifact stores do what the port promises."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from motet.artifacts.files import FileArtifacts
from motet.artifacts.memory import MemoryArtifacts
from motet.ports import ArtifactStore
from motet.testing.artifact_suite import CHECKS


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("kind", ["memory", "files", "files-full"])
def test_artifact_store(kind: str, check: Callable[[ArtifactStore], None], tmp_path: Path) -> None:
    store: ArtifactStore = (
        MemoryArtifacts()
        if kind == "memory"
        else FileArtifacts(str(tmp_path / "artifacts"), durability="full" if kind == "files-full" else "normal")
    )
    check(store)

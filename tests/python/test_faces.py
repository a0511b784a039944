"""The modules that users know from Prefect 3: each gives the names that `motet` itself gives, and no others."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module

import pytest

import motet

FACES = [
    "cache_policies", "context", "events", "exceptions", "flows", "futures", "logging", "states", "task_runners",
    "tasks", "transactions",
]  # fmt: skip


@pytest.mark.parametrize("name", FACES)
def test_a_face_gives_what_motet_gives(name: str) -> None:
    face = import_module(f"motet.{name}")
    assert face.__doc__ and f"motet.{name} import " in face.__doc__
    for each in face.__all__:
        assert getattr(face, each) is getattr(motet, each, getattr(face, each)), each


def test_they_do_not_hide_what_motet_exports() -> None:
    """A module is an attribute of its package: none may be called like an exported name."""
    program = f"import motet; [__import__('motet.' + name) for name in {FACES}]; from motet import *; print(wait, tags)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert not set(FACES) & set(motet.__all__)

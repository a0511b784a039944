"""What every test shares: a home of its own, a printed seed, and bounded, repeatable property tests."""

from __future__ import annotations

import gc
import os
import random
import secrets
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

SEED = os.environ.setdefault("MOTET_TEST_SEED", secrets.token_hex(4))
"""One for the whole session: its workers, and what tests start, find it in their environment."""

# No deadline: a busy machine is no fault. A failure prints the blob that repeats it.
settings.register_profile(
    "ci", deadline=None, print_blob=True, max_examples=100, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("thorough", settings.get_profile("ci"), max_examples=5000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # As shells start jobs in the background. What tests start would inherit that, and they send it.
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_report_header() -> str:
    """Say how to repeat this session's random choices."""
    return f"motet: MOTET_TEST_SEED={SEED} repeats this session's random tests"


def pytest_collection_finish() -> None:
    """Let no collection of garbage walk over all tests and what they import: some tests collect often."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def environment() -> Iterator[None]:
    """What commands that a test runs in its own process say of Motet in the environment is forgotten with the test."""
    own = _of_motet()
    yield
    for name in _of_motet():
        del os.environ[name]
    os.environ.update(own)


@pytest.fixture(autouse=True)
def motet_home(
    environment: None, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Path]:
    """A home of its own for each test, so that none sees the user's runs or another test's; closed with the test."""
    home = tmp_path_factory.mktemp("motet-home")
    monkeypatch.setenv("MOTET_HOME", str(home))
    yield home
    app = sys.modules.get("motet.app")
    if app is not None:
        app.hosts.close(kill=True)


def _of_motet() -> dict[str, str]:
    """The variables of the environment that are Motet's."""
    return {name: value for name, value in os.environ.items() if name.startswith("MOTET_")}


@pytest.fixture
def seed(request: pytest.FixtureRequest) -> str:
    """The seed of this test; printed, so that a failure shows it."""
    own = f"{SEED}/{request.node.nodeid}"
    print(f"seed: {own!r} (repeat with MOTET_TEST_SEED={SEED})")
    return own


@pytest.fixture
def rng(seed: str) -> random.Random:
    """Random choices that the printed seed repeats."""
    return random.Random(seed)

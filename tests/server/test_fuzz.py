"""The API asked at random, by its own description. A longer run: `python -m tests.server.fuzz`."""

from __future__ import annotations

import random

import pytest
from tests.server.conftest import Served


@pytest.mark.parametrize("part", [0, 1])
def test_no_request_makes_the_server_fail_or_lets_anybody_in(served: Served, rng: random.Random, part: int) -> None:
    from tests.server.fuzz import filled, fuzz, let_in  # what it imports takes a second, in every worker

    filled(served.site)
    statuses, wrong = fuzz(served.site, 500, rng.randrange(2**32), slice(part, None, 2))
    assert not wrong, "\n\n".join(wrong)
    assert {200, 422} <= statuses.keys()
    assert let_in(served.site) == []

"""Which edits make a step another one; the long form is `python -m tests.identity.campaign`."""

from __future__ import annotations

import random

from tests.identity.campaign import faults
from tests.identity.edits import all_edits


def test_what_cannot_change_a_result_makes_no_other_step_and_all_else_does() -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    edits = all_edits()
    assert len(edits) >= 200
    assert faults(random.Random(seed).sample(edits, 70), [1, 2]) == []

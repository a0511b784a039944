"""Inputs set from outside, and matrices of them, without a step being copied by hand."""

from __future__ import annotations

import pytest
from tests.orquestra.workflows import BLOSSOMS

from motet.dialects.orquestra.reader import read_workflow
from motet.dialects.orquestra.variants import apply, parse, value_of, values_of
from motet.errors import UsageError


def test_values_are_read_as_in_the_file() -> None:
    assert [value_of(each) for each in ("3", "0.5", "true", "svm", "[1, 2]", "", "a: b: c")] == [
        3, 0.5, True, "svm", [1, 2], "", "a: b: c",
    ]  # fmt: skip
    assert values_of('a,2,[3, 4],"x,y"') == ["a", 2, [3, 4], "x,y"]
    assert parse("step.x.y=1", "--set") == ("step.x.y", "1")


def test_set() -> None:
    workflow = read_workflow(BLOSSOMS, "w")
    apply(workflow, {"draw-points.count": 9}, {})
    assert [each.value for each in workflow.steps["draw-points"].inputs] == [9, 2.0]
    assert list(workflow.steps) == ["draw-points", "fit-line", "score"]


def test_a_matrix_spreads_over_what_depends_on_it_and_no_further() -> None:
    text = BLOSSOMS.replace(
        "  - line: ((fit-line.line))\n", "  - how: mean\n    type: string\n  - line: ((fit-line.line))\n"
    )
    workflow = read_workflow(text, "w")
    apply(workflow, {}, {"draw-points.count": [3, 5], "score.how": ["mean", "root of mean", "most"]})
    assert list(workflow.steps) == [
        "draw-points-3", "draw-points-5", "fit-line-3", "fit-line-5",
        *(f"score-{count}-{how}" for count in (3, 5) for how in ("mean", "root_of_mean", "most")),
    ]  # fmt: skip
    last = workflow.steps["score-5-root_of_mean"]
    assert last.passed == ["fit-line-5"]
    assert [(each.name, each.value, each.source) for each in last.inputs] == [
        ("how", "root of mean", None), ("line", None, ("fit-line-5", "line")),
        ("points", None, ("draw-points-5", "points")),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("sets", "told"),
    [
        ({"draw-point.count": 1}, "there is no step 'draw-point'.\nDid you mean 'draw-points'?"),
        ({"draw-points.cont": 1}, "step 'draw-points' has no input 'cont'.\nDid you mean 'count'?"),
        ({"fit-line.points": 1}, r"fit-line.points is \(\(draw-points.points\)\)"),
    ],
)
def test_what_cannot_be_set(sets: dict[str, object], told: str) -> None:
    with pytest.raises(UsageError, match=told):
        apply(read_workflow(BLOSSOMS, "w"), sets, {})
    with pytest.raises(UsageError, match=r"no STEP.INPUT=VALUE"):
        parse("x=1", "--set")

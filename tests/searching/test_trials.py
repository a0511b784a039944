"""Spaces and studies: what is tried, what is given up, and that both are the same again."""

from __future__ import annotations

import csv
import io
import math

import pytest

from motet.errors import UsageError
from motet.searching import spaces
from motet.searching.spaces import Choice, Range
from motet.searching.trials import FAILED, FINISHED, PRUNED, Pruning, Study, Trial, best, pictures, table

SPACE = {
    "rate": Range(1e-4, 1, "log"),
    "layers": Range(1, 4, whole=True),
    "kind": Choice(["a", [1], None, True, 1.5]),
}


def loss(params: dict[str, object]) -> float:
    rate, layers = params["rate"], params["layers"]
    assert isinstance(rate, float)
    assert isinstance(layers, int)
    return (math.log10(rate) + 2) ** 2 + abs(layers - 3) + (params["kind"] != [1])


def tried(study: Study, trials: list[Trial], until: int) -> None:
    for number in range(len(trials), until):
        params = study.ask()
        trials.append(Trial(number, params, loss(params), FINISHED))
        study.tell(number, trials[-1].value)


def test_a_grid_has_all_combinations_the_last_changing_fastest() -> None:
    found = list(spaces.grid({"a": Choice([1, 2]), "b": Choice(["x", "y", "z"])}))
    assert found == [{"a": a, "b": b} for a in (1, 2) for b in "xyz"]


def test_what_is_drawn_depends_on_seed_and_number_alone() -> None:
    space = {**SPACE, "late": Range(1e-3, 10, "reverse_log"), "many": Range(1, 1000, "log", True)}
    drawn = [spaces.drawn(space, 7, number) for number in range(200)]
    assert drawn[5] == spaces.drawn(space, 7, 5)
    assert drawn[5] != spaces.drawn(space, 8, 5)
    assert all(1e-4 <= each["rate"] <= 1 and 1e-3 <= each["late"] <= 10 for each in drawn)
    assert sum(each["rate"] < 1e-2 for each in drawn) > 60  # half of the orders of magnitude
    assert sum(each["late"] > 9 for each in drawn) > 100
    assert all(isinstance(each["many"], int) and 1 <= each["many"] <= 1000 for each in drawn)


@pytest.mark.parametrize(
    ("space", "said"),
    [
        ({}, "needs a parameter"),
        ({"a": Choice([])}, "'a' has no value"),
        ({"a": Range(2, 1)}, "goes from 2 to 1"),
        ({"a": Range(math.nan, 1)}, "goes from nan"),
        ({"a": Range(0, 1, "log")}, "begins at 0"),
        ({"a": Range(0.2, 0.8, whole=True)}, "no whole number"),
        ({"a": Range(0, 1, "cubic")}, "cubic"),
        ({"a": [1, 2]}, "Give a Choice or a Range"),
    ],
)
def test_a_space_that_cannot_be_searched_is_refused(space: spaces.Space, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        spaces.checked(space)


def test_a_range_has_no_grid() -> None:
    with pytest.raises(UsageError, match="has no end"):
        list(spaces.grid({"a": Range(0, 1)}))


def test_a_search_learns_and_is_the_same_for_the_same_seed() -> None:
    one: list[Trial] = []
    other: list[Trial] = []
    tried(Study(SPACE, seed=3), one, 40)
    tried(Study(SPACE, seed=3), other, 40)
    assert [each.params for each in one] == [each.params for each in other]
    values = [each.value or 0.0 for each in one]
    assert sum(values[20:]) < sum(values[:10]) * 2 / 3 * 2


def test_a_study_that_is_made_anew_goes_on_as_if_it_had_not_been_interrupted() -> None:
    whole: list[Trial] = []
    tried(Study(SPACE, seed=5), whole, 25)
    resumed = whole[:13]
    study = Study(SPACE, seed=5)
    for each in resumed:
        study.begin(each.number, each.params)
        study.tell(each.number, each.value)
    tried(study, resumed, 25)
    assert [each.params for each in resumed] == [each.params for each in whole]


def test_the_direction_says_what_is_best() -> None:
    trials = [Trial(n, {}, float(n), FINISHED) for n in range(3)] + [Trial(3, {}, 99.0, PRUNED), Trial(4, {})]
    lowest, highest = best(trials), best(trials, "maximize")
    assert lowest is not None
    assert highest is not None
    assert (lowest.number, highest.number) == (0, 2)
    assert best(trials[3:]) is None
    with pytest.raises(UsageError, match="upwards"):
        Study(SPACE, direction="upwards")


def test_trials_that_others_have_left_behind_are_given_up() -> None:
    study = Study({"x": Range(0, 1)}, pruning=Pruning(first=1, factor=3))
    ended = []
    for number in range(9):
        study.ask()
        ended.append(next((step for step in (1, 3, 9) if study.report(number, step, float(number))), None))
        study.tell(number, float(number), FINISHED if ended[-1] is None else PRUNED)
    assert ended[0] is None  # the best of all so far goes on
    assert set(ended[1:]) == {1}


def test_a_value_that_is_none_counts_as_failed_and_does_no_harm() -> None:
    study = Study({"x": Range(0, 1)})
    for number, value in enumerate((math.nan, math.inf, None, 1.0)):
        study.ask()
        assert not study.report(number, 1, math.nan)
        study.tell(number, value)
        study.tell(number, 5.0)  # safe to repeat
    study.ask()
    study.tell(4, None, FAILED)
    assert [each.state.name for each in study.inner.trials] == ["FAIL", "FAIL", "FAIL", "COMPLETE", "FAIL"]


def test_the_table_and_the_pictures_show_all_trials() -> None:
    pytest.importorskip("matplotlib")
    study, trials = Study({"a,b": Choice(['say "x"']), "y": Range(0, 1)}), []
    assert pictures(study) == {}
    for number in range(3):
        trials.append(Trial(number, study.ask(), 0.5, FINISHED, run=str(number + 7)))
        study.tell(number, 0.5)
    rows = list(csv.DictReader(io.StringIO(table(trials))))
    assert [(row["trial"], row["run"], row["a,b"], row["value"]) for row in rows][1] == ("1", "8", 'say "x"', "0.5")
    assert {name: each[:4] for name, each in pictures(study).items()} == {
        "history": b"\x89PNG", "parameters": b"\x89PNG",
    }  # fmt: skip

"""The beta's second example: a subflow whose result goes to tasks, one after the other."""

from __future__ import annotations

import pytest
from tests.orion import training

from motet.orion import State


def test_main_runs_in_the_order_written(capfd: pytest.CaptureFixture[str]) -> None:
    training.ORDER.clear()
    state = training.main("train", "valid", num_xgb_runs=2)
    assert str(state) == "Completed('All states completed.')"
    loads, rest = training.ORDER[:2], training.ORDER[2:]
    if loads[1] == "fit":
        loads[1], rest[0] = rest[0], "fit"  # the subflow is concurrent: fitting needs the first table only
    assert sorted(loads) == ["load train", "load valid"]
    assert rest == ["fit", "features", "linreg tuple", "xgboost 0", "xgboost 1"]

    linreg, xgboost, preprocessing = state.result()
    assert linreg.result() == pytest.approx(2.0)
    assert xgboost.result() == 60
    assert isinstance(preprocessing.result(), tuple)
    said = capfd.readouterr().err
    assert "Using task runner 'SequentialTaskRunner'" in said
    assert "for flow 'preprocess-data'" in said


def test_preprocessing_gives_a_state_with_a_tuple() -> None:
    state = training.preprocess_data("train", "valid")
    assert isinstance(state, State)
    assert str(state) == "Completed()"
    packet = state.result()
    assert isinstance(packet, tuple)
    assert len(packet) == 4

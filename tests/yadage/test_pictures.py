"""What is told of a run in its folder: the graph as JSON, for Graphviz, and drawn."""

from __future__ import annotations

import json
import sys
from typing import Any

import pytest
from tests.yadage.conftest import Bench, nested, scatter, stage

from motet.views import pictures
from motet.views.pictures import Box

META = "work/_yadage"


def told(bench: Bench) -> Any:
    return json.loads((bench.folder / META / "yadage_workflow_instance.json").read_text())


def flow() -> list[Any]:
    sub = {"stages": [stage("inner", text={"step": "init", "output": "v"})]}
    return [
        scatter("m", {"text": [1, 2]}), nested(stage("sub"), sub, v="$x_1"),
        stage("r", text={"stages": "m", "output": "text"}, also={"stages": "sub[*].inner", "output": "text"}),
    ]  # fmt: skip


def test_the_graph_is_told_and_drawn(bench: Bench) -> None:
    pytest.importorskip("matplotlib")
    bench.done(*flow(), visualize=True)
    found = told(bench)
    assert {each["key"]: each["status"] for each in found["steps"]} == dict.fromkeys(
        ["init", "m_0", "m_1", "sub/init", "sub/inner", "r"], "succeeded"
    )
    assert {("m_0", "r"), ("m_1", "r"), ("sub/init", "sub/inner"), ("sub/inner", "r")} == {
        (one, other) for one, other in found["edges"]
    }
    path = bench.folder / META / "yadage_workflow_instance"
    assert path.with_suffix(".pdf").read_bytes()[:4] == b"%PDF"
    assert path.with_suffix(".png").read_bytes()[1:4] == b"PNG"
    assert '"m_0" -> "r";' in path.with_suffix(".dot").read_text()


def test_a_run_that_failed_is_drawn_too_with_what_did_not_run(bench: Bench) -> None:
    pytest.importorskip("matplotlib")
    bench.failed(stage("a", "breaks"), stage("b", after=["a"]), visualize=True)
    assert told(bench)["without_steps"] == [{"stage": "b", "status": "waiting"}]
    assert (bench.folder / META / "yadage_workflow_instance.pdf").is_file()
    assert "waiting" in (bench.folder / META / "yadage_workflow_instance.dot").read_text()


def test_a_picture_that_fails_hurts_no_run(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    assert bench.done(*flow(), visualize=True)["r"]
    assert "pip install 'motet[yadage]'" in caplog.text
    assert told(bench)["steps"], "the rest is there"


def test_without_being_asked_nothing_is_drawn(bench: Bench) -> None:
    bench.done(stage("a"))
    assert sorted(each.name for each in (bench.folder / META).iterdir()) == [
        "motet.json", "yadage_workflow_instance.json",
    ]  # fmt: skip


def test_many_steps_are_one_box_for_each_stage() -> None:
    boxes = [Box("init", "init", "succeeded", "init", True)]
    boxes += [Box(f"m_{n}", f"m_{n}", "failed" if n == 7 else "succeeded", "m") for n in range(5000)]
    edges = [("init", f"m_{n}") for n in range(5000)]
    whole, pairs = pictures.grouped(boxes, edges, 200)
    assert [each.label for each in whole] == ["init\n1 succeeded", "m\n4,999 succeeded, 1 failed"]
    assert [each.status for each in whole] == ["succeeded", "failed"]
    assert pairs == [("init", "m")]
    assert pictures.grouped(boxes[:9], edges[:8], 200) == (boxes[:9], edges[:8])


def test_boxes_stand_below_all_that_they_need() -> None:
    boxes = [Box(each, each) for each in "dcba"]
    rows = pictures.layers(boxes, [("a", "b"), ("b", "d"), ("a", "d"), ("c", "d")])
    assert [{each.id for each in row} for row in rows] == [{"a", "c"}, {"b"}, {"d"}]


def test_a_run_is_made_first_and_carried_on_by_hand(bench: Bench, cli: Any) -> None:
    bench.flow(stage("s", text={"step": "init", "output": "n"}))
    cli("yadage-manual", "init", "wd", "workflow.yml", "-p", "n=1")
    assert not (bench.folder / "wd/s").exists()
    cli("yadage-manual", "step")
    assert (bench.folder / "wd/s/out.txt").read_text() == "1\n"
    assert "tells of no run" in cli("yadage-manual", "step", "-m", "elsewhere", code=2).err

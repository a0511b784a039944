"""Artifacts that flows and tasks publish: what is kept and shown of them, from every executor, once."""

from __future__ import annotations

import json
import struct
import zlib
from pathlib import Path
from typing import Any

import pytest

from motet import INPUTS, app, artifact, flow, task
from motet.errors import UsageError
from motet.ports import Store
from motet.values.published import Published, history, published

ROWS = [{"name": "a", "loss": 0.5}, {"name": "b", "loss": float("nan"), "extra": None}]


def store() -> Store:
    return app.hosts.current().store


def all_of(run: int = 0) -> list[Published]:
    """The artifacts of a run, counted from the newest."""
    return published(store(), store().runs()[run].id)


def png(width: int = 2, height: int = 1) -> bytes:
    """A PNG, made without a library."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    rows = zlib.compress(b"".join(b"\0" + b"\x80" * width for _ in range(height)))
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


@pytest.mark.parametrize("executor", ["", "threads", "processes"])
def test_from_flows_and_tasks_in_every_executor(executor: str, tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("first line\n" + "x" * 5000)

    @task(executor=executor)
    def evaluate(path: str) -> None:
        artifact.table("errors", ROWS, "what went wrong")
        artifact.markdown("report", "# Report\n\nall well")
        artifact.link("paper", "https://example.org/paper", "the paper")
        artifact.image("curve", png())
        artifact.file("notes", path)
        artifact.metric("loss", 0.5)
        artifact.metric("loss", 0.25)
        artifact.metric("accuracy", 0.9, step=10)
        artifact.progress("training", 100)

    @flow
    def training() -> None:
        artifact.markdown("started", "by the flow")
        evaluate(str(path))

    training()
    found = {each.key: each for each in all_of()}
    assert found.pop("started").step == "training"
    assert {each.step for each in found.values()} == {"training/evaluate-0"}
    assert {key: each.type for key, each in found.items()} == {
        "errors": "table", "report": "markdown", "paper": "link", "curve": "image", "notes": "file",
        "loss": "metric", "accuracy": "metric", "training": "progress",
    }  # fmt: skip
    errors = found["errors"]
    assert errors.preview["columns"] == ["name", "loss", "extra"]
    assert errors.preview["rows"] == [["a", 0.5, None], ["b", "nan", None]]
    assert (errors.preview["n_rows"], errors.description) == (2, "what went wrong")
    assert json.loads(errors.content["text"])["columns"] == ["name", "loss", "extra"]
    assert found["report"].preview["head"].startswith("# Report")
    assert found["paper"].preview == {"url": "https://example.org/paper", "text": "the paper"}
    artifacts = app.hosts.current().artifacts
    curve = found["curve"]
    assert bytes(artifacts.get(curve.content["artifact"])) == png()
    assert bytes(artifacts.get(curve.preview["thumbnail"]["artifact"])).startswith(b"\x89PNG")
    notes = found["notes"]
    assert notes.preview["head"].startswith("first line")
    assert bytes(artifacts.get(notes.content["artifact"])) == path.read_bytes()
    assert found["loss"].points == {0.0: 0.5, 1.0: 0.25}
    assert found["accuracy"].points == {10.0: 0.9}
    assert found["training"].preview == {"percent": 100.0}


def test_elements_of_a_map_publish_their_own() -> None:
    @task
    def square(number: int) -> int:
        artifact.metric("value", number)
        return number * number

    @flow
    def squares() -> list[int]:
        return square.map([3, 4]).result()

    squares()
    assert {each.step: each.points for each in all_of()} == {
        "squares/square-0[0]": {0.0: 3.0},
        "squares/square-0[1]": {0.0: 4.0},
    }


def test_a_retry_takes_the_place_of_the_attempt_before() -> None:
    attempts: list[int] = []

    @task(retries=1)
    def twice() -> None:
        attempts.append(1)
        for epoch in range(3 if len(attempts) == 1 else 2):
            artifact.metric("loss", len(attempts), step=epoch)
        artifact.table("rows", [[len(attempts)]])
        artifact.create_markdown_artifact("unnamed")
        if len(attempts) == 1:
            raise ValueError("again")

    @flow
    def training() -> None:
        twice()

    training()
    found = {each.key: each for each in all_of()}
    assert sorted(found) == ["loss", "markdown-0", "rows"]
    assert found["rows"].preview["rows"] == [[2]]
    assert found["rows"].attempt == 2
    told = "one for each x, the last one told: a task may go on from a checkpoint of its own"
    assert found["loss"].points == {0.0: 2.0, 1.0: 2.0, 2.0: 1.0}, told


def test_artifacts_of_a_cached_step_are_those_of_the_step_that_ran() -> None:
    @task(cache_policy=INPUTS)
    def report(number: int) -> int:
        artifact.markdown("report", f"about {number}")
        return number

    @flow
    def reporting() -> None:
        report(1)

    reporting()
    first = store().runs()[0].id
    reporting()
    (taken,) = all_of()
    assert (taken.key, taken.step, taken.origin) == ("report", "reporting/report-0", first)
    assert [each.run for each in history(store(), "report")] == [first]


def test_a_key_has_a_history_over_runs() -> None:
    @flow
    def training(loss: float) -> None:
        artifact.metric("final", loss)

    for loss in (0.5, 0.25):
        training(loss)
    assert [each.points for each in history(store(), "final")] == [{0.0: 0.5}, {0.0: 0.25}]


def test_the_names_of_prefect() -> None:
    @task
    def move(artifact_id: str) -> None:
        artifact.update_progress_artifact(artifact_id, 100)

    @flow
    def named() -> None:
        artifact.create_table_artifact([[1, 2]], key="t", description="two")
        artifact.create_link_artifact("https://example.org", link_text="here")
        artifact.create_link_artifact("https://example.org")
        artifact.create_image_artifact("https://example.org/plot.png")
        move(artifact.create_progress_artifact(5.0))

    named()
    found = {each.key: each for each in all_of()}
    assert sorted(found) == ["image-0", "link-0", "link-1", "progress-0", "t"]
    assert found["progress-0"].preview == {"percent": 100.0}
    assert found["progress-0"].step == "named"
    assert found["image-0"].preview == {"url": "https://example.org/plot.png"}


def test_tables_of_many_kinds() -> None:
    numpy = pytest.importorskip("numpy")
    pandas = pytest.importorskip("pandas")
    arrow = pytest.importorskip("pyarrow")
    tables: dict[str, Any] = {
        "frame": pandas.DataFrame({"x": [1, 2], "y": [0.5, None]}),
        "arrow": arrow.table({"x": [1, 2]}),
        "array": numpy.arange(4).reshape(2, 2),
        "lists": {"x": [1, 2], "y": "ab"[:1]},
    }
    del tables["lists"]["y"]

    @flow
    def many() -> None:
        for key, each in tables.items():
            artifact.table(key, each)

    many()
    found = {each.key: each.preview for each in all_of()}
    assert found["frame"]["rows"] == [[1, 0.5], [2, "nan"]]
    assert found["arrow"]["rows"] == [[1], [2]]
    assert found["array"]["rows"] == [[0, 1], [2, 3]]
    assert found["lists"]["columns"] == ["x"]


def test_a_large_table_is_kept_whole_and_shown_in_part() -> None:
    @flow
    def large() -> None:
        artifact.table("wide", [[row * 100 + column for column in range(50)] for row in range(200)])

    large()
    (wide,) = all_of()
    assert (wide.preview["n_rows"], wide.preview["n_columns"]) == (200, 50)
    assert len(wide.preview["rows"]) < 200
    assert len(wide.preview["rows"][0]) < 50
    whole = json.loads(bytes(app.hosts.current().artifacts.get(wide.content["artifact"])))
    assert len(whole["rows"]) == 200
    assert whole["rows"][199][49] == 19949


def test_a_figure_gets_a_thumbnail() -> None:
    pyplot = pytest.importorskip("matplotlib.pyplot")

    @flow
    def drawing() -> None:
        pyplot.switch_backend("Agg")
        figure, axes = pyplot.subplots()
        axes.plot([1, 2, 3])
        artifact.image("curve", figure)
        pyplot.close(figure)

    drawing()
    (curve,) = all_of()
    assert curve.content["size_bytes"] > curve.preview["thumbnail"]["size_bytes"]
    assert curve.preview["width"] > 100


def test_what_cannot_be_published_says_why(tmp_path: Path) -> None:
    for publish, word in (
        (lambda: artifact.table("t", 5), "is no table"),
        (lambda: artifact.table("t", {"a": [1], "b": [1, 2]}), "not equally long"),
        (lambda: artifact.image("i", 5), "is no image"),
        (lambda: artifact.file("f", tmp_path / "nothing"), "cannot be published"),
        (lambda: artifact.markdown("", "x"), "no key"),
        (lambda: artifact.update_progress_artifact("x", 5), "no artifact's id"),
    ):
        with pytest.raises(UsageError, match=word):
            publish()


def test_outside_of_a_run_nothing_is_kept() -> None:
    artifact.table("rows", ROWS)
    artifact.metric("loss", 1.0)
    artifact.image("dot", png())
    assert store().head() == 0


def test_progress_is_not_recorded_too_often() -> None:
    @flow
    def long() -> None:
        for percent in range(101):
            artifact.progress("all", percent)

    long()
    events = [each for each in store().read(0, run=store().runs()[0].id, published=True) if each.key == "all"]
    assert 1 < len(events) < 101
    assert events[-1].value["preview"] == {"percent": 100.0}

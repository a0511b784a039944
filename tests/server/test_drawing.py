"""What pictures of a run are drawn from: the fold of its journal beside what the kernel says, patches, paths, grids."""

from __future__ import annotations

import os
import random
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from tests.server.conftest import Served

import motet
from motet.ports import Batch, Owner
from motet.server.table import Role
from motet.testing.simulation.drawing import draw
from motet.testing.simulation.plan import RUN
from motet.testing.simulation.simulate import Simulation
from motet.values.naming import id_within
from motet.views import columns
from motet.views.course import Course, course_of
from motet.views.critical import by_cause, critical_path

FIXED, DRAWN = 40, 10
"""So many simulated runs are the same every time, and so many are this session's own."""

SEEDS = [*range(FIXED), *random.Random(os.environ["MOTET_TEST_SEED"]).sample(range(FIXED, 10**6), DRAWN)]


@pytest.fixture(scope="module")
def simulated() -> dict[int, Simulation]:
    """Runs with crashes, retries, maps, waits, resets and stops, by seed."""
    found = {}
    for seed in SEEDS:
        found[seed] = Simulation(draw(seed))
        found[seed].play()
    return found


def test_a_course_says_of_each_step_what_the_kernel_says(simulated: dict[int, Simulation]) -> None:
    for seed, one in simulated.items():
        course = course_of(one.store.history(RUN))
        rows = [each for each in one.store.steps(RUN) if each.form != "element"]
        assert {each.key for each in course.tracks} == {each.key for each in rows}, f"seed {seed}"
        for row in rows:
            track = course.find(row.key)
            assert track is not None
            told = track.status, track.added_at, track.ended_at, track.spans[-1].began_at if track.spans else None
            if row.started_at is None:
                told = *told[:3], None
            assert told == (row.status, row.added_at, row.ended_at, row.started_at), f"seed {seed}, {row.key}"
            if track.elements is not None and row.status == "succeeded":
                assert set(track.elements.counts()) <= {"succeeded", "cached"}


def test_a_run_that_succeeds_while_it_is_looked_at_is_no_plan_for_itself(simulated: dict[int, Simulation]) -> None:
    one = next(each for each in simulated.values() if each.store.run(RUN).status == "succeeded")
    before = replace(one.store.run(RUN), status="running")
    found = columns.picture(one.store, columns.Courses(one.store), before)
    assert found["planned"]["steps"] == [] and found["n"] == len(found["keys"])


def test_the_critical_path_covers_the_wall_time(simulated: dict[int, Simulation]) -> None:
    for seed, one in simulated.items():
        course, row = course_of(one.store.history(RUN)), one.store.run(RUN)
        end = max(row.created_at, row.ended_at or course.last_at)
        path = critical_path(course, row.created_at, end)
        assert sum(by_cause(path).values()) == pytest.approx(end - row.created_at, abs=1e-5), f"seed {seed}"
        assert all(each.to_at == after.from_at for each, after in pairwise(path)), f"seed {seed}"
        if path:
            assert (path[0].from_at, path[-1].to_at) == (row.created_at, end), f"seed {seed}"


def event(kind: str, at: float, key: str = "", **more: Any) -> dict[str, Any]:
    return {"event": kind, "at": at, **({"key": key} if key else {}), **more}


def story(*events: dict[str, Any]) -> Course:
    return course_of([event("run.started", 0.0), *events])


def told(course: Course, end: float) -> list[tuple[float, float, str, str]]:
    path = critical_path(course, 0.0, end)
    return [(it.from_at, it.to_at, it.cause, course.tracks[it.step].key if it.step >= 0 else "") for it in path]


def test_the_path_goes_by_the_need_that_ended_last_and_by_whoever_had_the_slot() -> None:
    course = story(
        event("step.added", 0, "a"), event("step.added", 0, "b"), event("step.added", 0, "c", needs=["a", "b"]),
        event("step.added", 0, "d"), event("step.started", 0, "a"), event("step.started", 0, "b"),
        event("step.succeeded", 3, "a"), event("step.succeeded", 5, "b"), event("step.started", 5, "c"),
        event("step.succeeded", 9, "c"), event("step.started", 9.5, "d"), event("step.succeeded", 12, "d"),
    )  # fmt: skip
    assert told(course, 13.0) == [
        (0, 5, "ran", "b"), (5, 9, "ran", "c"), (9, 9.5, "waited for a slot", "d"), (9.5, 12, "ran", "d"),
        (12, 13, "its own code", ""),
    ]  # fmt: skip


def test_the_path_tells_failed_attempts_pauses_crashes_and_waits_apart() -> None:
    course = story(
        event("step.added", 1, "a"), event("step.started", 1, "a"),
        event("step.retrying", 2, "a", attempt=1, due_at=6.0), event("step.started", 6, "a", attempt=2),
        event("step.checkpointed", 8, "a"), event("run.started", 20, died="killed"),
        event("step.interrupted", 20, "a"), event("step.started", 21, "a", attempt=3),
        event("step.succeeded", 25, "a", attempt=3), event("step.added", 25, "w", until={"rule": "event"}),
        event("step.waiting", 25, "w"), event("step.succeeded", 60, "w"), event("run.finished", 60),
    )  # fmt: skip
    assert told(course, 60.0) == [
        (0, 1, "its own code", ""), (1, 2, "failed attempts", "a"), (2, 6, "retry pauses", "a"),
        (6, 8, "lost in a crash", "a"), (8, 20, "no process drove it", ""), (20, 21, "waited for a slot", "a"),
        (21, 25, "ran", "a"), (25, 60, "waited for an event or an answer", "w"),
    ]  # fmt: skip


# ---------------------------------------------------------------- over HTTP

ONE_EACH = ("keys", "parent", "status", "flags", "created", "ready", "began", "ended", "attempts")
BY_PLACE = ("names", "cause", "spans", "maps", "due", "slots")


class Shown:
    """What somebody has who takes in one answer after the other, as the page does."""

    def __init__(self) -> None:
        self.offset = 0
        self.steps: dict[int, dict[str, Any]] = {}
        self.edges: dict[int, set[int]] = {}

    def take(self, answer: Any) -> None:
        if answer["whole"]:
            self.steps, self.edges = {}, {}
        self.offset = answer["offset"]
        for place, at in enumerate(answer["at"]):
            told = {name: answer[name][place] for name in ONE_EACH}
            told |= {name: answer[name].get(str(at)) for name in BY_PLACE}
            self.steps[at] = {**told, "task": answer["tasks"][answer["task"][place]]}
            self.edges[at] = set()
        for one, other in zip(answer["from"], answer["to"], strict=True):
            self.edges[other].add(one)
        assert len(self.steps) == answer["n"]


def test_what_changed_since_makes_the_same_picture_as_all_of_it(
    served: Served, simulated: dict[int, Simulation]
) -> None:
    client, rng = served.viewer, random.Random(os.environ["MOTET_TEST_SEED"])
    for seed in rng.sample(SEEDS, 12):
        run, events, seq = f"r{seed}", list(simulated[seed].store.history(RUN)), 0
        served.make(run, program={"voice": "simulated"}, workflow=run)
        served.site.store.claim(run, Owner("h", "b", 1, 1), 1e9)
        shown = Shown()
        while seq < len(events):
            some = events[seq : seq + rng.choice((1, 7, 30))]
            served.site.store.append(run, 1, seq, Batch(some))
            seq += len(some)
            shown.take(client.get(f"/api/v1/runs/{run}/picture", params={"after": shown.offset}).json())
        whole = Shown()
        whole.take(client.get(f"/api/v1/runs/{run}/picture").json())
        assert (shown.offset, shown.edges) == (whole.offset, whole.edges), f"seed {seed}"
        assert shown.steps == whole.steps, f"seed {seed}"


@motet.task
def call_unreliable_api() -> int:
    raise ValueError("the API is down")


@motet.task
def augment_data(rows: int) -> int:
    return rows + 1


@motet.task
def write_to_database(rows: int) -> int:
    return rows


@motet.task
def scaled(x: int) -> int:
    return 10 // x


@motet.flow
def pipeline(divisors: list[int]) -> int:
    api = call_unreliable_api.submit()
    written = write_to_database.submit(augment_data.submit(1))
    scaled.map(divisors).wait()
    api.wait()
    return int(written.result())


def test_a_run_is_shown_with_its_edges_its_causes_and_its_elements(served: Served) -> None:
    with pytest.raises(motet.errors.RunFailed):
        pipeline([1, 0, 5])
    client = served.viewer
    (row,) = client.get("/api/v1/runs").json()["runs"]
    found = client.get(f"/api/v1/runs/{row['name']}/picture").json()
    names = [each.rpartition("/")[2].rpartition("-")[0] or each for each in found["keys"]]
    edges = {(names[one], names[other]) for one, other in zip(found["from"], found["to"], strict=True)}
    assert edges == {("augment_data", "write_to_database")}
    assert found["cause"][str(names.index("call_unreliable_api"))] == "ValueError: the API is down"
    of_map = found["maps"][str(names.index("scaled"))]
    assert of_map["counts"] == {"succeeded": 2, "failed": 1}
    assert of_map["own"] == [1]
    assert sum(row["counts"].values()) == found["n"] + 1
    assert found["parent"][names.index("scaled")] == 0
    key = found["keys"][names.index("scaled")]
    elements = client.get(f"/api/v1/runs/{row['id']}/elements", params={"step": key}).json()
    assert [found["statuses"][each] for each in elements["statuses"]] == ["succeeded", "failed", "succeeded"]
    assert "ZeroDivisionError" in elements["errors"]["1"]
    assert client.get(f"/api/v1/runs/{row['id']}/elements?step={found['keys'][0]}").status_code == 404
    went = client.get(f"/api/v1/runs/{row['id']}/path").json()
    assert sum(went["causes"].values()) == pytest.approx(went["wall_s"], abs=1e-6)
    assert sum(went["tasks"].values()) == pytest.approx(went["causes"].get("ran", 0.0), abs=1e-6)
    columns = client.get(f"/api/v1/runs/{row['id']}/grid").json()["columns"]
    assert [each["cells"][key][0] for each in columns] == ["failed"]


def test_steps_to_come_are_those_of_the_last_run_that_succeeded(served: Served) -> None:
    def add(run: str, *keys: str) -> None:
        events = [event("run.started", 1.0), *(event("step.added", 2.0, key, task=key) for key in keys)]
        served.make(run, workflow="w")
        served.site.store.claim(run, Owner("h", "b", 1, 1), 1e9)
        served.site.store.append(run, 1, 0, Batch(events, run={"status": "running"}))

    add("before", "load", "train", "publish")
    ended = event("run.finished", 3.0)
    served.site.store.append("before", 1, 4, Batch([ended], run={"status": "succeeded", "ended_at": 3.0}))
    add("now", "load")
    found = served.viewer.get("/api/v1/runs/now/picture").json()
    assert [each[0] for each in found["planned"]["steps"]] == ["train", "publish"]
    assert found["planned"]["run"] == "before"
    assert "planned" not in served.viewer.get("/api/v1/runs/before/picture").json()


def test_an_edge_leads_from_the_element_that_is_needed(served: Served) -> None:
    served.make("r")
    served.site.store.claim("r", Owner("h", "b", 1, 1), 1e9)
    added = [event("step.added", 1.0, "m", size=3), event("step.added", 1.0, "c", needs=["m[2]"])]
    served.site.store.append("r", 1, 0, Batch([event("run.started", 1.0), *added]))
    found = served.viewer.get("/api/v1/runs/r/picture").json()
    assert (found["from"], found["to"], found["elements"]) == ([0], [1], {"0": 2})
    assert [found["statuses"][each] for each in found["status"]] == ["ready", "pending"]


def test_child_runs_are_told_with_the_steps_that_began_them(served: Served) -> None:
    served.make("above")
    served.site.store.claim("above", Owner("h", "b", 1, 1), 1e9)
    added = [event("step.added", 1.0, "a"), event("step.added", 1.0, "m", size=3)]
    served.site.store.append("above", 1, 0, Batch([event("run.started", 1.0), *added]))
    one, other = id_within("above", "a"), id_within("above", "m", 2)
    served.make(one, parent="above")
    served.make(other, parent="above")
    found = served.viewer.get("/api/v1/runs/above/picture").json()
    assert {each["id"]: each["step"] for each in found["children"]} == {one: "a", other: "m[2]"}
    assert [bool(each & 16) for each in found["flags"]] == [True, False]
    above = served.viewer.get(f"/api/v1/runs/{one}/picture").json()["above"]
    assert above == [{"id": "above", "name": "above"}]


def test_a_grid_goes_on_run_by_run_and_by_task_where_steps_are_many(served: Served) -> None:
    for number in range(5):
        served.make(f"g{number}", workflow="g", created_at=float(number))
    client, found, cursor = served.viewer, [], None
    while True:
        query = {"limit": 2, **({"cursor": cursor} if cursor else {})}
        page = client.get("/api/v1/runs/g4/grid", params=query).json()
        found += [each["run"] for each in page["columns"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert (found, page["by"]) == (["g4", "g3", "g2", "g1", "g0"], "step")
    served.make("many", workflow="h")
    store = served.site.store
    store.claim("many", Owner("h", "b", 1, 1), 1e9)
    rows = [motet.ports.StepRow(f"s-{n}", "s", "call", "failed" if n == 7 else "succeeded") for n in range(400)]
    counts = {"succeeded": 399, "failed": 1}
    store.append("many", 1, 0, Batch([event("run.started", 1.0)], rows, counts=counts))
    while store.summary("many").behind:
        store.steps("many")
    page = client.get("/api/v1/runs/many/grid").json()
    assert (page["by"], page["rows"]) == ("task", ["s"])
    assert page["columns"][0]["cells"] == {"s": ["failed", None, counts]}


def test_code_of_a_run_sees_the_picture_of_that_run_alone(served: Served) -> None:
    served.make("own")
    served.make("other")
    client = served.as_(Role.RUN, "own")
    assert client.get("/api/v1/runs/own/picture").status_code == 200
    assert client.get("/api/v1/runs/other/picture").status_code == 403

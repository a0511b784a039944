"""What schedulers begin: once each, with what was kept, whatever dies in between and however many there are."""

from __future__ import annotations

import pytest
from tests.scheduling.conftest import World

from motet.errors import Conflict, NotFound, ParameterError, UsageError
from motet.ports.definition import Definition
from motet.registry import definitions
from motet.scheduling import schedules, triggers
from motet.scheduling.loop import check_unused
from motet.scheduling.schedules import Schedule
from motet.scheduling.triggers import Trigger


def added(world: World, **more: object) -> Schedule:
    given = {"name": "s", "target": "train", "every_s": 60.0, **more}
    return schedules.add(world.store, Schedule(**given), world.at)  # type: ignore[arg-type]


def test_a_due_time_begins_a_run_that_says_by_what(world: World) -> None:
    added(world, params={"n": 3})
    assert schedules.look(world.beginner()) == world.at + 60
    world.at += 60.5
    assert schedules.look(world.beginner()) == pytest.approx(world.at + 59.5)
    (run,) = world.launched
    row = world.store.run(run)
    assert (row.params, row.workflow) == ({"n": 3}, "train")
    assert row.program["begun_by"] == {"by": "schedule", "schedule": "s", "due_at": world.at - 0.5}
    assert schedules.find(world.store, "s").state["runs"] == [run]


def test_who_dies_before_the_engine_starts_leaves_it_to_the_next(world: World) -> None:
    added(world)
    world.at += 61
    world.fails = 1
    with pytest.raises(KeyboardInterrupt):
        schedules.look(world.beginner())
    assert [each.status for each in world.store.runs()] == ["pending"] and world.launched == []
    schedules.look(world.beginner())
    assert world.launched == []  # whoever made the run may be about to start it
    world.at += 6
    schedules.look(world.beginner())
    assert len(world.launched) == 1 == len(world.store.runs())


def test_a_schedule_in_a_zone_that_is_not_known_here_keeps_no_other_from_its_times(world: World) -> None:
    added(world, name="a")
    added(world, name="b")

    def elsewhere(schedule: Schedule) -> bool:
        schedule.cron, schedule.every_s, schedule.zone = "* * * * *", 0.0, "Mars/Olympus"
        return True

    schedules.KEPT.change(world.store, "a", elsewhere)
    world.at += 61
    schedules.look(world.beginner())
    assert [world.store.run(each).program["begun_by"]["schedule"] for each in world.launched] == ["b"]
    assert any("no time zone 'Mars/Olympus'" in each for each in world.said)


def test_two_schedulers_begin_each_time_once(world: World) -> None:
    added(world, catch_up="all")
    first, second = world.beginner(), world.beginner()
    for _ in range(10):
        world.at += 60
        schedules.look(first)
        schedules.look(second)
    assert len(set(world.launched)) == len(world.launched) == len(world.store.runs()) == 10


def test_a_removed_schedule_of_the_same_name_is_another_one(world: World) -> None:
    added(world)
    schedules.remove(world.store, "s", world.at)
    assert added(world).number == 2
    with pytest.raises(Conflict, match="There is a schedule 's' already"):
        added(world)
    with pytest.raises(NotFound, match="no schedule 't'"):
        schedules.pause(world.store, "t", world.at)


def test_what_cannot_begin_is_told_and_not_tried_for_ever(world: World) -> None:
    added(world)
    definitions.remove(world.store, "train")
    world.at += 61
    schedules.look(world.beginner())
    state = schedules.find(world.store, "s").state
    assert (state["skipped"], state["starting"]) == (1, [])
    assert "No workflow is registered as 'train'" in state["told"][0]["why"]
    (event,) = [each for each in world.store.read(0, published=True) if each.key == "schedule.skipped"]
    assert event.value["schedule"] == "s" and event.value["count"] == 1


def test_runs_that_may_not_overlap_wait_for_their_end(world: World) -> None:
    added(world, overlap="wait", catch_up="all")
    world.at += 190
    schedules.look(world.beginner())
    (first,) = world.launched
    schedules.look(world.beginner())
    assert world.launched == [first]
    world.end(first)
    schedules.look(world.beginner())
    assert len(world.launched) == 2


def test_the_old_run_is_stopped_where_that_is_asked_for(world: World) -> None:
    added(world, overlap="stop")
    for _ in range(2):
        world.at += 60
        schedules.look(world.beginner())
    stops = [each for each in world.store.read(0, published=True) if each.key == "run.stop"]
    assert [each.run for each in stops] == world.launched[:1] and len(world.launched) == 2


def test_pause_and_resume(world: World) -> None:
    added(world)
    schedules.pause(world.store, "s", world.at)
    world.at += 200
    assert schedules.look(world.beginner()) is None and world.launched == []
    schedules.resume(world.store, "s", world.at)
    assert schedules.look(world.beginner()) is not None and world.launched == []
    assert schedules.find(world.store, "s").state["skipped"] == 3


def test_a_schedule_is_of_what_is_registered_and_takes_its_parameters(world: World) -> None:
    with pytest.raises(NotFound, match="No workflow is registered as 'trains'"):
        added(world, target="trains")
    with pytest.raises(ParameterError, match="Parameter n of workflow train@1"):
        added(world, params={"n": "x"})
    with pytest.raises(UsageError, match="one of"):
        added(world, cron="@daily")


def test_what_something_begins_runs_of_is_not_removed(world: World) -> None:
    added(world)
    with pytest.raises(UsageError, match="train is needed by schedule s"):
        check_unused(world.store, "train")
    schedules.remove(world.store, "s", world.at)
    check_unused(world.store, "train")


# ---------------------------------------------------------------- triggers


def triggered(world: World, **more: object) -> Trigger:
    given = {"name": "t", "target": "train", "key": "data/*", **more}
    return triggers.add(world.store, Trigger(**given), world.at)  # type: ignore[arg-type]


def test_events_that_fit_begin_runs_with_what_they_say(world: World) -> None:
    world.publish("data/early")
    triggered(world, where=["value.score>=0.5", "value.kind=model"], take={"path": "value.path"}, params={"n": 2})
    offset = world.publish("data/x", {"score": 0.7, "kind": "model", "path": ["a"]})
    for value in ({"score": 0.4, "kind": "model"}, {"score": "high", "kind": "model"}, {"kind": "model"}, None):
        world.publish("data/x", value)
    world.publish("other/x", {"score": 0.7, "kind": "model"})
    assert triggers.look(world.beginner()) is None
    triggers.look(world.beginner())
    assert world.launched == [f"t1-{offset}"]
    row = world.store.run(f"t1-{offset}")
    assert row.params == {"n": 2, "path": ["a"]}
    assert row.program["begun_by"] == {"by": "trigger", "trigger": "t", "offset": offset}


def test_namespaces_and_senders_are_patterns_and_motets_own_is_left_out(world: World) -> None:
    triggered(world, name="any", key="*")
    triggered(world, name="some", key="*", namespace="lab-*", sender="me")
    world.publish("step.stop", None, namespace="motet", run="r")
    mine = world.publish("x", None, namespace="lab-1", sender="me")
    other = world.publish("x", None, namespace="lab-1", sender="you")
    triggers.look(world.beginner())
    assert sorted(world.launched) == sorted([f"t1-{mine}", f"t1-{other}", f"t2-{mine}"])


def test_what_came_while_nobody_looked_begins_once_whoever_dies(world: World) -> None:
    triggered(world)
    offsets = [world.publish("data/x", number) for number in range(3)]
    world.fails = 1
    with pytest.raises(KeyboardInterrupt):
        triggers.look(world.beginner())
    world.at += 6
    triggers.look(world.beginner())
    triggers.look(world.beginner())
    assert world.launched == [f"t1-{each}" for each in offsets]
    assert triggers.find(world.store, "t").state["started"] == 3


def test_a_paused_trigger_lets_events_pass(world: World) -> None:
    triggered(world)
    triggers.pause(world.store, "t", world.at)
    world.publish("data/x")
    triggers.look(world.beginner())
    triggers.resume(world.store, "t", world.at)
    last = world.publish("data/x")
    triggers.look(world.beginner())
    assert world.launched == [f"t1-{last}"]


def test_an_event_whose_value_does_not_fit_is_told(world: World) -> None:
    triggered(world, take={"n": "value"})
    world.publish("data/x", "three")
    triggers.look(world.beginner())
    (told,) = triggers.find(world.store, "t").state["told"]
    assert "Parameter n" in told["why"] and world.launched == []


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"where": ["score over 9"]}, "no condition"), ({"where": ["nothing=3"]}, "An event has no 'nothing'"),
        ({"take": {"path": "content"}}, "An event has no 'content'"),
        ({"take": {"pat": "value"}}, "no parameter 'pat'"),
    ],
)  # fmt: skip
def test_what_no_event_has_is_refused(world: World, given: dict[str, object], told: str) -> None:
    with pytest.raises(UsageError, match=told):
        triggered(world, **given)


def test_a_version_that_something_begins_runs_of_by_number_or_digest_is_not_removed(world: World) -> None:
    first = definitions.find(world.store, "train")
    second = Definition("train", {"voice": "program", "target": "m:g"}, first.schema, {"n": 1}, name="train")
    assert definitions.keep(world.store, second, world.at).version == "train@2"
    assert [each.number for each in definitions.versions(world.store, "train@1")] == [1, 2]
    pinned = f"train@{first.digest[:8]}"
    schedules.add(world.store, Schedule("pinned", pinned, every_s=60), world.at)
    check_unused(world.store, "train@2")
    for each in ("train@1", "train@v1", pinned, "train"):
        with pytest.raises(UsageError, match=f"{each} is needed by schedule pinned"):
            check_unused(world.store, each)
    schedules.remove(world.store, "pinned", world.at)
    triggered(world, name="newest")
    check_unused(world.store, "train@1")
    assert definitions.remove(world.store, "train@1") == ["train@1"]
    for each in ("train@2", "train"):
        with pytest.raises(UsageError, match=f"{each} is needed by trigger newest"):
            check_unused(world.store, each)

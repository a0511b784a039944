"""The pages Workflows, Compare and Artifacts: what is begun and when, which run was better and why, what made what."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from tests.page.conftest import Home

TUNING = """\
import math

from motet import artifact, flow, task


@task
def load(rows: int):
    return [each * 0.5 for each in range(rows)]


@task
def fit(table: list, lr: float):
    for epoch in range(12):
        artifact.metric("val_rmse", 4 + 5 * lr + math.exp(-epoch * lr), step=epoch)
    artifact.table("importance", [{"feature": "hour", "gain": 0.7}, {"feature": "zone", "gain": 0.3}])
    return {"weights": table, "lr": lr}


@flow
def tuning(lr: float = 0.3, rows: int = 20000):
    return fit.submit(load(rows), lr).result()["lr"]
"""


@pytest.fixture(scope="module")
def tuned(home: Home) -> Home:
    """The home with two runs of one workflow, of which the second is better; registered in two versions."""
    (home.folder / "tuning.py").write_text(TUNING)
    home.motet("run", "tuning.py", "--name", "quiet-otter", "-p", "lr=0.3")
    home.motet("register", "tuning.py")
    (home.folder / "tuning.py").write_text(TUNING.replace("* 0.5", "* 0.25"))
    home.motet("run", "tuning.py", "--name", "calm-ibis", "-p", "lr=0.1")
    home.motet("register", "tuning.py")
    return home


def test_a_run_is_begun_by_a_form_and_errors_stand_at_the_field(
    page: Page, tuned: Home, axe: Callable[[Page], list[str]]
) -> None:
    page.goto("/workflows")
    expect(page.get_by_role("link", name="tuning", exact=True)).to_be_visible()
    assert axe(page) == []
    page.get_by_role("link", name="tuning", exact=True).click()
    page.get_by_label("Changes from").select_option("version 1")
    changes = page.get_by_label("tuning.py, version 1 to 2")
    expect(changes).to_contain_text("-     return [each * 0.5 for each in range(rows)]")
    expect(changes).to_contain_text("+     return [each * 0.25 for each in range(rows)]")
    page.get_by_role("link", name="Start", exact=True).click()
    page.get_by_label("lr").fill("0.2")
    page.get_by_label("rows").fill("1.5")
    expect(page.get_by_text("motet submit tuning -p lr=0.2 -p rows=1.5")).to_be_visible()
    page.get_by_role("button", name="Start").click()
    expect(page.get_by_text("It is to be a whole number.")).to_be_visible()
    expect(page.get_by_label("rows")).to_be_focused()
    assert axe(page) == []
    page.get_by_label("rows").fill("5")
    page.get_by_label("Name of the run").fill("by-form")
    page.get_by_role("button", name="Start").click()
    expect(page).to_have_url(re.compile("/runs/"))
    page.goto("/workflows/python/tuning/start")
    page.get_by_label("As in run").select_option("by-form")
    expect(page.get_by_label("lr")).to_have_value("0.2")


def test_a_schedule_is_made_paused_and_removed_and_tells_its_odd_hours(
    page: Page, tuned: Home, axe: Callable[[Page], list[str]]
) -> None:
    page.goto("/workflows/python/tuning/schedules")
    page.get_by_role("button", name="New schedule…").click()
    page.get_by_label("Name", exact=True).fill("spring")
    page.get_by_label("Cron").fill("61 * * * *")
    expect(page.get_by_role("alert")).to_contain_text("is no cron expression")
    page.get_by_label("Cron").fill("30 2 * 3 0")
    page.get_by_label("Zone").fill("Europe/Berlin")
    odd = re.compile(r"02:30 does not exist on \d+ Mar, runs at 03:00")
    times = page.get_by_role("list", name="The next 10 times")
    expect(times).to_contain_text(odd)
    assert axe(page) == []
    page.get_by_role("button", name="Make the schedule").click()
    expect(page.get_by_role("heading", name="spring")).to_be_visible()
    expect(times).to_contain_text(odd)
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_role("heading", name="spring, paused")).to_be_visible()
    page.get_by_role("button", name="Resume").click()
    expect(page.get_by_role("heading", name="spring", exact=True)).to_be_visible()
    page.get_by_role("button", name="Remove…").click()
    page.get_by_role("button", name="Remove spring").click()
    expect(page.get_by_text("No schedule begins runs of tuning.")).to_be_visible()


def test_a_trigger_is_a_sentence(page: Page, tuned: Home) -> None:
    page.goto("/workflows/python/tuning/triggers")
    page.get_by_role("button", name="New trigger…").click()
    page.get_by_label(re.compile("^Event")).fill("page-drift")
    page.get_by_label("Conditions").fill("value.psi>=0.2")
    page.get_by_label("Parameters from the event").fill("lr=value.lr")
    page.get_by_role("button", name="Make the trigger").click()
    told = "When event page-drift with value.psi>=0.2 comes, begin tuning with lr from value.lr."
    expect(page.get_by_text(told)).to_be_visible()
    page.get_by_role("button", name="Remove…").click()
    page.get_by_role("button", name="Remove tuning").click()
    expect(page.get_by_text("No event begins runs of tuning.")).to_be_visible()


def test_of_two_runs_the_better_one_is_named_with_why(
    page: Page, tuned: Home, axe: Callable[[Page], list[str]]
) -> None:
    page.goto("/compare")
    for name in ("quiet-otter", "calm-ibis"):
        page.get_by_label(re.compile(name)).check()
    page.get_by_role("button", name="Compare 2").click()
    best = page.get_by_role("heading", level=1)
    expect(best).to_have_text(re.compile(r"calm-ibis is best: val_rmse [\d.]+, \d.* % below quiet-otter\."))
    expect(page.get_by_text(re.compile("What changed with it: lr 0.1 instead of 0.3"))).to_be_visible()
    expect(page.get_by_text(re.compile("the code of load"))).to_be_visible()
    curves = page.get_by_role("slider", name=re.compile("val_rmse over its steps"))
    curves.focus()
    page.keyboard.press("ArrowRight")
    expect(curves).to_have_attribute("aria-valuetext", re.compile("step 1: .*calm-ibis 5.4"))
    page.get_by_role("button", name=re.compile(r"\d equal parameter")).click()
    assert axe(page) == []
    page.get_by_role("button", name="lower is better").click()
    expect(best).to_have_text(re.compile("quiet-otter is best"))
    page.get_by_role("table").get_by_role("link", name="calm-ibis").click()
    expect(page).to_have_url(re.compile("/runs/"))


def test_many_runs_are_chosen_by_brushing_an_axis(page: Page, tuned: Home, axe: Callable[[Page], list[str]]) -> None:
    runs = [each["id"] for each in json.loads(tuned.motet("ls", "--json")) if each["name"] != "by-form"]
    chosen = sorted(runs, key=lambda run: run, reverse=True)[:8]
    page.goto(f"/compare?runs={','.join(chosen)}")
    expect(page.get_by_text("8 of 8 runs")).to_be_visible()
    axes = page.get_by_role("group", name="Runs over their parameters and metrics")
    grip = axes.locator(".grip").last
    box = grip.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] * 0.7)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"])
    page.mouse.up()
    expect(page.get_by_text("1 of 8 runs")).to_be_visible()
    expect(page.get_by_role("grid", name="Runs").get_by_role("link", name="calm-ibis")).to_be_visible()
    assert axe(page) == []
    page.get_by_role("button", name="Show all").click()
    expect(page.get_by_text("8 of 8 runs")).to_be_visible()


def test_lineage_tells_what_made_an_artifact(page: Page, tuned: Home, axe: Callable[[Page], list[str]]) -> None:
    page.goto("/artifacts?q=importance")
    expect(page.get_by_role("row").filter(has_text="importance").first).to_contain_text("2 × 2: feature, gain")
    answer = page.request.get("/api/v1/runs/calm-ibis/lineage?step=load").json()
    page.goto(f"/artifacts/{answer['made'][0]}")
    made = page.get_by_text(re.compile("^Made by"))
    expect(made).to_contain_text("Made by tuning/load-0 of calm-ibis. Given to tuning/fit-0 of calm-ibis.")
    lineage = page.get_by_role("region", name="Lineage")
    expect(lineage.get_by_role("link", name=re.compile("result of fit"))).to_be_visible()
    assert axe(page) == []
    lineage.get_by_role("link", name=re.compile("result of fit")).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("result of fit")
    expect(lineage.get_by_role("link", name=re.compile("load-0"))).to_be_visible()
    made.get_by_role("link", name="tuning/fit-0").click()
    expect(page).to_have_url(re.compile(r"/runs/.*step=tuning/fit-0|/runs/.*step=tuning%2Ffit-0"))

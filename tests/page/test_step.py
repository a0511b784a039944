"""A step beside its view: why it failed, what it was given and gave, its log, and what may be done with it there."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect
from tests.page.conftest import Home, OpenContext

TRIALS = """\
import time
from pathlib import Path

import numpy
from motet import flow, get_run_logger, task, unmapped
from motet.artifact import image, markdown, metric

PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c49444154789c63f8cfc0000003010100"
    "c9fe92ef0000000049454e44ae426082"
)


@task
def features(rows: int):
    return numpy.linspace(0.0, 1.0, rows)


@task(retries=1)
def train(trial: dict, data):
    get_run_logger().info("trial %s", trial)
    for epoch in range(300):
        print(f"epoch {epoch}" + (" \\033[31malloc\\033[0m" if epoch in (100, 102, 250) else ""))
    for epoch in range(5):
        metric("loss", 1 / (1 + epoch))
    image("curve", PIXEL)
    if trial["depth"] == 96 and not Path("mended").exists():
        return allocate(trial["depth"])
    return {"rmse": trial["depth"] / 10, "<img src=x onerror=alert(1)>": "<script>alert(1)</script>"}


def allocate(depth):
    wanted = depth * 64
    raise MemoryError(f"tried to allocate {wanted} GiB")


@task
def report(found):
    return "<b>text</b>\\n" * 60


@flow
def trials(rows: int = 50, deepest: int = 96):
    return report(train.map([{"depth": each, "lr": 0.1} for each in (4, 8, deepest)], data=unmapped(features(rows))))


@task(executor="processes")
def talk(until: str):
    told = 0
    while not Path(until).exists():
        print(f"tick {told}", flush=True)
        told += 1
        time.sleep(0.2)
    return told


@flow
def talking(until: str):
    return talk.submit(until).result()
"""

RAISES = 1 + next(place for place, line in enumerate(TRIALS.splitlines()) if "raise MemoryError" in line)


@pytest.fixture(scope="module")
def trials(home: Home) -> Iterator[Home]:
    """The home with a search of which a trial has failed, and one that succeeded."""
    (home.folder / "trials.py").write_text(TRIALS)
    home.motet("run", "trials.py:trials", "--name", "bad-trials", check=False)
    home.motet("run", "trials.py:trials", "--name", "good-trials", "-p", "deepest=16")
    yield home
    for run in json.loads(home.motet("ls", "--json")):
        if run["workflow"] in ("trials", "talking") and run["status"] == "running":
            home.motet("stop", run["name"], check=False)


def panel(page: Page, run: str, step: str) -> Locator:
    page.goto(f"/runs/{run}/table?step={step}&wide=1")
    found = page.get_by_role("complementary", name=f"Step {step}")
    expect(found.get_by_role("heading", name=step.rpartition("/")[2], exact=True)).to_be_visible()
    return found


def region(of: Locator, name: str) -> Locator:
    """The section with that heading."""
    return of.locator("section").filter(has=of.page.get_by_role("heading", name=name)).first


def test_a_failure_is_told_first_at_the_users_line(page: Page, trials: Home, axe: Callable[[Page], list[str]]) -> None:
    step = panel(page, "bad-trials", "trials/train-0[2]")
    told = step.locator("header p").first
    expect(told).to_contain_text(f"MemoryError: tried to allocate 6144 GiB at trials.py:{RAISES} in all 2 attempts.")
    expect(told).to_contain_text("report-0 was skipped")
    trace = region(step, "Where it failed")
    expect(trace).to_contain_text("attempt 2, same in all")
    at = trace.locator(".source.at").last
    expect(at).to_have_text(f'{RAISES}    raise MemoryError(f"tried to allocate {{wanted}} GiB")')
    numbers = [int(each) for each in trace.locator(".source .number").all_inner_texts()]
    assert numbers[-4:] == [RAISES - 2, RAISES - 1, RAISES, RAISES + 1]
    step.get_by_role("button", name="attempt 1").click()
    expect(trace).to_contain_text("attempt 1, same in all")
    expect(step.get_by_role("log")).to_contain_text("Attempt 1 failed")
    expect(step.get_by_role("log")).not_to_contain_text("Attempt 2 failed")
    expect(region(step, "Why")).to_contain_text("Retries allowed: 1, used: 1.")
    assert axe(page) == []


def test_inputs_and_outputs_are_shown_as_what_they_are(page: Page, trials: Home) -> None:
    step = panel(page, "bad-trials", "trials/train-0[2]")
    inputs = region(step, "Inputs")
    expect(inputs.locator("mark")).to_have_text("96")
    expect(inputs).to_contain_text("others 4 to 8")
    expect(inputs).to_contain_text("float64 [50]")
    expect(inputs).to_contain_text("mean 0.5")
    step = panel(page, "good-trials", "trials/train-0[0]")
    outputs = region(step, "Outputs")
    expect(outputs).to_contain_text('<img src=x onerror=alert(1)>: "<script>alert(1)</script>"')
    expect(outputs.locator(".curves canvas")).to_be_visible()
    expect(outputs.get_by_role("img", name="curve")).to_be_visible()
    step = panel(page, "good-trials", "trials/report-0")
    expect(region(step, "Outputs").locator("pre")).to_contain_text("<b>text</b>")
    step.get_by_role("link", name="train-0", exact=True).first.click()
    expect(page).to_have_url(re.compile(r"step=trials%2Ftrain-0&|step=trials/train-0&|step=trials%2Ftrain-0$"))


def test_siblings_are_a_key_away(page: Page, trials: Home) -> None:
    step = panel(page, "bad-trials", "trials/train-0[2]")
    page.keyboard.press("[")
    expect(page.get_by_role("heading", name="train-0[1]", exact=True)).to_be_visible()
    page.keyboard.press("]")
    expect(page.get_by_role("heading", name="train-0[2]", exact=True)).to_be_visible()
    expect(step.get_by_role("button", name="The next (])")).to_be_disabled()
    page.keyboard.press("Escape")
    expect(step).to_have_count(0)


def test_the_log_is_searched_as_a_whole_with_what_stands_around(page: Page, trials: Home) -> None:
    step = panel(page, "good-trials", "trials/train-0[0]")
    lines = step.get_by_role("log")
    expect(lines).to_contain_text("epoch 299")
    find = step.get_by_role("searchbox", name="Find in the log")
    find.fill("alloc")
    find.press("Enter")
    expect(page.get_by_text("1 of 3")).to_be_visible()
    expect(lines.locator("mark").first).to_have_text("alloc")
    expect(lines.locator("mark").first.locator("xpath=ancestor::span[contains(@class, 't-failed')]")).to_have_count(1)
    expect(lines).to_contain_text("epoch 90")
    expect(lines).not_to_contain_text("epoch 180")
    page.locator("h1").click()
    page.keyboard.press("n")
    expect(page.get_by_text("2 of 3")).to_be_visible()
    expect(lines.locator(".here")).to_contain_text("epoch 102")
    page.keyboard.press("Shift+N")
    expect(page.get_by_text("1 of 3")).to_be_visible()
    folded = lines.get_by_role("button", name="… 127 lines …").first
    folded.click()
    expect(lines).to_contain_text("epoch 130")
    expect(lines.get_by_role("button", name="… 77 lines …")).to_be_visible()
    find.fill("")
    page.get_by_label("Which lines").select_option("stderr")
    expect(lines.locator(".line")).to_have_count(1)
    lines.locator(".line a").first.click()
    expect(page).to_have_url(re.compile("#L[0-9]+$"))
    page.reload()
    expect(lines.locator(".here")).to_contain_text("INFO trial")


def test_errors_are_a_key_away_and_the_log_is_kept(page: Page, trials: Home) -> None:
    page.goto("/runs/bad-trials/logs")
    expect(page.get_by_role("log")).to_contain_text("not run")
    page.keyboard.press("e")
    expect(page.get_by_role("log").locator(".here")).to_contain_text("Attempt 1 failed: MemoryError")
    page.keyboard.press("e")
    expect(page.get_by_role("log").locator(".here")).not_to_contain_text("Attempt 1 failed: MemoryError")
    page.keyboard.press("Shift+E")
    expect(page.get_by_role("log").locator(".here")).to_contain_text("Attempt 1 failed: MemoryError")
    page.get_by_label("More of the log").click()
    with page.expect_download() as whole:
        page.get_by_role("link", name="Keep all").click()
    text = whole.value.path().read_text()
    assert text.count("epoch 299") == 4
    page.get_by_label("More of the log").click()
    with page.expect_download() as shown:
        page.get_by_role("button", name="Keep what is shown").click()
    assert "Attempt 1 failed" in shown.value.path().read_text()


def test_a_log_is_shown_as_it_is_written_and_a_step_is_stopped(page: Page, trials: Home) -> None:
    trials.motet("submit", "trials.py:talking", "--name", "talks", "-p", f"until={trials.folder / 'quiet'}")
    step = panel(page, "talks", "talking/talk-0")
    lines = step.get_by_role("log")
    expect(lines).to_contain_text("tick 3")
    seen = lines.locator(".line").count()
    expect(lines).to_contain_text(f"tick {seen + 3}")
    (trials.folder / "quiet").touch()
    expect(step.locator("header p").first).to_contain_text("Succeeded")
    (trials.folder / "quiet").unlink()
    trials.motet("submit", "trials.py:talking", "--name", "talks-on", "-p", f"until={trials.folder / 'quiet'}")
    step = panel(page, "talks-on", "talking/talk-0")
    expect(step.get_by_role("log")).to_contain_text("tick 1")
    step.get_by_role("button", name="Stop step").click()
    expect(step.locator("header p").first).to_contain_text("It was stopped")


def test_a_fork_shows_its_plan_first_and_takes_edited_inputs(page: Page, trials: Home) -> None:
    step = panel(page, "bad-trials", "trials/train-0[2]")
    step.get_by_role("button", name="Fork from here…").click()
    form = region(step, "Fork from here")
    expect(form).to_contain_text("run anew")
    form.get_by_label("deepest").fill("12")
    expect(form).to_contain_text("Which steps the change reaches is known when they are called.")
    form.get_by_role("button", name="Fork", exact=True).click()
    expect(page).not_to_have_url(re.compile("bad-trials"))
    expect(page.get_by_text("7 of 7").or_(page.get_by_text("steps ended")).first).to_be_visible()
    run = json.loads(trials.motet("ls", "--json"))[0]
    assert run["params"]["deepest"] == 12


def test_a_failed_step_is_retried(page: Page, trials: Home) -> None:
    trials.motet("run", "trials.py:trials", "--name", "to-mend", check=False)
    step = panel(page, "to-mend", "trials/train-0[2]")
    (trials.folder / "mended").touch()
    step.get_by_role("button", name="Retry").click()
    expect(step.locator("header p").first).to_contain_text("Succeeded")
    (trials.folder / "mended").unlink()


def test_a_question_is_answered_in_the_panel(page: Page, trials: Home) -> None:
    trials.motet("submit", "release.py", "--name", "asks-here")
    page.goto("/runs/asks-here/table?step=release/pause-0")
    step = page.get_by_role("complementary", name="Step release/pause-0")
    form = region(step, "It asks you")
    expect(form).to_contain_text("Score 0.93. Deploy?")
    form.get_by_label("Share").fill("7")
    form.get_by_label("Yes").check()
    form.get_by_role("button", name="Answer").click()
    expect(form).to_contain_text("1")
    form.get_by_label("Share").fill("0.5")
    form.get_by_role("button", name="Answer").click()
    expect(step.locator("header p").first).to_contain_text("Succeeded")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_stands_in_narrow_windows(
    contexts: OpenContext, trials: Home, scheme: Any, axe: Callable[[Page], list[str]]
) -> None:
    page = contexts(viewport={"width": 800, "height": 900}, color_scheme=scheme).new_page()
    panel(page, "bad-trials", "trials/train-0[2]")
    assert page.evaluate("document.documentElement.scrollWidth") <= 800
    assert axe(page) == []

"""The pages Events and Waiting: what is published and heard, which rules fired and which did not; answers."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import Locator, Page, expect
from tests.page.conftest import Home

HEARS = """\
from motet import task
from motet.reactions import finish, react, start
from motet.rules import AllOf, OnEvent


@task
def retrain():
    pass


react(
    start(retrain, on=AllOf((OnEvent("drift"), OnEvent("labels_ready")))),
    finish(on=AllOf((OnEvent("drift"),))),
    name="hears", ends=False,
)
"""


def row(page: Page, text: str) -> Locator:
    return page.get_by_role("row").filter(has_text=text).first


def test_an_event_is_published_and_heard_by_a_run(page: Page, home: Home, axe: Callable[[Page], list[str]]) -> None:
    (home.folder / "hears.py").write_text(HEARS)
    hearing = home.begin("run", "hears.py")
    page.goto("/events?q=finish")
    expect(row(page, "wait.added")).to_be_visible()
    page.get_by_role("searchbox", name="Filter events").fill("")
    page.get_by_role("button", name="Publish…").click()
    form = page.get_by_role("complementary", name="Publish an event")
    form.get_by_label("Name such as").fill("drift")
    form.get_by_label("Value").fill("{0.21")
    expect(form.get_by_text("This is no JSON.")).to_be_visible()
    expect(form.get_by_role("button", name="Publish")).to_be_disabled()
    assert axe(page) == []
    form.get_by_label("Value").fill("0.21")
    form.get_by_role("button", name="Publish").click()
    expect(form.get_by_role("status")).to_contain_text("Published at offset")
    hearing.communicate()
    assert hearing.returncode == 0
    page.get_by_role("button", name="Published", exact=True).click()
    row(page, "drift").click()
    told = page.get_by_role("complementary", name="The event")
    expect(told).to_contain_text("2 rules: one fired, one did not")
    fired = told.locator("section", has=page.get_by_role("heading", name="Fired: finish"))
    expect(fired.get_by_role("listitem")).to_have_text("event drift0.21")
    other = told.locator("section", has=page.get_by_role("heading", name="Did not fire: start retrain"))
    expect(other).to_contain_text("1 of 2 conditions hold")
    expect(other.get_by_role("listitem").nth(1)).to_contain_text("event labels_readynot yet")
    assert axe(page) == []


def test_a_pause_goes_on_counting(page: Page, home: Home) -> None:
    home.motet("publish", "before", "1")
    page.goto("/events?kind=published")
    expect(row(page, "before")).to_be_visible()
    page.get_by_role("button", name="Pause").click()
    home.motet("publish", "meanwhile", '{"n": 2}')
    page.get_by_role("button", name=re.compile(r"Resume, \d+ new")).click()
    expect(row(page, "meanwhile")).to_contain_text('{"n":2}')


def test_a_question_is_answered_by_its_form(page: Page, home: Home, axe: Callable[[Page], list[str]]) -> None:
    page.goto("/waiting")
    expect(page.get_by_role("heading", level=1)).to_have_text("Waiting")
    home.motet("submit", "release.py", "--name", "deciding")
    question = page.get_by_role("article").filter(has=page.get_by_role("link", name="deciding", exact=True))
    question.get_by_role("button", name="Score 0.93. Deploy?").click()
    expect(page).to_have_url(re.compile("/waiting/"))
    share = question.get_by_label("Share")
    expect(share).to_have_value("0.1")
    share.fill("2")
    question.get_by_role("button", name="Answer").click()
    expect(question.get_by_text("It is needed.")).to_be_visible()
    expect(question.get_by_text("It is to be a number above 0 up to 1.")).to_be_visible()
    assert axe(page) == []
    question.get_by_label("Yes").check()
    share.fill("0.5")
    share.press("Control+Enter")
    expect(page.get_by_text("Answered. deciding goes on.").first).to_be_visible()
    page.goto("/runs?q=deciding")
    expect(row(page, "deciding").get_by_role("img", name="succeeded").first).to_be_visible()

"""The page Runs: what is found, what comes by itself, what is done to many at once, what stays in the address."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import Locator, Page, expect
from tests.page.conftest import Home


def row(page: Page, name: str) -> Locator:
    return page.get_by_role("row").filter(has=page.get_by_role("link", name=name, exact=True))


def test_runs_of_every_voice_are_listed_with_what_they_say(page: Page, axe: Callable[[Page], list[str]]) -> None:
    page.goto("/runs")
    voices = {"wide-search": "Python", "two-parts": "Orquestra", "greetings": "Yadage", "notes-1": "AIFlow"}
    for name, voice in voices.items():
        expect(row(page, name)).to_contain_text(voice)
    expect(row(page, "failed-pipeline")).to_contain_text("RuntimeError: Our unreliable service failed.")
    expect(row(page, "failed-pipeline").get_by_role("img", name="failed", exact=True)).to_be_visible()
    expect(row(page, "asks")).to_contain_text("asks you")
    page.get_by_label("Mark asks").check()
    assert axe(page) == []
    page.get_by_role("button", name="Show it dark").click()
    assert axe(page) == []


def test_a_line_of_conditions_finds_runs_and_is_the_address(page: Page) -> None:
    page.goto("/runs")
    find = page.get_by_label("Find runs")
    find.fill("voice:python rows=40")
    find.press("Enter")
    expect(row(page, "wide-search")).to_be_visible()
    expect(row(page, "two-parts")).to_have_count(0)
    expect(page).to_have_url(re.compile(r"q=voice:python\+rows%3D40"))
    page.get_by_role("button", name="Without rows=40").click()
    expect(row(page, "calm-pipeline")).to_be_visible()
    page.go_back()
    expect(row(page, "calm-pipeline")).to_have_count(0)
    page.get_by_label("Find runs").fill("nosuch")
    page.keyboard.press("Enter")
    expect(page.get_by_text("No run matches.")).to_be_visible()
    page.get_by_role("grid").get_by_role("button", name="Without nosuch").click()
    expect(row(page, "wide-search")).to_be_visible()


def test_tallies_are_filters_by_the_status_that_is_shown(page: Page) -> None:
    page.goto("/runs")
    page.get_by_role("button", name=re.compile("waiting")).click()
    expect(row(page, "asks")).to_be_visible()
    expect(row(page, "wide-search")).to_have_count(0)
    page.get_by_role("button", name=re.compile("failed")).click()
    expect(row(page, "failed-pipeline")).to_be_visible()
    expect(row(page, "asks")).to_have_count(0)
    expect(page).to_have_url(re.compile("q=status:failed$"))


def test_a_column_of_a_parameter_is_chosen_and_kept_in_the_address(page: Page) -> None:
    page.goto("/runs")
    page.get_by_role("button", name="Columns").click()
    page.get_by_label("rows", exact=True).check()
    expect(page.get_by_role("columnheader", name="rows")).to_be_visible()
    expect(row(page, "wide-search")).to_contain_text("40")
    page.reload()
    expect(page.get_by_role("columnheader", name="rows")).to_be_visible()


def test_keys_go_through_the_list_mark_and_open(page: Page) -> None:
    page.goto("/runs?q=pipeline")
    expect(row(page, "failed-pipeline")).to_be_visible()
    page.keyboard.press("j")
    page.keyboard.press("x")
    page.keyboard.press("j")
    page.keyboard.press("x")
    expect(page.get_by_role("region", name="Marked runs")).to_contain_text("2 runs marked")
    page.keyboard.press("c")
    expect(page).to_have_url(re.compile(r"/compare\?runs="))
    page.go_back()
    expect(row(page, "failed-pipeline")).to_be_visible()
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/runs/[a-z]+-pipeline"))


def test_runs_come_by_themselves_and_are_stopped_retried_and_forked_together(page: Page, home: Home) -> None:
    page.goto("/runs")
    expect(row(page, "wide-search")).to_be_visible()
    home.motet("submit", "release.py", "--name", "one-to-stop")
    home.motet("submit", "release.py", "--name", "two-to-stop")
    bar = page.get_by_role("region", name="Marked runs")
    for name in ("one-to-stop", "two-to-stop"):
        expect(row(page, name)).to_contain_text("asks you")
        page.get_by_label(f"Mark {name}").check()
    bar.get_by_role("button", name="Stop…").click()
    expect(bar).to_contain_text("Stop 2 runs?")
    bar.get_by_role("button", name="Stop 2").click()
    for name in ("one-to-stop", "two-to-stop"):
        expect(row(page, name).get_by_role("img", name="cancelled", exact=True)).to_be_visible()
    bar.get_by_role("button", name="Retry…").click()
    bar.get_by_role("button", name="Retry 2").click()
    for name in ("one-to-stop", "two-to-stop"):
        expect(row(page, name)).to_contain_text("asks you")
        home.motet("stop", name)
        expect(row(page, name).get_by_role("img", name="cancelled", exact=True)).to_be_visible()
    bar.get_by_role("button", name="Unmark all").click()

    page.get_by_label("Mark wide-search").check()
    bar.get_by_role("button", name="Fork…").click()
    bar.get_by_label("Parameters to change, as JSON").fill('{"rows": 7}')
    bar.get_by_role("button", name="Fork 1").click()
    forked = page.get_by_role("row").filter(has_text="rows 7")
    expect(forked.get_by_role("img", name="succeeded", exact=True)).to_be_visible()

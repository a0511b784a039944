"""What stands around all pages: ways in, ways around, keys, theme, and how it stands to the server."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import Browser, Page, expect
from tests.page.conftest import OpenContext, Served

PAGES = ("Runs", "Workflows", "Events", "Waiting", "Artifacts", "Compare")


def test_a_browser_without_a_cookie_is_told_how_to_come_in(chromium: Browser, server: Served) -> None:
    context = chromium.new_context(base_url=server.url)
    page = context.new_page()
    page.goto("/runs")
    expect(page.get_by_role("alert")).to_contain_text("motet open")
    page.goto(server.link() + "&to=/events")
    expect(page).to_have_url(f"{server.url}/events")
    expect(page.get_by_role("alert")).to_have_count(0)
    context.close()


def test_each_page_is_a_link_away_and_has_no_serious_fault(page: Page, axe: Callable[[Page], list[str]]) -> None:
    page.goto("/runs")
    for name in PAGES:
        page.get_by_role("navigation", name="Pages").get_by_role("link", name=name).click()
        expect(page).to_have_title(re.compile(f"{name} · Motet"))
        expect(page.get_by_role("heading", level=1)).to_have_count(1)
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    assert axe(page) == []
    page.get_by_role("button", name="Show it dark").click()
    assert axe(page) == []


def test_the_count_of_questions_stands_in_the_bar_and_the_title(page: Page) -> None:
    page.goto("/events")
    expect(page.get_by_role("link", name="Waiting 1")).to_be_visible()
    expect(page).to_have_title("(1) Events · Motet")


def test_keys_lead_to_pages_and_are_listed(page: Page) -> None:
    page.goto("/runs")
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    page.keyboard.press("g")
    page.keyboard.press("e")
    expect(page).to_have_title(re.compile("Events · Motet"))
    page.keyboard.press("?")
    listed = page.get_by_role("region", name="Keys")
    expect(listed).to_contain_text("Find anything")
    page.get_by_label("Single letters act").uncheck()
    page.keyboard.press("Escape")
    expect(listed).to_have_count(0)
    page.keyboard.press("g")
    page.keyboard.press("r")
    expect(page).to_have_title(re.compile("Events · Motet"))


def test_find_leads_to_a_run_by_its_name(page: Page) -> None:
    page.goto("/events")
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    page.keyboard.press("/")
    page.keyboard.type("failed-pipe")
    expect(page.get_by_role("option").first).to_contain_text("failed-pipeline")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/runs/failed-pipeline"))


def test_the_theme_is_the_systems_or_the_one_that_was_chosen(contexts: OpenContext) -> None:
    context = contexts(color_scheme="dark")
    page = context.new_page()
    page.goto("/runs")
    expect(page.locator("html.dark")).to_be_attached()
    page.get_by_role("button", name="Show it light").click()
    page.reload()
    expect(page.locator("html.light")).to_be_attached()


def test_one_stream_serves_all_tabs_and_another_takes_over(contexts: OpenContext, server: Served) -> None:
    context = contexts()
    listening: set[Page] = set()
    context.on("request", lambda request: listening.add(request.frame.page) if "/live" in request.url else None)
    first, second = context.new_page(), context.new_page()
    for page in (first, second):
        page.goto("/runs")
        expect(page.get_by_text("Live", exact=True)).to_be_visible()
    assert len(listening) == 1
    (leads,) = listening
    other = second if leads is first else first
    with other.expect_request(lambda request: "/live" in request.url):
        leads.close()

"""The page of a run: live, at any moment, filtered, steered; and what the description of the old page promised."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Locator, Page, expect
from tests.page.conftest import Home, OpenContext, Served


def tally(page: Page, status: str) -> Locator:
    """The button that counts, and filters, the steps of a status."""
    return page.get_by_role("group", name="Steps by status").get_by_role("button", name=re.compile(f" {status}$"))


def rows(page: Page) -> Locator:
    """The steps of the Table."""
    return page.get_by_role("grid", name=re.compile("^Steps of ")).get_by_role("row").filter(has=page.locator(".td"))


@pytest.fixture
def paced(home: Home, server: Served) -> Iterator[str]:
    """A run that goes on as files come to be; its name."""
    process = home.begin("run", "paced.py", "--name", "paced")
    yield "paced"
    process.terminate()
    process.communicate()


def test_a_run_is_shown_as_it_goes_on_and_is_stopped_and_resumed(paced: str, home: Home, page: Page) -> None:
    page.goto(f"/runs/{paced}/timeline")  # perhaps before it was begun
    expect(tally(page, "running")).to_have_text(re.compile("2 running"))
    steps = page.get_by_role("application", name=re.compile("^Timeline of paced"))
    expect(steps.get_by_role("listitem").filter(has_text="running")).to_have_count(1)
    (home.folder / "go-0").touch()
    expect(tally(page, "succeeded")).to_have_text(re.compile("1 succeeded"))
    expect(steps.get_by_role("listitem").filter(has_text="running")).to_have_count(1)

    page.keyboard.press("s")
    page.get_by_role("button", name="Stop it").click()
    expect(page.get_by_role("img", name="cancelled").first).to_be_visible()
    for name in ("go-1", "go-2"):
        (home.folder / name).touch()
    page.get_by_role("button", name="Resume").click()
    expect(tally(page, "succeeded")).to_have_text(re.compile("4 succeeded"))
    expect(page.get_by_role("img", name="succeeded").first).to_be_visible()


def test_views_share_selection_filter_and_moment(page: Page) -> None:
    page.goto("/runs/wide-search/table")
    rows(page).filter(has_text="load").first.click()
    expect(page).to_have_url(re.compile("step=search%2Fload-0|step=search/load-0"))
    page.keyboard.press("3")
    expect(page).to_have_url(re.compile("/timeline.*step="))
    page.goto("/runs/wide-search/timeline?step=load")  # as the command line names it, too
    timeline = page.get_by_role("application", name=re.compile("^Timeline"))
    expect(timeline).to_have_attribute("aria-activedescendant", re.compile("^tl-"))
    chosen = timeline.get_attribute("aria-activedescendant")
    expect(page.locator(f"#{chosen}")).to_have_text(re.compile("^load"))
    page.keyboard.press("Escape")
    expect(page).not_to_have_url(re.compile("step="))

    page.keyboard.press("4")
    expect(rows(page).filter(has_text="fit × 6")).to_have_count(1)
    page.get_by_role("searchbox", name="Find steps").fill("check")
    expect(rows(page).filter(has_text="fit")).to_have_count(0)
    expect(rows(page).filter(has_text="check")).to_have_count(1)
    expect(page).to_have_url(re.compile("q=check"))
    page.reload()
    expect(rows(page).filter(has_text="check")).to_have_count(1)
    page.get_by_role("button", name="All", exact=True).click()

    page.keyboard.press("Escape")
    moment = page.get_by_role("slider", name="Moment")
    moment.press("Home")
    expect(page.get_by_text(re.compile("as it was at"))).to_be_visible()
    expect(tally(page, "succeeded")).to_have_count(0)
    moment.press("End")
    expect(tally(page, "succeeded")).to_be_visible()
    page.keyboard.press(",")
    expect(page).to_have_url(re.compile("at="))
    page.get_by_role("button", name="Back to now").click()
    expect(page).not_to_have_url(re.compile("at="))


def test_groups_open_and_the_grid_shows_earlier_runs(page: Page) -> None:
    page.goto("/runs/wide-search/table")
    page.get_by_role("button", name="fit × 6").click()
    expect(rows(page).filter(has_text=re.compile(r"\[5\]"))).to_have_count(1)
    page.go_back()
    expect(rows(page).filter(has_text=re.compile(r"\[5\]"))).to_have_count(0)
    page.goto("/runs/calm-pipeline/grid")
    grid = page.get_by_role("region", name=re.compile("^Steps of the last runs"))
    write = grid.get_by_role("row").filter(has_text="write_to_database")
    expect(write.get_by_role("img", name="succeeded")).to_have_count(1)
    expect(
        grid.get_by_role("row").filter(has_text="call_unreliable_api").get_by_role("img", name="failed")
    ).to_have_count(1)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_nobody_is_kept_out_of_a_run(contexts: OpenContext, axe: Callable[[Page], list[str]], theme: str) -> None:
    page = contexts(viewport={"width": 800, "height": 900}, color_scheme=theme).new_page()
    for view in ("timeline", "table", "grid", "parameters", "events"):
        page.goto(f"/runs/wide-search/{view}")
        expect(page.get_by_role("tabpanel")).to_be_visible()
        expect(page.get_by_role("tabpanel")).not_to_have_text("")
        assert axe(page) == [], view


def test_what_was_said_of_the_old_page_can_be_seen_step_by_step(page: Page) -> None:
    # We find the run by its name, and see when it started and when it ended.
    page.goto("/runs")
    page.get_by_role("link", name="failed-pipeline", exact=True).first.click()
    expect(page.get_by_role("heading", name="failed-pipeline")).to_be_visible()
    head = page.locator(".run-head")
    expect(head).to_contain_text(re.compile(r"started \d\d:\d\d:\d\d .* ended \d\d:\d\d:\d\d"))
    # We see where it has failed, and why, after all retries.
    expect(head).to_contain_text("Our unreliable service failed. in call_unreliable_api, 3 attempts")
    # The log has the details of the exception.
    page.get_by_role("tab", name="Logs").click()
    lines = page.get_by_role("tabpanel", name="Logs")
    expect(lines.get_by_text("RuntimeError: Our unreliable service failed.").first).to_be_visible()
    expect(lines.get_by_text("asking the service")).to_have_count(3)
    # The second tab has the tasks that make up the flow.
    page.goto("/runs/calm-pipeline")
    page.get_by_role("tab", name="Table").click()
    for task in ("call_unreliable_api", "augment_data", "write_to_database"):
        expect(rows(page).filter(has_text=task)).to_have_count(1)
    # Radar shows the dependence between tasks: writing depends on augmenting, and not on the service.
    page.get_by_role("tab", name="Radar").click()
    radar = page.get_by_role("application", name=re.compile("^Radar of calm-pipeline"))
    expect(radar).to_be_visible()
    steps = page.get_by_role("list", name="Steps of the Radar").get_by_role("listitem")
    expect(steps.filter(has_text=re.compile("^write_to_database.*needs augment_data"))).to_have_count(1)
    expect(steps.filter(has_text=re.compile("^write_to_database.*needs .*call_unreliable_api"))).to_have_count(0)
    # And from it where a run has failed.
    page.goto("/runs/failed-pipeline/radar")
    failed = re.compile("^call_unreliable_api.*failed.*Our unreliable service failed")
    expect(steps.filter(has_text=failed)).to_have_count(1)
    # There are subflows, too.
    page.goto("/runs/wide-search/parameters")
    page.get_by_role("link", name="evaluate").click()
    expect(rows(page).filter(has_text="check")).to_have_count(1)

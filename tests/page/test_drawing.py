"""Radar and Graph in a browser: what they say of a run, walked by keys, opened in place, the same after a reload."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect
from tests.page.conftest import Home

STAGE = re.compile("^(Radar|Graph) of ")


def stage(page: Page) -> Locator:
    """The canvas."""
    return page.get_by_role("application", name=STAGE)


def said(page: Page) -> Locator:
    """What is drawn, in words: one line an item, in the order of the rings."""
    return page.get_by_role("list", name=re.compile("^Steps of the (Radar|Graph)$")).get_by_role("listitem")


def test_the_last_step_hangs_on_the_one_before_it_and_not_on_the_first(page: Page) -> None:
    page.goto("/runs/calm-pipeline/radar")
    expect(said(page)).to_have_count(3)
    first, second, third = said(page).all_inner_texts()
    assert first == "call_unreliable_api, succeeded, ring 1, needed by augment_data"
    assert second == "augment_data, succeeded, ring 2, needs call_unreliable_api, needed by write_to_database"
    assert third == "write_to_database, succeeded, ring 3, needs augment_data"


def test_a_failed_run_shows_where_it_failed_and_why(page: Page) -> None:
    page.goto("/runs/failed-pipeline/radar")
    failed = said(page).filter(has_text="failed")
    expect(failed).to_have_count(1)
    expect(failed).to_have_text(re.compile(r"^call_unreliable_api, failed, .*service failed"))
    stage(page).focus()
    page.keyboard.press("ArrowRight")  # to the first step, which is selected: its panel opens
    expect(page).to_have_url(re.compile("step="))
    expect(page.get_by_role("complementary", name=re.compile("^Step "))).to_contain_text("service failed")


def test_keys_walk_outwards_inwards_and_to_what_a_step_needs(page: Page) -> None:
    page.goto("/runs/calm-pipeline/radar")
    expect(said(page)).to_have_count(3)
    stage(page).focus()

    def chosen(words: str) -> None:
        expect(stage(page)).to_have_attribute("aria-activedescendant", re.compile("."))
        item = page.locator(f"[id='{stage(page).get_attribute('aria-activedescendant')}']")
        expect(item).to_have_text(re.compile(f"^{words}"))

    for key, words in (
        ("ArrowUp", "call_unreliable_api"), ("ArrowUp", "augment_data"), ("ArrowUp", "write_to_database"),
        ("Shift+ArrowLeft", "augment_data"), ("ArrowDown", "call_unreliable_api"),
    ):  # fmt: skip
        page.keyboard.press(key)
        name = re.compile(f"step=[^&]*{words}")
        expect(page).to_have_url(name)
        chosen(words)


def test_a_group_is_one_arc_and_opens_where_it_stands(page: Page) -> None:
    page.goto("/runs/wide-search/radar?step=search/fit-0")
    group = said(page).filter(has_text=" × ")
    expect(group).to_have_count(1)
    closed = said(page).count()
    size = int(re.findall(r" × (\d+)", group.inner_text())[0])
    stage(page).press("o")
    expect(page).to_have_url(re.compile("open=[^&]*fit"))
    expect(said(page)).to_have_count(closed - 1 + size)
    before = said(page).all_inner_texts()
    page.reload()
    expect(said(page)).to_have_count(closed - 1 + size)
    assert said(page).all_inner_texts() == before


@pytest.mark.parametrize("view", ["radar", "graph"])
def test_the_picture_has_no_serious_fault(view: str, page: Page, axe: Callable[[Page], list[str]]) -> None:
    page.goto(f"/runs/failed-pipeline/{view}")
    expect(said(page)).to_have_count(1)
    assert axe(page) == []


PAINTED = """() => {
  const canvas = document.querySelector("canvas.radar");
  const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
  return new Set(new Uint32Array(pixels.buffer)).size > 8;
}"""


def test_the_file_of_a_run_draws_itself_under_its_own_policy(home: Home, page: Page, tmp_path: Path) -> None:
    file = tmp_path / "run.html"
    home.motet("show", "failed-pipeline", "--html", str(file))
    page.goto(file.as_uri())
    page.wait_for_function(PAINTED)
    expect(page.get_by_role("img", name=re.compile("^Radar of failed-pipeline"))).to_be_visible()

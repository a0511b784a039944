"""Whatever is stored is shown as text: payloads in every field that a run can fill, over all pages that show them."""

from __future__ import annotations

import json
from urllib.parse import quote

from playwright.sync_api import Page, expect
from tests.page.conftest import Home

CODE = "window.hit=1"
BODIES = (
    f"<script>{CODE}</script>", f"<img src=x onerror={CODE}>", f"<svg onload={CODE}>",
    f"<svg><script>{CODE}</script></svg>", "<iframe srcdoc='<script>parent.hit=1</script>'>",
    "<iframe src=javascript:parent.hit=1>", f"<object data=javascript:{CODE}>", f"<embed src=javascript:{CODE}>",
    f"<a href=javascript:{CODE}>x</a>", f"<form action=javascript:{CODE}><button>x</button></form>",
    f"<input autofocus onfocus={CODE}>", f"<details open ontoggle={CODE}>", f"<video><source onerror={CODE}></video>",
    f"<body onload={CODE}>", f"<style onload={CODE}></style>", f"<link rel=stylesheet href=x onerror={CODE}>",
    f"<math><mtext></form><mglyph><style></math><img src onerror={CODE}>",
    f"<meta http-equiv=refresh content='0;javascript:{CODE}'>", "<base href=//evil.example/>", f"javascript:{CODE}",
    f"data:text/html,<script>{CODE}</script>", f"vbscript:{CODE}", f"{{{{constructor.constructor('{CODE}')()}}}}",
    f"${{{CODE}}}", f"&lt;img src=x onerror={CODE}&gt;",
)  # fmt: skip
AROUND = ("%s", '">%s', "'>%s", "</title>%s", "</textarea>%s", "-->%s<!--", "]]>%s", "\\x3c%s")
PAYLOADS = [around % body for body in BODIES for around in AROUND]

PROGRAM = """\
import json
import logging
from pathlib import Path

from motet import artifact, flow, pause_flow_run, publish, task

PAYLOADS = json.loads(Path(__file__).with_suffix(".json").read_text())


class Hostile(Exception):
    pass


Hostile.__name__ = Hostile.__qualname__ = PAYLOADS[0]


def named(payload):
    return payload.replace("/", "|").replace("[", "(")  # which no task's name may have


@task
def shown(said):
    print(said)
    logging.getLogger(said).warning(said)
    return {said: said}


@task
def wrong(said):
    raise Hostile(said)


@flow(name=PAYLOADS[1])
def hostile(given: dict, asks: bool = False):
    for each in PAYLOADS:
        shown.with_options(name=named(each))(each)
        publish(each, {each: each}, namespace=each)
    artifact.table(PAYLOADS[2], [{each: each} for each in PAYLOADS[:20]], PAYLOADS[2])
    for each in PAYLOADS[:24]:
        artifact.markdown(each, each, each)
    for each in PAYLOADS:
        if "script:" in each or each.startswith("data:"):
            artifact.link(each, each, each, each)
    if asks:
        pause_flow_run(wait_for_input=str, description=" ".join(PAYLOADS), key=PAYLOADS[3])
    wrong.with_options(name=named(PAYLOADS[4]))(" ".join(PAYLOADS))
"""

NEVER = "iframe, object, embed, base, form[action], math, script:not([src]), [onerror], [onload], [onfocus], [ontoggle]"
"""What no page of ours has."""

VIEWS = ("radar", "graph", "timeline", "table", "grid", "logs", "artifacts", "events", "parameters")


def test_there_are_two_hundred() -> None:
    assert len(set(PAYLOADS)) == 200


def test_what_is_stored_is_text_on_every_page(page: Page, home: Home) -> None:
    (home.folder / "hostile.py").write_text(PROGRAM)
    (home.folder / "hostile.json").write_text(json.dumps(PAYLOADS))
    given = json.dumps({"given": {each: each for each in PAYLOADS}})
    (home.folder / "given.json").write_text(given)
    name, waiting = PAYLOADS[8], PAYLOADS[16]
    home.motet("run", "hostile.py", "--params", "given.json", "--name", name, check=False)
    home.motet("submit", "hostile.py", "--params", "given.json", "-p", "asks=true", "--name", waiting)
    home.motet("tag", name, *[each for each in PAYLOADS[:40] if not each.startswith("-")])
    page.goto("/runs?q=hostile")
    run = next(each for each in json.loads(home.motet("ls", "--json")) if each["name"] == name)
    assert run["status"] == "failed"

    origin = page.evaluate("location.origin")

    def look(address: str, shows: str = "") -> None:
        page.goto(address)
        expect(page.get_by_text("Live", exact=True)).to_be_visible()
        if shows:
            expect(page.get_by_text(shows).first).to_be_visible()
        page.wait_for_timeout(200)  # for what would run a little later
        assert page.evaluate("window.hit") is None, address
        leads = page.evaluate("[...document.querySelectorAll('[href], [src]')].map((each) => each.href ?? each.src)")
        elsewhere = [each for each in leads if isinstance(each, str) and not each.startswith((origin, "blob:"))]
        assert not elsewhere, address
        assert page.locator(NEVER).count() == 0, address

    look("/runs", shows=name)
    for view in VIEWS:
        look(f"/runs/{run['id']}/{view}", shows=name)
    steps = json.loads(home.motet("show", run["id"], "--json"))["steps"]
    for step in (steps[0]["key"], *[each["key"] for each in steps if each["status"] == "failed"]):
        look(f"/runs/{run['id']}/table?step={quote(step, safe='')}")
    for address in ("/events", "/waiting", "/workflows", "/artifacts", f"/compare?runs={run['id']},calm-pipeline"):
        look(address)
    page.get_by_label("Find anything").fill(name[:12])
    expect(page.get_by_role("option").first).to_be_visible()
    assert page.evaluate("window.hit") is None
    home.motet("stop", waiting)

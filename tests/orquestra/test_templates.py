"""Workflows that are Jinja templates: told from others, rendered where it is asked for."""

from __future__ import annotations

import json
import sys

import pytest
from tests.cli.conftest import Cli
from tests.orquestra.workflows import BLOSSOMS, changed, odd, step

from motet.dialects.orquestra import templates
from motet.dialects.orquestra.reader import read_workflow
from motet.errors import SpecError, UsageError

LOOP = changed("  - count: 4\n", "  - count: {{ count }}\n") + "{# the end #}\n"


def test_a_template_is_called_one_with_what_it_needs(cli: Cli) -> None:
    for text, place in (
        (LOOP, "w.yaml:30:12"),
        (changed("name: blossoms", 'name: "{{ name }}"', LOOP.replace("{#", "#")), "w.yaml:3:8"),
    ):
        cli.write("w.yaml", text)
        said = cli("run", "w.yaml", code=2).err
        assert f"{place}: this is a Jinja template" in said
        assert "Give it values: motet run w.yaml --set count=VALUE" in said
    cli.write("w.yaml", "{% set n = 3 %}\n" + changed("count: 4", "count: {{ n }}"))
    said = cli("run", "w.yaml", code=2).err
    assert "It needs no values: motet run renders it if it is called w.yaml.j2" in said


def test_a_template_is_rendered_with_the_values_that_are_set(cli: Cli) -> None:
    steps = "{% for i in range(n) %}" + step("s{{ i }}", "tell", "x: {{ i }}") + "{% endfor %}\n"
    cli.write("w.yaml", odd(steps))
    (run,) = cli.json("run", "w.yaml", "--set", "n=3", "--set", "s1.x=seven")["runs"]
    found = json.loads(cli("results", run["id"]).out)
    assert {name: each["told"]["x"] for name, each in found.items()} == {"s0": 0, "s1": "seven", "s2": 2}
    assert "s2" in cli("qe", "get", "workflow", run["id"]).out, "what was rendered is kept with the run"
    said = cli("run", "w.yaml", "--set", "m=3", code=2).err
    assert "w.yaml: the template needs a value for n." in said
    assert "--set n=VALUE" in said


def test_a_file_that_is_called_a_template_is_rendered(cli: Cli) -> None:
    cli.write("v.yaml.j2", "{% set n = 1 %}\n" + odd(step("s{{ n }}", "tell", "x: {{ n }}")))
    assert cli.json("run", "v.yaml.j2")["runs"][0]["status"] == "succeeded"
    assert templates.is_asked("w.yaml.j2", {})
    assert not templates.is_asked("w.yaml", {})
    assert templates.render(b"{% for i in range(2) %}{{ i }};{% endfor %}", "w.yaml.j2", {}) == b"0;1;"


def test_what_is_wrong_with_the_rest_is_told_of_what_was_rendered(cli: Cli) -> None:
    cli.write("w.yaml", LOOP.replace("function: draw\n", "function: drow\n"))
    assert "w.yaml (rendered):24:19: steps/points.py" in cli("run", "w.yaml", "--set", "count=4", code=2).err
    cli.write("w.yaml", BLOSSOMS)
    said = cli("run", "w.yaml", "--set", "count=4", code=2).err
    assert "--set count=4: this is no STEP.INPUT=VALUE, and w.yaml is no template" in said


@pytest.mark.parametrize("text", [
    "{{ ''.__class__.__mro__ }}", "{% for each in range(10**9) %}x{% endfor %}", "{% include '/etc/passwd' %}",
    "{% import 'os' as os %}", "{{ values.append(1) }}", "{{ 1 / 0 }}", "{{ nothing.at.all }}", "{% for %}",
    "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", "{% for i in range(99999) %}{{ 'x' * 9999 }}{% endfor %}",
])  # fmt: skip
def test_a_template_reaches_nothing_and_comes_to_an_end(text: str) -> None:
    with pytest.raises(SpecError, match=r"w\.yaml"):
        templates.render(text.encode(), "w.yaml", {"values": [1]})


def test_without_jinja_it_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jinja2", None)
    monkeypatch.setitem(sys.modules, "jinja2.sandbox", None)
    with pytest.raises(UsageError, match="not installed"):
        templates.render(b"{{ n }}", "w.yaml", {"n": 1})
    with pytest.raises(SpecError, match="this is a Jinja template") as refused:
        read_workflow(LOOP, "w.yaml")
    assert "pip install 'motet[jinja]'" in refused.value.cure


def test_braces_in_text_are_text() -> None:
    workflow = read_workflow(changed("count: 4\n    type: int", 'count: "{{ question }}"\n    type: string'), "w.yaml")
    assert workflow.steps["draw-points"].inputs[0].value == "{{ question }}"

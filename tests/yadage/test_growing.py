"""What grows out of a workflow: which steps there are, with what, after what."""

from __future__ import annotations

from typing import Any

import pytest
from tests.yadage.conftest import Bench, nested, scatter, stage

from motet.dialects.yadage.growing import Graph, Question
from motet.dialects.yadage.scopes import DONE, SKIPPED, WRONG


def asked(graph: Graph) -> dict[str, Any]:
    """What each step is given, by key."""
    return {key: each.asked for key, each in graph.members.items() if not each.is_init}


def needs(graph: Graph) -> dict[str, list[str]]:
    return {key: list(each.needs) for key, each in graph.members.items() if not each.is_init}


def wrong(graph: Graph) -> str:
    """What is wrong with the one stage that cannot be applied."""
    (only,) = [each for each in graph.root.rules.values() if each.status == WRONG]
    return only.why


FIRST = {"stages": "first", "output": "text"}


def test_results_go_where_they_are_referred_to(bench: Bench) -> None:
    graph = bench.grow(
        stage("last", text={**FIRST, "unwrap": True}, extra=[{"step": "first", "output": "text"}]),
        stage("first", text={"step": "init", "output": "word"}),
        values={"word": "hello"},
    )  # fmt: skip
    assert asked(graph)["last"] == {"text": "hello", "file": "{workdir}/out.txt", "extra": ["hello"]}
    assert needs(graph) == {"first": ["init"], "last": ["first"]}, "edges are what parameters use"
    assert graph.root.done.there


def test_a_stage_waits_for_all_that_it_depends_on(bench: Bench) -> None:
    graph = Graph(bench.read(stage("b", after=["a"]), stage("a")), "/w", "/w/init", {})
    said = []
    for each in graph.next():
        said.append(each.key)
        if each.key == "init":
            graph.succeeded("init", {"published": {}})
    assert said == ["init", "a"]
    graph.succeeded("a", {"published": {}})
    assert [each.key for each in graph.next()] == ["b"]
    assert not graph.root.done.there


@pytest.mark.parametrize(
    ("more", "values", "given"),
    [
        ({}, [1, 2, 3], [1, 2, 3]),
        ({"batchsize": 2}, [1, 2, 3], [[1, 2], [3]]),
        ({"batchsize": 1}, [1, 2], [[1], [2]]),
        ({"batchsize": 9}, [1, 2], [[1, 2]]),
        ({"batch_size": 2}, [1, 2], [[1, 2]]),
        ({"partitionsize": 3}, list(range(10)), [[0, 1, 2], [3, 4, 5], [6, 7, 8, 9]]),
        ({"partitionsize": 5}, [1, 2], [[1], [2]]),
        ({"partitionsize": 2}, [], []),
        ({"batchsize": 2}, [], []),
        ({}, [], []),
    ],
)
def test_lists_are_spread_over_steps(bench: Bench, more: dict[str, Any], values: list[int], given: list[Any]) -> None:
    graph = bench.grow(scatter("m", {"text": {"step": "init", "output": "l"}}, **more), values={"l": values})
    assert [each["text"] for each in asked(graph).values()] == given
    assert list(asked(graph)) == [f"m_{number}" for number in range(len(given))]


def test_products_go_in_order_the_last_fastest(bench: Bench) -> None:
    graph = bench.grow(scatter("m", {"text": [1, 2], "b": ["x", "y"]}, method="cartesian"))
    assert [(each["text"], each["b"]) for each in asked(graph).values()] == [(1, "x"), (1, "y"), (2, "x"), (2, "y")]


def test_a_scattered_step_needs_the_steps_that_its_own_item_is_from(bench: Bench) -> None:
    graph = bench.grow(
        scatter("m", {"text": [1, 2, 3]}),
        scatter("n", {"text": {"stages": "m", "output": "text"}}),
        scatter("p", {"text": {"stages": "m", "output": "text"}}, batchsize=2),
        stage("r", text={"stages": "n,p", "output": "text", "flatten": True}),
    )
    found = needs(graph)
    assert [found[f"n_{each}"] for each in range(3)] == [["m_0"], ["m_1"], ["m_2"]]
    assert [found["p_0"], found["p_1"]] == [["m_0", "m_1"], ["m_2"]]
    assert asked(graph)["r"]["text"] == [1, 2, 3, 1, 2, 3]


@pytest.mark.parametrize(
    ("reference", "text"),
    [
        ({"stages": "m", "output": "text"}, [[1, 2], [3]]),
        ({"steps": "m", "output": "text", "flatten": True}, [1, 2, 3]),
        ({"stages": "m[1]", "output": "text", "unwrap": True}, [3]),
        ({"stages": "m[1]", "output": "text", "flatten": True, "unwrap": True}, 3),
        ({"stages": "m[0:1]", "output": "text"}, [[1, 2]]),
        ({"stages": "m[-1]", "output": "text"}, [[3]]),
        ({"stages": "m[*]", "output": "text[0]"}, [1, 3]),
        ({"step": "m[0]", "output": "text"}, [1, 2]),
        ({"step": "m[1]"}, {"text": [3], "file": "{workdir}/out.txt"}),
        ({"stages": "one|m", "output": "text"}, ["one", [1, 2], [3]]),
        ({"stages": "one, m", "output": "text"}, ["one", [1, 2], [3]]),
        ({"stages": "a stage", "output": "text", "unwrap": True}, "a stage"),
        ({"stages": "'a stage'", "output": "text", "unwrap": True}, "a stage"),
        ({"stages": "2nd-stage.v1", "output": "text", "unwrap": True}, "2nd-stage.v1"),
        ({"step": "keys", "output": "a.b"}, 1),
        ({"step": "keys", "output": "c.d[1]"}, 3),
        ({"expression_type": "stage-output-selector", "stages": "one", "output": "text", "unwrap": True}, "one"),
    ],
)
def test_references_select_steps_and_parts_of_results(bench: Bench, reference: Any, text: Any) -> None:
    keys = stage("keys", **{"a.b": 1, "c": {"d": [2, 3]}})
    graph = bench.grow(
        scatter("m", {"text": [[1, 2], [3]]}), stage("one"), stage("a stage"), stage("2nd-stage.v1"), keys,
        stage("r", text=reference),
    )  # fmt: skip
    assert asked(graph)["r"]["text"] == text


@pytest.mark.parametrize(
    ("reference", "said"),
    [
        ({"step": "m", "output": "text"}, r"'m' has 2 steps, and `step` takes one"),
        ({"stages": "m[7]", "output": "text"}, r"'m\[7\]' selects nothing: stage 'm' has 2 steps"),
        ({"step": "m[0]", "output": "none"}, r"of step m_0, there is no output 'none': it has 'file', 'text'"),
        ({"step": "m[0]", "output": "l[*]"}, r"output 'l\[\*\]' matches 2 values"),
        ({"step": "m[0]", "output": "l["}, r"is no JSONPath"),
    ],
)
def test_what_cannot_be_selected_is_told_with_the_place(bench: Bench, reference: Any, said: str) -> None:
    m = scatter("m", {"text": [1, 2]}, parameters={"l": [1, 2]})
    graph = bench.grow(
        m, stage("r", text=reference), stage("other"), gives=lambda each: {"file": 1, "text": 2, "l": [1, 2]}
    )
    import re

    assert re.search(r"workflow\.yml:\d+:\d+: .*" + said, wrong(graph))
    assert graph.root.rules["other"].status == DONE, "the others go on"


SUB = {
    "stages": [
        stage("inner", text={"step": "init", "output": "v"}),
        stage("after", text={"step": "inner", "output": "text"}),
    ]
}


def test_nested_workflows_have_scopes_of_their_own(bench: Bench) -> None:
    subs = nested(scatter("sub", {"v": [1, 2]}), SUB)
    graph = bench.grow(subs, stage("r", text={"stages": "sub[*].after", "output": "text"}, after=["sub.[*].inner"]))
    assert sorted(asked(graph)) == ["r", "sub_0/after", "sub_0/inner", "sub_1/after", "sub_1/inner"]
    assert asked(graph)["r"]["text"] == [1, 2]
    assert graph.members["sub_1/after"].folder == "/w/sub_1/after"
    assert needs(graph)["sub_1/inner"] == ["sub_1/init"]


def test_who_waits_for_members_of_scopes_waits_for_all_of_them(bench: Bench) -> None:
    r = stage("r", text={"stages": "sub[*].inner", "output": "text"})
    graph = Graph(bench.read(nested(scatter("sub", {"v": [1, 2]}), SUB), r), "/w", "/w/init", {})
    said: list[str] = []
    held = []
    for each in graph.next():
        said.append(each.key)
        if each.key == "sub_0/inner":
            held.append(each)
        elif not isinstance(each, Question):
            graph.succeeded(each.key, {"published": each.asked})
    assert "sub_1/after" in said
    assert "r" not in said
    graph.succeeded("sub_0/inner", {"published": held[0].asked})
    assert {each.key for each in graph.next()} == {"r", "sub_0/after"}


def test_a_whole_nested_workflow_can_be_waited_for(bench: Bench) -> None:
    subs = nested(stage("sub"), SUB, v=1)
    graph = bench.grow(subs, stage("r", after=["sub"]))
    assert list(asked(graph))[-1] == "r"


def test_workflows_nest_as_deep_as_they_like(bench: Bench) -> None:
    middle = {"stages": [nested(scatter("b", {"v": {"step": "init", "output": "l"}}), SUB)]}
    outer = nested(scatter("a", {"l": [[1, 2], [3]]}), middle)
    graph = bench.grow(outer, stage("r", text={"stages": "a[*].b[*].after", "output": "text"}))
    assert asked(graph)["r"]["text"] == [1, 2, 3]
    assert graph.members["a_0/b_1/after"].folder == "/w/a_0/b_1/after"


def test_registered_values_are_read_in_their_scope_and_from_outside(bench: Bench) -> None:
    inner = stage("inner", text={"step": "init", "output": "v"})
    inner["scheduler"]["register_values"] = {"best": {"step": "inner", "output": "text"}}
    use = {"expression_type": "fromvalue", "key": "best"}
    sub = {"stages": [inner, stage("user", text=use)]}
    graph = bench.grow(
        nested(stage("one"), sub, v="x"),
        nested(scatter("many", {"v": [1, 2]}), sub),
        stage("r", text={**use, "scope": "one"}),
        stage("s", text={"stages": "many[*]", "output": "best"}),
        stage("t", text={"expression_type": "fromvalue", "key": "best", "scope": "many[1]"}),
    )
    found = asked(graph)
    assert (found["one/user"]["text"], found["r"]["text"], found["s"]["text"], found["t"]["text"]) == (
        "x",
        "x",
        [1, 2],
        2,
    )
    assert needs(graph)["s"] == ["many_0/inner", "many_1/inner"]


def test_conditions_decide_whether_a_stage_runs(bench: Bench) -> None:
    first = stage("first", ok=True, no=False)
    first["scheduler"]["register_values"] = {
        "ok": {"step": "first", "output": "ok"},
        "no": {"step": "first", "output": "no"},
    }

    def when(key: str) -> Any:
        one = {"expression_type": "fromvalue", "key": key}
        return {"dependency_type": "expressions_fulfilled", "expressions": [one]}

    graph = bench.grow(first, stage("a", after=when("ok")), stage("b", after=when("no")), stage("c", after=["b"]))
    assert list(asked(graph)) == ["first", "a"]
    assert [graph.root.rules[each].status for each in "abc"] == [DONE, SKIPPED, SKIPPED]
    assert graph.root.done.there


def test_an_empty_scatter_is_done_and_what_merges_it_gets_an_empty_list(bench: Bench) -> None:
    subs = nested(scatter("sub", {"v": []}), SUB)
    graph = bench.grow(
        scatter("m", {"text": []}), subs,
        stage("r", text={"stages": "m", "output": "text"}, also={"stages": "sub[*].after", "output": "text"}),
    )  # fmt: skip
    assert (asked(graph)["r"]["text"], asked(graph)["r"]["also"]) == ([], [])
    assert graph.root.done.there


@pytest.mark.parametrize("value", ["text", {"a": 1}, 3, None])
def test_what_is_no_list_is_not_scattered(bench: Bench, value: Any) -> None:
    graph = bench.grow(scatter("m", {"text": {"step": "init", "output": "l"}}), values={"l": value})
    assert "scatters over text, which is" in wrong(graph)


def test_lists_of_unequal_length_are_not_zipped(bench: Bench) -> None:
    graph = bench.grow(scatter("m", {"text": [1, 2], "b": [1]}))
    assert "text has 2, b has 1" in wrong(graph)


def test_placeholders_are_filled_where_they_are_used_and_data_is_left_alone(bench: Bench) -> None:
    sub = {"stages": [stage("inner", file={"step": "init", "output": "f"}, text={"step": "init", "output": "t"})]}
    subs = nested(stage("sub"), sub, f="{workdir}/x", t={"step": "init", "output": "t"})
    graph = Graph(
        bench.read(subs, stage("s", text="{{a}} {readdir0}", file={"step": "init", "output": "t"})),
        "/w",
        "/in",
        {"t": "{x}"},
    )
    for each in graph.next():
        if not isinstance(each, Question):
            templates = [["f"]] if each.key == "sub/init" else []
            graph.succeeded(each.key, {"published": each.asked, "templates": templates})
    assert graph.parameters(graph.members["sub/inner"]) == {"file": "/w/sub/inner/x", "text": "{x}"}
    assert graph.parameters(graph.members["s"]) == {"text": "{a} /in", "file": "{x}"}
    assert graph.readonly(graph.members["sub/inner"]) == ["/in"]


def test_a_layered_graph_is_grown_once_each(bench: Bench) -> None:
    stages = [scatter("l0", {"text": [0, 1, 2]})]
    for layer in range(1, 40):
        before = {"stages": f"l{layer - 1}", "output": "text", "flatten": True}
        stages.append(scatter(f"l{layer}", {"text": [0, 1, 2]}, parameters={"all": before}))
    said: list[str] = []

    def gives(each: Any) -> Any:
        said.append(each.key)
        return {"text": each.name}

    graph = bench.grow(*stages, gives=gives)
    assert len(said) == len(set(said)) == 120
    assert asked(graph)["l39_2"]["all"] == ["l38_0", "l38_1", "l38_2"]
    assert graph.root.done.there


def test_a_failed_step_stops_only_what_waits_for_it(bench: Bench) -> None:
    graph = Graph(bench.read(stage("a"), stage("b", after=["a"]), stage("c"), stage("d", after=["c"])), "/w", "/in", {})
    said = []
    for each in graph.next():
        said.append(each.key)
        if each.key == "a":
            graph.failed("a")
        else:
            graph.succeeded(each.key, {"published": {}})
    assert said == ["init", "a", "c", "d"]
    assert not graph.root.done.there

"""What is wrong with a workflow is told before anything runs, all of it, each with its place and what to do."""

from __future__ import annotations

import re

import pytest
from tests.yadage.conftest import Bench

from motet.errors import SpecError

GOOD = """\
stages:
- name: first
  scheduler:
    scheduler_type: singlestep-stage
    parameters: {text: hello, file: '{workdir}/out.txt'}
    register_values:
      best: {step: first, output: text}
    step: {$ref: 'steps.yml#/write'}
- name: many
  dependencies: [first]
  scheduler:
    scheduler_type: multistep-stage
    parameters:
      text: {step: init, output: words}
      file: '{workdir}/out.txt'
    scatter: {method: zip, parameters: [text]}
    batchsize: 2
    step: {$ref: 'steps.yml#/write'}
- name: sub
  scheduler:
    scheduler_type: singlestep-stage
    parameters: {word: hi}
    workflow:
      stages:
      - name: inner
        dependencies: [init]
        scheduler:
          scheduler_type: singlestep-stage
          parameters: {text: {step: init, output: word}, file: '{workdir}/x'}
          step: {$ref: 'steps.yml#/write'}
- name: last
  dependencies: {dependency_type: jsonpath_ready, expressions: ['sub[*].inner', many]}
  scheduler:
    scheduler_type: jq-stage
    bindings: {all: {$wflowref: ['.many[]', '.text']}}
    stepscript: '[{text: .all, file: "{workdir}/y"}]'
    step: {$ref: 'steps.yml#/write'}
"""

WRONG: list[tuple[str, str, str]] = [
    ("stages:\n- name: first", "stagse:\n- name: first", "1:1: a workflow has no key 'stagse'"),
    ("stages:\n- name: first", "version: 1\nstages:\n- name: first", "1:1: a workflow has no key 'version'"),
    ("- name: first\n", "- nmae: first\n", "2:3: 'name' is missing in a stage"),
    ("- name: first\n", "- name: [first]\n", "2:9: found a list, expected a name"),
    ("- name: first\n", "- name: a/b\n", "2:9: a stage cannot be called 'a/b'"),
    ("- name: first\n", "- name: init\n", "2:9: a stage cannot be called 'init'"),
    ("- name: first\n", "- name: _yadage\n", "2:9: a stage cannot be called '_yadage'"),
    ("- name: many\n", "- name: first\n", "9:3: a stage is called 'first' for the second time (first at "),
    (
        "  scheduler:\n    scheduler_type: singlestep-stage\n    parameters: {text",
        "  schedule:\n    scheduler_type: singlestep-stage\n    parameters: {text",
        "3:3: stage 'first' has no key 'schedule'",
    ),
    (
        "singlestep-stage\n    parameters: {text",
        "singlestep\n    parameters: {text",
        "4:21: stage 'first' has no known",
    ),
    ("    scheduler_type: multistep-stage\n", "", "'scheduler_type' is missing in the scheduler of stage 'many'"),
    ("dependencies: [first]", "dependencies: [frist]", "stage 'many' waits for 'frist', which is no stage"),
    ("dependencies: [first]", "dependencies: first", "10:17: found text ('first'), expected a mapping"),
    ("dependencies: [first]", "dependencies: [[first]]", "10:18: found a list, expected the name of a stage"),
    ("dependencies: [first]", "dependencies: ['first[x]']", "10:18: 'first[x]' selects no stages"),
    ("dependencies: [first]", "dependencies: ['first..x']", "10:18: 'first..x' selects no stages"),
    ("dependencies: [first]", "dependencies: [many]", "stages wait for each other in a circle: many -> many"),
    (
        "dependencies: [first]",
        "dependencies: ['first[*].x']",
        "stage 'many' looks into 'first', which nests no workflow",
    ),
    ("dependencies: [first]", "dependencies: {dependency_type: ready, expressions: []}", "as dependency_type"),
    ("dependencies: [first]", "dependencies: {dependency_type: jsonpath_ready}", "'expressions' is missing"),
    (
        "dependencies: [init]",
        "dependencies: [many]",
        "stage 'inner' waits for 'many', which is no stage of its workflow",
    ),
    ("'sub[*].inner', many", "'sub[*].iner', many", "stage 'last' waits for 'iner' in 'sub', where there is no such"),
    (
        "parameters: {text: hello, file: '{workdir}/out.txt'}\n    reg",
        "parameters: 3\n    reg",
        "5:17: found a number (3)",
    ),
    ("{text: hello, file: '{workdir}/out.txt'}\n    reg", "[{key: text}]\n    reg", "5:18: this is no parameter"),
    (
        "parameters: {text: hello",
        "parmeters: {text: hello",
        "5:5: the scheduler of stage 'first' has no key 'parmeters'",
    ),
    ("{step: first, output: text}", "3", "7:13: the registered value 'best' is no reference"),
    ("{step: init, output: words}", "{step: init, stages: init}", "14:13: a reference has step and stages"),
    ("{step: init, output: words}", "{expression_type: stage-output-selector}", "14:13: a reference names no steps"),
    ("{step: init, output: words}", "{step: none, output: words}", "14:13: stage 'many' waits for 'none'"),
    ("{step: init, output: words}", "{stages: init, unwrap: 1}", "expected true or false for unwrap"),
    ("{step: init, output: words}", "{step: init, output: [a]}", "expected the name of an output"),
    ("{step: init, output: words}", "{expression_type: fromvalue}", "'key' is missing in a reference to a registered"),
    (
        "{step: init, output: words}",
        "{expression_type: fromvalue, key: bset}",
        "uses 'bset', which no stage here registers",
    ),
    (
        "{step: init, output: words}",
        "{expression_type: selector, step: init}",
        "there is no expression_type 'selector'",
    ),
    ("{step: init, output: words}", "a text", "stage 'many' scatters over text, which is text ('a text'), not a list"),
    ("    scatter: {method: zip, parameters: [text]}\n", "", "'scatter' is missing in stage 'many'"),
    ("method: zip", "method: zpi", "16:23: found text ('zpi') as the scatter method"),
    ("parameters: [text]}", "parameters: [txet]}", "stage 'many' has no parameter 'txet' to scatter over"),
    ("parameters: [text]}", "parameters: []}", "stage 'many' scatters no parameter"),
    ("batchsize: 2", "batchsize: 0", "17:16: found a number (0) as batchsize"),
    ("batchsize: 2", "batchsize: 2\n    partitionsize: 2", "stage 'many' has both batchsize and partitionsize"),
    ("batchsize: 2", "batches: 2", "has no key 'batches'"),
    ("    step: {$ref: 'steps.yml#/write'}\n- name: many", "- name: many", "stage 'first' adds nothing"),
    ("parameters: {word: hi}\n", "parameters: {word: hi}\n    step: {}\n", "stage 'sub' has both step and workflow"),
    ("'steps.yml#/write'}\n- name: many", "'steps.yml#/wrte'}\n- name: many", "there is no 'wrte' at"),
    ("'steps.yml#/write'}\n- name: many", "'step.yml#/write'}\n- name: many", "$ref 'step.yml#/write' cannot be read"),
    ("'steps.yml#/write'}\n- name: many", "'../steps.yml'}\n- name: many", "leads out of"),
    ("$wflowref: ['.many[]', '.text']", "$wflowref: ['.many[]', '.text']}\n    stepscript: 3", "this is not YAML"),
    ("      - name: inner\n", "      - name: [\n", "this is not YAML"),
    (
        "parameters: {text: hello, file: '{workdir}/out.txt'}\n    reg",
        "parameters: {text: hello}\n    reg",
        "the step of stage 'first' asks for file, which the stage does not give it",
    ),
    ("name: many", "name: sub_0\n  x: 1", "stage 'sub_0' has no key 'x'"),
]


def message(bench: Bench, text: str) -> str:
    with pytest.raises(SpecError) as failed:
        bench.read(text)
    return str(failed.value)


def test_a_good_one_is_read(bench: Bench) -> None:
    workflow = bench.read(GOOD)
    assert list(workflow.stages) == ["first", "many", "sub", "last"]
    assert [each.text for each in workflow.stages["last"].after] == ["sub[*].inner", "many", "many"]


@pytest.mark.parametrize(("right", "wrong", "said"), WRONG, ids=[f"{n}-{each[2][:30]}" for n, each in enumerate(WRONG)])
def test_each_fault_is_told_with_its_place_and_nothing_else_is(bench: Bench, right: str, wrong: str, said: str) -> None:
    assert GOOD.count(right) >= 1
    text = message(bench, GOOD.replace(right, wrong, 1))
    assert said in text
    assert re.search(r"workflow\.yml:\d+:\d+: ", text)
    assert len(text) < 1000, "a message is read by people"


def test_all_faults_are_told_at_once(bench: Bench) -> None:
    text = message(bench, GOOD.replace("method: zip", "method: no").replace("batchsize: 2", "batchsize: x"))
    assert text.startswith("There are 2 errors:\n")


def test_what_waits_in_a_circle_is_told_with_the_way_round(bench: Bench) -> None:
    one = (
        "- {name: %s, dependencies: [%s],"
        " scheduler: {scheduler_type: singlestep-stage, step: {$ref: 'steps.yml#/gives'}}}\n"
    )
    text = message(bench, "stages:\n" + one % ("a", "b") + one % ("b", "c") + one % ("c", "a"))
    assert "a -> b -> c -> a" in text


@pytest.mark.parametrize("text", ["", "{}", "3", "[a, b]", "stages: 3\n", "stages: [3]\n"])
def test_what_is_no_workflow_at_all_is_told(bench: Bench, text: str) -> None:
    assert re.search(r"expected|missing", message(bench, text))


def test_a_workflow_of_aliases_that_multiply_is_refused(bench: Bench) -> None:
    bomb = "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 9))
    assert "too large or too deep" in message(bench, bomb + GOOD)


def test_a_workflow_may_nest_itself_in_a_case(bench: Bench) -> None:
    text = """\
stages:
- name: again
  scheduler:
    scheduler_type: singlestep-stage
    parameters: {n: 1}
    cases:
    - {if: .n < 0, workflow: {$ref: workflow.yml}}
    - {if: 'true', step: {$ref: 'steps.yml#/gives'}}
"""
    workflow = bench.read(text)
    again = workflow.stages["again"]
    assert again.bodies[0].workflow is not None
    assert again.bodies[0].workflow.stages["again"].bodies[0].workflow is again.bodies[0].workflow


def test_a_workflow_that_nests_itself_without_end_is_ended(bench: Bench) -> None:
    bench.flow("""\
stages:
- name: again
  scheduler: {scheduler_type: singlestep-stage, workflow: {$ref: workflow.yml}}
""")
    assert "workflows are nested 60 deep here" in bench.failed()

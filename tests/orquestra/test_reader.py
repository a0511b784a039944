"""What is read of a workflow; and that each of many faults is told once, with its place and a cure."""

# ruff: noqa: E501 - messages stand on one line, so that they can be searched for

from __future__ import annotations

from pathlib import Path

import pytest
from tests.orquestra.workflows import BLOSSOMS, changed

from motet.dialects.orquestra.plugin import VOICE
from motet.dialects.orquestra.reader import read_workflow
from motet.dialects.orquestra.spec import Workflow
from motet.errors import SpecError
from motet.ports.voice import Target


def read(text: str) -> Workflow:
    return read_workflow(text, "w.yaml")


def test_a_whole_workflow() -> None:
    workflow = read(BLOSSOMS)
    assert (workflow.name, workflow.warnings) == ("blossoms", [])
    assert [(each.kind, each.repository, each.ref_kind, each.ref) for each in workflow.imports.values()] == [
        ("git", "git@git.example:growers/garden.git", "branch", "main"),
        ("git", "git@git.example:others/scores.git", "tag", "v1"),
    ]
    draw, fit, score = workflow.steps.values()
    assert (draw.module, draw.file, draw.function, draw.imports) == ("garden", "steps/points.py", "draw", ["garden"])
    assert draw.resources == {"cpu": 0.5, "memory": 2.0**26, "disk": 2.0**20}
    assert [(each.name, each.type, each.value, each.source) for each in [*draw.inputs, *fit.inputs]] == [
        ("count", "int", 4, None), ("slope", "float", 2.0, None),
        ("points", "point_list", None, ("draw-points", "points")),
    ]  # fmt: skip
    assert score.needs == ["fit-line", "draw-points"], "a reference orders steps as `passed` does"
    assert [each.file for each in score.outputs] == ["mean-error.json"]


def test_json_and_other_spellings() -> None:
    text = changed("language: python3", "type: python3")
    text = changed('repository: "git@git.example:g', 'url: "git@git.example:g', text)
    text = changed('branch: "main"', "commit: v0.5.0", text)
    text = changed("((draw-points.points))", "((draw-points.outputs.points))", text)
    text = changed("garden/steps/points.py", "./garden/steps/points.py", text)
    text = changed("  - name: line\n", "  - name: line\n    path: /app/out/line.json\n", text)
    workflow = read(text)
    assert workflow.imports["garden"].repository == "git@git.example:growers/garden.git"
    assert (workflow.imports["garden"].ref_kind, workflow.imports["garden"].ref) == ("commit", "v0.5.0")
    assert workflow.steps["fit-line"].inputs[0].source == ("draw-points", "points")
    assert workflow.steps["fit-line"].outputs[0].file == "out/line.json"
    draw = workflow.steps["draw-points"]
    assert (draw.module, draw.file) == ("garden", "steps/points.py")
    assert workflow.warnings == []


def test_literals_come_as_yaml_has_them() -> None:
    inputs = """\
  - count: 4
    type: int
  - none_text: "None"
    type: string
  - nothing: null
    type: string
  - rate: 1e-3
    type: float
  - settings: {depth: 3, names: [a, b]}
    type: dict
"""
    draw = read(changed("  - count: 4\n    type: int\n", inputs)).steps["draw-points"]
    values = {each.name: each.value for each in draw.inputs}
    assert values == {
        "count": 4, "none_text": "None", "nothing": None, "rate": 0.001, "settings": {"depth": 3, "names": ["a", "b"]},
        "slope": 2.0,
    }  # fmt: skip


def test_retry_timeout_requirements_and_local_imports() -> None:
    text = changed("- name: fit-line\n", "- name: fit-line\n  retry: {limit: 3, delay: 2m}\n  timeout: 1h\n")
    text = changed("- name: score\n", "- name: score\n  retry: 1\n  timeout: 90\n", text)
    extra = """\
- name: packages
  type: python-requirements
  parameters:
    requirements: "numpy>=1.21\\n# none\\npyyaml"
- name: here
  type: local
  parameters: {path: ../code}
steps:"""
    workflow = read(changed("\nsteps:", extra, text))
    fit, score = workflow.steps["fit-line"], workflow.steps["score"]
    assert (fit.retries, fit.delay_s, fit.timeout_s) == (3, 120.0, 3600.0)
    assert (score.retries, score.delay_s, score.timeout_s) == (1, 0.0, 90.0)
    assert workflow.imports["packages"].requirements == ["numpy>=1.21", "pyyaml"]
    assert workflow.imports["here"].repository == "../code"


BROKEN = [
    ("apiVersion: io", "apiversion: io", "w.yaml:2:1: found 'apiversion', expected 'apiVersion' in the workflow."),
    ("imports:\n", "imports:\n- {name: p, type: python-requirements, parameters: {requirements: 'numpy=1.2'}}\n",
     "w.yaml:5:67: 'numpy=1.2' is no requirement: "),
    ("apiVersion: io.orquestra.workflow/1.0.0", "apiVersion: io.orquestra.workflow/1.1.0",
     "w.yaml:2:13: found 'io.orquestra.workflow/1.1.0', expected 'io.orquestra.workflow/1.0.0'."),
    ("name: blossoms", "name: 7", "w.yaml:3:7: found a whole number (7), expected text for 'name'. | Write it in quotes."),
    ("name: blossoms", "name: two words", "w.yaml:3:7: 'two words' cannot be part of an id."),
    ("imports:\n", "import:\n", "w.yaml:4:1: found 'import', expected 'imports' in the workflow."),
    ("\nsteps:\n", "\nstep:\n", "w.yaml:16:1: found 'step', expected 'steps' in the workflow."),
    ("type: git", "type: gitt", "w.yaml:6:9: found 'gitt', expected 'git'. | Did you mean 'git'?"),
    ('    branch: "main"\n', "", "'branch' is missing in parameters of import 'garden'. | Please specify either a branch"),
    ('    branch: "main"\n', '    branch: "main"\n    tag: v1\n',
     "w.yaml:10:5: found branch and tag, expected one of them in parameters of import 'garden'."),
    ('branch: "main"', "branch: 1.10", "w.yaml:9:13: found a number (1.1), expected text for 'branch'. | Write it in quotes."),
    ('branch: "main"', 'branch: "--upload-pack=x"', "w.yaml:9:13: '--upload-pack=x' is no name of a branch."),
    ('"git@git.example:growers/garden.git"', '"ext::sh -c true"', "w.yaml:8:17: 'ext::sh -c true' is not taken as a repository."),
    ("- name: scores", "- name: garden", "w.yaml:10:9: there are two imports named 'garden' (the first at w.yaml:5)."),
    ("language: python3", "language: psi4", "w.yaml:20:17: found language: psi4, expected python3."),
    ("imports: [garden]", "imports: [gardn]",
     "w.yaml:21:17: step 'draw-points' imports 'gardn', which the workflow does not import. | Did you mean 'garden'?"),
    ("file: garden/steps", "file: gardens/steps",
     "w.yaml:23:15: 'gardens/steps/points.py' begins with 'gardens', which is no import. | Did you mean 'garden'?"),
    ("file: garden/steps/points.py", "file: points.py",
     "w.yaml:23:15: found 'points.py', expected <import name>/<path in it>."),
    ("      imports: [garden]\n", "", "step 'draw-points' takes its file from 'garden', which its runtime does not import."),
    ("file: garden/steps", "file: scores/steps",
     "w.yaml:23:15: step 'draw-points' takes its file from 'scores', which its runtime does not import."),
    ("        function: draw\n", "", "w.yaml:23:9: 'function' is missing in the runtime's parameters of step 'draw-points'."),
    ('cpu: "500m"', 'cpu: "a lot"', "w.yaml:26:12: found text ('a lot'), expected a quantity for 'cpu'."),
    ("  - count: 4\n    type: int", "  - count: 4\n    number: 5\n    type: int",
     "w.yaml:30:5: an input of step 'draw-points' names 2 arguments (count, number), expected one."),
    ("  - slope: 2.0", "  - count: 2.0", "w.yaml:32:5: step 'draw-points' has two inputs named 'count'."),
    ("  - name: points\n", "  - nam: points\n", "w.yaml:35:5: found 'nam', expected 'name' in an output of step 'draw-points'."),
    ("  - name: line\n", "  - name: line\n    path: ../line.json\n", "is not inside the step's folder, /app."),
    ("- name: fit-line", "- name: draw-points", "w.yaml:38:9: there are two steps named 'draw-points' (the first at w.yaml:17)."),
    ("passed: [draw-points]", "passed: [draw-point]",
     "w.yaml:39:12: 'passed' of step 'fit-line' names step 'draw-point', which does not exist. | Did you mean 'draw-points'?"),
    ("passed: [draw-points]", "passed: draw-points", "w.yaml:39:11: found text ('draw-points'), expected a list for 'passed'."),
    ("passed: [draw-points]", "passed: [score]", "these steps wait for each other: fit-line -> score -> fit-line."),
    ("passed: [draw-points]", "passed: [fit-line]", "w.yaml:39:12: step 'fit-line' waits for itself: fit-line -> fit-line."),
    ("((draw-points.points))", "((draw-pionts.points))", "refers to step 'draw-pionts', which does not exist. | Did you mean 'draw-points'?"),
    ("((draw-points.points))", "((draw-points.point))",
     "refers to output 'point', which step 'draw-points' does not declare. | Did you mean 'points'?"),
    ("((draw-points.points))", "((draw-points.points)", "w.yaml:48:13: found '((draw-points.points)', expected a reference"),
    ("((draw-points.points))", "(draw-points.points)", "w.yaml:48:13: found '(draw-points.points)', expected a reference such as ((step.output)). | Write ((draw-points.points))."),
    ("((draw-points.points))", "draw-points.points", "w.yaml:48:13: found 'draw-points.points', expected a reference"),
    ("imports: [garden]", "imports: garden", "w.yaml:21:16: found text ('garden'), expected a list for 'imports'."),
    ("  - count: 4\n    type: int\n  - slope: 2.0\n    type: float\n", "    count: 4\n", "found a mapping, expected a list for 'inputs'. | Begin each with a dash: `- argument: value`."),
    ("((draw-points.points))", "((points))", "w.yaml:48:13: found '((points))', expected a reference such as ((step.output))."),
    ("((draw-points.points))", '"{{steps.draw-points.outputs.artifacts.points}}"', "is how v0 wrote references."),
    ("- name: fit-line\n", "- name: fit-line\n  retry: often\n", "w.yaml:39:10: found text ('often'), expected a number of retries."),
    ("- name: fit-line\n", "- name: fit-line\n  timeout: soon\n", "w.yaml:39:12: found text ('soon'), expected a duration for 'timeout'."),
    ("  config:\n", "  confg:\n", "w.yaml:18:3: found 'confg', expected 'config' in step 'draw-points'."),
    ("      parameters:\n", "      - parameters:\n", "this is not YAML"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "told"), BROKEN)
def test_each_fault_has_one_message(old: str, new: str, told: str) -> None:
    with pytest.raises(SpecError) as refused:
        read(changed(old, new))
    said = f"{refused.value.what} | {refused.value.cure}"
    assert told in said
    assert said.startswith("w.yaml:"), "one fault, one message: not a list"


def test_several_faults_are_told_together() -> None:
    text = changed("function: draw\n", "function: 3\n", changed('cpu: "500m"', "cpu: []"))
    with pytest.raises(SpecError) as refused:
        read(text)
    first, *rest = refused.value.what.splitlines()
    assert first == "w.yaml has 2 errors:"
    assert [line.partition(" ")[0] for line in rest] == ["w.yaml:26:12:", "w.yaml:24:19:"]


def test_oddities_are_warnings() -> None:
    text = changed("types:\n", "outputs: []\ntypes:\n")
    text = changed("    type: straight_line\n  - points", "    type: point_list\n  - points", text)
    text = changed("      language: python3\n", "      language: python3\n      resources: null\n      cpu: 1\n", text)
    text = changed("- number\n", "", text)
    text = changed("    type: int\n", "", text)
    text = changed("    type: float\n", "    type: int\n  - often: yes\n    type: int\n", text)
    text = changed("- name: fit-line\n", "- name: fit-line\n  withItems: [1]\n", text)
    text = changed("  - points: ((draw", "  - points: [{all: ((draw", text).replace("points))\n", "points))}]\n", 1)
    text = changed("- name: scores\n", "- {name: spare, type: local, parameters: {path: x}}\n- name: scores\n", text)
    told = "\n".join(read(text).warnings)
    for each in (
        "the workflow has no key 'outputs'; it is ignored. Outputs belong to a step",
        "has no key 'cpu'; it is ignored. 'cpu' belongs below config.resources.",
        "input 'line' of step 'score' has type 'point_list', but output 'line' of step 'fit-line' has type 'straight_line'.",
        "type 'number' is not in 'types'.",
        "step 'fit-line' has no key 'withItems'; it is ignored. Loops were v0",
        "a reference inside a list or mapping is not followed",
        "w.yaml:10:3: import 'spare' is used by no step; it is not fetched.",
        "input 'count' has no type.",
        "input 'slope' has type 'int', but is a number (2.0).",
        "input 'often' has type 'int', but is true or false (True).",
    ):
        assert each in told


def test_what_is_null_is_not_set() -> None:
    text = changed("      language: python3\n", "      language: python3\n      customImage: null\n")
    text = changed("- name: fit-line\n", "- name: fit-line\n  retry: null\n  timeout: null\n", text)
    assert read(f"dataAggregation: null\n{text}").warnings == []


def test_numbers_that_are_none_stay_text_or_are_refused() -> None:
    text = changed(
        'branch: "main"', "commit: 53e1162", changed("count: 4\n    type: int", "count: 1e400\n    type: string")
    )
    workflow = read(text)
    assert (workflow.imports["garden"].ref, workflow.steps["draw-points"].inputs[0].value) == ("53e1162", "1e400")
    for value, told in (
        (".inf", "w.yaml:30:12: JSON has no such number"),
        ("[1, {a: .nan}]", "w.yaml:30:20: JSON has no such number"),
        ("9" * 200_000, "w.yaml:30:12: this number has 200000 characters"),
        ("0x" + "f" * 100_000, "w.yaml:30:12: this number has 100002 characters"),
    ):
        with pytest.raises(SpecError) as refused:
            read(changed("count: 4", f"count: {value}"))
        assert refused.value.what.startswith(told)
        assert len(refused.value.what) < 200


def test_what_a_run_was_made_of_is_read_by_whatever_rules_there_are_now() -> None:
    text = changed("type: git", "type: gitt", changed("count: 4", "count: [.inf, " + "9" * 2000 + "]"))
    text = changed("((draw-points.points))", "((draw-points.nothing))", text)
    with pytest.raises(SpecError):
        read(text)
    workflow = read_workflow(text, "w.yaml", kept=True)
    assert list(workflow.steps) == ["draw-points", "fit-line", "score"]
    assert workflow.steps["fit-line"].inputs[0].source == ("draw-points", "nothing")


def test_a_text_read_again_is_told_of_by_its_new_name() -> None:
    first = read_workflow(BLOSSOMS, "here.yaml")
    first.steps["draw-points"].inputs[0].value = 5
    again = read_workflow(BLOSSOMS, "there.yaml", kept=True)
    assert again.steps["draw-points"].inputs[0].value == 4
    assert again.document.where(("steps", 0)).startswith("there.yaml:")
    large = changed("count: 4", "count: " + "9" * 2000)
    read_workflow(large, "w.yaml", kept=True)
    with pytest.raises(SpecError):
        read_workflow(large, "w.yaml")  # that it was kept once makes it no more of a text to begin with


V0 = """\
ZapOSApiVersion: v1alpha1
kind: Workflow
metadata: {generateName: old-}
spec:
  entrypoint: main
  templates: []
"""


def test_v0_is_called_by_its_name() -> None:
    with pytest.raises(SpecError, match=r"w\.yaml:1:1: this is a v0 workflow"):
        read(V0)
    with pytest.raises(SpecError, match="half migrated"):
        read(BLOSSOMS + "\nkind: Workflow\nspec: {}\n")
    with pytest.raises(SpecError, match=r"w\.yaml:2:1: this is a v0 workflow"):
        read("# {{ a template }}\n" + V0 + "{{ another }}\n")
    with pytest.raises(SpecError, match="Lists within lists were v0"):
        read(BLOSSOMS[: BLOSSOMS.index("steps:")] + "steps:\n- - name: one\n  - name: two\n")


def test_recognition_reads_no_yaml(tmp_path: Path) -> None:
    def voice(text: str) -> str:
        file = tmp_path / "wf"
        file.write_text(text)
        return VOICE.name if VOICE.tells(Target(str(file))) else ""

    for text in (
        V0, BLOSSOMS, '{"name": "x", "apiVersion": "io.orquestra.workflow/1.0.0"',
        changed("apiVersion: io.orquestra.workflow/1.0.0\n", ""), f"# {'x' * 100_000}\n{BLOSSOMS}",
    ):  # fmt: skip
        assert voice(text) == "orquestra", text[:50]
    for text in ("apiVersion: apps/v1\nkind: Deployment\n", "# apiVersion: io.orquestra.workflow/1.0.0\nstages: []\n"):
        assert voice(text) == ""
    assert voice("imports: []\n" * 100_000) == "", "in a time that grows with the text"


def test_long_chains_and_forward_references() -> None:
    step = """\
- name: s{n}
  passed: [{before}]
  config: {{runtime: {{language: python3, imports: [garden], parameters: {{file: garden/a.py, function: f}}}}}}
"""
    head = BLOSSOMS[: BLOSSOMS.index("steps:")]
    body = "".join(step.format(n=n, before=f"s{n + 1}" if n < 1999 else "") for n in range(2000))
    assert len(read(head + "steps:\n" + body).steps) == 2000

"""Workflows as exporters write them: one dispatcher for all steps, dashed arguments, namespaces, nulls."""

from __future__ import annotations

import json

from tests.cli.conftest import Cli
from tests.orquestra.conftest import Remotes

DISPATCH = '''\
import importlib
import json
import os
import sys

from exporter.kit import names


def run_task(
    *more, __kit_function: dict, __kit_outputs, __kit_positional, __kit_paths=None, __kit_folder=None, **given
):
    """Find the function, give it its arguments by position and by name, and write what it returns."""
    for path in reversed(__kit_paths or []):
        if path not in sys.path:
            sys.path.insert(0, path)
    function = getattr(importlib.import_module(__kit_function["module"]), __kit_function["name"])
    values = {}
    for name, value in given.items():
        if isinstance(value, str) and os.path.exists(value):
            with open(value) as file:
                value = json.load(file)
        values[name] = json.loads(value["value"]) if isinstance(value, dict) and names.FORMAT in value else value
    first = [values.pop(name) for name in __kit_positional]
    result = function(*first, *more, **values)
    for output in __kit_outputs:
        part = result if output["index"] is None else result[output["index"]]
        with open(output["id"] + ".json", "w") as file:
            json.dump({names.FORMAT: "JSON", "value": json.dumps(part)}, file)
'''

TASKS = """\
def add(one, other):
    return one + other


def both(sum, *, times):
    return sum * times, sum - times
"""


def constant(value: object) -> str:
    return json.dumps({"serialization_format": "JSON", "value": json.dumps(value)})


def invocation(name: str, function: str, outputs: dict[str, int | None], given: dict[str, str], positional: list[str],
               passed: list[str]) -> str:  # fmt: skip
    told = [{"id": each, "index": index} for each, index in outputs.items()]
    inputs = "".join(f"  - {each}: {value}\n    type: result-dict\n" for each, value in given.items())
    written = "".join(f"  - name: {each}\n    type: result-dict\n" for each in outputs)
    return f"""\
- name: {name}
  passed: {json.dumps(passed)}
  config:
    resources: null
    runtime:
      customImage: null
      imports:
      - git-5e8b_kit
      - git-77aa_tasks
      language: python3
      parameters:
        file: git-5e8b_kit/src/exporter/kit/_base/dispatch.py
        function: run_task
  inputs:
  - __kit_function: {{module: own.tasks, name: {function}}}
    type: kit-metadata
  - __kit_outputs: {json.dumps(told)}
    type: kit-metadata
  - __kit_paths: [step/git-77aa_tasks/code]
    type: kit-metadata
  - __kit_positional: {json.dumps(positional)}
    type: kit-metadata
{inputs}  outputs:
{written}"""


EXPORT = f"""\
apiVersion: io.orquestra.workflow/1.0.0
name: arithmetic
imports:
- name: git-5e8b_kit
  type: git
  parameters:
    commit: v0.54.0
    repository: git@git.example:makers/kit.git
- name: git-77aa_tasks
  type: git
  parameters:
    commit: main
    repository: git@git.example:makers/tasks.git
dataAggregation: null
steps:
{
    invocation(
        "invocation-1-task-both",
        "both",
        {"artifact-1-both": 0, "artifact-2-both": 1},
        {"artifact-0-add": "((invocation-0-task-add.artifact-0-add))", "times": constant(10)},
        ["artifact-0-add"],
        ["invocation-0-task-add"],
    )
}
{
    invocation(
        "invocation-0-task-add",
        "add",
        {"artifact-0-add": None},
        {"constant-0": constant(3), "constant-1": constant(4)},
        ["constant-0", "constant-1"],
        [],
    )
}
types:
- result-dict
- kit-metadata
"""


def test_an_export_runs_as_it_stands(cli: Cli, remotes: Remotes) -> None:
    remotes.publish("makers/kit", "main", {
        "src/exporter/kit/_base/dispatch.py": DISPATCH,
        "src/exporter/kit/names.py": 'FORMAT = "serialization_format"\n',
        "setup.cfg": "[options]\npackage_dir =\n    = src\npackages = find_namespace:\n", "setup.py":
        "import setuptools\nsetuptools.setup(name='kit', use_scm_version=True)\n",
    }, tag="v0.54.0")  # fmt: skip
    remotes.publish("makers/tasks", "main", {"code/own/tasks.py": TASKS})
    cli.write("w.yaml", EXPORT)
    done = cli("run", "w.yaml", "--json")
    (run,) = json.loads(done.out)["runs"]
    found = json.loads(cli("results", run["id"]).out)
    values = {name: json.loads(each["value"]) for step in found.values() for name, each in step.items()}
    assert values == {"artifact-0-add": 7, "artifact-1-both": 70, "artifact-2-both": -3}
    assert "warning" not in done.err

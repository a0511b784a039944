"""The programs whose runs the page is tested with: one file a program, in the words of its voice."""

from __future__ import annotations

PIPELINE = """\
import sys

from motet import flow, task


@task(retries=2)
def call_unreliable_api():
    print("asking the service")
    raise_for(sys.argv[1:])
    return {"data": 42}


def raise_for(failures):
    if "fail" in failures:
        raise RuntimeError("Our unreliable service failed.")


@task
def augment_data(data: dict, msg: str):
    data["message"] = msg
    return data


@task
def write_to_database(data: dict):
    print(f"Wrote {data} to database successfully!")
    return "Success!"


@flow
def pipeline(msg: str = "0", fails: bool = False):
    if fails:
        sys.argv.append("fail")
    api_result = call_unreliable_api()
    augmented_data = augment_data(data=api_result, msg=msg)
    return write_to_database(augmented_data)
"""

SEARCH = """\
import logging

from motet import flow, publish, task


@task
def load(rows: int):
    logging.getLogger(__name__).info("loading %d rows", rows)
    return list(range(rows))


@task
def fit(rows: list, depth: int):
    print(f"\\033[32mfit\\033[0m depth {depth} on {len(rows)} rows")
    return 1 / (1 + depth)


@flow
def evaluate(losses: list):
    return check(min(losses))


@task
def check(best: float):
    return best


@flow
def search(rows: int = 40, depths: int = 6):
    table = load(rows)
    losses = fit.map([table] * depths, list(range(1, depths + 1)))
    found = [each.result() for each in losses]
    publish("search/done", len(found))
    return evaluate(found)
"""

RELEASE = """\
from pydantic import BaseModel, Field

from motet import flow, pause_flow_run, task


class Approval(BaseModel):
    approved: bool
    share: float = Field(default=0.1, gt=0, le=1)


@task
def score() -> float:
    return 0.93


@flow
def release() -> str:
    found = score()
    answer = pause_flow_run(wait_for_input=Approval, description=f"Score {found}. Deploy?")
    return "deployed" if answer.approved else "not deployed"
"""

PARTS = """\
import json


def save(name, **content):
    with open(f"{name}.json", "w") as file:
        json.dump({"type": name, **content}, file)


def generate(kind, count):
    save("table", kind=kind, rows=list(range(count)))


def train(table, model):
    with open(table) as file:
        rows = json.load(file)["rows"]
    save("result", model=model, accuracy=1 - 1 / len(rows))
"""

ORQUESTRA = """\
apiVersion: io.orquestra.workflow/1.0.0
name: two-parts
imports:
- name: classify
  type: local
  parameters: {path: classify}
steps:
- name: generate-table
  config:
    runtime:
      language: python3
      imports: [classify]
      parameters: {file: classify/parts.py, function: generate}
  inputs:
  - {kind: line, type: string}
  - {count: 10, type: int}
  outputs:
  - {name: table, type: table}
- name: train-model
  passed: [generate-table]
  config:
    runtime:
      language: python3
      imports: [classify]
      parameters: {file: classify/parts.py, function: train}
  inputs:
  - {table: ((generate-table.table)), type: table}
  - {model: perceptron, type: string}
  outputs:
  - {name: result, type: result}
types: [table, result]
"""

YADAGE_STEPS = """\
hello:
  process: {process_type: string-interpolated-cmd, cmd: 'echo hello {name} > {out}'}
  environment: {environment_type: localproc-env}
  publisher: {publisher_type: frompar-pub, outputmap: {greeting: out}}
"""

YADAGE = """\
stages:
- name: greet
  dependencies: [init]
  scheduler:
    scheduler_type: multistep-stage
    parameters: {name: {step: init, output: names}, out: '{workdir}/hello.txt'}
    scatter: {method: zip, parameters: [name]}
    step: {$ref: 'steps.yaml#/hello'}
"""

AIFLOW = """\
from ai_flow.model.workflow import Workflow
from ai_flow.operators.bash import BashOperator

with Workflow(name="notes") as workflow:
    first = BashOperator(name="first", bash_command="echo first")
    second = BashOperator(name="second", bash_command="echo second")
    second.start_after(first)
"""

PACED = """\
import os
import time

from motet import flow, task


@task
def wait_for(name: str):
    while not os.path.exists(name):
        time.sleep(0.02)
    return name


@flow
def paced():
    return [wait_for(f"go-{number}") for number in range(3)]
"""

FILES = {
    "pipeline.py": PIPELINE,
    "search.py": SEARCH,
    "paced.py": PACED,
    "release.py": RELEASE,
    "classify/parts.py": PARTS,
    "orquestra.yaml": ORQUESTRA,
    "steps.yaml": YADAGE_STEPS,
    "workflow.yaml": YADAGE,
    "notes.py": AIFLOW,
}

RUNS = {
    "calm-pipeline": ("pipeline.py",),
    "failed-pipeline": ("pipeline.py", "-p", "fails=true"),
    "wide-search": ("search.py:search",),
    "two-parts": ("orquestra.yaml",),
    "greetings": ("workflow.yaml", "-p", 'names=["Ada", "Grace", "Edith"]'),
}
"""How each is begun, by the name of its run; besides, `asks` waits for an answer, and one of AIFlow's is
begun as that does it.
"""

"""What a warm step of a YAML workflow takes: a chain whose function writes one small file."""

from __future__ import annotations

import os

from benchmarks.bench import Bench
from benchmarks.figures import Budget, Figure

_CODE = """\
import json


def step(n, before=None):
    with open("out.json", "w") as file:
        json.dump({"n": n, "schema": "plain"}, file)
"""

_HEAD = """\
apiVersion: io.orquestra.workflow/1.0.0
name: chain
imports:
- {name: own, type: local, parameters: {path: code}}
steps:
"""


def warm(bench: Bench) -> list[Figure]:
    """Time of a run of the chain, by its number of steps; the first run, which starts the process, is left out."""
    values = bench.fresh("workflows:samples", rounds=bench.size(8, 1), steps=bench.size(50, 5))
    return [Figure("step", "ms", values, budget=Budget("value", 0.3, "<= 0.3 s"), note="the original took 8 to 11 s")]


# ---------------------------------------------------------------- in a fresh process


def samples(rounds: int, steps: int) -> list[float]:
    import time

    from motet import app, voices
    from motet.ports.voice import Asked, Onward, Target

    os.makedirs("code", exist_ok=True)
    with open("code/job.py", "w") as file:
        file.write(_CODE)
    with open("chain.yaml", "w") as file:
        file.write(_HEAD + "".join(map(_step, range(steps))))
    host, target = app.hosts.current(), Target("chain.yaml")
    voice = voices.of_target(target)
    found = []
    for _ in range(rounds + 1):
        new = voice.new_run(host, target, Asked(options={"no_cache": True}))
        host.create(new)
        began = time.perf_counter()
        voice.carry_on(host, host.store.run(new.id), Onward())
        found.append((time.perf_counter() - began) / steps)
        row = host.store.run(new.id)
        assert (row.status, row.counts) == ("succeeded", {"succeeded": steps})
    return found[1:]


def _step(number: int) -> str:
    parameters = "{file: own/job.py, function: step}"
    before = f"  - {{before: ((s{number - 1}.out)), type: json}}\n" if number else ""
    return f"""\
- name: s{number}
  config: {{runtime: {{language: python3, imports: [own], parameters: {parameters}}}}}
  inputs:
  - {{n: {number}, type: int}}
{before}  outputs: [{{name: out, type: json}}]
"""

"""What a warm step of a YAML workflow takes: a chain whose function writes one small file."""

from __future__ import annotations

import os

from benchmarks.bench import Bench
from benchmarks.figures import Budget, Figure, at_most_times

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


def long(bench: Bench) -> list[Figure]:
    """What the engine and the voice's program take for a step of a long workflow, beside one of a short workflow.

    CPU in memory, without running anything: what must not grow with the run.
    """
    values, floors = [], []
    for _ in range(bench.size(3, 1)):
        values.append(bench.fresh("workflows:a_step", steps=bench.size(12_000, 200)))
        floors.append(bench.fresh("workflows:a_step", steps=bench.size(1000, 100)))
    return [Figure("step", "us", values, floors, at_most_times(1.3))]


# ---------------------------------------------------------------- in a fresh process


def a_step(steps: int) -> float:
    import time

    from motet import app, voices
    from motet.engine.recording import load_state
    from motet.engine.session import Session
    from motet.kernel.decide import StartAttempt
    from motet.kernel.inputs import Succeeded
    from motet.ports import NewRun, Owner
    from motet.ports.voice import Asked, Onward, Target
    from motet.stores.memory import MemoryStore

    os.makedirs("code", exist_ok=True)
    with open("code/j.py", "w") as file:
        file.write("def f(a=0):\n    pass\n")
    with open("long.yaml", "w") as file:
        file.write(_HEAD.replace("own", "o") + "".join(map(_short_step, range(steps))))
    host, target = app.hosts.current(), Target("long.yaml")
    voice = voices.of_target(target)
    new = voice.new_run(host, target, Asked(options={"no_cache": True}))
    host.create(new)
    found = []
    host.drive = lambda row, program, onward: found.append(program)  # type: ignore[method-assign,assignment,func-returns-value]
    voice.carry_on(host, host.store.run(new.id), Onward())
    store = MemoryStore()
    store.create_run(NewRun("r", "r", "w", {}))
    epoch = store.claim("r", Owner("h", "b", 1, 1), 15.0).epoch
    session = Session(store, host.clock, load_state(store, "r", 0), epoch=epoch, program=found[0])
    commands = session.begin("")
    record = {"outputs": {"o": {"value": 1, "size_bytes": 1, "type": "json"}}}
    began = time.process_time()
    while commands:
        starts = [each for each in commands if isinstance(each, StartAttempt)]
        commands = session.feed([Succeeded(1.0, each.key, each.attempt, record) for each in starts])
    took_s = time.process_time() - began
    assert session.state.counts["succeeded"] == steps
    return took_s / steps


def _short_step(number: int) -> str:
    before = f"inputs: [{{a: ((s{number - 1}.o)), type: json}}], " if number else ""
    config = "{runtime: {language: python3, imports: [o], parameters: {file: o/j.py, function: f}}}"
    return f"- {{name: s{number}, config: {config}, {before}outputs: [{{name: o, type: json}}]}}\n"


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

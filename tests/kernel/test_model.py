"""The kernel against the model: the same random inputs, the same statuses, starts and skips."""

from __future__ import annotations

import copy
import random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from tests.kernel.harness import Run
from tests.kernel.model import Model

from motet.kernel import events as ev
from motet.kernel.decide import SetTimer, StartAttempt, decide
from motet.kernel.inputs import Ended, Failed, Succeeded, TimerFired
from motet.kernel.program import StopStep, events_of, everything
from motet.kernel.state import M_RUNNING, Changes, element_key
from motet.kernel.transitions import ENDED, READY, RUNNING

LIMITS = {"t": 3.0, "g": 1.0}
POLICIES: list[dict[str, Any]] = [
    {},
    {"retries": 1},
    {"retries": 2, "delays_s": [5]},
    {"demands": {"t": 1}},
    {"demands": {"t": 2}, "retries": 1},
    {"demands": {"t": 5}},
    {"demands": {"t": 1, "g": 1}},
    {"demands": {"g": 1}, "retries": 1, "delays_s": [3]},
    {"demands": {"t": 1}, "timeout_s": 4, "retries": 1},
]
OPS = [
    "add", "add", "add", "add_map", "add_map", "succeed", "succeed", "succeed", "succeed", "fail", "fail", "end",
    "stale", "cached", "time", "time", "stop", "reset", "crash", "limit", "cancel",
]  # fmt: skip
NUMBERS = st.integers(0, 2**24)


class Pair:
    """A kernel and a model that are told the same."""

    def __init__(self) -> None:
        self.run = Run(dict(LIMITS))
        self.model = Model(dict(LIMITS))
        self.run.on_start = self.started
        self.run.before_decide = self.compare_scan
        self.count = 0

    def started(self, command: StartAttempt) -> None:
        self.model.start(entry_key(command.key, command.element), command.attempt, self.run.now)

    def settle(self) -> None:
        self.model.settle(self.run.now)

    def do(self, op: str, a: int, b: int, c: int) -> None:
        getattr(self, f"do_{op}")(a, b, c)
        self.settle()
        self.compare()

    # -- operations; a, b and c choose among what there is

    def do_add(self, a: int, b: int, c: int) -> None:
        keys = list(self.model.entries)
        self.add({"needs": choose(keys, a), "after": choose(keys, b)}, c)

    def do_add_map(self, a: int, b: int, c: int) -> None:
        size = a % 5
        maps = [
            key for key, entry in self.model.entries.items() if (entry.size or 0) >= size and entry.size is not None
        ]
        keys = [key for key in self.model.entries if key not in maps]
        self.add({"size": size, "each": choose(maps, b), "needs": choose(keys, b // 64)[:1]}, c)

    def add(self, fields: dict[str, Any], c: int) -> None:
        key, policy = f"s{self.count}", POLICIES[c % len(POLICIES)]
        self.count += 1
        self.model.add(key, retries=policy.get("retries", 0), demands=policy.get("demands", {}), **fields)
        self.settle()
        self.run.add(key, policy=policy, **fields)

    def do_succeed(self, a: int, b: int, c: int) -> None:
        key, element, attempt = self.running(a)
        if not key:
            return
        self.told(key, element, attempt, "succeeded")
        marks = self.run.state.steps[key].map
        if marks is not None and marks.marks[element] == M_RUNNING and b % 2:
            self.run.succeed_elements(key, element, results=[c])
        else:
            self.run.feed(Succeeded(self.run.now, key, attempt, c, element))

    def do_fail(self, a: int, b: int, c: int) -> None:
        self.fail(*self.running(a))

    def fail(self, key: str, element: int, attempt: int) -> None:
        if key:
            delay_s = next(iter(self.run.state.steps[key].policy.delays_s), 0.0)
            self.told(key, element, attempt, "failed", delay_s)
            self.run.feed(Failed(self.run.now, key, attempt, {"type": "E", "message": ""}, element))

    def do_end(self, a: int, b: int, c: int) -> None:
        key, element, attempt = self.running(a)
        if key:
            self.told(key, element, attempt, "cancelled")
            self.run.feed(Ended(self.run.now, key, attempt, "killed", element))

    def do_stale(self, a: int, b: int, c: int) -> None:
        """Any attempt there ever was may report again, or with a number that never was."""
        if not self.run.starts:
            return
        each = self.run.starts[a % len(self.run.starts)]
        number = each.attempt + c % 3 - 1
        current = self.model.entries[entry_key(each.key, each.element)]
        if current.status == RUNNING and current.attempt == number:
            return
        told = (Succeeded, Failed, Ended)[b % 3](self.run.now, each.key, number, "late", each.element)
        assert not self.run.feed(told)

    def do_cached(self, a: int, b: int, c: int) -> None:
        ready = [
            key
            for key, entry in self.model.entries.items()
            if entry.status == READY and not entry.of and entry.size is None
        ]
        if ready:
            key = ready[a % len(ready)]
            self.model.entries[key].status = "succeeded"
            self.settle()
            self.run.act(ev.StepSucceeded(self.run.now, key, cached=True))

    def do_time(self, a: int, b: int, c: int) -> None:
        run = self.run
        run.now += a % 7
        while due := [each for each in run.timers if each.due_at <= run.now]:
            self.settle()
            self.fire(due[b % len(due)])

    def fire(self, timer: SetTimer) -> None:
        run = self.run
        run.timers.remove(timer)
        stops = len(run.stops)
        run.feed(TimerFired(run.now, timer.what, timer.key, timer.attempt, timer.element))
        if timer.what == "timeout":
            entry = self.model.entries[entry_key(timer.key, timer.element)]
            late = entry.status == RUNNING and entry.attempt == timer.attempt
            assert len(run.stops) == stops + late
            if late:
                self.fail(timer.key, timer.element, timer.attempt)

    def do_stop(self, a: int, b: int, c: int) -> None:
        keys = [key for key, step in self.run.state.steps.items() if not step.of]
        if keys:
            key = keys[a % len(keys)]
            events = events_of(self.run.state, StopStep(key, "enough"), self.run.now)
            assert bool(events) == (
                self.model.entries[key].status not in ENDED and not self.model.entries[key].stopping
            )
            if events:
                self.model.entries[key].stopping = True
                self.settle()
                self.run.act(*events)

    def do_reset(self, a: int, b: int, c: int) -> None:
        def in_hand(key: str) -> bool:
            entries = (self.model.entries[key], *self.model.elements(key))
            return any(each.status == RUNNING and each.size is None for each in entries)

        keys = [key for key, entry in self.model.entries.items() if not entry.of and not in_hand(key)]
        if keys and not self.model.cancelling:
            key = keys[a % len(keys)]
            self.model.reset(key, keep=b % 2 == 0)
            self.settle()
            self.run.act(ev.StepReset(self.run.now, key, fingerprint="" if b % 2 == 0 else f"f{c}"))

    def do_crash(self, a: int, b: int, c: int) -> None:
        self.model.crash()
        self.settle()
        self.run.crash(from_events=a % 2 == 0)

    def do_limit(self, a: int, b: int, c: int) -> None:
        name = list(LIMITS)[a % len(LIMITS)]
        self.model.capacities[name] = self.run.limits[name] = b % 5
        self.run.act(ev.LimitSet(self.run.now, name, b % 5))

    def do_cancel(self, a: int, b: int, c: int) -> None:
        if a % 4 == 0:
            self.model.cancelling = True
            self.settle()
            self.run.act(ev.RunCancelling(self.run.now, "enough"))

    # -- parts

    def running(self, a: int) -> tuple[str, int, int]:
        keys = [key for key, entry in self.model.entries.items() if entry.status == RUNNING and entry.size is None]
        if not keys:
            return "", -1, 0
        entry = self.model.entries[keys[a % len(keys)]]
        if not entry.of:
            return keys[a % len(keys)], -1, entry.attempt
        return entry.of, int(keys[a % len(keys)].rpartition("[")[2][:-1]), entry.attempt

    def told(self, key: str, element: int, attempt: int, how: str, delay_s: float = 0.0) -> None:
        assert self.model.report(entry_key(key, element), attempt, how, self.run.now + delay_s)
        self.settle()

    # -- what must hold at every point

    def compare(self) -> None:
        state, model = self.run.state, self.model
        assert {key: state.outcome(key) for key in model.entries} == {key: model.outcome(key) for key in model.entries}
        model.check_quiet(self.run.now)
        self.run.check()
        active = [key for key, entry in model.entries.items() if not entry.of and entry.status not in ENDED]
        own = [key for key, step in state.steps.items() if step.of and not step.ended]
        assert state.active == len(active) + len(own)

    def compare_scan(self, changes: Changes) -> None:
        """Asking about what changed gives what asking about everything gives (a timer that is late apart)."""
        now = min([self.run.now, *(timer.due_at - 1e-3 for timer in self.run.timers)])
        one, other = copy.deepcopy((self.run.state, changes)), copy.deepcopy(self.run.state)
        full = everything(other)
        # Who comes first stays so: with room for one only, order matters.
        full.steps = {**changes.steps, **full.steps}
        full.stopping = changes.stopping
        assert decide(*one, now).events == decide(other, full, now).events

    def drain(self) -> None:
        """Let everything that runs succeed: then everything ends, and every room is free again."""
        for _ in range(10_000):
            key, element, attempt = self.running(0)
            if key:
                self.told(key, element, attempt, "succeeded")
                self.run.feed(Succeeded(self.run.now, key, attempt, None, element))
                self.settle()
            elif self.run.timers:
                self.do_time(6, 0, 0)
                self.settle()
            else:
                break
        self.compare()
        assert not self.run.state.active
        for limit in self.run.state.limits.values():
            assert abs(limit.used) < 1e-9
            assert abs(limit.held) < 1e-9


def entry_key(key: str, element: int) -> str:
    return key if element < 0 else element_key(key, element)


def choose(keys: list[str], number: int) -> list[str]:
    """None, one or two of the keys, the later ones rather."""
    picks = [number % 7 // 2, number // 7 % 7 // 2]
    return [keys[-1 - pick] for pick in picks[: number // 49 % 3] if pick < len(keys)]


@given(st.lists(st.tuples(st.sampled_from(OPS), NUMBERS, NUMBERS, NUMBERS), max_size=60))
def test_kernel_does_what_the_model_says(ops: list[tuple[str, int, int, int]]) -> None:
    pair = Pair()
    for op in ops:
        pair.do(*op)
    pair.drain()


def test_the_same_over_long_runs(rng: random.Random) -> None:
    for _ in range(10):
        pair = Pair()
        for _ in range(80):
            pair.do(rng.choice(OPS[:-1]), *(rng.getrandbits(24) for _ in range(3)))
        pair.drain()

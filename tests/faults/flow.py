"""The flow that is killed: inline, threaded and process steps in an order and number that its seed decides.

It writes to a ledger, in lines that no kill takes back, what it executes ("ran") and what it was told of ("told").
What it comes to is known beforehand: see `expected`.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import random
import time
from collections.abc import Callable
from typing import Any

from motet import flow, publish, task
from motet.engine import recording
from motet.executors import current
from motet.values import pickle

if "MOTET_VICTIM" in os.environ:  # in a process of its own, where even a short run is to be checkpointed
    recording.CHECKPOINT_EVENTS = 25

LARGE_BYTES = 200_000
PARTS = ("plain", "submitted", "mapped", "subflow", "warm", "large", "published", "stopped", "gathered", "beside")
WEIGHTS = (4, 4, 4, 3, 2, 2, 2, 1, 3, 2)


# ---------------------------------------------------------------- the ledger


def note(ledger: str, *words: object) -> None:
    """Add a line in one write."""
    fd = os.open(ledger, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(fd, (" ".join(map(str, words)) + "\n").encode())
    finally:
        os.close(fd)


def digest(value: Any) -> str:
    """What stands for a value in the ledger."""
    return hashlib.sha256(b"".join(map(bytes, pickle.dumps(value)))).hexdigest()[:16]


def begin(ledger: str) -> None:
    """Note that the step that this code is part of is being executed."""
    here = current.get()
    assert here is not None
    context = here.context
    element = context.get("element", -1)
    key = context["key"] if element < 0 else f"{context['key']}[{element}]"
    note(ledger, "ran", key, context["attempt"], os.getpid())


def executions(ledger: str, word: str) -> int:
    """How many lines hold the word."""
    with open(ledger) as lines:
        return sum(word in line.split() for line in lines)


# ---------------------------------------------------------------- tasks


@task
def square(ledger: str, n: int, pause_s: float) -> int:
    begin(ledger)
    time.sleep(pause_s)
    return n * n


@task(retries=2, retry_delay_seconds=0.01)
def flaky(ledger: str, n: int, pause_s: float) -> int:
    """Fails the first time that it is executed at all."""
    begin(ledger)
    time.sleep(pause_s)
    word = f"flaky-{n}"
    note(ledger, word)
    if executions(ledger, word) < 2:
        raise ValueError("the first time")
    return n


@task
def broken(ledger: str, n: int) -> int:
    begin(ledger)
    raise KeyError(n)


@task(retries=1)
def element(ledger: str, n: int, pause_s: float) -> int:
    """The third element fails, the fifth fails the first time."""
    begin(ledger)
    time.sleep(pause_s)
    if n % 10 == 3:
        raise ValueError(f"never {n}")
    if n % 10 == 5:
        word = f"element-{n}"
        note(ledger, word)
        if executions(ledger, word) < 2:
            raise ValueError("the first time")
    return n + 1


@task
def blob(ledger: str, n: int) -> bytes:
    begin(ledger)
    return bytes([n % 256]) * LARGE_BYTES


@task
def length(ledger: str, content: bytes) -> int:
    begin(ledger)
    return len(content)


@task(executor="processes")
def warm(ledger: str, n: int, pause_s: float) -> list[int]:
    begin(ledger)
    time.sleep(pause_s)
    return list(range(n))


@task(executor="processes")
def warm_blob(ledger: str, n: int) -> bytes:
    begin(ledger)
    return bytes([n % 256]) * LARGE_BYTES


@task(retries=1)
async def awaited(ledger: str, n: int, pause_s: float) -> int:
    begin(ledger)
    await asyncio.sleep(pause_s)
    return n + 7


@task(timeout_seconds=0.05)
def endless(ledger: str) -> None:
    begin(ledger)
    time.sleep(60)


# ---------------------------------------------------------------- flows


@flow
def below(ledger: str, n: int, pause_s: float) -> int:
    """A subflow with steps of its own."""
    futures = [square.submit(ledger, each, pause_s) for each in range(n)]
    total = sum(square(ledger, each, pause_s) for each in range(n))
    return total + sum(future.result() for future in futures)


renamed_below = below.with_options(name="named_in_passing", retries=1)


@flow
async def crowd(ledger: str, n: int, pause_s: float) -> int:
    """Steps of its own under gather, in helpers that count their calls for themselves."""

    async def two(each: int) -> int:
        return await awaited(ledger, await awaited(ledger, each, pause_s), pause_s)

    return sum(await asyncio.gather(*(two(each) for each in range(n))))


class Body:
    """One execution of the flow's body, as the step `root`: what it calls, and what it is told."""

    def __init__(self, ledger: str, seed: int, root: str = "") -> None:
        self.ledger = ledger
        self.root = root
        self.rng = random.Random(seed)
        self.pause_s = self.rng.choice((0.0, 0.0, 0.005, 0.02))
        self.parts = self.rng.choices(PARTS, WEIGHTS, k=self.rng.randint(2, 5))
        self.sizes = [self.rng.randint(1, 6) for _ in self.parts]
        self.calls: dict[str, int] = {}
        self.values: list[Any] = []

    def key(self, name: str) -> str:
        """The key of the next call of that task; it must be asked for in the order of the calls."""
        number = self.calls.get(name, 0)
        self.calls[name] = number + 1
        return f"{self.root}/{name}-{number}"

    def told(self, key: str, value: Any) -> None:
        """Acknowledge the outcome of a step."""
        note(self.ledger, "told", key, digest(value))
        self.values.append(value)

    def work(self) -> None:
        for part, size in zip(self.parts, self.sizes, strict=True):
            act: Callable[[int], None] = getattr(self, part)
            act(size)

    def plain(self, size: int) -> None:
        for n in range(size):
            self.told(self.key("square"), square(self.ledger, n, self.pause_s))
        self.told(self.key("flaky"), flaky(self.ledger, self.calls["flaky"], self.pause_s))
        key = self.key("broken")
        try:
            broken(self.ledger, size)
        except KeyError as error:
            self.told(key, repr(error))

    def submitted(self, size: int) -> None:
        futures = []
        for n in range(size):
            key = self.key("square")
            futures.append((key, square.submit(self.ledger, n, self.pause_s)))
        key = self.key("square")
        futures.append((key, square.submit(self.ledger, futures[-1][1], self.pause_s)))
        for key, future in futures:
            self.told(key, future.result())

    def mapped(self, size: int) -> None:
        key = self.key("element")
        first = 10 * self.calls["element"]
        futures = element.map([self.ledger] * (size + 3), range(first, first + size + 3), [self.pause_s] * (size + 3))
        for n, future in enumerate(futures):
            value = future.result(raise_on_failure=False)
            self.told(f"{key}[{n}]", repr(value) if isinstance(value, Exception) else value)

    def subflow(self, size: int) -> None:
        self.told(self.key("below"), below(self.ledger, size, self.pause_s))
        self.told(self.key("named_in_passing"), renamed_below(self.ledger, size, self.pause_s))

    def warm(self, size: int) -> None:
        futures = []
        for n in range(size):
            key = self.key("warm")
            futures.append((key, warm.submit(self.ledger, n, self.pause_s)))
        key = self.key("warm_blob")
        futures.append((key, warm_blob.submit(self.ledger, size)))
        for key, future in futures:
            self.told(key, future.result())

    def large(self, size: int) -> None:
        key = self.key("blob")
        content = blob(self.ledger, size)
        self.told(key, content)
        key = self.key("blob")
        future = blob.submit(self.ledger, size + 1)
        self.told(self.key("length"), length(self.ledger, content))
        self.told(key, future.result())

    def gathered(self, size: int) -> None:
        keys = [self.key("awaited") for _ in range(size)]

        async def gather() -> list[int]:
            return list(await asyncio.gather(*(awaited(self.ledger, n, self.pause_s) for n in range(size))))

        for key, value in zip(keys, asyncio.run(gather()), strict=True):
            self.told(key, value)
        key = self.key("crowd")
        self.told(key, asyncio.run(crowd(self.ledger, size, self.pause_s)))

    def beside(self, size: int) -> None:
        futures = [(self.key("below"), below.submit(self.ledger, n, self.pause_s)) for n in range(1, size + 1)]
        for key, future in futures:
            self.told(key, future.result())

    def published(self, size: int) -> None:
        for n in range(size):
            publish(f"progress-{n}", {"n": n}, client_key=f"{self.ledger}/{len(self.values)}/{n}")

    def stopped(self, size: int) -> None:
        key = self.key("endless")
        state = endless(self.ledger, return_state=True)
        self.told(key, state.name)


def play(ledger: str, seed: int) -> str:
    here = current.get()
    assert here is not None
    body = Body(ledger, seed, here.context["key"])
    body.work()
    return digest(body.values)


@flow
def victim(ledger: str, seed: int) -> str:
    return play(ledger, seed)


renamed = victim.with_options(name="victim_renamed", retries=1, tags={"renamed"})
called = flow(name="victim_called")(play)


def expected(seed: int) -> str:
    """What the flow gives."""
    body = Body("", seed)
    values: list[Any] = []
    flaky_calls = elements = 0
    for part, size in zip(body.parts, body.sizes, strict=True):
        if part == "plain":
            flaky_calls += 1
            values += [*(n * n for n in range(size)), flaky_calls, repr(KeyError(size))]
        elif part == "submitted":
            values += [*(n * n for n in range(size)), (size - 1) ** 4]
        elif part == "mapped":
            elements += 10
            for n in range(elements, elements + size + 3):
                values.append(repr(ValueError(f"never {n}")) if n % 10 == 3 else n + 1)
        elif part == "subflow":
            values += [2 * sum(n * n for n in range(size))] * 2
        elif part == "gathered":
            values += [*(n + 7 for n in range(size)), sum(n + 14 for n in range(size))]
        elif part == "beside":
            values += [2 * sum(n * n for n in range(each)) for each in range(1, size + 1)]
        elif part == "warm":
            values += [*(list(range(n)) for n in range(size)), bytes([size]) * LARGE_BYTES]
        elif part == "large":
            values += [bytes([size]) * LARGE_BYTES, LARGE_BYTES, bytes([size + 1]) * LARGE_BYTES]
        elif part == "stopped":
            values.append("TimedOut")
    return digest(values)

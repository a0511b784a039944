"""The training that the campaign of kills is about: seeded, and told to a ledger as it goes on.

begin N     an attempt begins after N epochs     done N   the N-th epoch is done
kept N      `checkpoint` has returned for it
"""

from __future__ import annotations

import hashlib
import os
import sys
import time
from typing import Any

import numpy as np

import motet
from motet import command, flow, task

EPOCHS = int(os.environ.get("TRAINING_EPOCHS", "60"))
INTERVAL = int(os.environ.get("TRAINING_INTERVAL", "5"))
PAUSE_S = float(os.environ.get("TRAINING_PAUSE_S", "0.02"))
LEDGER = os.environ.get("TRAINING_LEDGER", os.devnull)


def say(text: str) -> None:
    """Write a line of the ledger; a kill leaves it whole or away."""
    fd = os.open(LEDGER, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(fd, f"{text}\n".encode())
    os.close(fd)


def fresh() -> dict[str, Any]:
    """The state before the first epoch."""
    return {"epoch": 0, "w": np.zeros(2000), "rng": np.random.default_rng(11)}


def step(state: dict[str, Any], rate: float) -> None:
    """One epoch of a regression by stochastic gradients."""
    rng, w = state["rng"], state["w"]
    for _ in range(3):
        x = rng.normal(size=(16, w.size))
        y = x[:, :10].sum(axis=1) + rng.normal(size=16)
        w -= rate / w.size * x.T @ (x @ w - y)
    state["epoch"] += 1


def digest(state: dict[str, Any]) -> str:
    """The weights, bit for bit."""
    return hashlib.sha256(state["w"].tobytes()).hexdigest()


def trained(rate: float) -> str:
    """Train to the end, from where the last checkpoint stood; gives the digest of the weights."""
    state = motet.last_checkpoint(fresh())
    say(f"begin {state['epoch']}")
    while state["epoch"] < EPOCHS:
        step(state, rate)
        time.sleep(PAUSE_S)
        say(f"done {state['epoch']}")
        if state["epoch"] % INTERVAL == 0:
            motet.checkpoint(state, epoch=state["epoch"])
            say(f"kept {state['epoch']}")
    return digest(state)


def plainly(rate: float, then: float | None = None, at: int = 0) -> str:
    """The same without Motet; from epoch `at` on with the rate `then`."""
    state = fresh()
    while state["epoch"] < EPOCHS:
        step(state, rate if then is None or state["epoch"] < at else then)
    return digest(state)


train = task(trained, name="train")
trained_by_command = command(
    [sys.executable, os.path.abspath(__file__), "{rate}"], name="train", env={"PYTHONPATH": os.pathsep.join(sys.path)}
)


@flow
def study(how: str = "", rate: float = 0.5) -> str:
    """Train once, in that way: "" for inline."""
    if how == "command":
        return str(trained_by_command(rate).stdout)
    return train(rate) if not how else train.with_options(executor=how).submit(rate).result()


if __name__ == "__main__" and len(sys.argv) == 2:
    print(trained(float(sys.argv[1])))

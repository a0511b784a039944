"""`epochs`: the loop of a training, which goes on where the last checkpoint stood."""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from motet.errors import UsageError
from motet.training.checkpoints import checkpoint, last_checkpoint

_EVERY_S = 60.0
_SELDOM = 100


def epochs(total: int, *parts: Any, every_s: float | None = None) -> Iterator[Any]:
    """Go through the epochs 0 to `total - 1` that are still to be done, and checkpoint between them.

        for epoch in epochs(30): ...
        for epoch, model in epochs(30, SGDClassifier(random_state=0)): model.partial_fit(...)
        for epoch, model, optimizer in epochs(30, net, Adam(net.parameters())): ...

    `parts` are what the training changes. One with `state_dict` and `load_state_dict`, as PyTorch's have, is brought
    to its state in place; another is pickled, and the one that comes out of the loop is the one to train. Kept beside
    them are the epoch, and the states of the global generators of chance: those of `random`, of NumPy and of PyTorch
    where these are loaded. A generator of your own is a part like any other.

    every_s   at least so many seconds lie between two checkpoints; 0 for one after each epoch. By default a minute, and
              more where they would cost more than a hundredth of the time. The last epoch always ends with one. Each
              is labelled epoch=N, with N the number of epochs that are done

    A part must be trained in place: what the name in the loop is bound to anew is not known here.
    """
    if total < 0 or (every_s or 0) < 0:
        raise UsageError(f"There are no {total} epochs with {every_s} s between checkpoints.", "Give 0 or more.")
    kept = last_checkpoint()
    done, trained = (0, list(parts)) if kept is None else _resumed(kept, parts)
    pace = Pace(every_s)
    for epoch in range(done, total):
        yield (epoch, *trained) if parts else epoch
        if epoch + 1 == total or pace.is_due:
            with pace.taken():
                checkpoint(_state(epoch + 1, trained), epoch=epoch + 1)


class Pace:
    """How often to checkpoint: every so many seconds. With None it is every minute, and where that would cost more than
    a hundredth of the time, a hundred times what the last one took after it.
    """

    def __init__(self, every_s: float | None) -> None:
        self._every_s = every_s
        self._due_at = time.monotonic() + (_EVERY_S if every_s is None else every_s)

    @property
    def is_due(self) -> bool:
        """Whether it is time for the next one."""
        return time.monotonic() >= self._due_at

    @contextmanager
    def taken(self) -> Iterator[None]:
        """The next one is taken meanwhile."""
        began = time.monotonic()
        yield
        ended = time.monotonic()
        wait_s = max(_EVERY_S, _SELDOM * (ended - began)) if self._every_s is None else self._every_s
        self._due_at = ended + wait_s


def _state(done: int, parts: list[Any]) -> dict[str, Any]:
    return {"epochs": done, "parts": [_kept(each) for each in parts], "chance": _chance()}


def _is_stateful(part: Any) -> bool:
    return callable(getattr(part, "state_dict", None)) and callable(getattr(part, "load_state_dict", None))


def _kept(part: Any) -> Any:
    return part.state_dict() if _is_stateful(part) else part


def _resumed(kept: Any, parts: tuple[Any, ...]) -> tuple[int, list[Any]]:
    """How many epochs are done, and the parts as they stood then."""
    if not isinstance(kept, dict) or kept.keys() != {"epochs", "parts", "chance"} or len(kept["parts"]) != len(parts):
        raise UsageError(
            "The last checkpoint of this step is not one of a loop over epochs with these parts.",
            "Give `epochs` the same parts as before, or run the step anew: motet resume RUN --rerun STEP.",
        )
    trained = []
    for part, state in zip(parts, kept["parts"], strict=True):
        if _is_stateful(part):
            part.load_state_dict(state)
        trained.append(part if _is_stateful(part) else state)
    _set_chance(kept["chance"])
    return kept["epochs"], trained


def _chance() -> dict[str, Any]:
    """The states of the global generators of those libraries that are loaded."""
    found: dict[str, Any] = {"random": random.getstate()}
    numpy, torch = sys.modules.get("numpy"), sys.modules.get("torch")
    if numpy is not None:
        found["numpy"] = numpy.random.get_state()
    if torch is not None:
        found["torch"] = torch.get_rng_state()
        if torch.cuda.is_available():
            found["cuda"] = torch.cuda.get_rng_state_all()
    return found


def _set_chance(kept: dict[str, Any]) -> None:
    random.setstate(kept["random"])
    if "numpy" in kept:
        numpy: Any = import_module("numpy")
        numpy.random.set_state(kept["numpy"])
    if "torch" in kept:
        torch: Any = import_module("torch")
        torch.set_rng_state(kept["torch"])
        if "cuda" in kept and torch.cuda.is_available():
            torch.cuda.set_rng_state_all(kept["cuda"])

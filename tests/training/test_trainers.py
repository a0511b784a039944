"""Loops and trainers: `epochs` with scikit-learn; the call-backs with stand-ins that follow the documented protocols.

Neither PyTorch, Lightning nor transformers is among what Motet is tested with: what stands in for them here does what
their documentation says of trainers and call-backs, in that order, and no more.
"""

from __future__ import annotations

import random
import sys
import time
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import SGDClassifier

import motet
from motet import flow, task
from motet.errors import UsageError
from motet.training import epochs, loops


def fitted(fails_at: int | None, seen: list[int]) -> tuple[Any, float]:
    rng = np.random.default_rng(3)
    np.random.seed(5)
    random.seed(5)
    model = None
    for epoch, model, drawn in epochs(12, SGDClassifier(random_state=0), rng, every_s=0):
        seen.append(epoch)
        x = drawn.normal(size=(50, 4)) + np.random.normal() + random.random()
        model.partial_fit(x, (x.sum(axis=1) > 0).astype(int), classes=[0, 1])
        if epoch == fails_at and seen.count(epoch) == 1:
            raise RuntimeError("it breaks")
    return model.coef_.tobytes(), 0.0  # type: ignore[union-attr]


def test_a_partial_fit_loop_goes_on_bit_for_bit() -> None:
    seen: list[int] = []
    train = task(fitted, name="train", retries=2)

    @flow
    def study() -> Any:
        return train(7, seen)

    assert study() == fitted(None, [])
    assert seen == [*range(8), *range(7, 12)]


class Net:
    """What PyTorch's modules and optimizers have."""

    def __init__(self) -> None:
        self.weights = np.zeros(3)

    def state_dict(self) -> dict[str, Any]:
        return {"weights": self.weights.copy()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.weights = state["weights"]


def test_what_has_a_state_dict_is_brought_to_its_state_in_place() -> None:
    tries: list[int] = []

    @task(retries=1)
    def train() -> list[float]:
        net = Net()
        for epoch, same in epochs(4, net, every_s=0):
            assert same is net
            tries.append(epoch)
            net.weights += 1
            if epoch == 2 and tries.count(2) == 1:
                raise RuntimeError("it breaks")
        return net.weights.tolist()

    @flow
    def study() -> list[float]:
        return train()

    assert study() == [4.0, 4.0, 4.0]
    assert tries == [0, 1, 2, 2, 3]


def test_a_loop_with_other_parts_is_refused() -> None:
    @task
    def train() -> None:
        motet.checkpoint("something else")
        with pytest.raises(UsageError, match="not one of a loop over epochs"):
            list(epochs(3))
        with pytest.raises(UsageError, match="no -1 epochs"):
            list(epochs(-1))

    @flow
    def study() -> None:
        train()

    study()


class LightningTrainer:
    """`Trainer.fit` as far as call-backs see it."""

    is_global_zero = True

    def __init__(self, max_epochs: int, callbacks: list[Any]) -> None:
        self.max_epochs = max_epochs
        self.callbacks = callbacks
        self.current_epoch = 0

    def save_checkpoint(self, path: str) -> None:
        done = self.current_epoch + self.in_epoch
        Path(path).write_text(str(done))

    def fit(self, body: Any, ckpt_path: str | None = None) -> None:
        if ckpt_path is not None:
            self.current_epoch = int(Path(ckpt_path).read_text())
        while self.current_epoch < self.max_epochs:
            self.in_epoch = True
            body(self.current_epoch)
            for each in self.callbacks:
                each.on_train_epoch_end(self, None)
            self.current_epoch += 1
        self.in_epoch = False
        for each in self.callbacks:
            each.on_train_end(self, None)


def test_lightnings_trainer_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    from motet.training.lightning import keep_checkpoints, last

    monkeypatch.setitem(sys.modules, "lightning", None)
    monkeypatch.setitem(sys.modules, "pytorch_lightning", None)
    with pytest.raises(UsageError, match="Lightning is not installed"):
        keep_checkpoints()
    module = types.ModuleType("pytorch_lightning")
    module.Callback = type("Callback", (), {})  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "pytorch_lightning", module)
    seen: list[int] = []

    def body(epoch: int) -> None:
        seen.append(epoch)
        if epoch == 3 and seen.count(3) == 1:
            raise RuntimeError("it breaks")

    @task(retries=1)
    def train() -> None:
        LightningTrainer(6, [keep_checkpoints(every_s=0)]).fit(body, ckpt_path=last())

    @flow
    def study() -> None:
        train()

    study()
    assert seen == [0, 1, 2, 3, 3, 4, 5]


class HuggingFaceTrainer:
    """`Trainer.train` as far as call-backs see it: saves each 10 steps to `output_dir/checkpoint-N`."""

    def __init__(self, args: Any, callbacks: list[Any]) -> None:
        self.args, self.callbacks = args, callbacks

    def train(self, body: Any, resume_from_checkpoint: str | None = None) -> None:
        state = types.SimpleNamespace(global_step=0, epoch=0.0, is_world_process_zero=True)
        if resume_from_checkpoint is not None:
            state.global_step = int((Path(resume_from_checkpoint) / "trainer_state").read_text())
        while state.global_step < 50:
            body(state.global_step)
            state.global_step += 1
            state.epoch = state.global_step / 20
            if state.global_step % 10 == 0:
                folder = Path(self.args.output_dir, f"checkpoint-{state.global_step}")
                folder.mkdir(parents=True, exist_ok=True)
                (folder / "trainer_state").write_text(str(state.global_step))
                for each in self.callbacks:
                    each.on_save(self.args, state, None)


def test_hugging_faces_trainer_goes_on(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from motet.training.transformers import keep_checkpoints, last

    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(UsageError, match="transformers is not installed"):
        keep_checkpoints()
    module = types.ModuleType("transformers")
    module.TrainerCallback = type("TrainerCallback", (), {})  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "transformers", module)
    seen: list[int] = []

    def body(step: int) -> None:
        seen.append(step)
        if step == 35 and seen.count(35) == 1:
            raise RuntimeError("it breaks")

    @task(retries=1)
    def train(folder: str | None) -> None:
        args = types.SimpleNamespace(output_dir=folder or str(motet.checkpoint_folder()))
        HuggingFaceTrainer(args, [keep_checkpoints()]).train(body, resume_from_checkpoint=last())

    @flow
    def study(folder: str | None = None) -> None:
        train(folder)

    study()
    assert seen == [*range(36), *range(30, 50)]
    with pytest.raises(UsageError, match="not this step's checkpoint folder"):
        study(str(tmp_path))


def test_checkpoints_never_cost_more_than_a_hundredth_of_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Though each epoch would be a reason for one, a state that takes long to keep is kept first and last only."""
    monkeypatch.setattr(loops, "_EVERY_S", 0.0)
    taken: list[int] = []

    def keep(state: Any, epoch: int) -> None:
        taken.append(epoch)
        time.sleep(0.05)

    monkeypatch.setattr(loops, "checkpoint", keep)
    for _ in epochs(20):
        time.sleep(0.01)
    assert taken == [1, 20]
    taken.clear()
    for _ in epochs(5, every_s=0):
        pass
    assert taken == [1, 2, 3, 4, 5], "unless every one is asked for"

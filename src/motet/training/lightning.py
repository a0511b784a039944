"""A call-back for Lightning's trainer (`lightning`, or `pytorch_lightning`), which is imported when it is asked for.

from motet.training.lightning import keep_checkpoints, last

trainer = Trainer(max_epochs=30, callbacks=[keep_checkpoints()])
trainer.fit(model, data, ckpt_path=last())
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from motet import app as app  # puts the parts together, so that tasks find where to run
from motet.errors import UsageError
from motet.training.checkpoints import checkpoint, checkpoint_folder
from motet.training.loops import Pace

_FILE = "last.ckpt"


def last() -> str | None:
    """The checkpoint to go on from, for `Trainer.fit(ckpt_path=...)`; None where there is none yet."""
    path = checkpoint_folder() / _FILE
    return str(path) if path.exists() else None


def keep_checkpoints(every_s: float | None = None) -> Any:
    """A call-back that has the trainer save itself at the end of epochs, and keeps that.

    At least `every_s` seconds lie between two, by default as with `motet.training.epochs`; the end of the training is
    always kept. With several processes the one of rank 0 must be the task's own. Raises UsageError where Lightning is
    not installed.
    """

    class Keep(_callback()):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self._pace = Pace(every_s)
            self._kept = -1

        def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
            if self._pace.is_due:
                self._keep(trainer, trainer.current_epoch + 1)

        def on_train_end(self, trainer: Any, pl_module: Any) -> None:
            if self._kept != trainer.current_epoch:
                self._keep(trainer, trainer.current_epoch)

        def _keep(self, trainer: Any, epoch: int) -> None:
            with self._pace.taken():
                trainer.save_checkpoint(str(checkpoint_folder() / _FILE))  # by every process: they wait for each other
                if trainer.is_global_zero:
                    checkpoint(epoch=epoch)
            self._kept = epoch

    return Keep()


def _callback() -> Any:
    for name in ("lightning.pytorch", "pytorch_lightning"):
        try:
            return import_module(name).Callback
        except ImportError:
            continue
    raise UsageError("Lightning is not installed.", "Install `lightning` or `pytorch_lightning` where the task runs.")

"""A call-back for the trainer of Hugging Face's `transformers`, which is imported when it is asked for.

from motet.training.transformers import keep_checkpoints, last

arguments = TrainingArguments(output_dir=str(motet.checkpoint_folder()), save_total_limit=1)
trainer = Trainer(model, arguments, train_dataset=data, callbacks=[keep_checkpoints()])
trainer.train(resume_from_checkpoint=last())
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import Any

from motet import app as app  # puts the parts together, so that tasks find where to run
from motet.errors import UsageError
from motet.training.checkpoints import checkpoint, checkpoint_folder

_BEGINNING = "checkpoint-"


def last() -> str | None:
    """The checkpoint to go on from, for `Trainer.train(resume_from_checkpoint=...)`; None where there is none yet."""
    folder = checkpoint_folder()
    names = [each.name.removeprefix(_BEGINNING) for each in folder.iterdir() if each.is_dir()]
    numbers = [int(name) for name in names if name.isdigit() and (folder / f"{_BEGINNING}{name}").is_dir()]
    return str(folder / f"{_BEGINNING}{max(numbers)}") if numbers else None


def keep_checkpoints() -> Any:
    """A call-back that keeps what the trainer has saved to `motet.checkpoint_folder()`, whenever it saves there.

    How often is for `TrainingArguments` to say (`save_strategy`, `save_steps`). Raises UsageError where transformers is
    not installed, and at the first save for a trainer with another `output_dir`.
    """

    class Keep(_callback()):  # type: ignore[misc]
        def on_save(self, args: Any, state: Any, control: Any, **others: Any) -> Any:
            if os.path.realpath(args.output_dir) != os.path.realpath(checkpoint_folder()):
                raise UsageError(
                    f"The trainer saves to {args.output_dir}, which is not this step's checkpoint folder.",
                    "Give TrainingArguments(output_dir=str(motet.checkpoint_folder())).",
                )
            if state.is_world_process_zero:
                checkpoint(step=state.global_step, epoch=float(state.epoch or 0))
            return control

    return Keep()


def _callback() -> Any:
    try:
        return import_module("transformers").TrainerCallback
    except ImportError:
        raise UsageError("transformers is not installed.", "Install it where the task runs.") from None

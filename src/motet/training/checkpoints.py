"""`checkpoint`, `last_checkpoint` and `checkpoint_folder`: a task's own state, kept while it runs.

What is kept is an artifact and an event of the running attempt. Whatever attempt follows it begins from the last one:
after a failure, after a crash, in a fork. Outside of a run, nothing is kept. In a program that a command runs, they
use the folder $MOTET_CHECKPOINT.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar, overload

from motet.errors import ResultUnavailable, UsageError
from motet.training import places
from motet.values import pickle, unpicklable
from motet.values.marks import checked_labels

T = TypeVar("T")

_NOTHING: Any = object()


def checkpoint(state: Any = _NOTHING, /, **labels: str | int | float) -> int:
    """Keep `state`, and the files that are in the `checkpoint_folder` if there is one; gives the checkpoint's number.

        state = motet.last_checkpoint({"epoch": 0, "weights": zeros})
        for epoch in range(state["epoch"], epochs):
            ...
            motet.checkpoint({"epoch": epoch + 1, "weights": weights}, epoch=epoch + 1)

    When it returns, no kill can take it away: the next attempt begins from here. Labels name it for `motet fork RUN
    --from STEP@epoch=30`; they are numbers or short texts.

    Call it in the task's own process, and as the state stands between two rounds of the loop. Outside of a run nothing
    is kept, and it gives 0. Raises UsageError in a flow, and for a state that cannot be pickled; StaleAttempt in an
    attempt that has been given up meanwhile.
    """
    checked_labels(labels)
    place = places.here()
    if place is None:
        return 0
    folder = place.folder
    if state is _NOTHING and not folder:
        raise UsageError("motet.checkpoint was given nothing to keep.", "Give it a state, or use checkpoint_folder().")
    parts = None if state is _NOTHING else _pickled(state, place)
    return place.keep(parts, folder, labels)


@overload
def last_checkpoint() -> Any: ...
@overload
def last_checkpoint(default: T) -> T: ...
def last_checkpoint(default: Any = None) -> Any:
    """The state of the last checkpoint at this step, of whatever attempt; `default` where there is none.

    One that is damaged is passed over, with a warning, for the one before it. Raises ResultUnavailable for a state
    that can no longer be loaded.
    """
    place = places.here()
    if place is None:
        return default
    found = place.last_state()
    if found is None:
        return default
    try:
        return pickle.loads(found)
    except Exception as error:  # boundary: loading runs the state's own code
        raise ResultUnavailable(
            f"The last checkpoint of {place.step} cannot be loaded ({type(error).__name__}: {error}).",
            f"Bring back what it was made with, or begin anew: motet resume {place.run} --rerun {place.step}",
        ) from error


def checkpoint_folder() -> Path:
    """A folder for this attempt, with the files of the last checkpoint in it.

    `checkpoint(...)` keeps what is in it then. In a program that a command runs it is $MOTET_CHECKPOINT. Outside of a
    run it is a temporary folder.
    """
    place = places.here()
    return Path(place.make_folder() if place is not None else places.temporary())


def _pickled(state: Any, place: places.Place) -> list[pickle.Part]:
    """The parts of the state. That it can be loaded again is tried once in an attempt."""
    try:
        if place.memory.get("loadable"):
            return pickle.dumps(state)
        parts, _ = pickle.kept(state)
    except Exception as error:  # noqa: BLE001 - boundary: pickling runs the state's own code
        raise UsageError(
            f"This state cannot be kept as a checkpoint of {place.step}: {unpicklable.reason(state, error)}.",
            "Give motet.checkpoint what can be pickled: arrays, models, numbers; not open files, locks or generators.",
        ) from None
    place.memory["loadable"] = True
    return parts

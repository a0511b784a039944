"""What a session has recorded and not committed yet, and how it gets into the store and out again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from motet.errors import StoreCorrupt, StoreError
from motet.failpoints import hit
from motet.kernel import events as ev
from motet.kernel.fold import apply
from motet.kernel.state import RunState, Step
from motet.kernel.transitions import CANCELLED, ENDED, WAITING
from motet.ports import Batch, Checkpoint, StepRow, Store
from motet.typed import Any

CHECKPOINT_EVENTS = 10_000
"""A checkpoint is due this many events after the last one, or four for each step that the last one had.

So a step is written few times, and what is to be replayed stays in proportion to what is to be loaded.
"""


class Recorder:
    """Commits a run's events, with the rows that changed with them, under the fence `epoch`.

    pending  events that are folded, and not committed yet
    steps    keys of the steps whose rows changed; `run` says whether the run's did
    checkpoint_events  how many events apart checkpoints are, at least
    told  is called with what was committed; quick, and raises nothing
    """

    def __init__(self, store: Store, state: RunState, epoch: int) -> None:
        self.pending: list[ev.Event] = []
        self.steps: dict[str, None] = {}
        self._rows: list[StepRow] = []
        self.run = False
        self.told: Callable[[Sequence[ev.Event]], None] | None = None
        self.checkpoint_events = CHECKPOINT_EVENTS
        self._store = store
        self._state = state
        self._epoch = epoch
        self._seq, self._shown = state.seq, state.shown_status

    def commit(self) -> None:
        """Write all in one transaction; and a checkpoint, if one is due. Raises StoreError."""
        state = self._state
        batch = Batch(
            [ev.to_json(event) for event in self.pending],
            [*self._rows, *rows_of(state, self.steps)],
            run_columns(state) if self.run or state.shown_status != self._shown else {},
            {status: count for status, count in state.counts.items() if count},
        )
        hit("append.before")
        self._store.append(state.run, self._epoch, self._seq, batch)
        hit("append.after")
        self._seq, self._shown = state.seq, state.shown_status
        committed, self.pending = self.pending, []
        self.steps, self._rows = {}, []
        self.run = False
        due = max(self.checkpoint_events, 4 * state.checkpoint_steps)
        if self._seq - state.checkpoint_seq >= due and state.status not in ENDED:
            self._save_checkpoint()
        if self.told is not None:
            self.told(committed)

    def keep_rows(self, key: str) -> None:
        """The step, and with it its elements, are about to be forgotten: what is to be written of them is made now."""
        step = self._state.steps[key]
        for each in (step, *(step.map.own.values() if step.map is not None else ())):
            if each.key in self.steps:
                del self.steps[each.key]
                self._rows.append(step_row(each))

    def _save_checkpoint(self) -> None:
        from motet.kernel import checkpoint

        kept = Checkpoint(self._seq, checkpoint.to_json(self._state))
        hit("checkpoint.before")
        self._store.save_checkpoint(self._state.run, self._epoch, kept)
        hit("checkpoint.after")
        self._state.checkpoint_seq, self._state.checkpoint_steps = self._seq, len(self._state.steps)

    def story(self, key: str) -> tuple[str, ...]:
        """Everything recorded, or about to be, of one step (of the run itself for no key), oldest first."""
        told = [*self._store.history(self._state.run), *(ev.to_json(event) for event in self.pending)]
        return tuple(
            f"{event['at']:.3f} {event['event']}"
            + "".join(f" {name}={event[name]!r}" for name in ("attempt", "element", "reason") if name in event)
            for event in told
            if event.get("key", "") == key
        )


def load_state(store: Store, run: str, offset: int) -> RunState:
    """The run's state from its checkpoint and what came after. Raises StoreCorrupt, naming run and place."""
    seq = 0
    try:
        kept = store.load_checkpoint(run)
        state = _from_checkpoint(kept, run, offset)
        for data in store.history(run, state.seq):
            seq = state.seq + 1
            apply(state, ev.from_json(data))
    except StoreError:
        raise
    except Exception as error:  # boundary: what is stored may be anything, and is no reason for a traceback
        place = f"event {seq}" if seq else "its checkpoint"
        raise StoreCorrupt(
            f"Run {run} is damaged in the store: {place} does not fit what was before it ({type(error).__name__}).",
            f"Put a backup in its place, or give the run up: motet stop {run}.",
        ) from error
    state.take_changes()
    return state


def _from_checkpoint(kept: Checkpoint | None, run: str, offset: int) -> RunState:
    if kept is None:
        state = RunState(run, offset=offset)
    else:
        from motet.kernel import checkpoint

        state = checkpoint.from_json(kept.state)
    state.checkpoint_seq, state.checkpoint_steps = state.seq, len(state.steps)
    return state


def rows_of(state: RunState, keys: Iterable[str]) -> list[StepRow]:
    """The rows of these steps, and of elements that have no step of their own any more."""
    steps = state.steps
    return [step_row(steps[key]) if key in steps else _element_row(state, key) for key in keys]


def _element_row(state: RunState, key: str) -> StepRow:
    found = state.element(key)
    if found is None:  # its map has become a smaller one
        return StepRow(key, key.rpartition("/")[2].rpartition("-")[0], "element", CANCELLED, key.rpartition("/")[0])
    step = found[0]
    return StepRow(key, step.task, "element", state.outcome(key), step.parent, "", step.attempt, step.added_at)


def step_row(step: Step) -> StepRow:
    """The step as lists and pages show it; while it waits, with what it waits for in place of a result."""
    marks = step.map
    return StepRow(
        step.key, step.task, step.form, step.status, step.parent, step.name, step.attempt, step.added_at,
        step.started_at, step.ended_at, step.cached, step.needs,
        marks.size if marks is not None else None, marks.ended if marks is not None else 0,
        step.result if step.status != WAITING else {"until": step.until}, step.error,
    )  # fmt: skip


def run_columns(state: RunState) -> dict[str, Any]:
    """The columns of the run's row."""
    columns: dict[str, Any] = {"status": state.shown_status, "started_at": state.started_at}
    if state.status in ENDED:
        columns |= {
            "ended_at": state.ended_at, "result": state.result, "error": state.error,
        }  # fmt: skip
    else:
        columns |= {"ended_at": None, "result": None, "error": None}
    return columns

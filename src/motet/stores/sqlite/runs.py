"""The table `runs`: runs and who drives them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from motet.errors import Conflict, Fenced, NotFound
from motet.ports import Checkpoint, NewRun, Owner, RunRow
from motet.stores.codec import pack, unpack
from motet.stores.sqlite.file import Execute
from motet.stores.sqlite.journal import Values, add
from motet.stores.sqlite.rows import RUN_COLUMNS, pack_owner, run_row

_AS_JSON = {"result", "error", "counts"}


def create(execute: Execute, run: NewRun) -> bool:
    """See `Store.create_run`."""
    made = execute(
        "INSERT INTO runs (id, name, workflow, program, params, parent, tags, status, after_offset, created_at) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, 'pending', ?, ?) ON CONFLICT (id) DO NOTHING",
        (run.id, run.name, run.workflow, pack(run.program), pack(run.params), run.parent, pack(list(run.tags)),
         run.offset, run.created_at),
    ).rowcount  # fmt: skip
    return made == 1


def one(execute: Execute, run: str) -> RunRow:
    """The run. Raises NotFound."""
    row = execute(f"SELECT {RUN_COLUMNS} FROM runs WHERE id = ?", (run,)).fetchone()
    if row is None:
        raise _no_run(run)
    return run_row(row)


def some(execute: Execute, where: str, values: Sequence[Any], limit: int = -1) -> list[RunRow]:
    """The runs that the condition chooses, newest first; limit -1 gives all."""
    found = execute(
        f"SELECT {RUN_COLUMNS} FROM runs WHERE {where} ORDER BY created_at DESC, number DESC LIMIT {limit}", values
    ).fetchall()
    return [run_row(row) for row in found]


def claim(execute: Execute, run: str, owner: Owner, now: float, lease_s: float, force: bool) -> RunRow:
    """See `Store.claim`."""
    row = one(execute, run)
    other = row.owner
    if other is not None and other != owner and (row.lease_until or 0.0) > now and not force:
        raise Conflict(
            f"Run {run} is driven by process {other.pid} on {other.host}.", "Wait until it ends, or stop it first."
        )
    row.epoch += 1
    row.owner, row.lease_until = owner, now + lease_s
    execute(
        "UPDATE runs SET epoch = ?, owner = ?, lease_until = ? WHERE id = ?",
        (row.epoch, pack_owner(owner), row.lease_until, run),
    )
    return row


def renew(execute: Execute, run: str, epoch: int, until: float) -> None:
    """See `Store.renew`."""
    _check_epoch(execute, run, epoch)
    execute("UPDATE runs SET lease_until = ? WHERE id = ? AND owner IS NOT NULL", (until, run))


def release(execute: Execute, run: str, epoch: int) -> None:
    """See `Store.release`."""
    execute("UPDATE runs SET owner = NULL, lease_until = NULL WHERE id = ? AND epoch = ?", (run, epoch))


def append(execute: Execute, record: Values, run: str, changed: Mapping[str, Any]) -> int:
    """Add the record and change the run's columns; gives the first event's offset."""
    offset = add(execute, record)
    if changed:
        values = [pack(value) if name in _AS_JSON else value for name, value in changed.items()]
        execute(f"UPDATE runs SET {', '.join(f'{name} = ?' for name in changed)} WHERE id = ?", (*values, run))
    return offset


def save_checkpoint(execute: Execute, run: str, epoch: int, seq: int, state: str | None) -> None:
    """See `Store.save_checkpoint`."""
    _check_epoch(execute, run, epoch)
    execute(
        "INSERT OR REPLACE INTO checkpoints (run, seq, state) VALUES ((SELECT number FROM runs WHERE id = ?), ?, ?)",
        (run, seq, state),
    )


def load_checkpoint(execute: Execute, run: str) -> Checkpoint | None:
    """See `Store.load_checkpoint`."""
    row = execute(
        "SELECT seq, state FROM checkpoints WHERE run = (SELECT number FROM runs WHERE id = ?)", (run,)
    ).fetchone()
    return row and Checkpoint(row[0], unpack(row[1]))


def keep_from(execute: Execute, listener: str, offset: int, until: float) -> None:
    """See `Store.keep_from`."""
    execute("INSERT OR REPLACE INTO listeners (name, offset, until) VALUES (?, ?, ?)", (listener, offset, until))


def _check_epoch(execute: Execute, run: str, epoch: int) -> None:
    """Raise Fenced unless the run is still in that epoch."""
    row = execute("SELECT epoch FROM runs WHERE id = ?", (run,)).fetchone()
    if row is None:
        raise _no_run(run)
    if row[0] != epoch:
        raise Fenced(
            f"Run {run} was taken over: it is in epoch {row[0]}, and this writer in {epoch}.",
            "Whoever took the run over goes on with it; nothing is left to do here.",
        )


def _no_run(run: str) -> NotFound:
    return NotFound(f"There is no run {run}.", "`motet ls` lists the runs.")

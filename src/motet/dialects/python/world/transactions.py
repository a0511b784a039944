"""Transactions: a block whose tasks are undone if it fails. Names are those of Prefect 3.

Hooks for commit and rollback are steps of their own: recorded, and not called again after a crash once they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from contextvars import Token
from copy import deepcopy
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeAlias

from motet import leases
from motet.dialects.python import hosting
from motet.dialects.python.annotations import allow_failure
from motet.dialects.python.futures import Future
from motet.dialects.python.running.blocks import Block, block
from motet.dialects.python.running.coroutines import finished
from motet.dialects.python.running.limits import concurrency
from motet.dialects.python.scope import Scope, current
from motet.dialects.python.tasks import Task
from motet.errors import Cancelled, Conflict, UsageError
from motet.kernel.state import element_key
from motet.kernel.transitions import SUCCEEDED
from motet.ports import Document
from motet.ports.spec import recorded_spec
from motet.ports.voice import Host
from motet.values.identity.means import means
from motet.values.records import decode, encode, is_whole

if TYPE_CHECKING:
    from motet.dialects.python.calls import MapCall, TaskCall
    from motet.engine.driver import Driver
    from motet.kernel.state import Step
Hook: TypeAlias = "Callable[[Transaction], Any]"

_KIND = "transaction"
_SET = "transaction values"
_UNDO = "rollback "
_MISSING = object()


class CommitMode(StrEnum):
    """When a transaction is committed: with the outermost one, at its own end, or only when asked to."""

    EAGER = "EAGER"
    LAZY = "LAZY"
    OFF = "OFF"


class IsolationLevel(StrEnum):
    """Whether two transactions of the same key may be under way at once."""

    READ_COMMITTED = "READ_COMMITTED"
    SERIALIZABLE = "SERIALIZABLE"


@means  # its own steps close over it, and what it holds changes meanwhile
class Transaction:
    """A transaction that is under way: what it remembers, and what was called in it."""

    def __init__(self, key: str | None, mode: CommitMode | None, isolation: IsolationLevel, overwrite: bool) -> None:
        self.key = key
        self.parent = _transaction(block.get())
        around: CommitMode = self.parent.commit_mode if self.parent is not None else CommitMode.LAZY
        self.commit_mode: CommitMode = mode or around
        self.isolation_level = isolation
        self.overwrite = overwrite
        self.children: list[TaskCall | MapCall | Transaction] = []
        self.state = "active"
        self.scope = current.get()
        self.scope_key = "" if self.scope is None else self.scope.key
        self._host: Host = hosting.host() if self.scope is None else self.scope.driver.host
        self._place = "" if self.scope is None else self.scope.next_key("(transaction)")
        self._values: dict[tuple[str, str], Any] = {}
        self._acting = ""
        self._staged: Any = _MISSING
        self._hooks: dict[str, tuple[Hook, ...]] = {}
        self._lock: concurrency | None = None

    # ------------------------------------------------------------ for users

    def set(self, name: str, value: Any) -> None:
        """Remember a value for the hooks. One that a task sets is its own, and its hooks'; in a map, the element's.

        It is kept, as a resume does not call the task again.
        """
        owner = self._owner()
        self._values[owner, name] = value
        if owner and self._place:
            self._keep_set(f"{owner} {name}", value)

    def get(self, name: str, default: Any = _MISSING) -> Any:
        """A copy of the value that this transaction, or one around it, remembers: in a task, and in its hooks, first of
        what that task has set. Raises ValueError if there is none.
        """
        owner = self._acting or self._owner()
        if owner and self._place and (owner, name) not in self._values:
            self._values = {**self._kept_set(), **self._values}
        for each in (owner, ""):
            if (each, name) in self._values:
                return deepcopy(self._values[each, name])
        if self.parent is not None:
            return self.parent.get(name, default)
        if default is _MISSING:
            raise ValueError(f"Could not retrieve value for unknown key: {name}")
        return default

    def stage(self, value: Any, on_rollback_hooks: Sequence[Hook] = (), on_commit_hooks: Sequence[Hook] = ()) -> None:
        """The value to be kept under the transaction's key when it is committed; and hooks of its own."""
        self._staged = value
        self._hooks = {"on_commit": tuple(on_commit_hooks), "on_rollback": tuple(on_rollback_hooks)}

    def read(self) -> Any:
        """The value that was committed under the key, None if none was."""
        found = self._kept()
        return None if found is None else decode(found.body["record"], self._host.artifacts)

    def is_committed(self) -> bool:
        """Whether it is committed: by itself, or by an earlier transaction with the same key."""
        return self.state == "committed"

    def is_rolled_back(self) -> bool:
        """Whether it was rolled back."""
        return self.state == "rolled back"

    def is_staged(self) -> bool:
        """Whether a value is there to be committed."""
        return self._staged is not _MISSING

    def is_active(self) -> bool:
        """Whether it is neither committed nor rolled back."""
        return self.state == "active"

    def commit(self) -> None:
        """Call the hooks for commit, in the order of the calls, and keep the value under the key.

        If a hook fails, all is rolled back, and what it raised is raised.
        """
        if self.state != "active":
            return
        try:
            for each in self.children:
                if isinstance(each, Transaction):
                    each.commit()
                else:
                    self._call_hooks("on_commit", each)
            self._call_hooks("on_commit", None)
        except Exception:
            self.rollback()
            raise
        self._keep()
        self.state = "committed"
        self._forget_set()
        self._unlock()

    def rollback(self) -> None:
        """Call the hooks for rollback, the last call first. One that fails is logged, and the others are called."""
        if self.state != "active":
            return
        self.state = "rolled back"
        self._call_hooks("on_rollback", None)
        for each in reversed(self.children):
            if isinstance(each, Transaction):
                each.rollback()
            else:
                self._call_hooks("on_rollback", each)
        self._forget_set()
        self._unlock()

    # ------------------------------------------------------------ begin and end

    def begin(self) -> None:
        """Take the lock if there is to be one; see whether the key is committed already."""
        if self.scope is not None:
            _redo_failed(self.scope)
        if self.key is None:
            if self.isolation_level is IsolationLevel.SERIALIZABLE:
                raise UsageError("A transaction without a key cannot be SERIALIZABLE.", "Give it a key.")
            return
        if self.isolation_level is IsolationLevel.SERIALIZABLE:
            name = f"transaction:{self.key}"
            if not leases.exists(self._host.store, name):
                leases.define(self._host.store, name, 1)
            self._lock = concurrency(name).__enter__()
        name = f"begin {_plain(self.key)}"
        there = self._exists() if self.scope is None else Task(self._exists, {"name": name})()
        if there and not self.overwrite:
            self.state = "committed"

    def end(self, failed: bool) -> None:
        """The block is over."""
        if failed:
            self.rollback()
        elif self.commit_mode is CommitMode.EAGER:
            self.commit()
        elif self.parent is not None:
            self.parent.children.append(self)
        elif self.commit_mode is CommitMode.LAZY:
            self.commit()
        else:
            self.rollback()
        if self.parent is None or self.state != "active":
            self._unlock()
        if self.parent is not None and self.state == "rolled back":
            self.parent.rollback()  # half of a whole is not done

    def called(self, call: TaskCall | MapCall) -> None:
        """A task with hooks is called. What other tasks or flows call in their own bodies is theirs."""
        if self.scope is not None and call.scope.key == self.scope.key:
            self.children.append(call)

    # ------------------------------------------------------------ inside

    def _set_document(self) -> Document:
        """What tasks have set in this block."""
        name = f"{self.scope.driver.run.id}/{self._place}" if self.scope is not None else ""
        return self._host.store.document("python", _SET, name) or Document("python", _SET, name, {}, 0)

    def _keep_set(self, name: str, value: Any) -> None:
        record = encode(value, self._host.artifacts)
        while not (isinstance(record, dict) and "lost" in record):  # what cannot be pickled is in memory only
            found = self._set_document()
            body = {**found.body, name: record}
            with suppress(Conflict):  # another task has just set something: look again
                self._host.store.put_document(Document(found.voice, found.kind, found.key, body, found.version))
                return

    def _kept_set(self) -> dict[tuple[str, str], Any]:
        found = {tuple(place.rpartition(" ")[::2]): record for place, record in self._set_document().body.items()}
        return {place: decode(record, self._host.artifacts) for place, record in found.items()}

    def _owner(self) -> str:
        """The task that is running in the block, or the element of a map; "" for the body that the block is in."""
        scope = current.get()
        return "" if scope is None or scope.key == self.scope_key else scope.key

    def _forget_set(self) -> None:
        if self._place and (found := self._set_document()).version:
            with suppress(Conflict):
                self._host.store.delete_document(found)

    def _call_hooks(self, event: str, call: TaskCall | MapCall | None) -> None:
        hooks = self._hooks.get(event, ()) if call is None else call.task.hooks.get(event, ())
        if not hooks:
            return
        kind = _UNDO if event == "on_rollback" else "commit "
        of = _plain(self.key or "block") if call is None else call.task.name
        turn = -1 if event == "on_rollback" else 1
        for key in ([""] if call is None else _succeeded(call))[::turn]:
            try:
                self._perform(f"{kind}{of}", hooks[::turn], call, key)
            except Exception as error:  # boundary: one hook for rollback must not keep the others from being called
                if event == "on_commit" or isinstance(error, Cancelled):
                    raise
                import logging

                logging.getLogger("motet").exception("A hook for the rollback of %s failed", of)

    def _perform(self, name: str, hooks: Sequence[Hook], call: TaskCall | MapCall | None, key: str) -> None:
        """Call the hooks as a step of the run, so that none that is done is called again after a crash; `key` names the
        task, or the element of a map, whose hooks they are.
        """

        def perform() -> None:
            self._acting = key
            try:
                for hook in hooks:
                    finished(hook(self))
            finally:
                self._acting = ""

        if self.scope is None:
            perform()
            return
        step: Task[..., None] = Task(perform, {"name": name})
        step(wait_for=None if call is None else allow_failure(Future[Any](self.scope, call.key)))

    def _kept(self) -> Document | None:
        return self._host.store.document("python", _KIND, self.key) if self.key is not None else None

    def _exists(self) -> bool:
        found = self._kept()
        return found is not None and is_whole(found.body["record"], self._host.artifacts)

    def _keep(self) -> None:
        if self.key is None:
            return
        found = self._kept()
        value = self._staged if self.is_staged() else None
        body = {"record": encode(value, self._host.artifacts), "at": self._host.clock.now()}
        if self.scope is not None:
            body |= {"run": self.scope.driver.run.id, "step": self.scope.key}
        version = found.version if found is not None else 0
        self._host.store.put_document(Document("python", _KIND, self.key, body, version))

    def _unlock(self) -> None:
        if self._lock is not None:
            self._lock.release()
            self._lock = None


@contextmanager
def transaction(
    key: str | None = None, *, commit_mode: CommitMode | str | None = None,
    isolation_level: IsolationLevel | str = IsolationLevel.READ_COMMITTED, overwrite: bool = False,
) -> Iterator[Transaction]:  # fmt: skip
    """A block that is done as a whole: if it raises, the `on_rollback` hooks of the tasks that were called in it, and
    succeeded, are called, the last first; else the `on_commit` hooks, at the end of the outermost block.

    key              under which the value that was staged is kept: a later block with this key finds itself committed
    commit_mode      EAGER commits at the block's own end, OFF only when `commit()` is called
    isolation_level  SERIALIZABLE lets one block of this key at a time be under way, in all processes
    overwrite        do it again although the key is committed

    A block that is left because the run was stopped, or killed, is neither committed nor rolled back: a resume goes on
    in it.
    """
    mode = None if commit_mode is None else _one_of(CommitMode, commit_mode)
    made = Transaction(key, mode, _one_of(IsolationLevel, isolation_level), overwrite)
    made.begin()
    token: Token[Block | None] = block.set(made)
    try:
        yield made
    except BaseException as error:
        block.reset(token)
        broken = made.scope is not None and made.scope.driver.session.broken is not None
        if isinstance(error, Cancelled) or not isinstance(error, Exception) or broken:
            made._unlock()  # nothing is undone, and a resume goes on in the block
        else:
            made.end(failed=True)
        raise
    block.reset(token)
    made.end(failed=False)


def get_transaction() -> Transaction | None:
    """The innermost transaction that this is called in; None outside of any."""
    return _transaction(block.get())


def redo(driver: Driver, keys: Sequence[str]) -> None:
    """Have what these rollbacks undid be done again, with all that used its results, and the rollbacks themselves."""
    again = set(keys)
    for key in keys:
        again.update(driver.state.steps[key].after)
    for key, step in driver.state.steps.items():
        if again.intersection(step.needs) or again.intersection(step.each):
            again.add(key)
    driver.reset([key for key in driver.state.steps if key in again], "rolled back")


def undone(driver: Driver, below: str = "") -> list[str]:
    """The rollbacks that the run has recorded, below that step or anywhere."""
    steps = driver.state.steps.items()
    return [key for key, step in steps if step.ended and key.startswith(below) and _is_rollback(step)]


def _is_rollback(step: Step) -> bool:
    """Whether the step has called hooks for rollback, and is no task of the user's that is called like one."""
    asked = recorded_spec(step.call)  # None: an earlier version did not record what the step was asked to do
    return step.task.startswith(_UNDO) and (asked is None or asked.target.startswith(f"{__name__}:"))


def _redo_failed(scope: Scope) -> None:
    """In a further attempt at a body: what the earlier attempts undid is to be done again."""
    driver, own = scope.driver, scope.driver.state.steps.get(scope.key)
    if own is None or not own.failures:
        return
    steps = driver.state.steps
    earlier = [key for key in undone(driver, f"{scope.key}/") if (steps[key].ended_at or 0.0) <= own.due_at]
    if earlier:
        redo(driver, earlier)


def _succeeded(call: TaskCall | MapCall) -> list[str]:
    """The key of the step, or those of the elements of the map, as far as they have succeeded, once it has ended."""
    call.driver.wait(call.key)
    step, outcome = call.driver.state.steps[call.key], call.driver.state.outcome
    keys = [call.key] if step.map is None else [element_key(call.key, each) for each in range(step.map.size)]
    return [key for key in keys if outcome(key) == SUCCEEDED]


def _transaction(found: Block | None) -> Transaction | None:
    return found if isinstance(found, Transaction) else None


def _plain(key: str) -> str:  # as part of a step's name
    return key.replace("/", "-").replace("[", "(")


def _one_of(kind: type[Any], given: Any) -> Any:
    try:
        return kind(str(given).upper())
    except ValueError:
        raise UsageError(
            f"{given!r} is no {kind.__name__}.", f"There are: {', '.join(str(each) for each in kind)}."
        ) from None

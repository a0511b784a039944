"""Results of tasks that are kept across runs: looked up when an attempt is due, written when it has succeeded."""

from __future__ import annotations

from collections.abc import Mapping

from motet.dialects.python.scope import tags_now
from motet.kernel.events import Json
from motet.ports import StepSpec, recorded_spec
from motet.ports.execution import Settled
from motet.reuse import kept
from motet.reuse.kept import Slot
from motet.typed import TYPE_CHECKING, Any
from motet.values.hashing import blake2b
from motet.values.identity.fingerprints import CURE
from motet.values.identity.modules import folder_of
from motet.values.kinds import written

if TYPE_CHECKING:
    from motet.dialects.python.cache_policies import CachePolicy, Parts
    from motet.dialects.python.scope import Scope
    from motet.dialects.python.tasks import Task
    from motet.engine.driver import Driver
    from motet.reuse.forks import Reuse

_VOICE = "python"


def hit_of(slot: Slot) -> Hit | None:
    """What was found, as the value of an attempt."""
    return Hit(slot.found["record"], slot.note) if slot.found is not None else None


class Hit:
    """Stands for the value of an attempt that did not have to run: the record of its value, and a note of why."""

    __slots__ = ("note", "record")

    def __init__(self, record: Json, note: Json) -> None:
        self.record = record
        self.note = note

    def settled(self) -> Settled:
        """The kept outcome, as it is recorded."""
        return Settled(True, self.record, cached=True, note=self.note)


def taken_from(reuse: Reuse, driver: Driver, key: str, element: int = -1) -> Hit | None:
    """What a step, or element, takes over from the run that this one was forked from."""
    found = reuse.find(driver.state, key, element)
    return None if found is None else Hit(found.record, found.note)


def policy_of(options: Mapping[str, Any]) -> CachePolicy | None:
    """The policy that the options of a task ask for, None for no caching."""
    function = options.get("cache_key_fn")
    policy: CachePolicy | None = options.get("cache_policy")
    if function is None and policy is None:
        return None  # and nothing of all this is imported
    from motet.dialects.python.cache_policies import KeyFunction, NoCache

    if function is not None:
        return KeyFunction(function)
    return None if isinstance(policy, NoCache) else policy


def slot_of(task: Task[..., Any], scope: Scope, key: str, inputs: Mapping[str, Any]) -> Slot | None:
    """Where the result of a task that is called in `scope` belongs, with what stands there; None if it is not to be
    cached. What hinders is said once, and noted.
    """
    driver = scope.driver
    policy = task.cache_policy
    assert policy is not None
    from motet.dialects.python.cache_policies import Context, Uncacheable
    from motet.dialects.python.running.about import flow_parameters, task_run_of

    step = driver.state.steps[key.partition("[")[0]]
    given = task.shape.call(dict(inputs))
    spec = recorded_spec(step.call) or StepSpec(**task.asked(scope, key, given)[0])
    context = Context(
        task, task.with_receiver(inputs), driver.run.id, flow_parameters(scope), spec,
        lambda: task_run_of(task, driver, key, given, tags_now.get()),
    )  # fmt: skip
    try:
        parts = policy.parts(context)
    except Uncacheable as error:
        say_once(driver, f"Task {task.name} is not cached: {error}. {CURE}")
        return Slot("", {}, str(error))
    if parts is None:
        return None
    key_of_it = _key_of(spec.target, task, parts)
    if task.options.get("refresh_cache"):
        return Slot(key_of_it, parts, "refresh_cache asks for a new result")
    return kept.find(driver.host, _VOICE, key_of_it, parts)


def _key_of(target: str, task: Task[..., Any], parts: Parts) -> str:
    """The key of a result. Two projects may each have a task of one name: where its code is no part of the key, the
    folder that it lies in is.
    """
    folder = "" if "source" in parts else folder_of(getattr(written(task.fn), "__module__", ""))
    text = "\0".join(f"{name}={parts[name]}" for name in sorted(parts))
    return blake2b(f"{target}\0{folder}\0{text}".encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def keep(task: Task[..., Any], driver: Driver, key: str, slot: Slot, record: Json) -> None:
    """Keep the result for later calls; the last writer wins."""
    if not slot.key or (isinstance(record, dict) and "lost" in record):
        return
    expiration = task.options.get("cache_expiration")
    body = {"record": record, "run": driver.run.id, "step": key, "task": task.name}
    kept.keep(driver.host, _VOICE, slot, body, None if expiration is None else expiration.total_seconds())


def say_once(driver: Driver, text: str) -> None:
    """Log the text as a warning, once in a run."""
    if text not in driver.said:
        import logging

        driver.said.add(text)
        logging.getLogger("motet").warning(text)

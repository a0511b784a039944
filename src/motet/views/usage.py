"""What attempts took, and the files that they have put out, from the events of their run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from motet.kernel.events import Json
from motet.kernel.state import element_key
from motet.ports import RunRow, Store
from motet.values.published import Published
from motet.views import human

_PHASES = {"preparing_s": "preparing", "running_s": "running", "collecting_s": "collecting"}
_WORTH_S = 0.001
_THREAD_WORTH_S = 1.0
_FILES = ("outputs", "left")
_OF_THREADS = {"attempt", "element", "cpu_s"}


def used(events: Iterable[Json], element: int = -1) -> list[Json]:
    """What each attempt at a step took, or at an element of a map, of those that executors have measured, in order:
    "attempt", and what `ports.Success.facts` has but the files.
    """
    found = []
    for event in events:
        for at, facts in _facts(event):
            if facts and (at == element or element < 0 <= at or "indices" not in event):
                took = {name: value for name, value in facts.items() if name not in _FILES}
                found.append({"attempt": event.get("attempt", 1), **({"element": at} if at >= 0 else {}), **took})
    return found


def told(took: Json) -> str:
    """In words what an attempt took, of threads only from a second on; "" for nothing."""
    if not took or (took.keys() <= _OF_THREADS and took.get("cpu_s", 0) < _THREAD_WORTH_S):
        return ""
    said = [f"{human.length(took['cpu_s'])} of processor time"] if "cpu_s" in took else []
    said += [f"{human.size(took['memory_bytes'])} of memory"] if "memory_bytes" in took else []
    said += [f"{human.length(took[name])} {what}" for name, what in _PHASES.items() if took.get(name, 0) >= _WORTH_S]
    return ", ".join(said)


def put_out(store: Store, run: RunRow) -> list[Published]:
    """The files that commands of the run have put out, as artifacts of their steps; of those of one path the last."""
    found: dict[tuple[str, str], Published] = {}
    for event in store.history(run.id):
        for key, attempt, files in _outputs(event):
            for file in files:
                content = {"artifact": file["artifact"], "size_bytes": file["size_bytes"]}
                preview = {"name": file["path"], "size_bytes": file["size_bytes"]}
                one = Published(run.id, key, file["path"], "file", event["at"], attempt, "", content, preview)
                found[key, file["path"]] = one
    return list(found.values())


def _facts(event: Json) -> Iterator[tuple[int, Json]]:
    """The facts of the attempts that the event tells of, by element; -1 for a step."""
    facts = event.get("facts")
    if isinstance(facts, list):
        yield from zip(event["indices"], facts, strict=True)
    elif facts:
        yield event.get("element", -1), facts


def _outputs(event: Json) -> Iterator[tuple[str, int, list[Json]]]:
    key, attempt = event.get("key", ""), event.get("attempt", 1)
    for left in event.get("left", ()) if event["event"] == "step.interrupted" else ():
        yield left["step"], left["attempt"], left["outputs"]
    own = key if event.get("element", -1) < 0 else element_key(key, event["element"])
    for record in (event.get("error"), event.get("result") if event["event"] == "step.cancelled" else None):
        finished = record.get("finished", record) if isinstance(record, dict) else {}
        if isinstance(finished, dict) and "outputs" in finished and "exit_code" in finished:
            yield own, attempt, finished["outputs"]
    for element, facts in _facts(event):
        for left in (facts or {}).get("left", ()):
            yield left["step"], left["attempt"], left["outputs"]
        if facts and "outputs" in facts:
            yield key if element < 0 else element_key(key, element), attempt, facts["outputs"]

"""What made an artifact, and what was made of it: back to the first steps and forward to the last, over runs."""

from __future__ import annotations

from collections.abc import Iterator

from motet.errors import NotFound
from motet.kernel.events import Json
from motet.ports import ARTIFACTS, Entry, RunRow, StepRow, Store
from motet.values.published import Published, published
from motet.views import lookup
from motet.views.human import counted
from motet.views.recent import latest
from motet.views.steps import find_step

_MOST_NODES = 400
_MOST_STEPS = 20_000
"""Of runs with more steps, what they give one another by value is not followed."""

Node = tuple[str, str]
"""A step by its run and key, or an artifact as ("", digest)."""


class Lineage:
    """A graph of artifacts and steps around one artifact. Each has a level: 0 for that one, -1 what made it."""

    def __init__(self, store: Store, digest: str, levels: int) -> None:
        self._store = store
        self._runs: dict[str, RunRow | None] = {}
        self._steps: dict[str, dict[str, StepRow]] = {}
        self._published: dict[str, dict[str, Published]] = {}
        self.levels: dict[Node, int] = {("", digest): 0}
        self.edges: dict[tuple[Node, Node], None] = {}
        self.is_cut = False
        self._start = digest
        for way in (-1, 1):
            self._follow(("", digest), levels * 2, way)

    def _follow(self, start: Node, levels: int, way: int) -> None:
        edge = [start]
        for level in range(1, levels + 1):
            found: dict[Node, None] = {}
            for node in edge:
                for other in self._before(node) if way < 0 else self._after(node):
                    self.edges[(other, node) if way < 0 else (node, other)] = None
                    if other not in self.levels:
                        found[other] = None
            edge = list(found)[: _MOST_NODES - len(self.levels)]
            self.is_cut |= len(edge) < len(found)
            self.levels |= dict.fromkeys(edge, way * level)
        self.is_cut |= any(any(self._before(node) if way < 0 else self._after(node)) for node in edge)

    def _before(self, node: Node) -> Iterator[Node]:
        """What the artifact was made by; what the step was given: artifacts, and steps whose results are none."""
        run, key = node
        if not run:
            yield from self._makers(key)
            return
        given, _ = self._store.artifacts_of(run, key)
        for need in self._needs(run, key):
            made = [each for each in self._store.artifacts_of(run, need)[1] if self._is_result(run, need, each)]
            given += made
            if not made:
                yield run, need
        yield from (("", each) for each in dict.fromkeys(given))

    def _after(self, node: Node) -> Iterator[Node]:
        """What the artifact was given to; what the step made: artifacts, and steps to which it gave something else."""
        run, key = node
        if not run:
            yield from self._uses(key, given=True)
            for by, step in self._uses(key, given=False):
                if self._is_result(by, step, key):
                    yield from ((by, each) for each in self._needed_by(by, step))
            return
        made = self._store.artifacts_of(run, key)[1]
        shown = [digest for digest, each in self._named(run).items() if each.step == key]
        yield from (("", each) for each in dict.fromkeys([*made, *shown]))
        if not any(self._is_result(run, key, each) for each in made):
            yield from ((run, each) for each in self._needed_by(run, key))

    def _uses(self, digest: str, *, given: bool) -> Iterator[Node]:
        """The steps that made it, or were given it; not the flow that only hands on what a step in it has made."""
        found = [(each.run, each.key) for each in self._store.uses(digest) if each.given == given]
        for run, key in found:
            within = any(by == run and each.startswith(f"{key}/") for by, each in found)
            if self._run(run) is not None and not within:
                yield run, key

    def _makers(self, digest: str) -> list[Node]:
        """The steps that made it; of one that was only published, the step that did so last."""
        return list(self._uses(digest, given=False)) or self._publisher(digest)

    def _publisher(self, digest: str) -> list[Node]:
        known = [(run, found[digest].step) for run, found in self._published.items() if digest in found]
        if known or digest != self._start:
            return known
        entries, _ = latest(self._store, None, 1, lambda each: _is_of(each, digest), published=True)
        return [(each.run, each.value["step"]) for each in entries if self._run(each.run) is not None]

    def _is_result(self, run: str, key: str, digest: str) -> bool:
        """Whether the step hands the artifact on, and has not only published it."""
        return digest not in self._named(run) or digest in _digests(self._step(run, key).result)

    def _needs(self, run: str, key: str) -> list[str]:
        steps = self._of_run(run)
        row = steps.get(key) or steps.get(key.rpartition("[")[0])
        return [each for each in row.needs if each in steps] if row is not None else []

    def _needed_by(self, run: str, key: str) -> list[str]:
        return [each.key for each in self._of_run(run).values() if key in each.needs]

    def _of_run(self, run: str) -> dict[str, StepRow]:
        if run not in self._steps:
            row = self._run(run)
            few = row is not None and sum(row.counts.values()) <= _MOST_STEPS
            self._steps[run] = {each.key: each for each in self._store.steps(run)} if few else {}
        return self._steps[run]

    def _run(self, run: str) -> RunRow | None:
        if run not in self._runs:
            try:
                self._runs[run] = self._store.run(run)
            except NotFound:  # pruned
                self._runs[run] = None
        return self._runs[run]

    def _step(self, run: str, key: str) -> StepRow:
        """The step, whole; of an element, as its map tells of it."""
        row = self._run(run)
        assert row is not None
        return find_step(self._store, row, key)

    def _named(self, run: str) -> dict[str, Published]:
        """What the run has published, by the digest of its content."""
        if run not in self._published:
            found = published(self._store, run)
            self._published[run] = {
                each.content["artifact"]: each for each in found if "artifact" in (each.content or {})
            }
        return self._published[run]

    # ---------------------------------------------------------------- as a document

    @property
    def json(self) -> Json:
        """The graph as a document: nodes by level, edges by their indices."""
        nodes = sorted(self.levels, key=self.levels.__getitem__)
        index = {node: number for number, node in enumerate(nodes)}
        edges = [[index[a], index[b]] for a, b in self.edges if a in index and b in index]
        return {
            "nodes": [{"level": self.levels[node], **self._told(node)} for node in nodes], "edges": edges,
            "is_cut": self.is_cut,
        }  # fmt: skip

    def _told(self, node: Node) -> Json:
        run, key = node
        if not run:
            return {"artifact": key, **self._described(key)}
        row, step = self._run(run), self._steps.get(run, {}).get(key) or self._step(run, key)
        name = row.name if row is not None else run
        status = lookup.step_status(row, step) if row is not None else step.status
        return {
            "run": run, "name": name, "workflow": row.workflow if row is not None else "", "step": key,
            "task": step.task, "status": status, "cached": bool(step.cached), "ended_at": step.ended_at,
        }  # fmt: skip

    def _described(self, digest: str) -> Json:
        """What is known of an artifact: by whoever published it, or by the result that it holds."""
        makers = self._makers(digest)
        for run, _ in makers:
            if found := self._named(run).get(digest):
                return {
                    "key": found.key, "type": found.type, "description": found.description, "preview": found.preview,
                    "size_bytes": (found.content or {}).get("size_bytes"), "made_at": found.at,
                }  # fmt: skip
        for run, key in makers:
            step = self._step(run, key)
            size = _sizes(step.result).get(digest)
            what = {"key": f"result of {step.task or key}", "type": "result", "description": "", "preview": None}
            return {**what, "size_bytes": size, "made_at": step.ended_at}
        return {"key": "", "type": "", "description": "", "preview": None, "size_bytes": None, "made_at": None}


def sentence(graph: Json) -> str:
    """What made the artifact, in words: "made by fit of quiet-otter, from load of quiet-otter"."""
    steps = [each for each in graph["nodes"] if "step" in each]
    makers = [each for each in steps if each["level"] == -1]
    if not makers:
        given = [each for each in steps if each["level"] == 1]
        return f"No step that is kept made it; it was given to {counted(len(given), 'step')}." if given else ""
    first = makers[0]
    again = f", and {counted(len(makers) - 1, 'other')} with the same content" if len(makers) > 1 else ""
    cached = " (cached)" if first["cached"] else ""
    return f"Made by {first['step']} of {first['name']}{cached}{again}."


def _is_of(entry: Entry, digest: str) -> bool:
    """Whether the event publishes that content."""
    value = entry.value if entry.namespace == ARTIFACTS and isinstance(entry.value, dict) else {}
    return digest in _sizes(value.get("content")) and isinstance(value.get("step"), str)


def _digests(record: Json) -> set[str]:
    return set(_sizes(record))


def _sizes(record: Json) -> dict[str, int | None]:
    """The artifacts that a record refers to, however deep, with their sizes."""
    found: dict[str, int | None] = {}
    stack = [record]
    while stack:
        each = stack.pop()
        if isinstance(each, dict):
            if isinstance(each.get("artifact"), str):
                found[each["artifact"]] = each.get("size_bytes")
            stack.extend(each.values())
        elif isinstance(each, list):
            stack.extend(each)
    return found

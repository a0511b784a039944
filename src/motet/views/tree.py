"""The steps of a run as a tree: subflows nested, a map on one line, many alike calls on one line if room is short.

Steps that somebody may have to see to can be had by themselves: what failed, then what runs and what waits.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from motet.kernel.transitions import FAILED, READY, RETRYING, RUNNING, SUCCEEDED, WAITING
from motet.ports import StepRow

_ALIKE = 5


@dataclass(slots=True)
class Node:
    """A step with those below it; `alike` are further ones that one line stands for. `above` is a key."""

    step: StepRow
    above: str = ""
    below: list[Node] = field(default_factory=list)
    alike: list[StepRow] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The step's key without that of what it stands below."""
        own = self._relative(self.step.key)
        return f"{own} ... {self._relative(self.alike[-1].key)}" if self.alike else own

    def _relative(self, key: str) -> str:
        return key.removeprefix(self.above).removeprefix("/")


def tree(steps: Sequence[StepRow], limit: int) -> list[Node]:
    """The roots. Elements of a map that ended alike share a line; so do, if there are more steps than `limit`, calls
    of one task in a row that succeeded.
    """
    nodes = {step.key: Node(step) for step in steps}
    roots: list[Node] = []
    for node in nodes.values():
        above = nodes.get(_above(node.step, nodes))
        if above is None:
            roots.append(node)
        else:
            node.above = above.step.key
            above.below.append(node)
    for node in nodes.values():
        node.below = _joined(node.below, calls=len(steps) > limit)
    return _joined(roots, calls=len(steps) > limit)


def pressing_first(steps: Sequence[StepRow]) -> list[StepRow]:
    """The steps, those first that somebody may have to see to."""
    return sorted(steps, key=_rank)


def _rank(step: StepRow) -> int:
    return _RANKS.get(step.status, len(_RANKS))


def _above(step: StepRow, nodes: dict[str, Node]) -> str:
    """The step that this one stands below: for an element, its map; inside an element without a row, the map too."""
    if step.form == "element":
        return step.key.rpartition("[")[0]
    return step.parent if step.parent in nodes else step.parent.rpartition("[")[0]


def _joined(nodes: list[Node], *, calls: bool) -> list[Node]:
    found: list[Node] = []
    for alike, group in groupby(nodes, lambda node: _likeness(node, calls)):
        members = list(group)
        if alike is not None and len(members) > _ALIKE:
            first = members[0]
            found.append(Node(first.step, first.above, alike=[each.step for each in members[1:]]))
        else:
            found += members
    return found


def _likeness(node: Node, calls: bool) -> tuple[str, ...] | None:
    """What steps have in common that may share a line; None for one that gets its own."""
    step = node.step
    if node.below or step.size is not None:
        return None
    if step.form == "element":
        error = step.error if isinstance(step.error, dict) else {}
        return step.status, str(error.get("type")), str(error.get("message"))
    plain = step.status == SUCCEEDED and step.attempt <= 1 and not step.cached
    return (step.task,) if calls and plain else None


_RANKS = {status: rank for rank, status in enumerate((FAILED, RETRYING, RUNNING, WAITING, READY))}


def urgent(steps: Sequence[StepRow]) -> list[StepRow]:
    """The steps that somebody may have to see to, most pressing first; none that failed because one below it did."""
    failed = [step.key for step in steps if step.status == FAILED]
    around = {step.parent for step in steps if step.status == FAILED}
    around |= {key.rpartition("[")[0] for key in failed if key.endswith("]")}
    wanted = [step for step in steps if step.status in _RANKS and (step.status != FAILED or step.key not in around)]
    return pressing_first(wanted)


def lines(
    nodes: Sequence[Node], before: str = "", *, top: bool = True, ascii_only: bool = False
) -> Iterator[tuple[str, Node]]:  # fmt: skip
    """The nodes from top to bottom, each with its name behind the branch that leads to it."""
    fork, end, on = ("|- ", "`- ", "|  ") if ascii_only else ("├─ ", "└─ ", "│  ")
    for at, node in enumerate(nodes):
        last = at == len(nodes) - 1
        yield before + ("" if top else end if last else fork) + node.name, node
        deeper = before + ("" if top else "   " if last else on)
        yield from lines(node.below, deeper, top=False, ascii_only=ascii_only)

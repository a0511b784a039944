"""Parameters spread over steps."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import product

from motet.dialects.yadage.spec import Scatter
from motet.dialects.yadage.values import Found, unique
from motet.errors import SpecError


def scattered(parameters: Mapping[str, Found], scatter: Scatter, where: str) -> list[dict[str, Found]]:
    """The parameters of each step, in order. Raises SpecError for what is no list, or for lists that do not fit."""
    lists = {name: _items(parameters[name], name, scatter, where) for name in scatter.parameters}
    if scatter.method == "zip":
        lengths = {name: len(items) for name, items in lists.items()}
        if len(set(lengths.values())) > 1:
            told = ", ".join(f"{name} has {length}" for name, length in lengths.items())
            raise SpecError(
                f"{where}: lists of unequal length are zipped: {told}.", "Make them equal, or use cartesian."
            )
        rows: Iterable[tuple[Found, ...]] = zip(*lists.values(), strict=True)
    else:
        rows = product(*lists.values())
    return [{**parameters, **dict(zip(lists, row, strict=True))} for row in rows]


def _items(found: Found, name: str, scatter: Scatter, where: str) -> Sequence[Found]:
    if not isinstance(found.value, list):
        what = f"{where}: scatters over {name}, which is {found.value!r:.60}, not a list."
        raise SpecError(what, "Give it a list; `stages` in place of `step` makes one.")
    owners = found.each or [found.owners] * len(found.value)
    ends = _ends(len(found.value), scatter)
    if ends is None:
        return [Found(value, own, None, found.open) for value, own in zip(found.value, owners, strict=True)]
    return [
        Found(found.value[begin:end], unique(owners[begin:end]), owners[begin:end], found.open)
        for begin, end in zip([0, *ends], ends, strict=False)
    ]


def _ends(length: int, scatter: Scatter) -> Sequence[int] | None:
    """Where batches end; None where each item is by itself. Of parts, the larger ones come last."""
    if scatter.batch:
        return [*range(scatter.batch, length, scatter.batch), length][: -(-length // scatter.batch)]
    if scatter.parts:
        parts = min(scatter.parts, length)
        ends, end = [], 0
        for number in range(parts):
            end += (length + number) // parts
            ends.append(end)
        return ends
    return None

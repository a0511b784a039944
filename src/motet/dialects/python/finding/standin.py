"""Which names `import prefect` gives where the beta's door stands in for it."""

from __future__ import annotations

from contextlib import AbstractContextManager

from motet import standins

STANDS_IN = "orion"
"""What a run's program says under `door` if its file was served by this hook."""

_FACE = "motet.orion"
_SERVED = {
    "prefect": _FACE, "prefect.flows": _FACE, "prefect.tasks": _FACE, "prefect.futures": _FACE,
    "prefect.states": _FACE, "prefect.logging": _FACE, "prefect.orion": _FACE, "prefect.orion.schemas": _FACE,
    "prefect.orion.schemas.states": _FACE, "prefect.task_runners": f"{_FACE}.task_runners",
}  # fmt: skip


def standing_in(door: str = "") -> AbstractContextManager[None]:
    """While it lasts, `import prefect` gives the beta's names: always if that `door` was asked for ("orion"),
    else only where Prefect itself is not installed.
    """
    return standins.standing_in(_SERVED, always=door == STANDS_IN)


def stands_in() -> bool:
    """Whether `prefect` is a stand-in here."""
    return standins.stands_in("prefect")

"""How a step was asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from motet.kernel.policy import Policy


@dataclass(slots=True)
class Spec:
    """What a step needs, comes after and follows; its elements if it is a map; how it is to be run."""

    needs: Sequence[str] = ()
    after: Sequence[str] = ()
    each: Sequence[str] = ()
    size: int | None = None
    policy: Policy = field(default_factory=Policy)

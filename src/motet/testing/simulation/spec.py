"""How a step was asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from motet.kernel.events import Json
from motet.kernel.policy import Policy


@dataclass(slots=True)
class Spec:
    """What a step needs, comes after and follows; its elements if it is a map; how it is to be run.

    until  the rule that it waits for, in place of running, which hears what is published beyond the offset `since`
    """

    needs: Sequence[str] = ()
    after: Sequence[str] = ()
    each: Sequence[str] = ()
    size: int | None = None
    policy: Policy = field(default_factory=Policy)
    until: Json = None
    since: int = 0

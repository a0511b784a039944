"""How a step is to be run: tries, time, resources. Pure, shared by all steps of one task."""

from __future__ import annotations

from collections.abc import Mapping

from motet.kernel.events import Json
from motet.records import Record, defaults, field


class Policy(Record, frozen=True):
    """What the engine may and must do for a step.

    retries     attempts allowed after the first
    delays_s    seconds before the 1st, 2nd, ... retry; the last one holds for all further ones
    backoff     each retry beyond the last listed delay waits this many times longer than the one before
    max_delay_s no wait is longer than this (before jitter)
    jitter      a wait is lengthened by up to this share of itself, by a hash of step and attempt
    timeout_s   seconds an attempt may run, None for no limit
    grace_s     seconds between the request to stop and the kill
    demands     what an attempt takes of named limits while it runs: {"gpu": 1, "database": 1}
    executor    the name of the executor that runs it; "" for a caller that runs it itself
    priority    of those who wait for the machine, the higher one comes first
    slot        whether an attempt takes a place of its executor: what runs until it is stopped keeps others out of it

    `demands` comes to hold that place of the executor too.
    """

    retries: int = 0
    delays_s: tuple[float, ...] = ()
    backoff: float = 1.0
    max_delay_s: float = 86400.0
    jitter: float = 0.0
    timeout_s: float | None = None
    grace_s: float = 5.0
    demands: Mapping[str, float] = field(default_factory=dict)
    executor: str = ""
    priority: int = 0
    slot: bool = True
    json: Mapping[str, Json] = field(init=False)
    """The fields that differ from their defaults, made once: it is written with every step."""

    def __post_init__(self) -> None:
        if self.executor and self.slot:
            object.__setattr__(self, "demands", {**self.demands, slot_of(self.executor): 1.0})
        object.__setattr__(self, "json", self._written())

    def _written(self) -> dict[str, Json]:
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, default in _DEFAULTS.items()
            if (value := getattr(self, name)) != default
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Json]) -> Policy:
        """The policy that `json` was written from."""
        body = dict(data)
        if "delays_s" in body:
            body["delays_s"] = tuple(body["delays_s"])
        return cls(**body)


_DEFAULTS = defaults(Policy)


def slot_of(executor: str) -> str:
    """The limit that stands for the places of an executor."""
    return f"executor:{executor}"


PLAIN = Policy()
"""No retries, no limit, nothing demanded."""


def retry_delay_s(policy: Policy, key: str, failures: int) -> float:
    """Seconds to wait before the retry that follows failure number `failures` (1, 2, ...) of step `key`.

    The same step and failure always wait equally long, in every process: jitter comes from a hash, so a
    replay plans what the first run planned, while the steps of a map still spread out.
    """
    if not policy.delays_s:
        return 0.0
    listed = len(policy.delays_s)
    base = policy.delays_s[min(failures, listed) - 1]
    over = max(0, failures - listed)
    if over and policy.backoff != 1.0:
        # Capped exponent: a float overflows long before anyone waits that long.
        base *= policy.backoff ** min(over, 64)
    base = min(base, policy.max_delay_s)
    if policy.jitter:
        base *= 1.0 + policy.jitter * _share(f"{key}\0{failures}")
    return base


def _share(text: str) -> float:
    """A number in [0, 1) that depends on `text` alone."""
    from hashlib import blake2b

    return int.from_bytes(blake2b(text.encode(), digest_size=7).digest()) / 2.0**56

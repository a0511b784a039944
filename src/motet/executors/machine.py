"""What this machine has to give, and the lines in which the attempts of all runs and processes wait for it."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from functools import lru_cache

from motet.errors import UsageError
from motet.typed import TYPE_CHECKING

if TYPE_CHECKING:
    from motet.admission import Office, Tickets
    from motet.kernel.decide import AskMachine, StartAttempt
    from motet.kernel.inputs import Input
    from motet.kernel.state import RunState
    from motet.ports import Clock, RunRow
    from motet.ports.admission import RunTickets


def capacities() -> dict[str, float]:
    """Cpu in cores, memory in bytes, gpu in devices, and what MOTET_RESOURCES names."""
    return {**_found(), "gpu": float(len(devices())), **_named(os.environ.get("MOTET_RESOURCES", ""))}


@lru_cache(maxsize=1)
def _found() -> dict[str, float]:
    found = {"cpu": float(_cores())}
    with suppress(OSError, ValueError):  # unknown: then it does not bind
        found["memory"] = float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    return found


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _named(text: str) -> dict[str, float]:
    """What "licence=2,disk=100Gi" says. Raises UsageError."""
    if not text:
        return {}
    from motet.values.quantities import quantity

    found = {}
    for each in text.split(","):
        name, _, amount = each.partition("=")
        try:
            found[name.strip()] = quantity(amount.strip())
        except (UsageError, ValueError):
            raise UsageError(f"MOTET_RESOURCES has {each!r}.", "Write NAME=AMOUNT, with commas between them.") from None
    return found


def devices() -> list[str]:
    """The numbers of the GPUs: MOTET_GPUS (how many, or which), else CUDA_VISIBLE_DEVICES, else what the driver has."""
    given = os.environ.get("MOTET_GPUS", "").strip()
    if given.isdigit():
        return [str(number) for number in range(int(given))]
    if not given:
        visible = os.environ.get("CUDA_VISIBLE_DEVICES")
        if visible is None:
            return [str(number) for number in range(_of_driver())]
        given = visible
    return [each.strip() for each in given.split(",") if each.strip() not in ("", "-1")]


@lru_cache(maxsize=1)
def _of_driver() -> int:
    with suppress(OSError):
        return len(os.listdir("/proc/driver/nvidia/gpus"))
    with suppress(OSError):
        return sum(name.startswith("nvidia") and name[6:].isdigit() for name in os.listdir("/dev"))
    return 0


class Machine:
    """The lines of this machine, which are opened when somebody first asks: most runs load nothing of them.

    folder  where they are: what shares it shares the machine
    places  how many attempts the executors run at once, by name
    spare   how many more they take in advance
    """

    def __init__(self, folder: str, places: Mapping[str, int], spare: int) -> None:
        self._folder = folder
        self._places = places
        self._spare = spare
        self._lock = threading.Lock()
        self._office: Office | None = None
        self._amounts: dict[str, float] = {}

    @property
    def names(self) -> Collection[str]:
        """What is counted, as policies name it."""
        return self._counted().keys()

    def tickets(self, clock: Clock, state: RunState, run: RunRow, tell: Callable[[Input], None]) -> RunTickets:
        """Those of a run."""
        return _Later(lambda: self._tickets(clock, state, run, tell))

    def _tickets(self, clock: Clock, state: RunState, run: RunRow, tell: Callable[[Input], None]) -> Tickets:
        from motet.admission import Office, Tickets

        with self._lock:
            office = self._office = self._office or Office(self._folder, self._counted(), devices(), self._spare)
        return Tickets(office, clock, state, run, tell)

    def close(self) -> None:
        """Give everything back."""
        if self._office is not None:
            self._office.close()

    def _counted(self) -> dict[str, float]:
        if not self._amounts:
            places = {f"executor:{name}": float(most) for name, most in self._places.items()}
            self._amounts = {**{f"resource:{name}": amount for name, amount in capacities().items()}, **places}
        return self._amounts


class _Later:
    """See `motet.ports.admission.RunTickets`: those of a run that has yet to ask for something."""

    def __init__(self, make: Callable[[], Tickets]) -> None:
        self._make = make
        self._made: Tickets | None = None

    def ask(self, command: AskMachine) -> None:
        if self._made is None:
            self._made = self._make()
        self._made.ask(command)

    def start(self, command: StartAttempt) -> None:
        if self._made is not None:
            self._made.start(command)

    def gpus(self, key: str, element: int, number: int) -> list[str]:
        return self._made.gpus(key, element, number) if self._made is not None else []

    def over(self, key: str, element: int, number: int) -> None:
        if self._made is not None:
            self._made.over(key, element, number)

    def withdraw(self, key: str) -> None:
        if self._made is not None:
            self._made.withdraw(key)

    def close(self) -> None:
        if self._made is not None:
            self._made.close()

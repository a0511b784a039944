"""`Office`: what a process asks of the machine for its attempts, and what it was given.

While no other process waits, what an attempt gives back is kept for the next one here, so that neither costs more than
a look: the board is told of changes that concern others only. As soon as somebody else waits, all that is not in use
goes back.
"""

from __future__ import annotations

import os
import select
import threading
from bisect import bisect_left, insort
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from math import ceil
from typing import TypeAlias

from motet import forks, private
from motet.admission.board import Board, new_standing, strike_off_dead
from motet.admission.lines import GPU, Standing, serve
from motet.ports.admission import Ask, Ticket

_SHOWN = 3
"""How many tickets of a kind of needs stand on the board; more follow as these are served."""

_TOLD = 20
_WATCHERS = 2
_LOOK_S = 10.0
"""How often one who waits looks although nobody woke it: should both who watch be killed together."""

_ROUNDING = 1e-6


_Line: TypeAlias = list[tuple[tuple[int, float, int], Ticket]]


class Office:
    """Asks for places and resources of this machine, on behalf of all runs of this process. Callable from any thread.

    folder      where the board of the machine is
    capacities  how much there is, as this process sees it
    devices     the numbers of the GPUs
    spare       how many more may start of what has all places here, so that workers find work at once
    """

    def __init__(
        self, folder: str, capacities: Mapping[str, float], devices: Sequence[str] = (), spare: int = 0
    ) -> None:  # fmt: skip
        self.board = Board(folder)
        self._capacities = {**capacities, GPU: float(len(devices))} if devices else dict(capacities)
        self._devices = list(devices)
        self._spare = spare
        self._name = f"{os.getpid()}-{os.urandom(4).hex()}"
        self._lock = threading.Lock()
        self._holds: dict[str, float] = {}
        self._used: dict[str, float] = {}
        self._before: dict[str, float] = {}
        self._gpus: list[str] = []
        self._busy: list[str] = []
        self._lines: dict[tuple[str, ...], _Line] = {}
        self._held: dict[int, Ticket] = {}
        self._numbers = 0
        self._alone = False
        self._bell = -1
        self._watched: dict[int, int] = {}
        self._thread: threading.Thread | None = None
        self._closed = False

    # ------------------------------------------------------------ what engines call

    @property
    def names(self) -> Collection[str]:
        """See the port."""
        return self._capacities.keys()

    def ask(self, ask: Ask) -> Ticket:
        """Stand in line; `ask.granted` is called when the attempt may start, from now on."""
        ask.needs = {
            name: ceil(amount) if name == GPU else amount
            for name, amount in ask.needs.items() if name in self._capacities
        }  # fmt: skip
        with self._lock:
            self._numbers += 1
            ticket = Ticket(ask, self._numbers)
            is_free = self._alone or not self.board.somebody_waits()
            if not ask.needs or (is_free and not self._lines and self._fits_here(ticket)):
                self._take(ticket)
            else:
                insort(self._lines.setdefault(tuple(ask.needs), []), (_order_of(ticket), ticket))
        if ticket.held:
            ask.granted(ticket)
        else:
            self._settle()
        return ticket

    def give_back(self, ticket: Ticket) -> None:
        """The attempt is over, or wants to start no more. Does nothing for what was given back."""
        granted: list[Ticket] = []
        with self._lock:
            if ticket.over:
                return
            ticket.over = True
            tell = not ticket.held
            if not ticket.held:
                self._leave(ticket)
            else:
                self._put_back(ticket)
                # Who has just got in line here may not be on the board yet: nobody else would tell him.
                tell = bool(self._lines or self.board.somebody_waits()) and not self._serve_here(ticket, granted)
        for each in granted:
            each.ask.granted(each)
        if tell:
            self._settle()

    def close(self) -> None:
        """Give everything back."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            begun = self._bell >= 0
        if not begun:
            return
        with self.board.held() as standings:
            standings.pop(self._name, None)
            rung = serve(standings.values())
        for each in rung:
            self.board.ring(each)
        with suppress(OSError):
            os.unlink(os.path.join(self.board.folder, self._name))
        os.write(self._bell, b"!")
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join()
        self._watch({})
        os.close(self._bell)
        self.board.close()

    # ------------------------------------------------------------ here

    def _fits_here(self, ticket: Ticket) -> bool:
        """Whether what the process has and does not use is enough."""
        ask = ticket.ask
        if ask.above:
            return False
        for name, amount in ask.needs.items():
            holds = self._holds.get(name, 0.0)
            spare = self._spare if ask.ahead and holds >= self._capacities[name] and _is_place(name) else 0
            if self._used.get(name, 0.0) + amount > holds + spare + _ROUNDING:
                return False
        return True

    def _take(self, ticket: Ticket, gpus: Sequence[str] | None = None) -> None:
        for name, amount in ticket.ask.needs.items():
            self._used[name] = self._used.get(name, 0.0) + amount
        wanted = int(ticket.ask.needs.get(GPU, 0))
        ticket.gpus = list([each for each in self._gpus if each not in self._busy][:wanted] if gpus is None else gpus)
        self._busy += ticket.gpus
        ticket.held = True
        self._held[ticket.number] = ticket

    def _put_back(self, ticket: Ticket) -> None:
        del self._held[ticket.number]
        for name, amount in ticket.ask.needs.items():
            self._used[name] -= amount
        for each in ticket.gpus:
            self._busy.remove(each)
        if ticket.ask.above:  # it was given more than there is
            for name, amount in ticket.ask.needs.items():
                self._holds[name] -= amount
            for each in ticket.gpus:
                self._gpus.remove(each)

    def _in_use(self) -> dict[str, float]:
        """What attempts have. Of places no more than there are: the others wait for a worker."""
        return {
            name: min(amount, self._capacities[name]) if _is_place(name) else amount
            for name, amount in self._used.items() if amount > _ROUNDING
        }  # fmt: skip

    def _serve_here(self, freed: Ticket, granted: list[Ticket]) -> bool:
        """Hand on what came free to those in line here; False where others may have a claim to it.

        Others may be tickets of other processes, as far as the board told when it was last seen (who comes later
        rings), or of other needs.
        """
        kind = tuple(freed.ask.needs)
        if not self._alone or any(each != kind for each in self._lines):
            return False
        while (line := self._lines.get(kind)) and self._fits_here(line[0][1]):
            granted.append(self._leave(line[0][1]))
            self._take(granted[-1])
        return True

    def _leave(self, ticket: Ticket) -> Ticket:
        """Take it out of its line."""
        kind = tuple(ticket.ask.needs)
        line = self._lines[kind]
        del line[bisect_left(line, (_order_of(ticket),))]
        if not line:
            del self._lines[kind]
        return ticket

    # ------------------------------------------------------------ the board

    def _settle(self) -> None:
        """Bring the board up to date with what there is here, and serve who may start, wherever that is."""
        granted: list[Ticket] = []
        rung: dict[str, Standing] = {}
        with self.board.held() as standings:
            if self._closed:
                return
            joins = self._name not in standings
            mine = standings.setdefault(self._name, new_standing(self._begin()) if joins else {})
            was_shown = bool(mine["front"])
            self._collect(mine, granted)
            self._serve(standings, mine, granted)
            if any(each["front"] for each in standings.values()) and strike_off_dead(standings):
                self._serve(standings, mine, granted)
            others = {name: each for name, each in standings.items() if each is not mine}
            rung = {name: each for name, each in others.items() if each["granted"]}
            if mine["front"] and not was_shown:  # who keeps what is not in use is to give it back
                rung |= {name: each for name, each in others.items() if each["holds"]}
            watch = self._appoint(standings, joins)
            rung |= {name: each for name, each in others.items() if name in watch}
            self._watch(standings if mine["watch"] else {})
        for ticket in granted:
            ticket.ask.granted(ticket)
        dead = [name for name, each in rung.items() if not self.board.ring(each)]
        if dead:
            with self.board.held() as standings:
                for name in dead:
                    standings.pop(name, None)
            self._settle()

    def _serve(self, standings: dict[str, Standing], mine: Standing, granted: list[Ticket]) -> None:
        while True:
            others_wait = any(each["front"] for each in standings.values() if each is not mine)
            with self._lock:
                self._alone = not others_wait
                if others_wait or self._lines:  # nothing is kept while anybody is in line for it
                    self._holds, self._gpus = self._in_use(), list(self._busy)
                mine["holds"], self._before = dict(self._holds), dict(self._holds)
                mine["gpus"] = list(self._gpus)
                mine["front"], mine["rest"] = self._front()
                mine["by"] = [[*each.ask.by, *each.ask.needs] for each in list(self._held.values())[:_TOLD]]
            if mine not in serve(standings.values()):
                return
            self._collect(mine, granted)

    def _collect(self, mine: Standing, granted: list[Ticket]) -> None:
        """Take what the process was given, also for what wants it no more: that is kept, or goes back."""
        with self._lock:
            for name, amount in mine["holds"].items():
                self._holds[name] = self._holds.get(name, 0.0) + amount - self._before.get(name, 0.0)
            waiting = {each.number: each for line in self._lines.values() for _, each in line[: 2 * _SHOWN]}
            for number, gpus in mine["granted"].items():
                self._gpus += gpus
                ticket = waiting.get(int(number))
                if ticket is not None:
                    self._take(self._leave(ticket), gpus)
                    granted.append(ticket)
            mine["granted"] = {}

    def _front(self) -> tuple[list[Standing], list[Standing]]:
        """The first tickets of each kind of needs, and where there are more the next one."""
        front = [self._told(each) for line in self._lines.values() for _, each in line[:_SHOWN]]
        rest = [self._told(line[_SHOWN][1]) for line in self._lines.values() if len(line) > _SHOWN]
        return front, [{**each, "rest": True} for each in rest]

    def _told(self, ticket: Ticket) -> Standing:
        ask = ticket.ask
        told: Standing = {
            "number": ticket.number, "order": [*_order_of(ticket)[:2], os.getpid(), ticket.number], "by": ask.by,
            "needs": {name: [amount, self._capacities[name]] for name, amount in ask.needs.items()},
        }  # fmt: skip
        if GPU in ask.needs:
            told |= {"gpus": self._devices, "lent": list(ask.lent)}
        return {**told, "above": dict(ask.above)} if ask.above else told

    def _appoint(self, standings: dict[str, Standing], joins: bool) -> set[str]:
        """Have the first in line watch over the others; gives those who have to look at who these are now."""
        waiting = [name for name, each in standings.items() if each["front"]]
        first = sorted(waiting, key=lambda name: min(each["order"] for each in standings[name]["front"]))[:_WATCHERS]
        told = set()
        for name, each in standings.items():
            if name in first and (joins or not each["watch"]):
                told.add(name)
            each["watch"] = name in first
        return told

    # ------------------------------------------------------------ waking

    def _begin(self) -> str:
        """Make the bell, and begin to listen for it."""
        path = os.path.join(self.board.folder, self._name)
        if self._bell >= 0:  # it was struck off, and is back
            return self._name
        os.mkfifo(path, private.FILE)
        self._bell = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        forks.own(self._bell)
        self._thread = threading.Thread(target=self._listen, name="motet-admission", daemon=True)
        self._thread.start()
        return self._name

    def _listen(self) -> None:
        while not self._closed:
            poll = select.poll()
            poll.register(self._bell, select.POLLIN)
            for fd in tuple(self._watched.values()):
                poll.register(fd, select.POLLIN)
            poll.poll(_LOOK_S * 1000 if self._lines else None)
            with suppress(BlockingIOError):
                os.read(self._bell, 4096)
            if not self._closed:
                with suppress(FileNotFoundError):  # the home was removed: nobody is left to wait there
                    self._settle()

    def _watch(self, standings: dict[str, Standing]) -> None:
        """Be woken by the death of those processes."""
        wanted = {each["owner"]["pid"] for name, each in standings.items() if name != self._name}
        for pid in [pid for pid in self._watched if pid not in wanted]:
            os.close(self._watched.pop(pid))
        for pid in wanted - self._watched.keys():
            with suppress(OSError, AttributeError):  # dead already, or no such call here: it looks now and then
                self._watched[pid] = os.pidfd_open(pid)
        # Only the thread that listens polls these; where another one has changed them, it has to begin anew.
        if wanted and threading.current_thread() is not self._thread:
            os.write(self._bell, b"!")


def _is_place(name: str) -> bool:
    return name.startswith("executor:")


def _order_of(ticket: Ticket) -> tuple[int, float, int]:
    return -ticket.ask.priority, ticket.ask.at, ticket.number


def names_of(needs: Iterable[str]) -> list[str]:
    """Names of needs for people: cpu, gpu, a place in processes."""
    told = {"resource": "{}", "executor": "a place in the executor {}"}
    return [told.get(kind, "{}").format(rest) for kind, _, rest in (each.partition(":") for each in needs)]

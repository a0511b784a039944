"""Asking for places and resources: within a process, and between real processes that are killed."""

from __future__ import annotations

import logging
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.admission import crowd

from motet.admission import Office
from motet.admission.board import Board
from motet.admission.lines import Standing
from motet.ports.admission import Ask, Ticket

SLOT, CPU, GPU = "executor:commands", "resource:cpu", "resource:gpu"


class Desk:
    """An office, and what was granted by it."""

    def __init__(self, folder: Path, devices: tuple[str, ...] = (), **capacities: float) -> None:
        self.office = Office(str(folder), {SLOT: 2, CPU: 4, **capacities}, devices)
        self.granted: list[Ticket] = []
        self._came = threading.Condition()

    def ask(self, at: float = 0.0, above: dict[str, float] | None = None, **needs: float) -> Ticket:
        """Ask for slots, cpus, gpus."""
        named = {{"slot": SLOT, "cpu": CPU, "gpu": GPU}.get(name, name): amount for name, amount in needs.items()}
        return self.office.ask(Ask(named, at, self._note, above=above or {}))

    def _note(self, ticket: Ticket) -> None:
        with self._came:
            self.granted.append(ticket)
            self._came.notify_all()

    def wait(self, *tickets: Ticket) -> None:
        """Wait until all of these were granted."""
        with self._came:
            assert self._came.wait_for(lambda: all(each in self.granted for each in tickets), crowd.PATIENCE_S)


@pytest.fixture
def desks(tmp_path: Path) -> Iterator[list[Desk]]:
    """Two on one board."""
    made = [Desk(tmp_path, ("0", "1", "2")) for _ in range(2)]
    yield made
    for each in made:
        each.office.close()


def test_alone_what_comes_free_is_handed_on_without_the_board(desks: list[Desk]) -> None:
    one = desks[0]
    first, second, third = (one.ask(slot=1) for _ in range(3))
    assert one.granted == [first, second]
    board = Path(one.office.board.folder) / "board.json"
    before = board.stat().st_ino
    one.office.give_back(first)
    assert one.granted == [first, second, third]
    for each in (second, third):
        one.office.give_back(each)
    one.office.give_back(one.ask(slot=1))
    assert board.stat().st_ino == before
    assert one.ask(nobody_knows_that=5).held


def test_another_gets_what_is_kept_and_what_is_given_back_in_the_order_of_asking(desks: list[Desk]) -> None:
    one, two = desks
    one.office.give_back(one.ask(slot=2))
    kept = two.ask(slot=2)
    two.wait(kept)
    late, early = one.ask(at=2, slot=1), two.ask(at=1, slot=2)
    two.office.give_back(kept)
    two.wait(early)
    assert late not in one.granted
    two.office.give_back(early)
    one.wait(late)


def test_who_leaves_the_line_lets_others_pass(desks: list[Desk]) -> None:
    one, two = desks
    held = one.ask(slot=1)
    large, small = one.ask(at=1, slot=2), two.ask(at=2, slot=1)
    assert not large.held and not small.held
    one.office.give_back(large)
    two.wait(small)
    one.office.give_back(held)
    one.office.give_back(held)
    last = two.ask(slot=1)
    two.wait(last)


def test_gpus_have_numbers(desks: list[Desk]) -> None:
    one, two = desks
    first, second = one.ask(gpu=2), two.ask(gpu=1)
    two.wait(second)
    assert sorted([*first.gpus, *second.gpus]) == ["0", "1", "2"]
    third = two.ask(gpu=2)
    assert not third.held
    one.office.give_back(first)
    two.wait(third)
    assert sorted([*third.gpus, *second.gpus]) == ["0", "1", "2"]


def test_below_a_holder(desks: list[Desk]) -> None:
    one, two = desks
    outer, other = one.ask(cpu=4), two.ask(cpu=4)
    inner = [one.ask(at=9, above={CPU: 4.0}, cpu=4) for _ in range(2)]
    one.wait(inner[0])
    assert not inner[1].held
    one.office.give_back(inner[0])
    one.wait(inner[1])
    assert not other.held
    one.office.give_back(inner[1])
    one.office.give_back(outer)
    two.wait(other)


def test_what_waits_for_one_thing_does_not_hold_up_what_needs_another(desks: list[Desk]) -> None:
    one, two = desks
    gpus = two.ask(gpu=3)
    slots = [one.ask(slot=1) for _ in range(2)]
    stuck = one.ask(at=1, gpu=1)
    free = one.ask(at=2, slot=1)
    assert not stuck.held and not free.held
    one.office.give_back(slots[0])
    one.wait(free)
    two.office.give_back(gpus)
    one.wait(stuck)


def test_an_office_that_is_closed_gives_all_back(desks: list[Desk]) -> None:
    one, two = desks
    one.ask(cpu=4)
    waiting = two.ask(cpu=4)
    one.office.close()
    two.wait(waiting)


def test_two_that_ask_for_all_never_have_it_together_though_one_is_killed(tmp_path: Path, rng: random.Random) -> None:
    crowd.kills(tmp_path, 4, rng)


def test_processes_start_in_the_order_asked(tmp_path: Path) -> None:
    crowd.in_order(tmp_path, 8)


def test_many_tickets_in_some_processes(tmp_path: Path) -> None:
    crowd.waiting(tmp_path, 60, 3, 2)


def test_who_is_stopped_while_it_writes_the_board_is_told_by_those_who_wait(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    holding = "from motet.admission.board import Board\nimport sys\n"
    holding += "with Board(sys.argv[1]).held(): print('holding', flush=True); input()\n"
    command = [sys.executable, "-c", holding, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "holding\n"
        holder.send_signal(signal.SIGSTOP)
        board, had = Board(str(tmp_path), patience_s=0.1), threading.Event()

        def write() -> None:
            with board.held():
                had.set()

        with caplog.at_level(logging.WARNING, "motet.turns"):
            waiting = threading.Thread(target=write)
            waiting.start()
            while not caplog.records:
                time.sleep(0.01)
        assert f"process {holder.pid} holds it" in caplog.records[0].getMessage()
        assert not had.is_set()
        holder.kill()
        waiting.join()
    assert had.is_set()


def test_a_place_given_back_while_somebody_gets_in_line_is_handed_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("motet.admission.office._LOOK_S", 1e6)
    desk = Desk(tmp_path)
    office, board = desk.office, desk.office.board
    first, _ = desk.ask(slot=1), desk.ask(slot=1)
    write = board._write
    giving = threading.Thread(target=office.give_back, args=(first,))

    def late(standings: dict[str, Standing]) -> None:
        monkeypatch.setattr(board, "_write", write)
        giving.start()
        while first.number in office._held:
            time.sleep(0.001)
        time.sleep(0.05)  # in which it looks at the board, on which nobody is in line yet
        write(standings)

    monkeypatch.setattr(board, "_write", late)
    desk.wait(desk.ask(slot=1))
    giving.join()
    office.close()

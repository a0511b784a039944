"""Who may start: against random histories, and what is promised of each."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

from motet.admission.lines import GPU, Standing, serve


def standing(pid: int) -> Standing:
    return {"owner": {"pid": pid}, "holds": {}, "gpus": [], "front": [], "rest": [], "granted": {}}


def ticket(number: int, at: float, priority: int = 0, above: Any = None, **needs: tuple[float, float]) -> Standing:
    named = {GPU if name == "gpu" else name: list(pair) for name, pair in needs.items()}
    devices = [str(each) for each in range(int(needs["gpu"][1]))] if "gpu" in needs else []
    return {
        "number": number, "order": [-priority, at, 0, number], "needs": named, "above": above or {}, "lent": [],
        "gpus": devices,
    }  # fmt: skip


def granted(*standings: Standing) -> list[int]:
    """The numbers of all that were granted, which are seen by that."""
    numbers = sorted(int(number) for each in standings for number in each["granted"])
    for each in standings:
        each["granted"] = {}
    return numbers


def test_first_come_first_served_over_processes_and_by_priority() -> None:
    one, two = standing(1), standing(2)
    one["front"] = [ticket(1, 10.0, a=(1, 2)), ticket(4, 13.0, a=(1, 2))]
    two["front"] = [ticket(2, 11.0, a=(1, 2)), ticket(3, 12.0, priority=1, a=(1, 2))]
    assert len(serve([one, two])) == 2
    assert granted(one, two) == [1, 3]
    two["holds"]["a"] -= 1
    assert serve([one, two]) == [two]
    assert granted(one, two) == [2]


def test_one_that_needs_much_is_not_passed_and_holds_up_only_the_line_it_stands_in() -> None:
    one = standing(1)
    one["holds"] = {"a": 1.0}
    one["front"] = [ticket(1, 1, a=(2, 2), b=(1, 1)), ticket(2, 2, a=(1, 2)), ticket(3, 3, b=(1, 1))]
    serve([one])
    assert granted(one) == [3], "who waits for a does not hold b, which comes later"
    one["holds"] = {}
    serve([one])
    assert granted(one) == [1]


def test_what_is_beyond_the_capacity_runs_alone() -> None:
    one = standing(1)
    one["front"] = [ticket(1, 1, a=(9, 2)), ticket(2, 2, a=(1, 2))]
    serve([one])
    assert granted(one) == [1]
    one["holds"] = {"a": 1.0}
    one["front"] = [ticket(3, 3, a=(9, 2))]
    serve([one])
    assert granted(one) == []


def test_what_is_not_on_the_board_yet_is_not_passed() -> None:
    one, two = standing(1), standing(2)
    one["rest"] = [{**ticket(1, 1, a=(1, 2)), "rest": True}]
    two["front"] = [ticket(2, 2, a=(1, 2)), ticket(3, 3, b=(1, 2))]
    serve([one, two])
    assert granted(two) == [3]


def test_below_a_holder_one_at_a_time_before_all_others() -> None:
    one = standing(1)
    one["holds"] = {"a": 2.0}
    one["front"] = [ticket(number, number, above={"a": 2.0}, a=(2, 2)) for number in (2, 3)] + [ticket(1, 1, a=(1, 2))]
    serve([one])
    assert granted(one) == [2]
    one["holds"]["a"] -= 2
    serve([one])
    assert granted(one) == [3]


def test_the_numbers_of_gpus_are_never_shared_nor_more_given_than_there_is(rng: random.Random) -> None:
    for _ in range(1000):
        _one_history(rng)


def _one_history(rng: random.Random) -> None:
    """Tickets come and end, processes die, in any order: whoever has a GPU has it alone, and all get theirs."""
    devices, cpus = rng.randint(1, 4), rng.randint(1, 6)
    standings = {pid: standing(pid) for pid in range(rng.randint(1, 4))}
    held: dict[int, tuple[int, Standing, list[str]]] = {}
    waiting: dict[int, tuple[int, Standing]] = {}
    for number in range(60):
        if number < 30:
            pid = rng.choice(list(standings))
            needs = {"gpu": (rng.randint(1, devices), devices)} if rng.random() < 0.7 else {}
            needs |= {"cpu": (rng.randint(1, cpus), cpus)} if not needs or rng.random() < 0.5 else {}
            made = ticket(number, rng.random(), rng.randint(0, 1), **needs)
            standings[pid]["front"].append(made)
            waiting[number] = pid, made
        if held and rng.random() < 0.5:
            _end(held, standings, rng.choice(list(held)))
        if len(standings) > 1 and rng.random() < 0.03:
            dead = rng.choice(list(standings))
            del standings[dead]
            held = {each: what for each, what in held.items() if what[0] != dead}
            waiting = {each: what for each, what in waiting.items() if what[0] != dead}
        _serve(standings, waiting, held, devices, cpus)
    while waiting:
        assert held, "somebody waits for nobody"
        _end(held, standings, next(iter(held)))
        _serve(standings, waiting, held, devices, cpus)


def _serve(standings: Any, waiting: Any, held: Any, devices: int, cpus: int) -> None:
    serve(standings.values())
    for pid, each in standings.items():
        for number, gpus in each["granted"].items():
            _, made = waiting.pop(int(number))
            assert len(gpus) == made["needs"].get(GPU, [0])[0]
            held[int(number)] = pid, made, gpus
        each["granted"] = {}
    given = Counter(gpu for _, _, gpus in held.values() for gpu in gpus)
    assert not given or max(given.values()) == 1, given
    for name, most in ((GPU, devices), ("cpu", cpus)):
        used = sum(made["needs"].get(name, [0])[0] for _, made, _ in held.values())
        assert used <= most
        assert used == sum(each["holds"].get(name, 0.0) for each in standings.values())


def _end(held: Any, standings: Any, number: int) -> None:
    pid, made, gpus = held.pop(number)
    for name, (amount, _) in made["needs"].items():
        standings[pid]["holds"][name] -= amount
    for each in gpus:
        standings[pid]["gpus"].remove(each)

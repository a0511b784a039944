"""The code of a search: asks for its runs, watches their metrics, chooses the next. `python -m` this, in a run.

Each trial is kept before its run is asked for, with its number and parameters, so that a search that is taken up again
asks for the same runs: those that there are it gets back, since equal requests at equal places are one run.
"""

from __future__ import annotations

import os
import sys
import tempfile
from queue import SimpleQueue
from threading import Thread
from typing import TypeAlias

from motet.dialects.spell import house as houses
from motet.dialects.spell import searches, words
from motet.dialects.spell.house import House
from motet.dialects.spell.requests import RunRequest
from motet.errors import MotetError
from motet.searching import spaces, trials
from motet.searching.trials import FAILED, FINISHED, PRUNED, Pruning, Study, Trial

Heard: TypeAlias = "tuple[Trial, int, float] | tuple[Trial, None, None]"


class Course:
    """One search under way."""

    def __init__(self, house: House, number: int) -> None:
        self._house = house
        self._number = number
        told = searches.document(house, number)
        self._search = searches.SearchRequest(**told["search"])
        self._asked = told["asked"]
        self._known = searches.tried(house, number)
        self._trials: list[Trial] = []
        self._heard: SimpleQueue[Heard] = SimpleQueue()
        self._study = None
        space = self._search.space
        self._grid = list(spaces.grid(space)) if self._search.kind == searches.GRID else []
        if self._search.learns:
            pruning = Pruning(self._search.prune) if self._search.prune else None
            self._study = Study(
                space, direction=self._search.direction, seed=self._search.seed, pruning=pruning,
                startup=max(self._search.parallel, min(10, self._search.num_runs // 2)),
            )  # fmt: skip

    def follow(self) -> None:
        """Ask for the runs, as many at once as may be, until all have ended, or no more are wanted."""
        many = self._search.many
        at_once = self._search.parallel or many
        active = 0
        while len(self._trials) < many or active:
            ending = searches.document(self._house, self._number).get("ending")
            while len(self._trials) < many and active < at_once and not ending:
                self._begin(len(self._trials))
                active += 1
            if not active:
                break
            active -= self._hear()
        self._write()

    def _begin(self, number: int) -> None:
        """Ask for the run of the trial of that number."""
        known = self._known[number] if number < len(self._known) else None
        trial = Trial(number, known.params if known is not None else self._chosen(number))
        if self._study is not None:
            self._study.begin(number, trial.params)
        self._trials.append(trial)
        self._keep()
        params = {**self._asked.get("params", {}), **trial.params}
        asked = {**self._asked, "params": params, "hyper_params": dict(trial.params)}
        made = self._house.new(RunRequest.from_json(asked))
        trial.run = str(made.number)
        self._keep()
        if searches.document(self._house, self._number).get("ending"):  # whoever ends it may not have seen this run
            self._house.stop([made.number])
        Thread(target=self._watch, args=(trial, made.number), daemon=True).start()

    def _chosen(self, number: int) -> dict[str, object]:
        if self._grid:
            return self._grid[number]
        if self._study is not None and self._search.kind == searches.BAYESIAN:
            return self._study.ask()
        return spaces.drawn(self._search.space, self._search.seed, number)

    def _watch(self, trial: Trial, run: int) -> None:
        """Tell of each point of the metric, if that is looked at, and of the end of the run."""
        try:
            if self._search.prune:
                for _, index, value in self._house.metrics(run, self._search.metric, follow=True):
                    if isinstance(value, int | float):
                        self._heard.put((trial, index, float(value)))
            self._house.wait(run, words.FINAL)
        finally:
            self._heard.put((trial, None, None))

    def _hear(self) -> int:
        """Take in what comes next; gives how many runs have ended with that."""
        trial, index, value = self._heard.get()
        if index is None or value is None:
            self._settle(trial)
            return 1
        if self._study is not None and not trial.ended and self._study.report(trial.number, index, value):
            trial.ended = PRUNED
            self._house.stop([int(trial.run)])
        return 0

    def _settle(self, trial: Trial) -> None:
        view = self._house.get(int(trial.run))
        if self._search.metric:
            trial.value = searches.value_of(self._house, view.number, self._search)
        if not trial.ended:
            good = view.status == words.COMPLETE and not view.user_exit_code
            trial.ended = FINISHED if good and (trial.value is not None or not self._search.metric) else FAILED
        if self._study is not None:
            self._study.tell(trial.number, trial.value, trial.ended)
        self._keep()

    def _keep(self) -> None:
        searches.keep_tried(self._house, self._number, [*self._trials, *self._known[len(self._trials) :]])

    def _write(self) -> None:
        """The table and the pictures, which the search puts out, and which are files of an upload by its number."""
        folder = f"search-{self._number}"
        os.makedirs(folder, exist_ok=True)
        with open(os.path.join(folder, "table.csv"), "w", encoding="utf-8") as file:
            file.write(trials.table(self._trials))
        for name, picture in (trials.pictures(self._study) if self._study is not None else {}).items():
            with open(os.path.join(folder, f"{name}.png"), "wb") as image:
                image.write(picture)


def main() -> int:
    """Carry out the search whose number is the argument."""
    os.environ.setdefault("MPLCONFIGDIR", tempfile.gettempdir())  # the home folder cannot be written to in a sandbox
    try:
        Course(houses.current(), int(sys.argv[1])).follow()
    except MotetError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

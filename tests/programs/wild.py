"""Programs that fail, each in its own way, as long as the file `params["wild"]` is there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from motet.kernel.events import Json
from motet.kernel.policy import Policy
from motet.kernel.program import Action, AddStep, Finish, View
from motet.kernel.state import Step


class Odd(Exception):
    """An exception of a voice that knows where."""

    def __init__(self, what: str, step: str) -> None:
        super().__init__(what)
        self.step = step


class Wild:
    """Adds `first`, and goes wild once that has ended (or at once); tame, it adds `second` and ends with its result."""

    def __init__(self, params: Json) -> None:
        self._kind = params["kind"]
        self._at_once = params.get("at_once", False)
        self._path = Path(params["wild"])
        self._call = {"target": params.get("target", "builtins:abs"), "args": [-1]}
        self._policy = Policy(executor=params.get("executor", "threads"))

    def advance(self, view: View) -> Iterable[Action]:
        if self._path.exists() and (self._at_once or view.status("first") == "succeeded"):
            self._path.with_name("gone").touch()
            return getattr(self, f"_{self._kind}", self._tame)(view)  # type: ignore[no-any-return]
        return self._tame(view)

    def _tame(self, view: View) -> Iterable[Action]:
        first = AddStep("first", "first", self._call, policy=self._policy)
        second = AddStep("second", "second", self._call, needs=["first"], policy=self._policy)
        end = [Finish("succeeded", view.result("second"))] if view.status("second") == "succeeded" else []
        return [first, second, *end]

    def is_final(self, step: Step) -> bool:
        if self._path.exists() and self._kind == "final":
            raise KeyError(step.key)
        return False

    @staticmethod
    def _raises(view: View) -> Any:
        raise KeyError("x")

    @staticmethod
    def _tells_where(view: View) -> Any:
        raise Odd("it does not fit", "first")

    @staticmethod
    def _needs_nobody(view: View) -> Any:
        return [AddStep("third", "third", needs=["nobody"])]

    @staticmethod
    def _says_nothing_to_do(view: View) -> Any:
        return ["run it"]

    @staticmethod
    def _says_none(view: View) -> Any:
        return None

    @staticmethod
    def _says_what_is_no_json(view: View) -> Any:
        return [AddStep("third", "third", {"target": "builtins:abs", "args": [{1, 2}]})]

    @staticmethod
    def _takes_an_elements_key(view: View) -> Any:
        return [AddStep("map", "map", size=2), AddStep("map[0]", "map")]

    @staticmethod
    def _turns_for_ever(view: View) -> Any:
        while True:
            pass

    @staticmethod
    def _turns_and_swallows(view: View) -> Any:
        while True:
            try:
                while True:
                    pass
            except Exception:  # noqa: BLE001 - as users' code does
                continue

    @staticmethod
    def _says_ever_more(view: View) -> Iterator[Action]:
        while True:
            yield AddStep("first", "first")

    @staticmethod
    def _exits(view: View) -> Any:
        raise SystemExit(3)


def make(params: Json) -> Wild:
    """What tests name as `tests.programs.wild:make`."""
    return Wild(params)

"""The program of a plan: tasks start, stop and start anew as its rules fire, each firing judged by itself, in order."""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Iterator, Mapping, Sequence

from motet import rules
from motet.kernel import events as ev
from motet.kernel.events import Json
from motet.kernel.program import Action, AddStep, Answer, Finish, Listen, Unlisten, View
from motet.kernel.state import Fired
from motet.kernel.transitions import CANCELLED, FAILED, RUNNING, SUCCEEDED
from motet.ports import STEERING
from motet.reacting.executions import Executions, numbered
from motet.reacting.plan import ANOTHER, FINISH, IGNORE, RESTART, START, STOP, Plan, Reaction
from motet.rules import After, AnyOf, OnEvent, OnStatus
from motet.values.errors import step_failed

ASKED = "@asked"
"""The rule by which others ask for a task: `task.start`, `task.stop`, `task.restart`; {"task": NAME, "token": ...}."""

_ASKED = AnyOf(tuple(OnEvent(f"task.{deed}", STEERING) for deed in (START, STOP, RESTART)))
_AGAIN = "@again "
_MOST_TOLD = 5


class Reactor:
    """Does what the plan's reactions call for. All that it knows follows from the run; `Fired` is shown to it once.

    What came of each firing is recorded (`wait.answered`): {"did": words, "step": key, "causes": [...]}. The cause of
    an execution stands in its step's call: {"rule": id, "number": which firing, "causes": [...], "of": {task: number}},
    or {"asked": sender}; it has none if it started with the run.

    token  what those have to say who ask for a task; see `motet.requests`
    """

    def __init__(self, plan: Plan, *, token: str = "") -> None:
        self.plan = plan
        self.tasks = {name: Executions(task) for name, task in plan.tasks.items()}
        self._token = token
        self._order = {each: place for place, each in enumerate(plan.reactions)}
        self._begun = self._added = False

    def advance(self, view: View) -> Iterable[Action]:
        """What follows from what changed, and from each firing in turn; the end, when nothing is left to come."""
        self._added = False
        for key in view.changed:
            yield from self.noted(view, key)
        if not self._begun:
            self._begun = True
            yield from self.begun(view)
        for together in _together(view.fired):
            yield from self._react(view, together)
        if view.idle and not self._added:
            yield from self.end(view)

    # ---------------------------------------------------------------- for voices to add to

    def begun(self, view: View) -> Iterator[Action]:
        """The run is taken up: listen to all rules, and start what starts with it. What is known is not done again."""
        yield Listen(ASKED, _ASKED)
        for reaction in self.plan.reactions.values():
            yield Listen(reaction.id, reaction.rule)
        for each in self.tasks.values():
            if each.task.starts and not each.last:
                yield self._add(each, None, after_all=False)

    def noted(self, view: View, key: str) -> Iterator[Action]:
        """A step has changed."""
        name, number = numbered(key)
        each = self.tasks.get(name)
        if each is not None and number:
            yield from each.note(view, number)
            if each.task.again_s is not None and number == each.last and view.status(key) == SUCCEEDED:
                yield Listen(f"{_AGAIN}{key}", After(each.task.again_s), repeat=False)

    def fired(self, view: View, fired: Fired) -> Iterator[Action]:
        """A rule has fired that is none of the plan's."""
        if fired.wait == ASKED:
            yield from self._asked(view, fired)
        elif fired.wait.startswith(_AGAIN):
            each = self.tasks[numbered(fired.wait.removeprefix(_AGAIN))[0]]
            yield Unlisten(fired.wait)
            if not each.alive:
                yield self._add(each, {"causes": fired.causes}, after_all=False)

    def end(self, view: View) -> Iterator[Action]:
        """The end of the run, if nothing can come any more that is not due to others."""
        if not self.plan.ends or any(each.task.again_s is not None for each in self.tasks.values()):
            return
        if any(self._may_start(each, ()) for each in self.tasks.values() if not each.last):
            return
        ends = {each.key(): view.status(each.key()) for each in self.tasks.values() if each.last}
        failed = [key for key, status in ends.items() if status == FAILED]
        if failed:
            told = [f"{key} failed: {_reason(view, key)}" for key in failed[:_MOST_TOLD]]
            yield Finish(FAILED, error=step_failed("\n".join(told)))
        else:
            yield Finish(CANCELLED if CANCELLED in ends.values() else SUCCEEDED)

    # ---------------------------------------------------------------- firings

    def _react(self, view: View, together: Sequence[Fired]) -> Iterator[Action]:
        """Rules that fire at once: of those of one task the first counts, if what else it asks for is so."""
        done: dict[str, str] = {}
        for fired in sorted(together, key=lambda each: self._order.get(each.wait, -1)):
            reaction = self.plan.reactions.get(fired.wait)
            if reaction is None:
                yield from self.fired(view, fired)
                continue
            cause: Json = {"rule": reaction.id, "number": fired.number, "causes": fired.causes}
            why_not = f"{done[reaction.task]} came first" if reaction.task in done else ""
            if not why_not and reaction.latest is not None:
                cause["of"], why_not = self._latest(view, reaction, fired)
            if why_not:
                yield self._answer(fired, f"ignored: {why_not}")
                continue
            done[reaction.task] = reaction.id
            yield from self.reacted(view, reaction, fired, cause)

    def reacted(self, view: View, reaction: Reaction, fired: Fired, cause: Json) -> Iterator[Action]:
        """A reaction of the plan is due."""
        if reaction.do == FINISH:
            yield self._answer(fired, "the run is over")
            yield Finish(SUCCEEDED)
        else:
            yield from self.act(view, reaction, fired, cause)

    def act(self, view: View, reaction: Reaction, fired: Fired, cause: Json) -> Iterator[Action]:
        """Start, stop or restart a task, and have it recorded what that came to."""
        each = self.tasks[reaction.task]
        going, while_alive = each.going, reaction.while_alive or each.task.while_alive
        if reaction.do == STOP:
            yield self._answer(fired, f"stopped {each.key()}" if going else "ignored: nothing of it runs", each.key())
            yield from each.stop("stopped by a rule")
        elif reaction.do == RESTART or (going and while_alive == RESTART):
            yield from each.stop("restarted by a rule")
            yield self._add(each, cause, after_all=True)
            yield self._answer(fired, f"started {each.key()} anew", each.key())
        elif not going or while_alive == ANOTHER:
            yield self._add(each, cause, after_all=False)
            yield self._answer(fired, f"started {each.key()}", each.key())
        elif while_alive == IGNORE:
            yield self._answer(fired, f"ignored: {each.key()} is under way", each.key())
        elif each.waiting(view):
            yield self._answer(fired, f"joined: {each.key()} has yet to begin", each.key())
        else:
            yield self._add(each, cause, after_all=True)
            yield self._answer(fired, f"queued {each.key()}", each.key())

    def _add(self, each: Executions, cause: Json, *, after_all: bool) -> AddStep:
        self._added = True
        return each.start(cause, after_all=after_all)

    def _answer(self, fired: Fired, did: str, step: str = "") -> Answer:
        return Answer(fired.wait, fired.number, {"did": did, "step": step, "causes": fired.causes})

    def _latest(self, view: View, reaction: Reaction, fired: Fired) -> tuple[Mapping[str, int], str]:
        """The last executions of the tasks that it asks about; and why nothing follows from them, "" if it does."""
        asked = {name: self.tasks[name] for name in reaction.latest or ()}
        of = {name: each.last for name, each in asked.items()}
        for name, status in (reaction.latest or {}).items():
            found = view.status(asked[name].key()) or "not started"
            if found != status:
                return of, f"{asked[name].key() if of[name] else name} is {found}"
        step = view.state.steps.get(fired.signal.key) if isinstance(fired.signal, rules.StatusChanged) else None
        if step is not None and step.status == RUNNING and step.attempt > 1:
            return of, f"{step.key} has run before"
        before = view.state.steps.get(self.tasks[reaction.task].key()) if reaction.task else None
        cause: Json = (before.call or {}).get("cause") if before is not None else None
        if cause is not None and cause.get("rule") == reaction.id and cause.get("of") == of:
            return of, "it has started by these before"
        return of, ""

    def _asked(self, view: View, fired: Fired) -> Iterator[Action]:
        """Others ask for a task."""
        signal: ev.EventReceived = fired.signal
        value = signal.value if isinstance(signal.value, dict) else {}
        task = str(value.get("task"))
        said = str(value.get("token", "")).encode(errors="replace")
        if not hmac.compare_digest(said, self._token.encode()):
            yield self._answer(fired, "refused: the token is not that of this run")
        elif task not in self.tasks:
            yield self._answer(fired, f"refused: there is no task {value.get('task')!r:.80}")
        else:
            cause = {"asked": signal.sender, "causes": fired.causes}
            asked = Reaction(ASKED, _ASKED, signal.key.removeprefix("task."), task)
            yield from self.act(view, asked, fired, cause)

    # ---------------------------------------------------------------- the end

    def _may_start(self, each: Executions, above: Sequence[str]) -> bool:
        """Whether a task that has not run yet may still be started: by what comes from outside, or by another task."""
        return any(
            self._may_fire(reaction, (*above, each.task.name))
            for reaction in self.plan.of_task(each.task.name)
            if reaction.do in (START, RESTART) and each.task.name not in above
        )

    def _may_fire(self, reaction: Reaction, above: Sequence[str]) -> bool:
        if reaction.latest is not None:
            return any(self._may_come(name, above) for name in reaction.latest)
        leaves = list(rules.leaves(reaction.rule))
        return any(not isinstance(each, OnStatus) or self._may_come(each.task, above) for each in leaves)

    def _may_come(self, task: str, above: Sequence[str]) -> bool:
        each = self.tasks.get(task)
        return each is not None and not each.last and self._may_start(each, above)


def _together(fired: Sequence[Fired]) -> list[list[Fired]]:
    """The firings by what made them, in order."""
    found: list[list[Fired]] = []
    for each in fired:
        if found and found[-1][0].signal is each.signal:
            found[-1].append(each)
        else:
            found.append([each])
    return found


def _reason(view: View, key: str) -> str:
    error = view.state.steps[key].error
    if not isinstance(error, dict):
        return str(error)
    return f"{error.get('type', 'Error')}: {str(error.get('message', '')).partition(chr(10))[0]}"


def program(params: Json) -> Reactor:
    """The program of a plan in JSON: `motet run motet.reacting.program:program -p plan=...`. Raises UsageError."""
    return Reactor(Plan.from_json(params["plan"]))

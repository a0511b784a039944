"""What a run would do: its program is asked in memory, and shown what is kept of earlier runs. Nothing of it runs."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from motet.cli.terminal import Terminal
from motet.engine.host import Host
from motet.engine.session import Session
from motet.errors import NotFound, UsageError
from motet.kernel import transitions as st
from motet.kernel.decide import AskMachine, Command, StartAttempt
from motet.kernel.events import Json
from motet.kernel.inputs import Granted, Input, Succeeded
from motet.kernel.program import Program
from motet.kernel.state import RunState, Step
from motet.owners import this_process
from motet.ports import NewRun
from motet.ports.definition import Planned
from motet.ports.execution import Settled
from motet.ports.voice import Asked, Target, Voice
from motet.records import Record
from motet.stores.memory import MemoryStore
from motet.typed import Any
from motet.values import visible
from motet.views import human

CACHED, TO_RUN, UNKNOWN = "cached", "to run", "unknown until run"


class Line(Record):
    """A step of the plan: `why` says where its result is, or what has to be known first."""

    key: str
    does: str
    why: str = ""


def print_plan(host: Host, voice: Voice, target: Target, asked: Asked, terminal: Terminal) -> int:
    """Say what a run of the target would do, step by step."""
    ask: Callable[[Host, Target, Asked], Planned] | None = getattr(voice, "planned", None)
    if ask is None:
        raise UsageError(
            f"{target} is {voice.title}: which steps it has is known only as it runs.",
            "`motet check` says what can be seen before a run.",
        )
    planned = ask(host, target, asked)
    lines = _lines(host, planned.run, planned.program)
    more = "" if planned.is_whole else "Which steps follow is known once these have run."
    if terminal.as_json:
        steps = [{"step": each.key, "does": each.does, "why": each.why} for each in lines]
        terminal.json({"target": str(target), "voice": voice.name, "steps": steps, "whole": planned.is_whole})
        return 0
    width = max([4, *(len(each.key) for each in lines)])
    terminal.say(terminal.paint(f"{'STEP':{width}}  WOULD", "bold"))
    for each in lines:
        told = f"{visible.line(each.key):{width}}  {each.does}"
        terminal.say(f"{told}: {visible.line(each.why)}" if each.why else told)
    counts = [f"{sum(each.does == what for each in lines)} {what}" for what in (CACHED, TO_RUN, UNKNOWN)]
    terminal.say(f"{human.counted(len(lines), 'step')}: {', '.join(counts)}. {more}".rstrip())
    return 0


def _lines(host: Host, new: NewRun, program: Program) -> list[Line]:
    """Each step that the program adds, as far as it gets with what is kept."""
    store = MemoryStore()
    store.create_run(new)
    row = store.claim(new.id, this_process(), 0.0, force=True)
    session = Session(store, host.clock, RunState(new.id), epoch=row.epoch, program=program, params=new.params)
    cached, todo = dict[str, str](), deque(session.begin(""))
    while todo:
        if told := _told(host, session, todo.popleft(), cached):
            todo.extend(session.feed([told]))
    return [_line(session.state, step, cached) for step in session.state.steps.values()]


def _told(host: Host, session: Session, command: Command, cached: dict[str, str]) -> Input | None:
    """What is reported of the command: that the machine has room, and what is kept of the step."""
    now = host.clock.now()
    if isinstance(command, AskMachine):
        return Granted(now, command.key)
    call: Any = getattr(session.program, "call", None)
    if not isinstance(command, StartAttempt) or call is None:
        return None
    step = session.state.steps[command.key]
    if step.map is not None:
        return None
    found = call(session, step).prepare(-1, command.attempt, here=False)
    if not (isinstance(found, Settled) and found.ok):
        return None
    cached[command.key] = _origin(host, found.note) if found.cached else ""
    return Succeeded(now, command.key, command.attempt, found.record, cached=found.cached, note=found.note)


def _origin(host: Host, note: Json) -> str:
    origin = ((note or {}).get("cache") or {}).get("from")
    if not origin:
        return "as it was in the run that this one goes by"
    try:
        run = host.store.run(origin[0]).name
    except NotFound:
        run = origin[0]
    return f"as step {origin[1]} of run {run} gave it"


def _line(state: RunState, step: Step, cached: dict[str, str]) -> Line:
    if step.key in cached:
        told = cached[step.key]
        return Line(step.key, CACHED, told) if told else Line(step.key, TO_RUN, "what it gives is known")
    if step.status in (st.RUNNING, st.READY):
        return Line(step.key, TO_RUN)
    if step.status == st.WAITING:
        return Line(step.key, UNKNOWN, "it waits for what is published")
    first = [each for each in (*step.needs, *step.after) if state.steps[each].status != st.SUCCEEDED]
    return Line(step.key, UNKNOWN, f"after {', '.join(first[:5])}{' ...' if len(first) > 5 else ''}")

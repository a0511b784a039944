"""What a code object does, whatever its layout: a digest, and the names that it looks up outside of itself.

Comments, line breaks, docstrings, and annotations make no difference. The compiler lets line numbers decide where it
puts NOPs and which jumps it merges, so instructions are followed along their jumps, and numbered as they are reached.
"""

from __future__ import annotations

import opcode
import sys
from collections.abc import Iterator
from itertools import pairwise
from marshal import dumps as marshal_dumps
from types import CodeType

from motet.records import Record
from motet.typed import Any
from motet.values.hashing import blake2b

Path = tuple[str, ...]
"""A name and the attributes that are read of it one after the other: `config.model.lr` is ("config", "model", "lr")."""


class CodeForm(Record, frozen=True):
    """What a code object does.

    digest   of its instructions and constants, nested functions included
    globals  paths that begin at a global name, or a builtin
    free     paths that begin at a name of the functions around it
    imports  modules that it imports, as (level, name, names taken from it)
    """

    digest: bytes
    globals: tuple[Path, ...]
    free: tuple[Path, ...]
    imports: tuple[tuple[int, str, tuple[str, ...]], ...]


_FORMS: dict[CodeType, CodeForm] = {}


def form_of(code: CodeType) -> CodeForm:
    """The form of a code object; computed once a process."""
    found = _FORMS.get(code)
    if found is None:
        found = _FORMS[code] = _Reading(code).form()
    return found


def forget() -> None:
    """Look at all code anew."""
    _FORMS.clear()


def stored_constants(code: CodeType) -> dict[str, Any]:
    """The names that the code of a module gives a plain constant, and nothing else."""
    found: dict[str, Any] = {}
    again: set[str] = set()
    steps = _decoded(code)
    for before, step in pairwise(steps):
        if step.name in ("STORE_NAME", "STORE_GLOBAL"):
            again |= {step.argument} & found.keys()
            found[step.argument] = before.argument if before.name == "LOAD_CONST" else code
    return {name: value for name, value in found.items() if name not in again and not isinstance(value, CodeType)}


class _Step:
    """One instruction: what it does, and where it may lead (offsets; -1 for nowhere)."""

    __slots__ = ("after", "argument", "catch", "jump", "name", "oparg", "start")

    def __init__(self, start: int, name: str, oparg: int) -> None:
        self.start = start
        self.name = name
        self.oparg = oparg
        self.argument: Any = oparg
        self.after = self.jump = self.catch = -1


_NOTHING = frozenset(("NOP", "RESUME", "CACHE", "NOT_TAKEN", "SETUP_ANNOTATIONS"))
_ALWAYS = frozenset(("JUMP_FORWARD", "JUMP_BACKWARD", "JUMP_BACKWARD_NO_INTERRUPT", "JUMP_NO_INTERRUPT", "JUMP"))
_LAST = frozenset(("RETURN_VALUE", "RETURN_CONST", "RAISE_VARARGS", "RERAISE", "INTERPRETER_EXIT"))
_LOOKUPS = frozenset(("LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS"))
_FREE = frozenset(("LOAD_DEREF", "LOAD_CLASSDEREF", "LOAD_FROM_DICT_OR_DEREF"))
_ATTRIBUTES = frozenset(("LOAD_ATTR", "LOAD_METHOD"))
_NAMED = _LOOKUPS | _FREE | _ATTRIBUTES
_IMPORTING = frozenset(("import_module", "__import__"))
MADE_UP_IMPORT: Path = ("import of a made-up name",)
"""Stands among the paths of code that imports what it is told while it runs."""

_CALLS = frozenset(("PRECALL", "CALL", "KW_NAMES"))
_CALLED_AT_ONCE = frozenset(("PUSH_NULL", "NOP", "CACHE"))


class _Reading:
    """One code object being read."""

    def __init__(self, code: CodeType) -> None:
        self.code = code
        self.steps = _decoded(code)
        self.globals: dict[Path, None] = {}
        self.free: dict[Path, None] = {}
        self.imports: dict[tuple[int, str, tuple[str, ...]], None] = {}

    def form(self) -> CodeForm:
        dropped = _annotations(self.steps)
        for step in dropped:
            step.name, step.argument = "NOP", 0
        self._note_lookups()
        content = marshal_dumps((_head(self.code), [*self._followed()]), 2)
        own = {*self.code.co_cellvars, *self.code.co_varnames}
        free = tuple(path for path in self.free if path[0] not in own)
        digest = blake2b(content, digest_size=16).digest()
        return CodeForm(digest, tuple(self.globals), free, tuple(self.imports))

    def _note_lookups(self) -> None:
        """Note the paths that are read, and what is imported; of nested functions too."""
        path: list[str] = []
        into = self.globals
        past: list[_Step] = []
        for step in self.steps:
            if step.name in _CALLED_AT_ONCE:
                continue
            if path and step.name in _ATTRIBUTES:
                path.append(step.argument)
            else:
                if path:
                    into[tuple(path)] = None
                path = []
                if step.name in _LOOKUPS or step.name in _FREE:
                    into, path = (self.globals if step.name in _LOOKUPS else self.free), [step.argument]
            if len(past) > 1 and past[0].name in _NAMED and past[0].argument in _IMPORTING:
                self._note_import_by(past[1], step)
            if step.name == "IMPORT_NAME":
                level, names = (each.argument for each in past[-2:])
                taken = names if isinstance(names, tuple) else ()
                self.imports[level if isinstance(level, int) else 0, step.argument, taken] = None
            elif isinstance(step.argument, CodeForm):
                self.globals |= dict.fromkeys(step.argument.globals)
                self.free |= dict.fromkeys(step.argument.free)
                self.imports |= dict.fromkeys(step.argument.imports)
            past = [*past[-1:], step]
        if path:
            into[tuple(path)] = None

    def _note_import_by(self, step: _Step, after: _Step) -> None:
        """Note what `import_module`, or the like, is called with: a text that stands there, or one that is made up."""
        name = step.argument if step.name == "LOAD_CONST" and after.name in _CALLS else None
        if isinstance(name, str) and not name.startswith("."):
            self.imports[0, name, ()] = None
        else:
            self.globals[MADE_UP_IMPORT] = None

    def _followed(self) -> Iterator[tuple[Any, ...]]:
        """The instructions in the order in which they are reached, each with the numbers of those it leads to."""
        at = {step.start: step for step in self.steps}
        numbers: dict[Any, int] = {}
        order: list[tuple[Any, ...]] = []
        waiting = [0]
        while waiting:
            start = _landing(at, waiting.pop())
            key = _exit(at, start) or start
            if start < 0 or key in numbers:
                continue
            numbers[key] = len(numbers)
            if isinstance(key, tuple):
                order.append(key)
                continue
            step = at[start]
            order.append((step,))
            waiting += [each for each in (step.catch, step.jump, step.after) if each >= 0]

        def number(start: int) -> int:
            start = _landing(at, start)
            return numbers[_exit(at, start) or start] if start >= 0 else -1

        for each in order:
            if not isinstance(each[0], _Step):
                yield each
            else:
                step = each[0]
                yield (*_label(step), number(step.after), number(step.jump), number(step.catch))


def _label(step: _Step) -> tuple[Any, ...]:
    argument = step.argument
    return step.name, argument.digest if isinstance(argument, CodeForm) else _constant(argument)


def _landing(at: dict[int, _Step], start: int) -> int:
    """Where execution gets to from `start` without doing anything; -1 if nowhere."""
    seen = set()
    while start in at and start not in seen:
        step = at[start]
        if step.name in _NOTHING:
            seen.add(start)
            start = step.after
        elif step.name in _ALWAYS:
            seen.add(start)
            start = step.jump
        else:
            return start
    return -1


_SHORT_EXIT = 6


def _exit(at: dict[int, _Step], start: int) -> tuple[Any, ...] | None:
    """The few instructions from here to the end: the compiler copies such exits as it likes. None if it goes on."""
    told: list[Any] = ["exit"]
    while start >= 0 and len(told) <= _SHORT_EXIT:
        step = at[start]
        if step.jump >= 0 or step.catch >= 0:
            return None
        told.append(_label(step))
        if step.name in _LAST:
            return tuple(told)
        start = _landing(at, step.after)
    return None


# ---------------------------------------------------------------- decoding


def _head(code: CodeType) -> tuple[Any, ...]:
    arguments = code.co_argcount + code.co_posonlyargcount * 0 + code.co_kwonlyargcount
    taken = code.co_varnames[: arguments + bool(code.co_flags & 4) + bool(code.co_flags & 8)]
    flags = code.co_flags & (0x04 | 0x08 | 0x20 | 0x80 | 0x200)
    return code.co_name, code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, flags, taken


def _decoded(code: CodeType) -> list[_Step]:
    names, jumps, constants = opcode.opname, frozenset(opcode.hasjrel), frozenset(opcode.hasconst)
    named, places = frozenset(opcode.hasname), frozenset((*opcode.haslocal, *opcode.hasfree))
    steps: list[_Step] = []
    raw, extended, start, at = code.co_code, 0, -1, 0
    while at < len(raw):
        op, oparg = raw[at], raw[at + 1] | extended
        start = at if start < 0 else start
        at += 2
        name = names[op]
        if name == "EXTENDED_ARG":
            extended = oparg << 8
            continue
        extended = 0
        while at < len(raw) and raw[at] == 0:  # the room that an instruction keeps for what it learns
            at += 2
        step = _Step(start, name, oparg)
        start = -1
        if op in constants:
            value = code.co_consts[oparg]
            step.argument = form_of(value) if isinstance(value, CodeType) else value
        elif op in named:
            step.argument = code.co_names[oparg >> _SHIFTS.get(name, 0) if name != "LOAD_ATTR" else _attribute(oparg)]
        elif op in places:
            step.argument = _local(code, oparg, name)
        elif op in jumps:
            step.jump = at + 2 * (-oparg if "BACKWARD" in name else oparg)
            step.argument = 0
        if name not in _LAST and name not in _ALWAYS:
            step.after = at
        steps += _split(step, code)
    for begin, end, target in _handlers(code.co_exceptiontable):
        for step in steps:
            if begin <= step.start < end:
                step.catch = target
    return steps


_SHIFTS = {"LOAD_GLOBAL": 1, "LOAD_SUPER_ATTR": 2}


def _attribute(oparg: int) -> int:
    """The index of the name: since 3.12 the lowest bit says whether a method is wanted."""
    return oparg >> 1 if sys.version_info >= (3, 12) else oparg


def _local(code: CodeType, oparg: int, name: str) -> Any:
    read: Any = code._varname_from_oparg  # type: ignore[attr-defined]
    return (read(oparg >> 4), read(oparg & 15)) if name.count("FAST") > 1 else read(oparg)


def _split(step: _Step, code: CodeType) -> list[_Step]:
    """Two instructions that later Pythons write as one where both stand on one line."""
    if step.name.count("FAST") < 2 or not isinstance(step.argument, tuple):
        return [step]
    first, second = step.name.replace("_BORROW", "").split("_FAST")[:2]
    pair = [_Step(step.start, f"{first}_FAST", 0), _Step(step.start + 1, f"{second.lstrip('_')}_FAST", 0)]
    pair[0].argument, pair[1].argument = step.argument
    pair[0].after, pair[1].after = step.start + 1, step.after
    return pair


def _handlers(table: bytes) -> Iterator[tuple[int, int, int]]:
    """The entries of an exception table: from where to where which handler is in charge."""
    at = 0

    def number() -> int:
        nonlocal at
        byte = table[at]
        at += 1
        value = byte & 63
        while byte & 64:
            byte = table[at]
            at += 1
            value = value << 6 | byte & 63
        return value

    while at < len(table):
        begin, length, target, _ = number() * 2, number() * 2, number() * 2, number()
        yield begin, begin + length, target


def _constant(value: Any) -> Any:
    """A constant as marshal writes it the same in every process: sets have no order, slices no form of their own."""
    if isinstance(value, frozenset):
        return ..., "set", *sorted(marshal_dumps(_constant(each), 2) for each in value)
    if isinstance(value, tuple):
        return tuple(_constant(each) for each in value)
    if isinstance(value, slice):
        return ..., "slice", value.start, value.stop, value.step
    return (type(value).__name__, repr(value)) if isinstance(value, int | float | complex) else value  # 1 is no True


# ---------------------------------------------------------------- what says nothing


def _annotations(steps: list[_Step]) -> list[_Step]:
    """The instructions that only make annotations of nested functions and variables, or docstrings of classes."""
    dropped: list[_Step] = []
    for place, step in enumerate(steps):
        if step.name == "MAKE_FUNCTION" and step.oparg & 4:
            above: int | None = place - 1  # of the annotations stand the code, and the tuple of what it closes over
            if step.oparg & 8 and above is not None:
                above = _makes(steps, above - 1)
            begin = _makes(steps, above - 1) if above is not None else None
            if begin is not None:
                step.argument = step.oparg & ~4
                dropped += steps[begin:above]
        elif step.name == "STORE_SUBSCR" and place > 2 and steps[place - 2].argument == "__annotations__":
            begin = _makes(steps, place - 3)
            if begin is not None:
                dropped += steps[begin : place + 1]
        elif step.name == "STORE_NAME" and step.argument == "__doc__" and steps[place - 1].name == "LOAD_CONST":
            dropped += steps[place - 1 : place + 1]
    return dropped


def _makes(steps: list[_Step], last: int) -> int | None:
    """The first of the instructions that end in `last` and leave one value; None if it cannot be told."""
    missing, place = 1, last
    while place >= 0:
        step = steps[place]
        if step.jump >= 0 or step.name in _LAST:
            return None
        op = opcode.opmap.get(step.name)
        if op is None:
            return None
        missing -= opcode.stack_effect(op, step.oparg if op >= opcode.HAVE_ARGUMENT else None)
        if missing == 0:
            return place
        place -= 1
    return None

"""What a step is: plain data that says what was asked for, with one hash. Cache, fork, resume and `why` go by it.

Nothing of a process stands in it: no closure, no object, no path. So it can be sent to another process or host, kept
beside a result, and compared with what the code on disk asks for now.

A part of a step is told by a *form*: a small plain value stands for itself (3, 0.1, "train"), "#..." is the digest of
a value, "@KEY" the result of the step KEY, a list holds one form for each element of a map. Texts that begin so are
digests themselves. "#...:..." is the digest of an argument that holds code: a function, or an object of a class of the
user's own. Before the colon code counts by its name, behind it by what it does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from marshal import dumps as marshalled

from motet.errors import ReplayMismatch
from motet.kernel.events import Json
from motet.records import Record, field
from motet.typed import TYPE_CHECKING

if TYPE_CHECKING:
    from motet.kernel.program import AddStep
    from motet.kernel.state import RunState, Step

RECEIVER = "self"
"""The name under which `inputs` holds the instance or class that a method is bound to, whatever the method calls it."""


class StepSpec(Record, frozen=True):
    """What a step was asked to do.

    target       module and qualified name of the task, as `train:Model.fit`; a script counts by its file's name
    code         a digest of its code and of all the code of the user's own that it reaches
    inputs       the form of each argument, by parameter; a bound instance or class is `RECEIVER`
    outside      the form of each value that it reads beside its arguments: closures, globals, attributes of classes
    files        what is in the files that arguments name, by parameter, where that counts; see `motet.Content`
    environment  versions of the packages that it reaches, or other facts about where it runs, by name
    options      what else of the voice's can change a result
    unknown      what cannot be told of it, by name, with the reason: such a step equals no other
    shown        what its inputs are, for people, where their forms are digests: no part of what it is
    """

    target: str = ""
    code: str = ""
    inputs: Mapping[str, Json] = field(default_factory=dict)
    outside: Mapping[str, Json] = field(default_factory=dict)
    files: Mapping[str, Json] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, Json] = field(default_factory=dict)
    unknown: Mapping[str, str] = field(default_factory=dict)
    shown: Mapping[str, Json] = field(default_factory=dict)

    def json(self) -> dict[str, Json]:
        """As it is recorded, but for what is shown: what is empty is left out."""
        return {name: value for name in self.__match_args__[:-1] if (value := getattr(self, name))}

    @property
    def identity(self) -> str:
        """32 hex digits; equal for equal steps only. Raises ValueError where something cannot be told."""
        if self.unknown:
            raise ValueError(f"cannot be told: {', '.join(self.unknown)}")
        import json
        from hashlib import blake2b

        text = json.dumps(self.json(), sort_keys=True, ensure_ascii=True)
        return blake2b(text.encode(), digest_size=16).hexdigest()


def has_spec(call: Json) -> bool:
    """Whether the `call` of a step is a spec: an earlier version recorded none."""
    return isinstance(call, dict) and "target" in call


def recorded_spec(call: Json) -> StepSpec | None:
    """The spec that was recorded as the `call` of a step; None for a step of a version that recorded none."""
    if not has_spec(call):
        return None
    return StepSpec(**{name: call[name] for name in StepSpec.__match_args__ if name in call})


class Difference(Record, frozen=True):
    """A part of a step that is not what it was.

    part  "target", "code", "receiver", "argument", "carried", "outside", "environment", "option"; "carried" is the code
          of an argument or receiver that is the same otherwise
    name  of the argument, value, package or option; empty for target, code and receiver
    was, now  the forms; None where there is none
    """

    part: str
    name: str = ""
    was: Json = None
    now: Json = None

    def __str__(self) -> str:
        if self.part == "code":
            return "its code"
        if self.part == "target":
            return f"the task: it was {self.was}, now {self.now}"
        if self.part == "carried":
            return f"the code of {_RECEIVED if self.name == RECEIVER else f'argument {self.name}'}"
        what = _RECEIVED if self.part == "receiver" else f"{_WORDS[self.part]} {self.name}"
        return f"{what}: {self.shown}" if self.shown else what

    @property
    def sides(self) -> tuple[str, str] | None:
        """What it was and is, for people; None where that cannot be shown."""
        was, now = _shown(self.was), _shown(self.now)
        return (was, now) if was and now and was != now else None

    @property
    def shown(self) -> str:
        """The same in words; empty where it cannot be shown."""
        return f"it was {self.sides[0]}, now {self.sides[1]}" if self.sides else ""


_RECEIVED = "the object that it is a method of"
_WORDS = {
    "argument": "argument",
    "outside": "the outside value",
    "file": "what is in argument",
    "environment": "package",
    "option": "option",
}


def differences(was: Json, now: Json) -> list[Difference] | None:
    """What differs between two steps, by what was recorded as their `call`s; None where that is not known.

    Steps that differ in nothing may still take other results, where they take results of steps: "@KEY" is only a name.
    """
    old, new = recorded_spec(was), recorded_spec(now)
    if old is None or new is None:
        return None
    found = [
        Difference(part, "", before, after)
        for part in ("target", "code")
        if (before := getattr(old, part)) != (after := getattr(new, part))
    ]
    for each in _differing("argument", old.inputs, new.inputs):
        if same(without_code(each.was), without_code(each.now)):
            found.append(Difference("carried", each.name, each.was, each.now))
        else:
            found.append(Difference("receiver", "", each.was, each.now) if each.name == RECEIVER else each)
    found += _differing("outside", old.outside, new.outside)
    found += _differing("file", old.files, new.files)
    found += _differing("environment", old.environment, new.environment)
    found += _differing("option", old.options, new.options)
    return found


def _differing(part: str, old: Mapping[str, Json], new: Mapping[str, Json]) -> Iterator[Difference]:
    for name in (*old, *(each for each in new if each not in old)):
        was, now = old.get(name, ABSENT), new.get(name, ABSENT)
        if not same(was, now):
            yield Difference(part, name, was, now)


ABSENT = "#"
"""The form of what is not there."""


def with_code(form: Json, whole: Json) -> Json:
    """The form of an argument that holds code, of two: in one code counts by its name, in `whole` by what it does."""
    return f"{form}:{str(whole)[1:]}"


def without_code(form: Json) -> Json:
    """A form, or forms by name, by which arguments are the same whatever the code that they hold does."""
    if isinstance(form, dict):
        return {name: without_code(each) for name, each in form.items()}
    if isinstance(form, list):
        return [without_code(each) for each in form]
    return form.partition(":")[0] if isinstance(form, str) and form[:1] == "#" else form


def same(one: Json, other: Json) -> bool:
    """Whether two forms stand for the same: 1, 1.0 and true do not."""
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return type(one) is type(other) and one == other and repr(one) == repr(other)


def _shown(form: Json) -> str:
    """A form for people; empty for a digest."""
    if isinstance(form, list):
        return ""
    if isinstance(form, str) and form[:1] == "#":
        return "absent" if form == ABSENT else ""
    return f"the result of {form[1:]}" if isinstance(form, str) and form[:1] == "@" else repr(form)


def told_differences(was: Json, now: Json) -> list[str]:
    """What differs between two steps, in words, by their `call`s: nothing where that is not known."""
    return [str(each) for each in differences(was, now) or ()]


def is_other(was: Json, now: Json) -> bool:
    """Whether two `call`s are not known to be the same: to Python, 1 and 1.0 and True would be."""
    if marshalled(was, 2) == marshalled(now, 2):  # nearly always, and far cheaper than to look at each part
        return False
    return bool(was != now) or differences(was, now) != []


def mixed(call: Json) -> Json:
    """The call of a map of which some elements ran by other code: it equals nothing."""
    return {**call, "unknown": {**call.get("unknown", {}), "elements": "some of them ran by other code"}}


def mismatch(state: RunState, known: Step, action: AddStep) -> ReplayMismatch:
    """The error for a step that is called otherwise than was recorded: what differs, as far as that was recorded."""
    differs = differences(known.call, action.call) or []
    called = [each for each in differs if each.part in ("argument", "receiver")]
    shown = [(each.name or "self", *each.sides) for each in called if each.sides is not None]
    was, now = (f"{_KINDS.get(each.form, each.form)} {each.task}" for each in (known, action))
    if known.map is not None and known.map.size != action.size:
        was, now = f"{was} of {known.map.size} elements", f"{now} of {action.size}"
    elif shown:
        was = f"{was} with {', '.join(f'{name}={before}' for name, before, _ in shown)}"
        now = f"{now} with {', '.join(f'{name}={after}' for name, _, after in shown)}"
    elif was == now:
        was, now = f"{was} with other arguments", f"{now} with these"
    told = [str(each) for each in called if each.sides is None]
    return ReplayMismatch(known.key, was, now, told, reordered=_is_reordered(state, known, action))


_KINDS = {"call": "task", "map": "a map of task", "flow": "flow"}


def _is_reordered(state: RunState, known: Step, action: AddStep) -> bool:
    """Whether what is asked for now was recorded, in another order: of elements, or of the calls of the same task."""
    old, new = recorded_spec(known.call), recorded_spec(action.call)
    if old is None or new is None:
        return False
    if known.map is not None:
        return any(
            isinstance(was, list) and isinstance(now := new.inputs.get(name), list) and was != now
            and sorted(map(repr, was)) == sorted(map(repr, now))
            for name, was in old.inputs.items()
        )  # fmt: skip
    return any(
        step.task == known.task and step.parent == known.parent and step.fingerprint == action.fingerprint
        for step in state.steps.values()
    )

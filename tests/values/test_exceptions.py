"""Exceptions come back as they were: in results, arguments and errors, alone and in groups, with their causes."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import pytest

from motet.values import pickle
from motet.values.errors import decode_error, encode_error
from motet.values.records import decode, encode


class Needs(Exception):
    """Takes more than its `args`."""

    def __init__(self, code: int, *, detail: str) -> None:
        super().__init__()
        self.code, self.detail = code, detail


class Rewrites(Exception):
    """Made again from its `args`, it would say everything twice."""

    def __init__(self, code: int) -> None:
        super().__init__(f"HTTP {code}")
        self.code = code


class Makes(Exception):
    def __new__(cls, code: int, extra: int) -> Self:
        return super().__new__(cls, code)

    def __init__(self, code: int, extra: int) -> None:
        self.extra = extra


class Slotted(ValueError):
    __slots__ = ("left",)

    def __init__(self, left: int) -> None:
        super().__init__("left")
        self.left = left


class Missing(OSError):
    def __init__(self, path: str, why: str) -> None:
        super().__init__(2, why, path)
        self.why = why


class Own(Exception):
    """Says itself how it is pickled."""

    def __init__(self, one: int, two: int) -> None:
        super().__init__(one, two)
        self.sum = one + two

    def __reduce__(self) -> Any:
        return Own, self.args


class Lies(Exception):
    """Says how it is pickled, and that does not work."""

    def __init__(self, one: int, *, two: int) -> None:
        super().__init__(one)
        self.two = two

    def __reduce__(self) -> Any:
        return Lies, (self.args[0],)


@dataclass(frozen=True)
class Frozen(Exception):
    code: int


class Group(ExceptionGroup[Exception]):
    def __new__(cls, errors: Sequence[Exception], exit_code: int) -> Self:
        self = super().__new__(cls, f"exit code {exit_code}", errors)
        self.exit_code = exit_code
        return self

    exit_code: int


def attribute_error() -> AttributeError:
    try:
        getattr(3, "nothing")  # noqa: B009
    except AttributeError as error:
        return error
    raise AssertionError


def syntax_error() -> SyntaxError:
    try:
        compile("a b", "there.py", "exec")
    except SyntaxError as error:
        return error
    raise AssertionError


def unicode_error() -> UnicodeDecodeError:
    try:
        b"\xff".decode()
    except UnicodeDecodeError as error:
        return error
    raise AssertionError


def with_notes() -> ValueError:
    error = ValueError("noted")
    error.add_note("a note")
    return error


MADE = {
    "needs": lambda: Needs(5, detail="d"), "rewrites": lambda: Rewrites(500), "makes": lambda: Makes(1, 2),
    "slotted": lambda: Slotted(4), "missing": lambda: Missing("a.txt", "no such thing"), "own": lambda: Own(1, 2),
    "lies": lambda: Lies(1, two=2), "frozen": lambda: Frozen(7), "key": lambda: KeyError("k"),
    "os": lambda: OSError(2, "gone", "f.txt"), "import": lambda: ImportError("no", name="n", path="p"),
    "attribute": attribute_error, "syntax": syntax_error, "unicode": unicode_error, "stop": lambda: StopIteration(3),
    "notes": with_notes, "timeout": lambda: TimeoutError("late"),
    "group": lambda: Group([Needs(1, detail="x"), ExceptionGroup("in", [Rewrites(2)])], 3),
}  # fmt: skip


def told(error: Any) -> Any:
    """All that tells one exception from another."""
    if error is None or not isinstance(error, BaseException):
        return error
    fields = ("errno", "filename", "name", "path", "lineno", "text", "start", "reason", "value", "left")
    return {
        "type": type(error), "str": str(error), "args": [told(each) for each in error.args] if not isinstance(
            error, BaseExceptionGroup) else None,
        "vars": {name: value for name, value in vars(error).items() if name != "__notes__"},
        "notes": [each for each in getattr(error, "__notes__", ()) if not each.startswith("As it was")],
        "fields": {name: getattr(error, name, None) for name in fields},
        "in": [told(each) for each in getattr(error, "exceptions", ())],
        "cause": told(error.__cause__), "context": told(error.__context__), "hidden": error.__suppress_context__,
    }  # fmt: skip


def chained(error: BaseException) -> BaseException:
    try:
        try:
            raise Needs(9, detail="first")
        except Needs as first:
            raise Rewrites(404) from first
    except Rewrites:
        try:
            raise error
        except type(error) as last:
            return last


@pytest.mark.parametrize("name", MADE)
@pytest.mark.parametrize("around", [lambda each: each, chained], ids=["alone", "chained"])
def test_an_exception_comes_back_as_it_was(name: str, around: Any) -> None:
    error = around(MADE[name]())
    record = encode({"e": [error]}, None)
    assert "lost" not in record, record
    assert told(decode(record, None)["e"][0]) == told(error)
    sent = pickle.loads(b"".join(pickle.dumps([error], portable=True)))
    assert told(sent[0]) == told(error)
    assert told(decode_error(encode_error(error))) == told(error if isinstance(error, Exception) else None)


def test_groups_are_caught_by_type_whatever_they_hold() -> None:
    held = Needs(1, detail="x")
    held.lock = threading.Lock()  # type: ignore[attr-defined]
    again = decode_error(encode_error(ExceptionGroup("several", [held, ValueError(threading.Lock()), KeyError("k")])))
    caught = []
    try:
        raise again
    except* Needs as group:
        caught += [each.code for each in group.exceptions]  # type: ignore[union-attr]
    except* ValueError as group:
        caught += [str(group.exceptions[0])[:13]]
    except* KeyError as group:
        caught += [group.exceptions[0].args]
    assert caught == [1, "<unlocked _th", ("k",)]


def test_what_leads_back_to_itself_comes_back() -> None:
    error: Any = Needs(1, detail="x")
    error.me, error.list = error, [error]
    error.__cause__ = ValueError("cause")
    error.__cause__.__cause__ = error
    for again in (decode(encode(error, None), None), decode_error(encode_error(error))):
        assert again.me is again
        assert again.list[0] is again
        assert again.__cause__.__cause__ is again


def test_what_holds_itself_among_its_arguments_comes_back() -> None:
    error = ValueError("a")
    error.args = ("a", error, [error])
    for again in (decode(encode(error, None), None), decode_error(encode_error(error))):
        assert type(again) is ValueError
        assert again.args[0] == "a"
        assert again.args[1] is again
        assert again.args[2][0] is again


def test_a_large_chain_costs_the_chain_and_not_the_type() -> None:
    error = Needs(1, detail="x")
    error.__cause__ = ValueError("x" * 100_000)
    again = decode_error(encode_error(error))
    assert isinstance(again, Needs)
    assert again.__cause__ is None


def test_secrets_in_causes_and_groups_are_covered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOTET_SECRET_KEY", "s3cr3t-value")
    error = ExceptionGroup("g", [ValueError("with s3cr3t-value"), Needs(1, detail="s3cr3t-value")])
    error.__cause__ = KeyError("s3cr3t-value")
    again = decode_error(encode_error(error))
    assert isinstance(again, ExceptionGroup)
    assert again.exceptions[0].args == ("with ***",)
    assert again.exceptions[1].detail == "***"  # type: ignore[union-attr]
    assert again.__cause__ is not None
    assert again.__cause__.args == ("***",)


def test_libraries_whose_exceptions_are_made_in_their_own_way() -> None:
    import pydantic

    with pytest.raises(pydantic.ValidationError) as caught:
        pydantic.TypeAdapter(list[int]).validate_python(["x"])
    for again in (decode(encode(caught.value, None), None), decode_error(encode_error(caught.value))):
        assert type(again) is pydantic.ValidationError
        assert again.errors() == caught.value.errors()

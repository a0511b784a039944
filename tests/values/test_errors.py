"""Exceptions as they are kept: their traceback begins at the user's code, and they can be raised again."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
import threading
from typing import Any

import pytest

from motet.errors import MotetError, ParameterError, StepFailed
from motet.executors.calls import carry_out
from motet.executors.current import Current
from motet.ports import Attempt, Failure
from motet.values.errors import decode_error, encode_error


class Fancy(Exception):
    def __init__(self, code: int | str, *, where: str) -> None:
        super().__init__(f"{code} at {where}")
        self.code = code


class Mute(Exception):
    def __str__(self) -> str:
        raise RuntimeError("I say nothing")


class Holder(Exception):
    pass


def raised(function: Any, *args: Any) -> BaseException:
    """The exception, raised through frames of the package."""
    attempt = Attempt("run", "step", 1, function, args, {}, lambda attempt, outcome: None)
    outcome = carry_out(attempt, Current({}))
    assert isinstance(outcome, Failure)
    assert outcome.exception is not None
    return outcome.exception


def divide() -> None:
    raise ZeroDivisionError("by nothing")


def chain() -> None:
    try:
        divide()
    except ZeroDivisionError as cause:
        raise ValueError("no result") from cause


def during() -> None:
    try:
        divide()
    finally:
        raise KeyError("while cleaning up")


def raise_it(error: BaseException) -> None:
    raise error


def recurse(depth: int) -> None:
    recurse(depth + 1)


def test_the_record_says_what_where_and_why() -> None:
    record = json.loads(json.dumps(encode_error(raised(chain))))
    assert (record["type"], record["module"], record["message"]) == ("ValueError", "builtins", "no result")
    lines = record["traceback"].splitlines()
    assert lines[0] == "Traceback (most recent call last):"
    assert __file__ in lines[1]
    assert "in chain" in lines[1]
    assert "ZeroDivisionError: by nothing" in record["traceback"]
    assert "direct cause" in record["traceback"]
    assert "carry_out" not in record["traceback"]


def test_contexts_and_groups_are_told_without_the_frames_of_the_package() -> None:
    group = ExceptionGroup("several", [raised(divide), raised(during)])  # type: ignore[list-item]
    record = encode_error(raised(raise_it, group))
    assert "KeyError: 'while cleaning up'" in record["traceback"]
    assert record["traceback"].count("ZeroDivisionError: by nothing") == 2
    assert "carry_out" not in record["traceback"]
    assert "Traceback" in encode_error(raised(during))["traceback"]


def test_the_original_comes_back_with_its_traceback_as_a_note() -> None:
    again = decode_error(encode_error(raised(chain)))
    assert type(again) is ValueError
    assert again.args == ("no result",)
    assert any("in divide" in note for note in again.__notes__)


def test_what_pickle_cannot_make_again_comes_back_without_its_init() -> None:
    again = decode_error(encode_error(raised(raise_it, Fancy(7, where="home"))))
    assert isinstance(again, Fancy)
    assert (str(again), again.code) == ("7 at home", 7)
    assert any("raise_it" in note for note in again.__notes__)


def test_what_is_too_large_is_shortened_and_keeps_its_type() -> None:
    again = decode_error(encode_error(raised(raise_it, Fancy("1000" * 5000, where="home"))))
    assert type(again) is Fancy
    assert str(again).startswith("1000") and " left out) ... " in str(again) and str(again).endswith("at home")
    assert any("raise_it" in note for note in again.__notes__)


def not_json() -> None:
    json.loads('[\n"' + "x" * 50_000 + '",\n?')


def test_large_errors_of_libraries_can_be_caught_by_type_and_hold_what_is_small() -> None:
    error = raised(not_json)
    again = decode_error(encode_error(error))
    assert isinstance(again, json.JSONDecodeError)
    assert (again.lineno, again.colno, again.pos) == (3, 1, 50_006)
    assert str(again) == str(error)

    called = subprocess.CalledProcessError(3, ["tool"], output=b"o" * 50_000, stderr="small")
    again = decode_error(encode_error(called))
    assert isinstance(again, subprocess.CalledProcessError)
    assert (again.returncode, again.cmd, again.stderr) == (3, ["tool"], "small")
    assert again.output.startswith(b"ooo") and len(again.output) < 2000

    again = decode_error(encode_error(OSError(2, "m" * 20_000, "f")))
    assert isinstance(again, FileNotFoundError)
    assert (again.errno, again.filename) == (2, "f")

    within = ValueError(["x" * 100_000, 3], dict.fromkeys(range(1000), "v" * 50))
    again = decode_error(encode_error(ExceptionGroup("g", [within, KeyError("a")])))
    assert isinstance(again, ExceptionGroup)
    assert [type(each) for each in again.exceptions] == [ValueError, KeyError]
    assert again.exceptions[0].args[0][1] == 3
    assert again.exceptions[0].args[1].startswith("{0: 'vvv")


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt(), GeneratorExit()])
def test_what_would_end_the_caller_comes_back_as_step_failed(error: BaseException) -> None:
    again = decode_error(encode_error(raised(raise_it, error)))
    assert type(again) is StepFailed
    assert type(error).__name__ in str(again)


def test_errors_of_the_package_keep_their_cure() -> None:
    error = ParameterError("x is unknown", "Name one of: y, z.")
    again = decode_error(encode_error(error))
    assert type(again) is ParameterError
    assert (again.what, again.cure) == (error.what, error.cure)


def test_an_error_of_the_package_needs_no_frames_and_a_bug_in_it_does() -> None:
    def internal(error: Exception) -> None:
        namespace = {"error": error}
        import motet.errors

        exec(compile("def inner():\n    raise error\ninner()", motet.errors.__file__, "exec"), namespace)

    def encode_alone(error: Exception) -> str:
        try:
            internal(error)
        except Exception as caught:  # noqa: BLE001 - any of them is to be encoded
            frames = caught.__traceback__
            while frames is not None and frames.tb_frame.f_code.co_filename == __file__:
                frames = frames.tb_next
            return str(encode_error(caught.with_traceback(frames))["traceback"])
        raise AssertionError

    assert "inner" in encode_alone(AssertionError("a bug"))
    assert "inner" not in encode_alone(MotetError("on purpose"))


def test_an_exception_that_cannot_be_shown_is_recorded_all_the_same() -> None:
    record = encode_error(raised(raise_it, Mute("x")))
    assert record["type"] == "Mute"
    assert "cannot be shown" in record["message"]
    assert isinstance(record["traceback"], str)


def test_large_and_odd_texts_are_cut_and_can_be_stored() -> None:
    record = encode_error(raised(raise_it, ValueError("start \ud800" + "é" * 100_000 + "end")))
    assert len(record["message"].encode()) <= 4096
    assert record["message"].startswith("start")
    assert record["message"].endswith("end")
    assert "left out" in record["message"]
    assert len(record["traceback"].encode()) <= 16 * 1024
    assert "raise_it" in record["traceback"]
    assert len(record["pickle"]) <= 22 * 1024
    record = encode_error(raised(recurse, 0))
    assert record["type"] == "RecursionError"
    assert len(record["traceback"].encode()) <= 16 * 1024


def test_what_an_exception_holds_on_to_does_no_harm() -> None:
    error = Holder("it holds")
    error.lock = threading.Lock()  # type: ignore[attr-defined]
    again = decode_error(encode_error(error))
    assert type(again) is Holder
    assert str(again) == "it holds"
    assert not hasattr(again, "lock")


def test_raised_again_and_again_it_does_not_grow() -> None:
    error: BaseException = raised(divide)
    sizes = []
    for _ in range(6):
        record = encode_error(error)
        sizes.append(len(record["pickle"]))
        error = raised(raise_it, decode_error(record))
        assert len(error.__notes__) == 1
    assert len(set(sizes[1:])) == 1
    error.add_note("the user's own")
    assert pickle.loads(pickle.dumps(decode_error(encode_error(error)))).__notes__[0] == "the user's own"


def test_a_record_without_all_its_fields_can_be_raised() -> None:
    assert str(decode_error({})) == "Exception"
    assert str(decode_error({"type": "Odd", "message": "m", "pickle": "broken!"})) == "Odd: m"


def test_pickles_of_the_first_version_can_be_raised() -> None:
    """As that version wrote them for exceptions that pickle alone does not bring back."""
    old = (
        "gAWVAgEAAAAAAACME21vdGV0LnZhbHVlcy5lcnJvcnOUjAVfbWFkZZSTlIwMdXJsbGliLmVycm9ylIwJSFRUUEVycm9ylJOUKX2UKIwEY29kZZRN"
        "lAGMA21zZ5SMBGdvbmWUjARoZHJzlE6MAmZwlIwDX2lvlIwHQnl0ZXNJT5STlCmBlEMAlEsAToeUYowEZmlsZZRoD4wEbmFtZZSMETx1cmxsaWIg"
        "cmVzcG9uc2U+lIwGZGVsZXRllImMB19jbG9zZXKUjAh0ZW1wZmlsZZSMFF9UZW1wb3JhcnlGaWxlQ2xvc2VylJOUKYGUfZQoaBJoD2gTaBRoFYl1"
        "YowDdXJslIwBdZR1h5RSlC4="
    )
    again: Any = decode_error({"type": "HTTPError", "module": "urllib.error", "message": "gone", "pickle": old})
    assert (type(again).__name__, again.code, again.msg) == ("HTTPError", 404, "gone")


def test_of_endless_recursion_the_last_frames_are_looked_at() -> None:
    """It may have millions of them, and telling takes no longer than that does."""

    def deeper(n: int) -> int:
        return deeper(n - 1) if n else 1 // 0

    before = sys.getrecursionlimit()
    sys.setrecursionlimit(200_000)
    try:
        deeper(100_000)
    except ZeroDivisionError as error:
        record = encode_error(error)
    finally:
        sys.setrecursionlimit(before)
    assert "in deeper" in record["traceback"] and "more times" in record["traceback"]
    assert len(record["traceback"]) < 2000

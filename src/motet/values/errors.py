"""Exceptions as they are kept in the journal, with a traceback that begins where the user's code does."""

from __future__ import annotations

import os
from collections import deque
from os.path import dirname, join

from motet.errors import MotetError, StepFailed
from motet.typed import TYPE_CHECKING, Any
from motet.values.secrets import hide

if TYPE_CHECKING:  # what a worker process imports is kept small
    from traceback import TracebackException

    from motet.kernel.events import Json

_TRACEBACK_BYTES = 16 * 1024
_FRAMES = 5000
"""So many frames of a traceback, the last ones, are looked at: a recursion may have millions of them."""
_MESSAGE_BYTES = 4 * 1024
_SHOWN_FRAMES = 20
_FRAMES_WITH_CODE = 5
_LINE_CHARS = 200
_NOTE = "As it was first raised:\n"
_PACKAGE = join(dirname(dirname(__file__)), "")
_STANDARD = join(dirname(os.__file__), "")
_SUITES = join(_PACKAGE, "testing", "")


def encode_error(exception: BaseException) -> Json:
    """The record of an exception: {type, module, message, traceback} and, if they can be had, {frames} and {pickle}.

    `frames` are the last of the traceback: [{"file", "line", "name"}, ...], those of the user's own code also with
    "code", the line with two before and one after it as they were then: [[number, text], ...].
    `traceback` is text of at most 16 KB, causes included, without the frames of this package. `pickle` is
    there if the exception comes back from it as the same type; long texts in a large one are shortened. *** stands
    for secrets.
    Never raises.
    """
    cls = type(exception)
    record: dict[str, Json] = {
        "type": cls.__qualname__,
        "module": cls.__module__,
        "message": _clip(hide(_message(exception)), _MESSAGE_BYTES),
        "traceback": _clip(hide(_traceback(exception)), _TRACEBACK_BYTES),
    }
    if frames := _frames(exception):
        record["frames"] = frames
    from motet.values.error_pickles import pickled

    if text := pickled(exception, _NOTE):
        record["pickle"] = text
    return record


def step_failed(message: str) -> Json:
    """The record of what ends a run whose steps have failed: a StepFailed that says so, raised nowhere."""
    return {"type": StepFailed.__qualname__, "module": StepFailed.__module__, "message": message}


def _message(exception: BaseException) -> str:
    try:
        return str(exception)
    except Exception:  # noqa: BLE001 - boundary: the exception's own __str__
        return "(its message cannot be shown: __str__ failed)"


def _traceback(exception: BaseException) -> str:
    from traceback import TracebackException

    try:
        whole = TracebackException(
            type(exception), exception, exception.__traceback__, limit=-_FRAMES, lookup_lines=False, compact=True
        )
        _cut(whole, keep_if_alone=not isinstance(exception, MotetError))
        return "".join(whole.format()).rstrip("\n")
    except Exception as error:  # noqa: BLE001 - boundary: formatting runs the exception's own code
        return f"{type(exception).__qualname__}: (no traceback: {type(error).__name__} while formatting it)"


def _frames(exception: BaseException) -> list[Json]:
    """The last frames of the exception itself. Never raises."""
    found: deque[Json] = deque(maxlen=_SHOWN_FRAMES)
    where = exception.__traceback__
    while where is not None:
        code = where.tb_frame.f_code
        if not is_own(code.co_filename):
            found.append({"file": code.co_filename, "line": where.tb_lineno, "name": code.co_name})
        where = where.tb_next
    theirs = [each for each in found if not is_library(each["file"])]
    try:
        for each in theirs[-_FRAMES_WITH_CODE:]:
            if code_there := _code(each["file"], each["line"]):
                each["code"] = code_there
    except Exception:  # noqa: BLE001 - boundary: loaders of modules may give their source
        pass
    return list(found)


def _code(file: str, line: int) -> list[Json]:
    from linecache import getline

    places = range(max(1, line - 2), line + 2)
    found = [[place, hide(getline(file, place).rstrip()[:_LINE_CHARS])] for place in places]
    return found if any(text for _, text in found) else []


def is_library(filename: str) -> bool:
    """Whether a frame of that file is of the standard library, or of what is installed beside it."""
    return filename.startswith((_STANDARD, "<frozen")) or "/site-packages/" in filename


def _cut(whole: TracebackException, *, keep_if_alone: bool) -> None:
    """Take this package's frames, and those of imports, out of a traceback and of all those that it is chained to.

    An unexpected error without any frame of the user's keeps its frames: they are all there is to go by.
    """
    todo, seen = [whole], set()
    while todo:
        each = todo.pop()
        if id(each) in seen:
            continue
        seen.add(id(each))
        frames = [frame for frame in each.stack if not is_own(frame.filename)]
        if frames or not keep_if_alone:
            each.stack[:] = frames
        todo += [linked for linked in (each.__cause__, each.__context__, *(each.exceptions or ())) if linked]


def is_own(filename: str) -> bool:
    """Whether the frame is none of the user's: of this package, or of an import."""
    # Conformance suites play the user's part. Frames of an import say nothing: Python leaves them out, too.
    is_import = filename.startswith("<frozen importlib") or filename.endswith("/importlib/__init__.py")
    return is_import or (filename.startswith(_PACKAGE) and not filename.startswith(_SUITES))


def _clip(text: str, limit_bytes: int) -> str:
    """`text` in at most `limit_bytes` of UTF-8: what is too much goes from the middle."""
    encoded = text.encode("utf-8", "backslashreplace")
    if len(encoded) <= limit_bytes:
        return encoded.decode()
    half = limit_bytes // 2 - 32
    gone = len(encoded) - 2 * half
    head, tail = encoded[:half].decode("utf-8", "ignore"), encoded[-half:].decode("utf-8", "ignore")
    return f"{head}\n... ({gone} bytes left out) ...\n{tail}"


def decode_error(record: Json) -> BaseException:
    """The exception of a record, to be raised again: of its own type if it can be, else StepFailed.

    The recorded traceback is added as a note. What is no `Exception` (SystemExit, KeyboardInterrupt) comes
    back as StepFailed: raised again, it would end the caller's process instead of telling it of the failure.
    """
    exception = _original(record)
    if exception is None:
        name = record.get("type", "Exception")
        module = record.get("module", "builtins")
        full = name if module in ("builtins", "__main__") else f"{module}.{name}"
        exception = StepFailed(f"{full}: {record.get('message', '')}".rstrip(": "))
    text = record.get("traceback")
    if text:
        notes = [*getattr(exception, "__notes__", ()), _NOTE + text]
        BaseException.__setattr__(exception, "__notes__", notes)  # its own may refuse, as a frozen one does
    return with_outputs(exception, record.get("finished"))


def with_outputs(exception: BaseException, finished: Json) -> BaseException:
    """The exception, with the files that a command has put out, from the record of how it ended (None for none)."""
    if finished and finished["outputs"] and isinstance(exception, MotetError):
        from motet.values.files import files_of

        exception.outputs = files_of(finished["outputs"])
    return exception


def _original(record: Json) -> BaseException | None:
    if "pickle" not in record:
        return None
    from motet.values.error_pickles import unpickled

    exception = unpickled(record["pickle"])
    return exception if isinstance(exception, Exception) else None


def _made(cls: type[BaseException], args: tuple[Any, ...], held: dict[str, Any]) -> BaseException:
    """What pickles of version 0.1 name, which stand in journals."""
    exception = cls.__new__(cls, *args)
    exception.args = args
    vars(exception).update(held)
    return exception

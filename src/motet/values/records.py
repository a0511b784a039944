"""Results as they are kept in the journal: small values themselves, larger ones in the artifact store.

A record is JSON. None, bool, int, finite float and str stand for themselves; all else is an object:

    {"pickle": text}                        a small value, pickled, in base64
    {"artifact": digest, "size_bytes": n}   a large one: the content is in the artifact store
    {"lost": why}                           a value that cannot be pickled, or not be loaded again
    {"json": value}                         a value that is JSON: what a step has that waited for it

With "files", it also names the artifacts of the files in it (see `values.files`): [{"artifact": digest}, ...]; with
"with", the libraries and modules that it takes to load it, and their versions (see `values.versions`); with "shown",
what a table or an array is, in words, and with "preview" what is in it (see `values.glimpses`). What is plain can be
read without loading anything (see `values.plain`), and much that is not can be told (see `values.legible`).
"""

from __future__ import annotations

from binascii import a2b_base64, b2a_base64
from math import isfinite

from motet.errors import ArtifactDamaged, NotFound, ResultDamaged, ResultUnavailable
from motet.typed import TYPE_CHECKING, Any

if TYPE_CHECKING:  # what a worker process imports is kept small
    from motet.kernel.events import Json
    from motet.ports import ArtifactStore

LIMIT_BYTES = 1024
_INT = 2**63


def encode(value: object, artifacts: ArtifactStore | None, *, limit_bytes: int = LIMIT_BYTES) -> Json:
    """The record of `value`. What is larger than `limit_bytes` goes to `artifacts` (None: into the record).

    A value that cannot be pickled, or not loaded again, gives a record that says why: `decode` raises then. Raises
    only what `artifacts.put` raises. Instances of subclasses of int, str, ... keep their class.
    """
    kind = type(value)
    if value is None or kind is bool:
        return value
    if kind is int:
        if -_INT <= value < _INT:  # type: ignore[operator]
            return value
    elif kind is float:
        if isfinite(value):  # type: ignore[arg-type]
            return value
    elif kind is str and _stands(value, limit_bytes):  # type: ignore[arg-type]
        return value
    return _encode_object(value, artifacts, limit_bytes)


def _stands(text: str, limit_bytes: int) -> bool:
    # NUL and lone surrogates are str, but no database takes them as text.
    if "\0" in text or len(text) > limit_bytes:
        return False
    if text.isascii():
        return True
    try:
        return len(text.encode()) <= limit_bytes
    except UnicodeEncodeError:
        return False


def _encode_object(value: object, artifacts: ArtifactStore | None, limit_bytes: int) -> Json:
    from motet.values import pickle, unpicklable
    from motet.values.files import files_pickled

    try:
        with files_pickled() as files:
            parts, versions = pickle.kept(value)
    except Exception as error:  # noqa: BLE001 - boundary: pickling and loading run the value's own code
        return {"lost": unpicklable.reason(value, error)}
    named: dict[str, Json] = {"files": [{"artifact": digest} for digest in sorted(files)]} if files else {}
    if versions:
        named["with"] = dict(versions)
        if shown := _described(value):
            named["shown"] = shown
        from motet.values import glimpses

        if preview := glimpses.beside(value, artifacts):
            named["preview"] = preview
    if artifacts is not None and pickle.size_bytes(parts) > limit_bytes:
        stored = artifacts.put(parts)
        return {"artifact": stored.digest, "size_bytes": stored.size_bytes, **named}
    return {"pickle": b2a_base64(b"".join(parts), newline=False).decode("ascii"), **named}


_COLUMNS = 8


def _described(value: object) -> str:
    """A table or an array in a few words, "" for anything else: `DataFrame 3 x 2: a, b`."""
    try:
        shape = getattr(value, "shape", None)
        if not isinstance(shape, tuple) or not shape:
            return ""
        columns = getattr(value, "column_names", None) or getattr(value, "columns", None)
        told = f"{type(value).__name__} {' x '.join(map(str, shape))}"
        if columns is None:
            return f"{told} {getattr(value, 'dtype', '')}".rstrip()
        names = [str(each) for each in list(columns)[: _COLUMNS + 1]]
        return f"{told}: {', '.join(names[:_COLUMNS])}{', ...' if len(names) > _COLUMNS else ''}"
    except Exception:  # noqa: BLE001 - boundary: the value's own attributes
        return ""


def decode(record: Json, artifacts: ArtifactStore | None) -> Any:
    """The value of a record. Raises ResultUnavailable, with the cure, if it was not kept or cannot be had;
    ResultDamaged if its artifact is gone, or no longer what was kept.
    """
    if type(record) is not dict:
        return record
    if "json" in record:
        return record["json"]
    from motet.values import pickle

    if "lost" in record:
        raise ResultUnavailable(
            f"This result was not kept: {record['lost']}.",
            "Return what can be pickled (the content, not the lock, connection, generator or open file), "
            "or make the object in the step that uses it.",
        )
    data = _content(record, artifacts)
    try:
        return pickle.loads(data)
    except Exception as error:  # boundary: loading runs the value's own code
        raise ResultUnavailable(
            f"This result can no longer be loaded ({type(error).__name__}: {error}).",
            "Bring back the module or class that it was made with, or run the step anew.",
        ) from error


def of_step(error: ResultUnavailable, key: str, anew: str) -> ResultUnavailable:
    """The same error, which names the step, and what runs that anew."""
    cure = anew if isinstance(error, ResultDamaged) else f"{error.cure}\n{anew}"
    return type(error)(f"The result of step {key} cannot be had again. {error.what}", cure)


def _content(record: Json, artifacts: ArtifactStore | None) -> bytes | memoryview:
    if "pickle" in record:
        return a2b_base64(record["pickle"])
    digest = record.get("artifact")
    if digest is None:
        raise ResultUnavailable(
            f"This record has no form that is known here (its fields: {', '.join(record) or 'none'}).",
            "It may come from a newer version of Motet: read it with that one.",
        )
    if artifacts is None:
        raise ResultUnavailable(
            f"This result is in artifact {digest}, and no artifact store is at hand.",
            "Open the run with the store and the artifact folder that it was made with.",
        )
    try:
        return artifacts.get(digest)
    except NotFound as error:
        what = error.what if isinstance(error, ArtifactDamaged) else f"Artifact {digest} is gone."
        raise ResultDamaged(
            what, "`motet doctor` tells which step made it, and the command that runs it anew."
        ) from error


def artifact_digests(record: Json) -> tuple[str, ...]:
    """The artifacts that a record refers to: itself, by the files in its value, by outputs that have names."""
    if type(record) is not dict:
        return ()
    own = (record["artifact"],) if "artifact" in record else ()
    parts = (*record.get("files", ()), *record.get("outputs", {}).values())
    return (*own, *(each["artifact"] for each in parts))


def is_whole(record: Json, artifacts: ArtifactStore) -> bool:
    """Whether the artifacts that the record refers to are still there, and what they were."""
    try:
        for digest in artifact_digests(record):
            artifacts.path(digest)
    except NotFound:
        return False
    return True

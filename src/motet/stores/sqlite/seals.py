"""Checksums of rows: what a disk or a program has changed in the file is told, and never taken for a result.

SQLite checks how its pages hang together, not what stands in them. So each row that a result may come from is sealed
with a CRC over its texts, and over what it is about, so that a row in another's place is found too. A row without a
seal was written by an earlier version, and is taken as it is.
"""

from __future__ import annotations

from binascii import crc32

from motet.errors import StoreCorrupt

_BODY_BITS = 0x7FFFFFFF
"""A record has two checksums in one column, so that steps can be read without events; the sign is left out."""

UNREADABLE = (ValueError, TypeError, LookupError, AttributeError, OverflowError, RecursionError)
"""What reading a row may raise that is not what was written: rows are not trusted."""

CURE = "Put a backup in its place; `motet doctor` reads all that is kept. Other runs are not concerned."


def seal(about: str, *cells: object) -> int:
    """The checksum of the cells of a row, texts most of them."""
    return crc32("".join([about, *map(str, cells)]).encode())


def record_seal(run: str, last_seq: int, count: int, body: str, steps: str | None) -> int:
    """The seal of a record of an engine."""
    about = crc32(f"{run} {last_seq} {count}".encode())
    return (crc32(body.encode(), about) & _BODY_BITS) << 32 | (crc32(steps.encode(), about) if steps else 0)


def event_seal(offset: int, run: str, body: str | None, at: float, named: tuple[str, str, str]) -> int:
    """The seal of a published event of this key, namespace and sender."""
    key, namespace, sender = named
    return crc32(f"{offset} {run}{body}{key}{namespace}{sender}{at}".encode())


def check_body(sealed: int | None, run: str, last_seq: int, count: int, body: str) -> None:
    """Raise StoreCorrupt if the events of a record are not what was written."""
    if sealed is not None:
        found = crc32(body.encode(), crc32(f"{run} {last_seq} {count}".encode())) & _BODY_BITS
        if found != sealed >> 32:
            raise damaged(run, f"its events up to number {last_seq}")


def check_steps(sealed: int | None, run: str, last_seq: int, count: int, steps: str | None) -> None:
    """Raise StoreCorrupt if the step rows of a record are not what was written."""
    if sealed is not None:
        found = crc32(steps.encode(), crc32(f"{run} {last_seq} {count}".encode())) if steps else 0
        if found != sealed & 0xFFFFFFFF:
            raise damaged(run, f"the steps that changed with its events up to number {last_seq}")


def check(sealed: int | None, run: str, place: str, about: str, *cells: object) -> None:
    """Raise StoreCorrupt, naming run and place, if the cells are not those that were sealed."""
    if sealed is not None and seal(about, *cells) != sealed:
        raise damaged(run, place)


def damaged(run: str, place: str) -> StoreCorrupt:
    """Something of a run (or of none) is not what was written."""
    where = f"Run {run} is damaged in the store" if run else "The store is damaged"
    return StoreCorrupt(f"{where}: {place} cannot be read as written.", CURE)

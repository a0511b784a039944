"""A store in a folder, shared by all processes of a host.

One SQLite file, a lock beside it that writers take in turn, and FIFOs that wake followers. `_sqlite3` is what
`sqlite3` is made of, without its converters of dates, which are not needed and take as long to load as all else of it.
"""

from __future__ import annotations

from motet.stores.sqlite.store import SqliteStore

__all__ = ["SqliteStore"]

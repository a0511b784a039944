"""A store in a folder, shared by all processes of a host.

One SQLite file, a lock beside it that writers take in turn, and FIFOs that wake followers.
"""

from __future__ import annotations

from motet.stores.sqlite.store import SqliteStore

__all__ = ["SqliteStore"]

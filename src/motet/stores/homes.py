"""Homes: who may write there, since values are kept as pickles, whose loading runs code; and room kept in reserve."""

from __future__ import annotations

import os
import stat
from contextlib import suppress

from motet import private
from motet.errors import StoreUnavailable


def refuse_open_home(*paths: str) -> None:
    """Raise StoreUnavailable where everybody may replace one of the paths, or what stands in it. Say so where a group
    may, or another user whose it is, or everybody may put something beside what is there: that may be meant, as in a
    container.
    """
    for path in paths:
        who = private.writers(path)
        if who == private.EVERYBODY and not os.stat(path).st_mode & stat.S_ISVTX:
            raise StoreUnavailable(
                f"Everybody may write to {path}, so that anybody could have code of theirs run here.",
                f"Close it with `chmod -R go-rwx {path}`, or set MOTET_HOME to a folder of your own.",
            )
        if who:
            import logging

            logging.getLogger("motet.stores").warning(
                "%s%s may write to %s, and could have code of theirs run here: see `motet doctor`.",
                who[0].upper(), who[1:], path,
            )  # fmt: skip
            return


RESERVE_BYTES = 1 << 20
RESERVE = "reserve"


def keep_reserve(home: str) -> None:
    """Keep some room on the disk for `prune` and `stop`, which have to write so that some can be freed; not where there
    is little.
    """
    path = os.path.join(home, RESERVE)
    with suppress(OSError):
        if os.path.exists(path):
            return
        room = os.statvfs(home)
        if room.f_bavail * room.f_frsize < 2 * RESERVE_BYTES:
            return
        fd = private.opener(path, os.O_WRONLY | os.O_CREAT)
        try:
            os.posix_fallocate(fd, 0, RESERVE_BYTES)
        finally:
            os.close(fd)


def make_room(home: str) -> None:
    """Use that room now, if nothing more can be written."""
    with suppress(OSError):
        room = os.statvfs(home)
        if room.f_bavail * room.f_frsize < RESERVE_BYTES:
            give_up_reserve(home)


def give_up_reserve(home: str) -> None:
    """Use that room now."""
    with suppress(OSError):
        os.unlink(os.path.join(home, RESERVE))

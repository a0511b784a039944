"""What a home must be for anything in it to be trusted: values are kept as pickles, and loading one runs its code."""

from __future__ import annotations

import os
import stat

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

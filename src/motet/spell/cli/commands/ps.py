"""What statuses of runs are called in lists."""

from motet.dialects.spell.commands import formats

__all__ = ["status_names"]

status_names = formats.STATUS_NAMES

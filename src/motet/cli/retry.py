"""`motet retry`: another name for `motet resume`."""

from motet.cli.resume import arguments, command

__all__ = ["arguments", "command"]

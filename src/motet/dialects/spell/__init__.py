"""Spell: runs of commands, and workflows whose scripts begin them."""

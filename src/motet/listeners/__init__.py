"""Listeners: code that is called with each published event that concerns it, in order, from a place in the journal on.

A process has one follower and one reader for all its listeners (`fan.py`). Each calls on a thread of its own, while
there is something to call for (`listener.py`), so that a slow one holds up no other. What lasts beyond the process, of
those that have a name, are documents (`kept.py`): how far they are, and the events that they could not deal with.
"""

from motet.listeners.fan import begin
from motet.listeners.listener import Errors, Listener

__all__ = ["Errors", "Listener", "begin"]

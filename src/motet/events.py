"""Events that flows publish and wait for: `from motet.events import wait_for_event`."""

from motet import Event, await_for_event, expect_event, publish, wait_for_event

__all__ = ["Event", "await_for_event", "expect_event", "publish", "wait_for_event"]

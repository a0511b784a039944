"""Events that users publish: facts for whoever listens, in this run or any other."""

from __future__ import annotations

from typing import Any

from motet.dialects.python.hosting import host
from motet.dialects.python.scope import current
from motet.ports import Publication
from motet.values.naming import check_published


def publish(key: str, value: Any = None, *, namespace: str = "", client_key: str = "") -> int:
    """Publish an event; gives its offset in the journal. `value` is JSON.
    Raises UsageError for a key of more than 1 KB, a value of more than 1 MB or nested more than 100 deep.

    Inside a flow the sender is the step. The same `client_key` twice is one event, so a step that runs again
    after a crash does not say it twice.
    """
    check_published(key, namespace, client_key, value)
    scope = current.get()
    on = host() if scope is None else scope.driver.host
    sender = "" if scope is None else f"{scope.driver.run.id}/{scope.key}"
    event = Publication(key, value, namespace, sender, "", client_key, on.clock.now())
    return on.store.publish([event])[0]

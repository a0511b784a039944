"""Whether results of a task or flow are kept in the store, and in memory."""

from __future__ import annotations

from collections.abc import Mapping

from motet.ports import ArtifactStore, Outcome, Success
from motet.typed import Any
from motet.values.records import decode


class Keeping:
    """What flows and tasks share: `persist`, whether results go to the store; `in_memory`, whether values stay here."""

    persist: bool
    in_memory: bool

    def keep_as(self, options: Mapping[str, Any]) -> None:
        """Do as these options say."""
        self.persist = options.get("persist_result") is not False
        self.in_memory = options.get("cache_result_in_memory", True) or not self.persist

    def held(self, outcome: Outcome, artifacts: ArtifactStore) -> Outcome:
        """The outcome of what is not to be persisted: the value itself, where another process has sent its record."""
        if not isinstance(outcome, Success) or outcome.record is None:
            return outcome
        return Success(decode(outcome.record, artifacts))

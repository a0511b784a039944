"""What the engine asks of the world: store, executor, artifact store, logs, clock. The docstrings are the contracts.

Each port has a conformance suite in `motet.testing`; an adapter is right when it passes it.
"""

from motet.ports.content import ALL_LINES, ArtifactStore, Clock, LogFilter, LogLine, LogPage, LogStore, Stored
from motet.ports.execution import (
    UNBOUNDED,
    Attempt,
    Attended,
    Executor,
    ExecutorSpec,
    Failure,
    Lender,
    LineLog,
    Lock,
    Outcome,
    Place,
    Salvager,
    Stopped,
    Success,
    Timers,
)
from motet.ports.pages import (
    AttemptRow,
    Cell,
    Pages,
    RunFilter,
    RunPage,
    StepFilter,
    StepPage,
    Summary,
    Use,
)
from motet.ports.rows import (
    ARTIFACTS,
    STEERING,
    Batch,
    Checkpoint,
    Document,
    Entry,
    EventFilter,
    NewRun,
    Owner,
    Pruned,
    Publication,
    Retention,
    RunRow,
    StepRow,
)
from motet.ports.spec import Difference, StepSpec, differences, recorded_spec
from motet.ports.store import Directory, Documents, Events, Follower, Journal, Store

__all__ = [
    "ALL_LINES", "ARTIFACTS", "STEERING", "ArtifactStore", "Attempt", "AttemptRow", "Attended", "Batch", "Cell",
    "Checkpoint", "Clock", "Difference", "Directory", "Document", "Documents", "Entry", "EventFilter", "Events",
    "Executor", "ExecutorSpec", "Failure", "Follower", "Journal", "Lender", "LineLog", "Lock", "LogFilter",
    "LogLine", "LogPage", "LogStore", "NewRun", "Outcome", "Owner", "Pages", "Place", "Pruned", "Publication",
    "Retention", "RunFilter", "RunPage", "RunRow", "Salvager", "StepFilter", "StepPage", "StepRow", "StepSpec",
    "Stopped", "Store", "Stored", "Success", "Summary", "Timers", "Use",
    "UNBOUNDED", "differences", "recorded_spec",
]  # fmt: skip

"""Named places at which a test may have this process die, stop or fail: where a crash is interesting.

    MOTET_FAILPOINTS="append.before=kill@17"     SIGKILL to itself when it comes there for the 17th time
    MOTET_FAILPOINTS="claim.after=stop@1"        SIGSTOP
    MOTET_FAILPOINTS="publish.before=raise@2,command.before=kill@9"

The variable is read once and taken out of the environment: what this process starts is not armed. Without it
`hit` does nothing.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from itertools import count

NAMES = {
    "create_run.before": "a run is about to be added to the store",
    "create_run.after": "it was added, and nobody drives it yet",
    "claim.before": "the run is about to get this process as its owner",
    "claim.after": "it has this owner, who knows nothing of its history yet",
    "resume.loaded": "its state was built up from the journal",
    "resume.begun": "its taking up is committed, and what was due has been started",
    "append.before": "the owner is about to commit events",
    "append.after": "they are committed, and nobody was told",
    "transaction.before": "a transaction of the store is about to be committed",
    "transaction.after": "it was committed, and other processes have not been woken",
    "checkpoint.before": "the state is about to be kept as a checkpoint",
    "checkpoint.after": "the checkpoint is in place",
    "command.before": "a command is about to be carried out, after the commit of what it follows from",
    "attempt.reported": "an executor has reported an outcome",
    "attempt.judged": "the outcome is encoded (a large value is in the artifact store), and not committed",
    "worker.reported": "a worker process has answered, and the engine does not know it yet",
    "artifact.before_rename": "an artifact is written under its temporary name",
    "artifact.after_rename": "it has its final name, and nothing refers to it",
    "publish.before": "an event is about to be published",
    "publish.after": "it is published, and the publisher was not told",
    "heard.before": "published events were read, and not acted on",
    "heard.after": "what they led to is committed",
    "finish.before_release": "the end of the run is committed, and it still has its owner",
    "finish.after_release": "it has no owner any more, and nobody was told that it has ended",
}
"""Every failpoint, and what is so when it is passed."""

_VARIABLE = "MOTET_FAILPOINTS"


class FailpointError(Exception):
    """What `raise` raises."""


def _kill(name: str) -> None:
    import signal

    os.kill(os.getpid(), signal.SIGKILL)


def _stop(name: str) -> None:
    import signal

    os.kill(os.getpid(), signal.SIGSTOP)


def _raise(name: str) -> None:
    raise FailpointError(f"failpoint {name}")


_ACTIONS: dict[str, Callable[[str], None]] = {"kill": _kill, "stop": _stop, "raise": _raise}


def _off(name: str) -> None:
    """Nothing is armed."""


def armed(text: str) -> Callable[[str], None]:
    """A `hit` for what the variable says. Raises ValueError for what cannot be meant."""
    points: dict[str, tuple[Callable[[str], None], int, count[int]]] = {}
    for each in text.split(","):
        name, _, rest = each.strip().partition("=")
        action, _, number = rest.partition("@")
        if name not in NAMES or action not in _ACTIONS or not number.isdecimal():
            raise ValueError(
                f"{_VARIABLE}: {each!r} should be NAME=ACTION@NUMBER, with one of the actions "
                f"{', '.join(_ACTIONS)} and one of the names {', '.join(NAMES)}"
            )
        points[name] = (_ACTIONS[action], int(number), count(1))

    def hit(name: str) -> None:
        found = points.get(name)
        if found is not None and next(found[2]) == found[1]:
            found[0](name)

    return hit


_text = os.environ.pop(_VARIABLE, "")

hit = armed(_text) if _text else _off
"""Pass the failpoint of that name."""

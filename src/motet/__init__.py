"""Motet: one durable engine for machine-learning workflows, in several workflow languages.

    from motet import flow, task

    @task(retries=3)
    def fetch(url: str) -> bytes: ...

    @flow
    def pipeline(url: str) -> int:
        return len(fetch(url))

Calling a flow makes a run that is recorded step by step, survives `kill -9`, and is taken up again by
`motet resume`. Names are imported when they are first used, so `import motet` costs next to nothing.
"""

from __future__ import annotations

from motet.typed import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from motet.commands import Container as Container
    from motet.commands import Environment as Environment
    from motet.commands import File as File
    from motet.commands import Finished as Finished
    from motet.commands import Git as Git
    from motet.commands import Mount as Mount
    from motet.commands import Sandbox as Sandbox
    from motet.commands import command as command
    from motet.dialects.python.annotations import allow_failure as allow_failure
    from motet.dialects.python.annotations import opaque as opaque
    from motet.dialects.python.annotations import quote as quote
    from motet.dialects.python.annotations import unmapped as unmapped
    from motet.dialects.python.cache_policies import DEFAULT as DEFAULT
    from motet.dialects.python.cache_policies import FLOW_PARAMETERS as FLOW_PARAMETERS
    from motet.dialects.python.cache_policies import INPUTS as INPUTS
    from motet.dialects.python.cache_policies import NO_CACHE as NO_CACHE
    from motet.dialects.python.cache_policies import RUN_ID as RUN_ID
    from motet.dialects.python.cache_policies import TASK_SOURCE as TASK_SOURCE
    from motet.dialects.python.flows import Flow as Flow
    from motet.dialects.python.flows import flow as flow
    from motet.dialects.python.futures import Future as Future
    from motet.dialects.python.running.about import get_run_context as get_run_context
    from motet.dialects.python.running.limits import arate_limit as arate_limit
    from motet.dialects.python.running.limits import concurrency as concurrency
    from motet.dialects.python.running.limits import rate_limit as rate_limit
    from motet.dialects.python.running.logs import disable_run_logger as disable_run_logger
    from motet.dialects.python.running.logs import get_run_logger as get_run_logger
    from motet.dialects.python.running.retrying import exponential_backoff as exponential_backoff
    from motet.dialects.python.scope import tags as tags
    from motet.dialects.python.states import State as State
    from motet.dialects.python.tasks import Task as Task
    from motet.dialects.python.tasks import task as task
    from motet.dialects.python.waiting import as_completed as as_completed
    from motet.dialects.python.waiting import wait as wait
    from motet.dialects.python.world.asking import apause_flow_run as apause_flow_run
    from motet.dialects.python.world.asking import asuspend_flow_run as asuspend_flow_run
    from motet.dialects.python.world.asking import pause_flow_run as pause_flow_run
    from motet.dialects.python.world.asking import resume_flow_run as resume_flow_run
    from motet.dialects.python.world.asking import suspend_flow_run as suspend_flow_run
    from motet.dialects.python.world.events import Event as Event
    from motet.dialects.python.world.events import await_for_event as await_for_event
    from motet.dialects.python.world.events import expect_event as expect_event
    from motet.dialects.python.world.events import wait_for_event as wait_for_event
    from motet.dialects.python.world.transactions import CommitMode as CommitMode
    from motet.dialects.python.world.transactions import IsolationLevel as IsolationLevel
    from motet.dialects.python.world.transactions import get_transaction as get_transaction
    from motet.dialects.python.world.transactions import transaction as transaction
    from motet.history import fork as fork
    from motet.history import resume as resume
    from motet.history import runs as runs
    from motet.notebook import watch as watch
    from motet.publishing import publish as publish
    from motet.publishing import publish_many as publish_many
    from motet.training.checkpoints import checkpoint as checkpoint
    from motet.training.checkpoints import checkpoint_folder as checkpoint_folder
    from motet.training.checkpoints import last_checkpoint as last_checkpoint
    from motet.values.coercion import RunInput as RunInput
    from motet.values.identity.files import Content as Content
    from motet.values.identity.means import means as means
    from motet.values.secrets import Secret as Secret
    from motet.workflows import load as load

__version__ = "0.1.0"

_HOMES = {
    "Flow": "flows", "flow": "flows", "Future": "futures", "as_completed": "waiting", "wait": "waiting",
    "State": "states", "Task": "tasks", "task": "tasks", "unmapped": "annotations",
    "DEFAULT": "cache_policies", "FLOW_PARAMETERS": "cache_policies", "INPUTS": "cache_policies",
    "NO_CACHE": "cache_policies", "RUN_ID": "cache_policies", "TASK_SOURCE": "cache_policies",
    "allow_failure": "annotations", "opaque": "annotations", "quote": "annotations",
    "concurrency": "running.limits", "rate_limit": "running.limits", "arate_limit": "running.limits",
    "Event": "world.events", "wait_for_event": "world.events", "await_for_event": "world.events",
    "expect_event": "world.events",
    "apause_flow_run": "world.asking", "asuspend_flow_run": "world.asking", "transaction": "world.transactions",
    "get_transaction": "world.transactions", "CommitMode": "world.transactions",
    "IsolationLevel": "world.transactions", "pause_flow_run": "world.asking", "suspend_flow_run": "world.asking",
    "resume_flow_run": "world.asking",
    "exponential_backoff": "running.retrying", "get_run_logger": "running.logs",
    "disable_run_logger": "running.logs", "get_run_context": "running.about", "tags": "scope",
    **dict.fromkeys(("fork", "resume", "runs"), "motet.history"),
    **dict.fromkeys(("publish", "publish_many"), "motet.publishing"),
    "load": "motet.workflows", "watch": "motet.notebook", "means": "motet.values.identity.means",
    "Content": "motet.values.identity.files", "Secret": "motet.values.secrets",
    "RunInput": "motet.values.coercion",
    **dict.fromkeys(("checkpoint", "checkpoint_folder", "last_checkpoint"), "motet.training.checkpoints"),
    **dict.fromkeys(
        ("Container", "Environment", "File", "Finished", "Git", "Mount", "Sandbox", "command"), "motet.commands"
    ),
}  # fmt: skip
"""Where each name is: a module of the voice of Python flows, or a module by its whole name."""

__all__ = ["__version__", *_HOMES]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import gc
    import sys

    collecting = gc.isenabled()
    gc.disable()  # what is loaded stays, so that there is nothing to collect
    try:
        __import__("motet.app")  # puts the parts together, so that flows find where to run
        home = _HOMES[name]
        module = home if home.startswith("motet.") else f"motet.dialects.python.{home}"
        __import__(module)  # `importlib` loads `warnings`, and that patterns: all of it longer than this module
        value = getattr(sys.modules[module], name)
    finally:
        if collecting:
            gc.enable()
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)

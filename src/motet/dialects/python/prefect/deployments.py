"""Deployments: there are none. `serve` and `deploy` run a script's flow once, and say how it is run by the clock."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Mapping, Sequence
from datetime import timedelta
from enum import StrEnum
from typing import Any

from motet.dialects.python.flows import Flow
from motet.dialects.python.prefect.either import awaited, either, inert, is_async, say
from motet.dialects.python.prefect.runs import FlowRun
from motet.dialects.python.running import about
from motet.dialects.python.running.coroutines import finished
from motet.dialects.python.states import State
from motet.errors import UsageError
from motet.mains import definitions_only
from motet.records import Record


class Schedule(Record, frozen=True):
    """When a flow is to run: by `cron`, every `interval`, or by an `rrule`."""

    cron: str | None = None
    interval: Any = None
    rrule: str | None = None
    timezone: str | None = None
    anchor_date: Any = None
    active: bool = True
    parameters: Mapping[str, Any] | None = None
    slug: str | None = None
    day_or: bool = True


def Cron(cron: str, /, timezone: str | None = None, **more: Any) -> Schedule:  # noqa: N802 - Prefect's name
    """A schedule by cron."""
    return Schedule(cron=cron, timezone=timezone, **more)


def Interval(interval: Any, /, timezone: str | None = None, **more: Any) -> Schedule:  # noqa: N802 - Prefect's name
    """A schedule of every so long, seconds or a timedelta."""
    return Schedule(interval=interval, timezone=timezone, **more)


def RRule(rrule: str, /, timezone: str | None = None, **more: Any) -> Schedule:  # noqa: N802 - Prefect's name
    """A schedule by an RRULE of iCalendar."""
    return Schedule(rrule=rrule, timezone=timezone, **more)


def CronSchedule(cron: str, timezone: str | None = None, **more: Any) -> Schedule:  # noqa: N802 - Prefect's name
    """A schedule by cron."""
    return Schedule(cron=cron, timezone=timezone, **more)


def IntervalSchedule(interval: Any, timezone: str | None = None, **more: Any) -> Schedule:  # noqa: N802 - Prefect's name
    """A schedule of every so long."""
    return Schedule(interval=interval, timezone=timezone, **more)


def RRuleSchedule(rrule: str, timezone: str | None = None, **more: Any) -> Schedule:  # noqa: N802 - Prefect's name
    """A schedule by an RRULE."""
    return Schedule(rrule=rrule, timezone=timezone, **more)


class Deployment:
    """A flow with what it was to be deployed with: `flow.to_deployment("name", cron="0 6 * * *")`."""

    def __init__(self, flow: Any = None, name: str | None = None, **asked: Any) -> None:
        self.flow = flow
        self.name = name
        self.asked = asked
        vars(self).update({each: it for each, it in asked.items() if each.isidentifier()})

    @classmethod
    def _build_from_flow(cls, flow: Any, name: str | None = None, **asked: Any) -> Deployment:
        return cls(flow, name, **asked)

    def _apply(self, *args: Any, **kwargs: Any) -> Deployment:
        run_once([self], "apply")
        return self

    build_from_flow = staticmethod(either(lambda *args, **kwargs: Deployment._build_from_flow(*args, **kwargs)))
    apply, aapply, deploy = either(_apply), awaited(_apply), either(_apply)


class DeploymentSpec(Deployment):
    """What the beta had in place of `Deployment`."""

    def __init__(self, flow: Any = None, name: str | None = None, **asked: Any) -> None:
        say("DeploymentSpec is accepted. Deployments are not run; the flow is.")
        super().__init__(flow, name, **asked)


def when(asked: Mapping[str, Any]) -> str:
    """The option of `motet schedule add` that asks for the same; "" for no schedule."""
    listed = asked.get("schedules") or [asked.get("schedule")]
    first = next((each for each in listed if each is not None), None)
    found = first if isinstance(first, Schedule) else getattr(first, "schedule", None)
    cron = asked.get("cron") or getattr(found, "cron", None)
    every = asked.get("interval") or getattr(found, "interval", None)
    if cron:
        return f"--cron {cron!r}"
    if isinstance(every, timedelta):
        every = every.total_seconds()
    return f"--every {every:g}s" if isinstance(every, int | float) else ""


def run_once(given: Sequence[Deployment], what: str) -> None:
    """Run the flows once now, one after the other, as their deployments would; and say how they are scheduled."""
    given = [each for each in given if not definitions_only(each.flow.fn)]
    for each in given:
        asked = when(each.asked)
        place = f"{sys.argv[0] or 'FILE'}:{each.flow.fn.__name__}"
        say(
            f"{what}: flow {each.flow.name!r} runs once now. To run it {'so' if asked else 'by the clock'}: "
            f"motet schedule add {place} {asked or '--cron CRON'}"
        )
    for each in given:
        _called(each)


def _called(each: Deployment) -> None:
    flow, values = each.flow, dict(each.asked.get("parameters") or {})
    try:
        flow.parameters.bind((), values)
    except UsageError as error:
        say(f"Flow {flow.name!r} is not run: it has no values for its parameters. {error}")
        return
    result = flow(**values)
    if hasattr(result, "__await__"):
        _finish(result)


def _finish(coroutine: Any) -> None:
    if not is_async():
        asyncio.run(coroutine)
        return
    thread = threading.Thread(target=asyncio.run, args=(coroutine,))  # this thread's loop is taken
    thread.start()
    thread.join()


def _serve(*given: Deployment, **kwargs: Any) -> None:
    run_once(given, "serve")


serve, aserve = either(_serve), awaited(_serve)


def _deploy(*given: Deployment, **kwargs: Any) -> list[Any]:
    run_once(given, "deploy")
    return []


deploy = either(_deploy)


def _run_deployment(
    name: Any, parameters: Mapping[str, Any] | None = None, timeout: float | None = None, **asked: Any
) -> FlowRun:
    """Run the flow of that name (`flow/deployment`) that is defined here. Raises ValueError."""
    own = str(name).partition("/")[0]
    defined = {each.name: each for each in _defined()}
    flow = defined.get(own) or defined.get(own.replace("_", "-"))
    if flow is None:
        raise UsageError(
            f"run_deployment({str(name)!r}): there are no deployments, and the script defines no flow {own!r}.",
            "Import the flow and call it; or call .submit() on it, to go on meanwhile.",
        )
    state: State = finished(flow(**dict(parameters or {}), return_state=True))
    found = FlowRun(about.FlowRun(f"deployment {name}", str(asked.get("flow_run_name") or name), flow.name), state)
    details = getattr(state, "state_details", None)
    found.id = details.flow_run_id if details is not None else found.id
    found.parameters = dict(parameters or {})
    return found


def _defined() -> list[Any]:
    return [
        each
        for module in list(sys.modules.values())
        for each in list(vars(module).values() if hasattr(module, "__dict__") else ())
        if isinstance(each, Flow)
    ]


run_deployment, arun_deployment = either(_run_deployment), awaited(_run_deployment)


class DockerImage:
    """An image that a deployment would have been built into."""

    def __init__(self, name: str = "", **kwargs: Any) -> None:
        inert("DockerImage", "`motet.Container` runs a task in one.")
        self.name = name


class _Trigger:
    """What would have begun a run, or told somebody."""

    def __init__(self, **asked: Any) -> None:
        inert(type(self).__name__, "A flow that waits for an event (`motet.wait_for_event`) does it.")
        vars(self).update(asked)


EventTrigger = type("EventTrigger", (_Trigger,), {})
DeploymentEventTrigger = type("DeploymentEventTrigger", (_Trigger,), {})
DeploymentCompoundTrigger = type("DeploymentCompoundTrigger", (_Trigger,), {})
DeploymentSequenceTrigger = type("DeploymentSequenceTrigger", (_Trigger,), {})
DeploymentMetricTrigger = type("DeploymentMetricTrigger", (_Trigger,), {})
Automation = type("Automation", (_Trigger,), {})
CompoundTrigger = type("CompoundTrigger", (_Trigger,), {})
SequenceTrigger = type("SequenceTrigger", (_Trigger,), {})
MetricTrigger = type("MetricTrigger", (_Trigger,), {})
RunDeployment = type("RunDeployment", (_Trigger,), {})
PauseDeployment = type("PauseDeployment", (_Trigger,), {})
ResumeDeployment = type("ResumeDeployment", (_Trigger,), {})
CancelFlowRun = type("CancelFlowRun", (_Trigger,), {})
SuspendFlowRun = type("SuspendFlowRun", (_Trigger,), {})
ChangeFlowRunState = type("ChangeFlowRunState", (_Trigger,), {})
SendNotification = type("SendNotification", (_Trigger,), {})
CallWebhook = type("CallWebhook", (_Trigger,), {})
DoNothing = type("DoNothing", (_Trigger,), {})


class Posture(StrEnum):
    """Whether a trigger waits for an event, or for its absence."""

    Reactive = "Reactive"
    Proactive = "Proactive"
    Metric = "Metric"


class EntrypointType(StrEnum):
    """How a deployment would have named its flow."""

    FILE_PATH = "file_path"
    MODULE_PATH = "module_path"

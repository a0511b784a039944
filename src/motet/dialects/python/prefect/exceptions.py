"""Errors under Prefect's names. Each is what Motet raises there."""

from motet.errors import Cancelled as CancelledRun
from motet.errors import MotetError as PrefectException
from motet.errors import NotFound as ObjectNotFound
from motet.errors import NotServed as PrefectImportError
from motet.errors import ParameterError, UsageError
from motet.errors import ResultUnavailable as MissingResult
from motet.errors import RunError as FailedRun
from motet.errors import StepSkipped as UnfinishedRun
from motet.errors import Suspended as PausedRun
from motet.errors import TargetError as MissingFlowError
from motet.errors import WorkerDied as CrashedRun

ParameterTypeError = ParameterBindError = SignatureMismatchError = ParameterError
MappingLengthMismatch = MappingMissingIterable = MissingContextError = ReservedArgumentError = UsageError
ConfigurationError = InvalidNameError = NotPausedError = UsageError
UpstreamTaskError = UnfinishedRun
FlowPauseTimeout = FlowRunWaitTimeout = TimeoutError
ScriptError = FlowScriptError = UnspecifiedFlowError = MissingFlowError


class ObjectAlreadyExists(PrefectException):
    """Something of that name is there."""


class ObjectLimitReached(PrefectException):
    """Something is too large."""


class ObjectUnsupported(PrefectException):
    """Something cannot be done."""


class Abort(PrefectException):
    """Something was given up."""


class Pause(PrefectException):
    """A run is paused."""


class PrefectSignal(BaseException):
    """What ends a run from outside."""


class TerminationSignal(PrefectSignal):
    """The process is asked to end."""


class SerializationError(PrefectException):
    """A value cannot be written."""


class InfrastructureError(PrefectException):
    """A run has no place to go on in: there is none to be sent to here, so that this is never raised."""


InfrastructureNotAvailable = InfrastructureNotFound = InfrastructureError


class PrefectHTTPStatusError(PrefectException):
    """No server is asked here, so that this is never raised."""


__all__ = [
    "Abort", "CancelledRun", "ConfigurationError", "CrashedRun", "FailedRun", "FlowPauseTimeout",
    "FlowRunWaitTimeout", "FlowScriptError", "InfrastructureError", "InfrastructureNotAvailable",
    "InfrastructureNotFound", "InvalidNameError", "MappingLengthMismatch", "MappingMissingIterable",
    "MissingContextError", "MissingFlowError", "MissingResult", "NotPausedError", "ObjectAlreadyExists",
    "ObjectLimitReached", "ObjectNotFound", "ObjectUnsupported", "ParameterBindError", "ParameterTypeError",
    "Pause", "PausedRun", "PrefectException", "PrefectHTTPStatusError", "PrefectImportError", "PrefectSignal",
    "ReservedArgumentError", "ScriptError", "SerializationError", "SignatureMismatchError",
    "TerminationSignal", "UnfinishedRun", "UnspecifiedFlowError", "UpstreamTaskError",
]  # fmt: skip

"""Which names `import prefect` gives through the door for Prefect 2 and 3, module by module."""

from __future__ import annotations

from collections.abc import Mapping


def _from(module: str, names: str) -> dict[str, str]:
    """Each of the names, with its place in that module; `name=other` where it is called otherwise there."""
    return {each.partition("=")[0]: f"{module}:{each.partition('=')[2] or each}" for each in names.split()}


_FLOWS = _from(
    "prefect.flows", "flow Flow load_flow_from_entrypoint aload_flow_from_entrypoint"
) | _from("prefect.deployments", "serve aserve")  # fmt: skip
_TASK = _from("prefect.tasks", "task Task")
_STATES = _from(
    "motet.states",
    "State StateType get_state_exception get_state_result is_state is_state_iterable raise_state_exception",
) | _from(
    "prefect.states",
    "StateDetails "
    "AwaitingConcurrencySlot AwaitingRetry Cached Cancelled Cancelling Completed Crashed Failed InfrastructurePending "
    "Late NotReady Paused Pending Resuming Retrying RolledBack Running Scheduled Submitting Suspended TimedOut",
)
_LOGGERS = _from("motet", "get_run_logger disable_run_logger") | _from("prefect.either", "get_logger")
_ANNOTATIONS = _from("motet", "unmapped allow_failure quote opaque")
_FUTURES = _from(
    "motet.futures",
    "PrefectFuture=Future PrefectConcurrentFuture=Future PrefectDistributedFuture=Future PrefectFlowRunFuture=Future "
    "PrefectFutureList=FutureList wait as_completed",
) | _from("prefect.states", "resolve_futures_to_states=settled resolve_futures_to_results")
_RUNNERS = _from(
    "motet.task_runners",
    "ConcurrentTaskRunner ProcessPoolTaskRunner SequentialTaskRunner TaskRunner ThreadPoolTaskRunner "
    "PrefectTaskRunner=ThreadPoolTaskRunner BaseTaskRunner=TaskRunner",
)
_POLICIES = _from(
    "motet.cache_policies",
    "CachePolicy DEFAULT FLOW_PARAMETERS INPUTS NO_CACHE NONE=NO_CACHE RUN_ID TASK_SOURCE",
) | _from(
    "cache_policies",
    "Inputs TaskSource RunId FlowParameters CacheKeyFnPolicy=KeyFunction CompoundCachePolicy=Compound",
)
_RUNS = _from(
    "prefect.between",
    "pause_flow_run suspend_flow_run resume_flow_run apause_flow_run asuspend_flow_run aresume_flow_run "
    "wait_for_flow_run",
)
_LIMITS = _from("prefect.between", "concurrency") | _from("motet", "rate_limit arate_limit")
_ARTIFACTS = _from(
    "prefect.artifacts",
    " ".join(
        f"{a}{each}"
        for a in ("", "a")
        for each in (
            "create_image_artifact", "create_link_artifact", "create_markdown_artifact", "create_progress_artifact",
            "create_table_artifact", "update_progress_artifact",
        )
    )
    + " Artifact TableArtifact MarkdownArtifact LinkArtifact ImageArtifact ProgressArtifact",
)  # fmt: skip
_SCHEDULES = _from("prefect.deployments", "CronSchedule IntervalSchedule RRuleSchedule")
_DEPLOYMENTS = _from(
    "prefect.deployments", "Deployment deploy serve run_deployment arun_deployment DeploymentImage=DockerImage"
)
_TRIGGERS = _from(
    "prefect.deployments",
    "EventTrigger DeploymentEventTrigger DeploymentCompoundTrigger DeploymentSequenceTrigger DeploymentMetricTrigger "
    "CompoundTrigger SequenceTrigger MetricTrigger Automation RunDeployment PauseDeployment ResumeDeployment "
    "CancelFlowRun SuspendFlowRun ChangeFlowRunState SendNotification CallWebhook DoNothing Posture",
)
_INFRASTRUCTURE = _from("prefect.inert", "Process DockerContainer KubernetesJob DockerRegistry ECSTask Infrastructure")
_FILES = _from(
    "prefect.inert",
    "LocalFileSystem RemoteFileSystem S3 GCS Azure GitHub SMB GitRepository NullFileSystem=Storage "
    "ReadableFileSystem=Storage WritableFileSystem=Storage ReadableDeploymentStorage=Storage "
    "WritableDeploymentStorage=Storage",
)
_NOTIFICATIONS = _from(
    "prefect.blocks",
    "NotificationBlock SlackWebhook MicrosoftTeamsWebhook DiscordWebhook MattermostWebhook PagerDutyWebHook "
    "OpsgenieWebhook SendgridEmail TwilioSMS CustomWebhookNotificationBlock AppriseNotificationBlock",
)
_SYSTEM = _from("prefect.blocks", "Secret JSON String DateTime")
_CLIENT = _from("prefect.client", "get_client PrefectClient SyncPrefectClient OrionClient=PrefectClient")
_OBJECTS = (
    _from("prefect.runs", "FlowRun TaskRun")
    | _from("prefect.states", "StateDetails")
    | _from("motet.states", "State StateType")
    | _from("prefect.variables", "Variable")
    | _from(
        "prefect.inert",
        "ConcurrencyLimitConfig=Asked ConcurrencyLimitStrategy DeploymentSchedule=Asked Flow=Asked Log=Asked "
        "WorkPool=Asked WorkQueue=Asked",
    )
)
_ACTIONS = _from(
    "prefect.inert",
    " ".join(
        f"{each}=Asked"
        for each in (
            "DeploymentCreate", "DeploymentFlowRunCreate", "DeploymentScheduleCreate", "DeploymentScheduleUpdate",
            "DeploymentUpdate", "FlowRunCreate", "FlowRunUpdate", "GlobalConcurrencyLimitCreate",
            "GlobalConcurrencyLimitUpdate", "LogCreate", "StateCreate", "VariableCreate", "VariableUpdate",
            "WorkPoolCreate", "WorkPoolUpdate", "WorkQueueCreate",
        )
    ),
)  # fmt: skip
_FILTERS = {
    f"{of}Filter{each}": "prefect.schemas:Filter"
    for of, names in {
        "Flow": ("", "Id", "Name", "Tags"),
        "Deployment": ("", "Id", "Name", "Tags"),
        "FlowRun": ("", "Id", "Name", "Tags", "State", "StateName", "StateType", "StartTime", "EndTime", "FlowVersion",
                    "ExpectedStartTime", "NextScheduledStartTime", "DeploymentId", "ParentFlowRunId",
                    "ParentTaskRunId", "IdempotencyKey", "WorkQueueName"),
        "TaskRun": ("", "Id", "Name", "Tags", "State", "StateName", "StateType", "FlowRunId"),
        "Log": ("", "FlowRunId", "TaskRunId", "Level", "Timestamp"),
        "Artifact": ("", "Id", "Key", "FlowRunId", "TaskRunId", "Type"),
        "WorkPool": ("", "Id", "Name", "Type"),
        "WorkQueue": ("", "Id", "Name"),
        "Variable": ("", "Id", "Name", "Tags"),
    }.items()
    for each in names
}  # fmt: skip
_SORTS = _from(
    "prefect.schemas",
    "FlowRunSort FlowSort=FlowRunSort DeploymentSort=FlowRunSort TaskRunSort=FlowRunSort LogSort ArtifactSort",
)

SERVED: Mapping[str, Mapping[str, str]] = {
    "prefect": {
        **_from("prefect.flows", "flow Flow"), **_TASK,
        **_from("motet", "State tags get_run_logger unmapped allow_failure"),
        **_from("motet.futures", "as_completed wait"), **_from("motet.transactions", "Transaction"), **_RUNS,
        **_from("prefect.client", "get_client"),
        **_from("prefect.deployments", "serve aserve deploy"), "__version__": "prefect.either:VERSION",
    },
    "prefect.flows": _FLOWS,
    "prefect.tasks": {**_TASK, **_from("motet.tasks", "exponential_backoff task_input_hash")},
    "prefect.states": _STATES,
    **dict.fromkeys(
        ("prefect.orion.schemas.states", "prefect.server.schemas.states", "prefect.client.schemas.states"), _STATES
    ),
    **dict.fromkeys(
        ("prefect.orion.schemas.schedules", "prefect.server.schemas.schedules", "prefect.client.schemas.schedules"),
        _SCHEDULES,
    ),
    **dict.fromkeys(
        ("prefect.client.schemas.filters", "prefect.server.schemas.filters", "prefect.orion.schemas.filters"), _FILTERS
    ),
    **dict.fromkeys(
        ("prefect.client.schemas.sorting", "prefect.server.schemas.sorting", "prefect.orion.schemas.sorting"), _SORTS
    ),
    "prefect.orion.api.server": {"ORION_API_VERSION": "prefect.either:VERSION"},
    "prefect.server.api.server": {"SERVER_API_VERSION": "prefect.either:VERSION"},
    "prefect.utilities.asyncutils": _from("prefect.either", "sync_compatible=either run_coro_as_sync=finished"),
    "prefect.events.schemas.automations": _TRIGGERS,
    "prefect.client.schemas.objects": _OBJECTS,
    "prefect.client.schemas.actions": _ACTIONS,
    "prefect.server.schemas.actions": _ACTIONS,
    "prefect.client.schemas": _OBJECTS,
    "prefect.server.schemas.core": _from("prefect.runs", "FlowRun TaskRun"),
    "prefect.client": _CLIENT,
    "prefect.client.orchestration": _CLIENT,
    "prefect.client.orion": _CLIENT,
    "prefect.schedules": _from("prefect.deployments", "Cron Interval RRule Schedule"),
    "prefect.futures": _FUTURES,
    "prefect.logging": _LOGGERS,
    "prefect.logging.loggers": _LOGGERS,
    "prefect.utilities.annotations": _ANNOTATIONS,
    "prefect.task_runners": _RUNNERS,
    "prefect.cache_policies": _POLICIES,
    "prefect.transactions": _from("prefect.between", "transaction atransaction") | _from(
        "motet.transactions", "get_transaction Transaction CommitMode IsolationLevel"
    ),
    "prefect.context": _from("prefect.context", "get_run_context FlowRunContext=EngineContext EngineContext "
                             "TaskRunContext") | _from("motet.context", "tags"),
    "prefect.runtime": _from("prefect.context", "flow_run task_run deployment"),
    "prefect.concurrency.sync": _LIMITS,
    "prefect.concurrency.asyncio": _from("prefect.between", "concurrency") | _from("motet", "rate_limit=arate_limit"),
    "prefect.artifacts": _ARTIFACTS,
    "prefect.flow_runs": _RUNS,
    "prefect.engine": _RUNS,
    "prefect.input": _from("motet", "RunInput"),
    "prefect.input.run_input": _from("motet", "RunInput"),
    "prefect.variables": _from("prefect.variables", "Variable get aget"),
    "prefect.blocks": {},
    "prefect.blocks.core": _from("prefect.blocks", "Block"),
    "prefect.blocks.system": _SYSTEM,
    "prefect.blocks.webhook": _from("prefect.blocks", "Webhook"),
    "prefect.blocks.notifications": _NOTIFICATIONS,
    "prefect.blocks.abstract": _from("prefect.blocks", "NotificationBlock CredentialsBlock=Block JobBlock=Block "
                                     "DatabaseBlock=Block ObjectStorageBlock=Block SecretBlock=Block"),
    "prefect.deployments": {**_DEPLOYMENTS, "DockerImage": "prefect.deployments:DockerImage"},
    "prefect.deployments.deployments": _DEPLOYMENTS,
    "prefect.deployments.flow_runs": _from("prefect.deployments", "run_deployment arun_deployment"),
    "prefect.deployments.runner": _from("prefect.deployments", "DockerImage RunnerDeployment=Deployment deploy "
                                          "EntrypointType"),
    "prefect.docker": _from("prefect.deployments", "DockerImage"),
    "prefect.docker.docker_image": _from("prefect.deployments", "DockerImage"),
    "prefect.runner.storage": _from("prefect.inert", "GitRepository GitCredentials=Storage RemoteStorage=Storage"),
    "prefect.events": {
        **_from("prefect.between", "emit_event Event Resource RelatedResource ResourceSpecification"),
        **_TRIGGERS,
    },
    "prefect.events.schemas": _from("prefect.between", "Event Resource RelatedResource"),
    "prefect.events.schemas.events": _from("prefect.between", "Event Resource RelatedResource ResourceSpecification"),
    "prefect.events.actions": _TRIGGERS,
    "prefect.events.utilities": _from("prefect.between", "emit_event"),
    "prefect.events.schemas.deployment_triggers": _TRIGGERS,
    "prefect.automations": _TRIGGERS,
    "prefect.serializers": _from(
        "prefect.inert",
        "Serializer JSONSerializer PickleSerializer CompressedSerializer CompressedJSONSerializer "
        "CompressedPickleSerializer",
    ),
    "prefect.filesystems": _FILES,
    "prefect.infrastructure": _INFRASTRUCTURE,
    **dict.fromkeys(
        ("prefect.infrastructure.docker", "prefect.infrastructure.container", "prefect.infrastructure.kubernetes",
         "prefect.infrastructure.process", "prefect.infrastructure.base"),
        _INFRASTRUCTURE,
    ),
    "prefect.settings": _from(
        "prefect.inert",
        "temporary_settings PREFECT_API_URL PREFECT_API_KEY PREFECT_UI_URL PREFECT_HOME PREFECT_LOGGING_LEVEL "
        "PREFECT_RESULTS_PERSIST_BY_DEFAULT PREFECT_LOCAL_STORAGE_PATH PREFECT_API_REQUEST_TIMEOUT "
        "PREFECT_DEFAULT_WORK_POOL_NAME PREFECT_PROFILES_PATH PREFECT_LOGGING_TO_API_ENABLED",
    ),
    "prefect.testing.utilities": _from("prefect.inert", "prefect_test_harness"),
    "prefect.exceptions": _from(
        "prefect.exceptions",
        "Abort CancelledRun ConfigurationError CrashedRun FailedRun FlowPauseTimeout FlowRunWaitTimeout "
        "InvalidNameError MappingLengthMismatch MappingMissingIterable MissingContextError MissingFlowError "
        "MissingResult NotPausedError ObjectAlreadyExists ObjectLimitReached ObjectNotFound ObjectUnsupported "
        "ParameterBindError ParameterTypeError Pause PausedRun PrefectException PrefectHTTPStatusError "
        "PrefectImportError PrefectSignal ReservedArgumentError ScriptError SignatureMismatchError UnfinishedRun "
        "UnspecifiedFlowError UpstreamTaskError FlowScriptError InfrastructureError InfrastructureNotAvailable "
        "InfrastructureNotFound SerializationError TerminationSignal",
    ),
}  # fmt: skip
"""Modules with their names, as `choosing.TableFace` has them."""

_NO_SERVER = "There is no API to ask: `motet server` has one of its own; `motet ls`, `show`, `stop` do the most common."
_WORKERS = (
    "Runs are not sent anywhere: `motet submit` runs one in the background, `motet register` and `motet schedule`"
)
_IN_PROCESSES = 'Take ThreadPoolTaskRunner, or tasks with executor="processes".'

INSTEAD: Mapping[str, str] = {
    "prefect.task_runners.DaskTaskRunner": _IN_PROCESSES,
    "prefect.task_runners.RayTaskRunner": _IN_PROCESSES,
    "prefect.server": _NO_SERVER,
    "prefect.orion": _NO_SERVER,
    "prefect.client": _NO_SERVER,
    "prefect.workers": f"{_WORKERS} run registered ones by the clock.",
    "prefect.agent": f"{_WORKERS} run registered ones by the clock.",
    "prefect.runner": f"{_WORKERS} run registered ones by the clock.",
    "prefect.assets": "Motet keeps no assets; what a step used is in its lineage.",
    "prefect.results": "Results are kept by content below MOTET_HOME: nothing has to be configured.",
    "prefect.cli": "`motet shims DIR` makes a `prefect` that does the most common commands.",
    "prefect.flow_runners": "They are of the beta: --door orion.",
    "prefect.deployments.DeploymentSpec": "It is of the beta: --door orion.",
    "prefect.input.send_input": "`motet.publish` and `motet.wait_for_event` send and receive between runs.",
    "prefect.input.receive_input": "`motet.publish` and `motet.wait_for_event` send and receive between runs.",
}
"""What to do in place of what is not served."""

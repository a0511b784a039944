"""What a run is, as a Workflow Run RO-Crate says it: https://w3id.org/ro/wfrun/workflow/0.5"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from urllib.parse import quote

from motet import __version__, voices
from motet.kernel.events import Json
from motet.kernel.transitions import SUCCEEDED
from motet.ports import RunRow
from motet.records import Record
from motet.views import lookup
from motet.views.values import told
from motet.views.versions import made_with

METADATA = "ro-crate-metadata.json"
_CONTEXT = "https://w3id.org/ro/crate/1.1/context"
_CRATE = "https://w3id.org/ro/crate/1.1"
_PROFILES = {
    "https://w3id.org/ro/wfrun/process/0.5": ("Process Run Crate", "0.5"),
    "https://w3id.org/ro/wfrun/workflow/0.5": ("Workflow Run Crate", "0.5"),
    "https://w3id.org/workflowhub/workflow-ro-crate/1.0": ("Workflow RO-Crate", "1.0"),
}
_PARAMETER = "https://bioschemas.org/profiles/FormalParameter/1.0-RELEASE"
_WORKFLOW = "https://bioschemas.org/profiles/ComputationalWorkflow/1.0-RELEASE"
_NO_LICENSE = "Whoever made the run has named no license: ask them before you use what is here."
_TYPES = {bool: "Boolean", int: "Integer", float: "Float"}


class File(Record, frozen=True):
    """A file of the crate: its path there, what it is, and its size. `is_result`: whether the run has made it."""

    path: str
    told: str
    media_type: str
    size_bytes: int
    is_result: bool = False

    @property
    def id(self) -> str:
        """How the crate names it."""
        return quote(self.path)


def metadata(run: RunRow, workflow: File, files: Sequence[File], terms: str = "") -> Json:
    """The content of `ro-crate-metadata.json` for the run, whose workflow is that file, beside others.

    `terms` is the URL of that under which all of it may be used; without one it says that none was named.
    """
    parameters = list(_parameters(run))
    everything = [*_about(run, workflow, files, terms), *_workflow(run, workflow, parameters), *_language(run)]
    for name, value in parameters:
        everything += _parameter("input", name, value)
    if run.result is not None:
        everything += _parameter("output", "result", run.result)
    everything += [_action(run, workflow, files, parameters), *map(_file, files)]
    return {"@context": _CONTEXT, "@graph": everything}


def _to(ids: Sequence[str]) -> Json:
    """References to what the crate has, one as itself."""
    found: list[Json] = [{"@id": each} for each in ids]
    return found[0] if len(found) == 1 else found


def _time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")


def _parameters(run: RunRow) -> Iterator[tuple[str, Json]]:
    if isinstance(run.params, dict):
        yield from run.params.items()


def _about(run: RunRow, workflow: File, files: Sequence[File], terms: str) -> Iterator[Json]:
    """The crate itself, and what it keeps to."""
    yield {
        "@id": METADATA, "@type": "CreativeWork", "about": {"@id": "./"},
        "conformsTo": _to([_CRATE, "https://w3id.org/workflowhub/workflow-ro-crate/1.0"]),
    }  # fmt: skip
    yield {
        "@id": "./", "@type": "Dataset", "name": f"Run {run.name} of {run.workflow}",
        "description": f"What run {run.id} of the workflow {run.workflow} was given, and what it has made.",
        "datePublished": _time(run.ended_at or run.created_at), "license": {"@id": terms or "#license"},
        "conformsTo": _to(list(_PROFILES)), "hasPart": _to([workflow.id, *(each.id for each in files)]),
        "mainEntity": {"@id": workflow.id}, "mentions": {"@id": _run_id(run)},
    }  # fmt: skip
    for profile, (name, version) in _PROFILES.items():
        yield {"@id": profile, "@type": "CreativeWork", "name": name, "version": version}
    told = {"name": "As its address says"} if terms else {"name": "None named", "description": _NO_LICENSE}
    yield {"@id": terms or "#license", "@type": "CreativeWork", **told}


def _workflow(run: RunRow, workflow: File, parameters: Sequence[tuple[str, Json]]) -> Iterator[Json]:
    made = made_with(run)
    code, interpreter = made.get("code") or {}, made.get("interpreter")
    yield {
        **_file(workflow), "@type": ["File", "SoftwareSourceCode", "ComputationalWorkflow"], "name": run.workflow,
        "conformsTo": {"@id": _WORKFLOW}, "programmingLanguage": {"@id": "#language"},
        "runtimePlatform": f"Motet {__version__}" + (f", Python {interpreter}" if interpreter else ""),
        "input": _to([f"#input-{quote(name)}" for name, _ in parameters]),
        "output": _to(["#output-result"] if run.result is not None else []),
        **({"version": code["commit"]} if code.get("commit") else {}),
    }  # fmt: skip


def _language(run: RunRow) -> Iterator[Json]:
    yield {"@id": "#language", "@type": "ComputerLanguage", "name": voices.of_run(run).name.capitalize()}


def _parameter(side: str, name: str, value: Json) -> Iterator[Json]:
    """The parameter of the workflow, and its value in this run."""
    formal = f"#{side}-{quote(name)}"
    yield {
        "@id": formal, "@type": "FormalParameter", "name": name, "additionalType": _TYPES.get(type(value), "Text"),
        "conformsTo": {"@id": _PARAMETER},
    }  # fmt: skip
    plain = value if isinstance(value, str | int | float) else told(value)
    yield {
        "@id": f"{formal}-value", "@type": "PropertyValue", "name": name, "value": plain,
        "exampleOfWork": {"@id": formal},
    }  # fmt: skip


def _run_id(run: RunRow) -> str:
    return f"#run-{quote(run.id)}"


def _action(run: RunRow, workflow: File, files: Sequence[File], parameters: Sequence[tuple[str, Json]]) -> Json:
    """The run: what was given, what came of it, when, and how it ended."""
    made = [each.id for each in files if each.is_result] + (["#output-result-value"] if run.result is not None else [])
    states = {SUCCEEDED: "CompletedActionStatus", "running": "ActiveActionStatus", "waiting": "ActiveActionStatus"}
    status = lookup.status_of(run)
    times = {"startTime": run.started_at, "endTime": run.ended_at}
    error = {"error": lookup.error_line(run.error)} if run.error else {}
    return {
        "@id": _run_id(run), "@type": "CreateAction", "name": f"Run {run.name}",
        "description": f"Run {run.id} of the workflow {run.workflow}, made with Motet {__version__}: {status}.",
        "instrument": {"@id": workflow.id}, "object": _to([f"#input-{quote(name)}-value" for name, _ in parameters]),
        "result": _to(made), **{name: _time(at) for name, at in times.items() if at is not None},
        "actionStatus": f"http://schema.org/{states.get(status, 'FailedActionStatus')}", **error,
    }  # fmt: skip


def _file(file: File) -> dict[str, Json]:
    return {
        "@id": file.id, "@type": "File", "name": file.told, "encodingFormat": file.media_type,
        "contentSize": str(file.size_bytes),
    }  # fmt: skip

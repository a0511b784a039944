"""Namespaces, workflows and their snapshots, kept as documents of the store."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar

from motet.dialects.aiflow.metadata import VOICE, NamespaceMeta, WorkflowMeta, WorkflowSnapshotMeta
from motet.errors import Conflict, NotFound, UsageError
from motet.kernel.events import Json
from motet.ports import Document, Store
from motet.records import Record
from motet.values.naming import checked

DEFAULT = "default"
"""The namespace that is always there."""

_NAMESPACE, _WORKFLOW, _SNAPSHOT = "namespace", "workflow", "snapshot"

T = TypeVar("T", bound=Record)


def number(store: Store, of: str) -> int:
    """The next number of a sequence of its own: of workflows, executions, ..."""
    return store.next_number(VOICE, of)


def known(store: Store, kind: str, key: str) -> Json:
    """The body of a document, None where there is none."""
    found = store.document(VOICE, kind, key)
    return None if found is None else found.body


def keep(store: Store, kind: str, key: str, body: Json) -> None:
    """Write the document, whatever stood there."""
    while True:
        found = store.document(VOICE, kind, key)
        try:
            store.put_document(Document(VOICE, kind, key, body, found.version if found is not None else 0))
        except Conflict:
            continue
        return


def forget(store: Store, kind: str, key: str) -> None:
    """Remove the document, if it is there."""
    while (found := store.document(VOICE, kind, key)) is not None:
        try:
            store.delete_document(found)
        except (Conflict, NotFound):
            continue


def _body(meta: Record) -> dict[str, Json]:
    return {name: getattr(meta, name) for name in type(meta).__match_args__}


def numbered(number: int) -> str:
    """The key of what has a number, in the order of numbers."""
    return f"{number:012}"


# ---------------------------------------------------------------- namespaces


def add_namespace(store: Store, name: str, properties: Mapping[str, Json] | None = None) -> bool:
    """Add a namespace; False if there is one of that name."""
    checked(name, "The namespace")
    try:
        store.put_document(Document(VOICE, _NAMESPACE, name, {"properties": dict(properties or {})}, 0))
    except Conflict:
        return False
    return True


def update_namespace(store: Store, name: str, properties: Mapping[str, Json]) -> NamespaceMeta:
    """Give it these properties. Raises NotFound."""
    if namespace(store, name) is None:
        raise NotFound(f"There is no namespace {name}.", f"Add it: aiflow namespace add {name}")
    keep(store, _NAMESPACE, name, {"properties": dict(properties)})
    return NamespaceMeta(name, properties)


def namespace(store: Store, name: str) -> NamespaceMeta | None:
    """The namespace of that name."""
    found = known(store, _NAMESPACE, name)
    if found is None:
        return NamespaceMeta(name) if name == DEFAULT else None
    return NamespaceMeta(name, found["properties"])


def namespaces(store: Store) -> list[NamespaceMeta]:
    """All of them, by name."""
    found = {each.key: NamespaceMeta(each.key, each.body["properties"]) for each in store.documents(VOICE, _NAMESPACE)}
    return [{DEFAULT: NamespaceMeta(DEFAULT), **found}[name] for name in sorted({DEFAULT, *found})]


def delete_namespace(store: Store, name: str) -> bool:
    """Remove it; False if it is not there. Raises UsageError while it holds workflows."""
    held = next(workflows(store, name), None)
    if held is not None:
        raise UsageError(
            f"Namespace {name} holds the workflow {held.name}.",
            f"Delete it first: aiflow workflow delete {held.name} -n {name}",
        )
    if name == DEFAULT or known(store, _NAMESPACE, name) is None:
        return False
    forget(store, _NAMESPACE, name)
    return True


# ---------------------------------------------------------------- workflows


def workflow(store: Store, namespace: str, name: str) -> WorkflowMeta | None:
    """The workflow of that name."""
    found = known(store, _WORKFLOW, f"{namespace}/{name}")
    return None if found is None else WorkflowMeta(**found)


def workflows(store: Store, namespace: str = "") -> Iterator[WorkflowMeta]:
    """All workflows, or those of a namespace, by number."""
    found = [WorkflowMeta(**each.body) for each in store.documents(VOICE, _WORKFLOW)]
    for each in sorted(found, key=lambda each: each.id):
        if namespace in ("", each.namespace):
            yield each


def named(store: Store, namespace: str, name: str) -> WorkflowMeta:
    """The workflow of that name. Raises NotFound."""
    found = workflow(store, namespace, name)
    if found is None:
        raise no_workflow(namespace, name)
    return found


def no_workflow(namespace: str, name: str) -> NotFound:
    """The error for one that is not there."""
    return NotFound(f"There is no workflow {namespace}.{name}.", "aiflow workflow list shows those that there are.")


def change(
    store: Store, namespace: str, name: str, changed: Callable[[WorkflowMeta | None], WorkflowMeta]
) -> WorkflowMeta:
    """Keep what `changed` makes of the workflow (None: there is none yet), as it is at that moment."""
    key = f"{namespace}/{name}"
    while True:
        found = store.document(VOICE, _WORKFLOW, key)
        made = changed(None if found is None else WorkflowMeta(**found.body))
        try:
            store.put_document(Document(VOICE, _WORKFLOW, key, _body(made), found.version if found is not None else 0))
        except Conflict:
            continue
        return made


def delete_workflow(store: Store, meta: WorkflowMeta) -> None:
    """Remove the workflow and its snapshots."""
    for each in snapshots(store, meta.id):
        delete_snapshot(store, each.id)
    forget(store, _WORKFLOW, f"{meta.namespace}/{meta.name}")


# ---------------------------------------------------------------- snapshots


def keep_snapshot(store: Store, meta: WorkflowSnapshotMeta) -> None:
    """Keep it. Its files count as used from now on."""
    body = {**_body(meta), "source": {"artifact": meta.signature}}
    keep(store, _SNAPSHOT, numbered(meta.id), body)


def snapshot(store: Store, number: int) -> WorkflowSnapshotMeta | None:
    """The snapshot of that number."""
    found = known(store, _SNAPSHOT, numbered(number))
    return None if found is None else _snapshot_of(found)


def _snapshot_of(body: Mapping[str, Json]) -> WorkflowSnapshotMeta:
    return WorkflowSnapshotMeta(**{name: body[name] for name in WorkflowSnapshotMeta.__match_args__})


def snapshots(store: Store, workflow_id: int) -> list[WorkflowSnapshotMeta]:
    """Those of a workflow, oldest first."""
    found = [_snapshot_of(each.body) for each in store.documents(VOICE, _SNAPSHOT)]
    return [each for each in found if each.workflow_id == workflow_id]


def delete_snapshot(store: Store, number: int) -> None:
    """Forget it. Executions of it keep the files that they have."""
    forget(store, _SNAPSHOT, numbered(number))

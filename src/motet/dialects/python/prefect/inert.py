"""Storage, infrastructure, serializers and settings of Prefect: they can be made, and the first use of each is said."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Any

from motet.dialects.python.prefect.blocks import Block
from motet.dialects.python.prefect.either import awaited, either, inert
from motet.dialects.python.task_runners import ConcurrentTaskRunner

_RESULTS = "Results are kept below MOTET_HOME."
_PLACES = "Runs go on where `motet run` or a worker runs them."


class _Inert(Block):
    """Something that can be made and saved, and does nothing."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        inert(type(self).__name__, _PLACES)
        super().__init__(**kwargs)

    @classmethod
    def _load(cls, name: str, validate: bool = True, client: object = None) -> Any:
        """What was saved, else one that does nothing either: it stands on a server that is not asked."""
        try:
            return super()._load(name, validate, client)
        except ValueError:
            return cls()


class Infrastructure(_Inert):
    """Where Prefect would have run a flow."""


class Storage(_Inert):
    """Where Prefect would have kept code or results."""


Process = type("Process", (Infrastructure,), {"__doc__": "A process."})
DockerContainer = type("DockerContainer", (Infrastructure,), {"__doc__": "A container."})
KubernetesJob = type("KubernetesJob", (Infrastructure,), {"__doc__": "A job of Kubernetes."})
DockerRegistry = type("DockerRegistry", (Infrastructure,), {"__doc__": "A registry of images."})
ECSTask = type("ECSTask", (Infrastructure,), {"__doc__": "A task of ECS."})
S3 = type("S3", (Storage,), {"__doc__": "A bucket of Amazon."})
GCS = type("GCS", (Storage,), {"__doc__": "A bucket of Google."})
Azure = type("Azure", (Storage,), {"__doc__": "A container of Azure."})
GitHub = type("GitHub", (Storage,), {"__doc__": "A repository."})
SMB = type("SMB", (Storage,), {"__doc__": "A share."})
RemoteFileSystem = type("RemoteFileSystem", (Storage,), {"__doc__": "Any file system."})
GitRepository = type("GitRepository", (Storage,), {"__doc__": "A repository of git."})


SubprocessFlowRunner = type("SubprocessFlowRunner", (Infrastructure,), {"__doc__": "A process, in the beta."})
UniversalFlowRunner = type("UniversalFlowRunner", (Infrastructure,), {"__doc__": "Anywhere, in the beta."})
DockerFlowRunner = type("DockerFlowRunner", (Infrastructure,), {"__doc__": "A container, in the beta."})
KubernetesFlowRunner = type("KubernetesFlowRunner", (Infrastructure,), {"__doc__": "A job, in the beta."})
OrionPackager = type("OrionPackager", (Storage,), {"__doc__": "How the beta packed flows."})
FilePackager = type("FilePackager", (Storage,), {"__doc__": "How the beta packed flows."})
DockerPackager = type("DockerPackager", (Storage,), {"__doc__": "How the beta packed flows."})


def DaskTaskRunner(*args: Any, **kwargs: Any) -> ConcurrentTaskRunner:  # noqa: N802 - Prefect's name
    """Submitted tasks run in threads, not in a cluster of Dask."""
    inert("DaskTaskRunner", "Tasks run in threads.")
    return ConcurrentTaskRunner()


class LocalFileSystem(Block):
    """A folder of this machine."""

    basepath: str | None = None

    def _path(self, path: str) -> Path:
        return Path(self.basepath or os.getcwd()).expanduser() / path

    def _read_path(self, path: str) -> bytes:
        return self._path(path).read_bytes()

    def _write_path(self, path: str, content: bytes) -> str:
        place = self._path(path)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
        return str(place)

    read_path, aread_path = either(_read_path), awaited(_read_path)
    write_path, awrite_path = either(_write_path), awaited(_write_path)


class Serializer:
    """How Prefect would have written results."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        inert(type(self).__name__, _RESULTS)
        vars(self).update(kwargs)


JSONSerializer = type("JSONSerializer", (Serializer,), {"__doc__": "As JSON."})
PickleSerializer = type("PickleSerializer", (Serializer,), {"__doc__": "Pickled."})
CompressedSerializer = type("CompressedSerializer", (Serializer,), {"__doc__": "Compressed."})
CompressedJSONSerializer = type("CompressedJSONSerializer", (Serializer,), {"__doc__": "As JSON, compressed."})
CompressedPickleSerializer = type("CompressedPickleSerializer", (Serializer,), {"__doc__": "Pickled, compressed."})


class Asked:
    """Something that Prefect's API is asked with, or answers: it can be made, and holds what it was made of."""

    def __init__(self, **asked: Any) -> None:
        vars(self).update(asked)


class ConcurrencyLimitStrategy(StrEnum):
    """What becomes of a run that finds no slot."""

    ENQUEUE = "ENQUEUE"
    CANCEL_NEW = "CANCEL_NEW"


class Setting:
    """A setting of Prefect's: read from the environment under its own name."""

    def __init__(self, name: str, default: Any = None) -> None:
        self.name = name
        self._default = default

    def value(self) -> Any:
        """What the environment says."""
        return os.environ.get(self.name, self._default)


PREFECT_API_URL = Setting("PREFECT_API_URL")
PREFECT_API_KEY = Setting("PREFECT_API_KEY")
PREFECT_UI_URL = Setting("PREFECT_UI_URL")
PREFECT_HOME = Setting("PREFECT_HOME")
PREFECT_RESULTS_PERSIST_BY_DEFAULT = Setting("PREFECT_RESULTS_PERSIST_BY_DEFAULT", True)
PREFECT_LOGGING_LEVEL = Setting("PREFECT_LOGGING_LEVEL", "INFO")
PREFECT_LOCAL_STORAGE_PATH = Setting("PREFECT_LOCAL_STORAGE_PATH")
PREFECT_PROFILES_PATH = Setting("PREFECT_PROFILES_PATH")
PREFECT_DEFAULT_WORK_POOL_NAME = Setting("PREFECT_DEFAULT_WORK_POOL_NAME")
PREFECT_API_REQUEST_TIMEOUT = Setting("PREFECT_API_REQUEST_TIMEOUT", 60.0)
PREFECT_LOGGING_TO_API_ENABLED = Setting("PREFECT_LOGGING_TO_API_ENABLED", False)


@contextmanager
def temporary_settings(updates: Any = None, *args: Any, **kwargs: Any) -> Iterator[None]:
    """Settings of Prefect's change nothing."""
    inert("temporary_settings", "Motet reads a few environment variables, such as MOTET_HOME.")
    yield


@contextmanager
def prefect_test_harness(server_startup_timeout: int | None = None) -> Iterator[None]:
    """Within, runs are kept in a home of their own, which is removed."""
    from tempfile import TemporaryDirectory

    before = os.environ.get("MOTET_HOME")
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        os.environ["MOTET_HOME"] = folder
        try:
            yield
        finally:
            os.environ.pop("MOTET_HOME", None)
            if before is not None:
                os.environ["MOTET_HOME"] = before

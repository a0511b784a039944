"""What is asked for all steps of a run: by options, and by the variables that packtivity's users set."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from motet.errors import UsageError
from motet.records import Record, put_differing

if TYPE_CHECKING:
    from motet.kernel.events import Json

VOICE = "yadage"
"""The name of the voice in what runs and stores keep."""

HOST = "host"
"""The engine that is none: steps in containers run on this host."""

_ENGINES = {"docker": "docker", "podman": "podman", "singularity": "apptainer", "apptainer": "apptainer", HOST: HOST}
_PULLS = ("always", "missing", "never")


class Settings(Record, frozen=True):
    """How steps are run.

    cached      whether results of equal steps are taken, and those of these kept
    containers  the engine for steps in containers, "" for whichever is there; `HOST`: without one, on this host
    pull        when images are fetched: "always", "missing", "never"
    options     further options of the engine's `run`, as in PACKTIVITY_DOCKER_CMD_MOD
    moved       (here, there): a folder, and where the engine's host has it, as in PACKTIVITY_WORKDIR_LOCATION
    dryrun      nothing is run in containers; publishers work all the same
    cvmfs, auth  folders of this host that steps may ask for
    retries, timeout_s  of each step
    """

    cached: bool = False
    containers: str = ""
    pull: str = "missing"
    options: tuple[str, ...] = ()
    moved: tuple[str, ...] = ()
    dryrun: bool = False
    cvmfs: str = "/cvmfs"
    auth: str = "/home/recast/recast_auth"
    retries: int = 0
    timeout_s: float | None = None

    def to_json(self) -> dict[str, Json]:
        """What of them differs from what is usual."""
        found: dict[str, Any] = {}
        put_differing(self, found)
        return {name: list(value) if isinstance(value, tuple) else value for name, value in found.items()}

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> Settings:
        """The settings that `to_json` was asked for."""
        known: Any = {name: tuple(value) if isinstance(value, list) else value for name, value in body.items()}
        return cls(**known)


def options(add: Callable[..., Any]) -> None:
    """Add the options that concern steps, as `argparse` has them. One that is not given is absent."""
    add(
        "--containers", choices=sorted(_ENGINES), dest="yadage_containers", metavar="ENGINE",
        help="what runs steps in containers: docker, podman, apptainer (singularity); `host` runs them on this host",
    )  # fmt: skip
    add("--pull", choices=_PULLS, dest="yadage_pull", help="when images are fetched (missing)")
    add(
        "--cache", action="store_true", dest="yadage_cache",
        help="take results of equal steps of earlier runs that were asked to cache, and keep those of this one",
    )  # fmt: skip
    add("--retries", type=int, dest="yadage_retries", metavar="N", help="try a step that fails N times more")
    add(
        "--step-timeout", type=float, dest="yadage_timeout", metavar="SECONDS",
        help="end a step that runs longer; it has failed then",
    )  # fmt: skip


def asked(given: Mapping[str, Any], environ: Mapping[str, str]) -> Settings:
    """The settings that options, by `dest`, and the environment come to; options go first. Raises UsageError."""
    import shlex

    engine = given.get("yadage_containers") or environ.get("PACKTIVITY_CONTAINER_RUNTIME", "")
    if engine and engine not in _ENGINES:
        cure = f"There are: {', '.join(sorted(_ENGINES))}."
        raise UsageError(f"PACKTIVITY_CONTAINER_RUNTIME={engine!r} is no container engine.", cure)
    pull = given.get("yadage_pull") or ("never" if environ.get("PACKTIVITY_DOCKER_NOPULL") else "missing")
    retries, timeout_s = given.get("yadage_retries") or 0, given.get("yadage_timeout")
    if retries < 0 or (timeout_s is not None and timeout_s <= 0):
        raise UsageError("--retries and --step-timeout cannot be below 0.", "Give a number above it.")
    try:
        more = tuple(shlex.split(environ.get("PACKTIVITY_DOCKER_CMD_MOD", "")))
    except ValueError as error:
        raise UsageError(f"PACKTIVITY_DOCKER_CMD_MOD cannot be read: {error}.", "Close its quotes.") from None
    usual = Settings()
    return Settings(
        bool(given.get("yadage_cache")), _ENGINES.get(engine, ""), pull, more, _moved(environ),
        bool(environ.get("PACKTIVITY_DRYRUN")), environ.get("PACKTIVITY_CVMFS_LOCATION", usual.cvmfs),
        environ.get("PACKTIVITY_AUTH_LOCATION", usual.auth), retries, timeout_s,
    )  # fmt: skip


def _moved(environ: Mapping[str, str]) -> tuple[str, ...]:
    text = environ.get("PACKTIVITY_WORKDIR_LOCATION", "")
    if not text:
        return ()
    pair = tuple(text.split(":"))
    if len(pair) != 2 or not all(each.startswith("/") for each in pair):
        what = f"PACKTIVITY_WORKDIR_LOCATION={text!r} is no pair of absolute paths."
        raise UsageError(what, "Write /folder/here:/folder/on/the/engines/host.")
    return pair

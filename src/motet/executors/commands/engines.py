"""The container engines of this host, and their images."""

from __future__ import annotations

import json
import os
import re
import shutil
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from motet.errors import CommandFailed, UsageError
from motet.executors.commands.spec import Container
from motet.executors.commands.tools import Runner

if TYPE_CHECKING:
    from motet.kernel.events import Json

ENGINES = ("docker", "podman", "apptainer")
_IMAGE = re.compile(r"[A-Za-z0-9/][\w./:@+-]*")
_WORD = re.compile(r"[A-Za-z0-9][\w.:,@=/-]*")
GET_IMAGE = "Check its name, log in to its registry, or build or load it on this host; then resume the run."


_OURS = re.compile(r"--(name|rm|detach|cidfile|entrypoint|workdir|interactive|tty)(=.*)?|-[dtiw]+")
"""Options by which a command is found, started and ended."""


def check(place: Container) -> None:
    """Raises UsageError for what is no image, no way to pull, no option; none of it can be taken for another option."""
    if not _IMAGE.fullmatch(place.image):
        raise UsageError(f"{place.image!r} is no image.", "Give its name, such as python:3.12-slim.")
    if place.pull not in ("missing", "always", "never"):
        raise UsageError(f"{place.pull!r} is no way to pull.", 'Choose "missing", "always" or "never".')
    for name in ("network", "user", "gpus"):
        value = getattr(place, name)
        if value and not _WORD.fullmatch(value):
            raise UsageError(f"{value!r} is no {name} of a container.", "Give it as the engine's option takes it.")
    if isinstance(place.options, str) or any("\0" in each for each in place.options):
        raise UsageError(f"{place.options!r} are no options.", 'Give a list of texts: ["--shm-size", "1g"].')
    for option in place.options:
        if _OURS.fullmatch(option):
            raise UsageError(f"The option {option} is Motet's own.", "Leave it out: Motet starts and ends it.")
    if place.options and not place.options[0].startswith("-"):
        raise UsageError(f"{place.options[0]!r} is no option.", 'Options begin with "-": ["--shm-size", "1g"].')


def find_engine(wanted: str) -> tuple[str, str]:
    """The path of the engine; for "" of the first one that answers, and why those before it were passed over.

    Raises UsageError, CommandFailed.
    """
    if wanted and wanted not in ENGINES:
        raise UsageError(f"There is no container engine {wanted!r}.", f"Choose one of: {', '.join(ENGINES)}.")
    why: list[str] = []
    for name in (wanted,) if wanted else ENGINES:
        path = shutil.which(name)
        problem = "is not installed" if path is None else does_not_answer(path)
        if path is not None and not problem:
            return path, f"\n  before {name} was asked: {'; '.join(why)}" if why else ""
        why.append(f"{name} {problem}")
    raise CommandFailed(
        f"no container can be had: {'; '.join(why)}",
        'Install and start docker or podman; or run the command without one: place="sandbox".',
    )


def does_not_answer(engine: str, *, again: bool = False) -> str:
    """Why the engine cannot be used, "" if it can. With `again` it is asked even if it has answered before."""
    ask = _ask.__wrapped__ if again else _ask
    try:
        ask(engine, os.environ.get("DOCKER_HOST", ""))
    except OSError as error:
        return str(error)
    return ""


@lru_cache(maxsize=16)
def _ask(engine: str, host: str) -> None:
    """Raises OSError, which is not remembered: an engine that does not answer may do so soon. `host` is docker's."""
    from subprocess import DEVNULL, PIPE, run

    question = ["version"] if os.path.basename(engine) == "apptainer" else ["info"]
    try:
        done = run([engine, *question], stdin=DEVNULL, stdout=DEVNULL, stderr=PIPE, check=False)
    except OSError as error:
        raise OSError(f"does not run ({error.strerror})") from None
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise OSError(f"does not answer ({said[-1] if said else done.returncode})")


def find_image(engine: str, place: Container, runner: Runner) -> dict[str, Json]:
    """The image as it is now, by its id and digests; pulled if need be. Raises CommandFailed."""
    found = None if place.pull == "always" else _found(engine, place.image)
    if found is None and (problem := does_not_answer(engine, again=True)):
        raise CommandFailed(
            f"no container of {place.image} can be had: {os.path.basename(engine)} {problem}",
            'Start it, then resume the run; or run the command without it: place="sandbox".',
        )
    if found is None and place.pull != "never":
        status, said = runner.run([engine, "pull", "--quiet", whole_name(place.image)])
        if status:
            last = (said.strip().splitlines() or ["no reason given"])[-1]
            why = (
                'cannot be pulled, as pull="always" asks'
                if place.pull == "always"
                else "is not here and cannot be pulled"
            )
            raise CommandFailed(f"the image {place.image} {why}: {last}", GET_IMAGE)
        found = _found(engine, place.image)
    if found is None:
        raise CommandFailed(
            f"the image {place.image} is not here, and may not be pulled (pull={place.pull!r})", GET_IMAGE
        )
    return found


def _found(engine: str, image: str) -> dict[str, Json] | None:
    """The image of that name that is here; one that was built without a registry's name is of localhost, to podman."""
    names = dict.fromkeys((image, f"localhost/{image}", whole_name(image)))
    return next((found for name in names if (found := _inspected(engine, name)) is not None), None)


def whole_name(image: str) -> str:
    """The name with its registry, by docker's rule, which other engines ask to be told: python:3 is
    docker.io/library/python:3.
    """
    first, slash, _ = image.partition("/")
    if slash and (first == "localhost" or "." in first or ":" in first):
        return image
    return f"docker.io/{image}" if slash else f"docker.io/library/{image}"


def _inspected(engine: str, image: str) -> dict[str, Json] | None:
    from subprocess import DEVNULL, PIPE, run

    done = run([engine, "image", "inspect", image], stdin=DEVNULL, stdout=PIPE, stderr=DEVNULL, check=False)
    if done.returncode:
        return None
    body: Any = json.loads(done.stdout)[0]
    identity = str(body["Id"])
    digests = list(body.get("RepoDigests") or ())
    return {"image": identity if ":" in identity else f"sha256:{identity}", "digests": digests}

"""Paths as a container engine sees them: other ones where this process is itself in a container of that engine.

So it is where the host's docker socket is mounted into a container: what is bound there are the host's paths.
"""

from __future__ import annotations

import json
import os
import re
from functools import lru_cache

from motet.errors import UsageError

_SIGNS = ("/.dockerenv", "/run/.containerenv")
_OWN_FILE = re.compile(r"containers/([0-9a-f]{64})/\S+ /etc/(?:hostname|hosts|resolv\.conf) ")


def outside(path: str, engine: str) -> str:
    """The path as the engine sees it.

    MOTET_HOST_PATHS="/inside=/outside:..." says so; else, in a container that the engine knows, the engine is asked
    what is mounted there. Raises UsageError for a path that lies in no mount: the engine cannot see it.
    """
    told = os.environ.get("MOTET_HOST_PATHS", "")
    pairs = _told(told) if told else _asked(engine, os.environ.get("DOCKER_HOST", ""))
    if pairs is None:
        return path
    real = os.path.realpath(path)
    for inside, there in sorted(pairs, key=lambda pair: -len(pair[0])):
        if real == inside or real.startswith(inside.rstrip("/") + "/"):
            if not there:
                break
            return there.rstrip("/") + real[len(inside.rstrip("/")) :]
    seen = ", ".join(inside for inside, there in sorted(pairs) if there) or "none"
    raise UsageError(
        f"{path} lies in this container only: {os.path.basename(engine)} runs outside of it, and cannot mount it into "
        f"another one. What it sees of this container's folders: {seen}.",
        "Put it below one of these (MOTET_HOME says where Motet keeps its own), mount it from the host or a volume at "
        'the start of this container, or say where it is on the host: MOTET_HOST_PATHS="/inside=/outside".',
    )


def _told(text: str) -> tuple[tuple[str, str], ...]:
    pairs = [each.partition("=") for each in text.split(":") if each]
    for inside, sign, there in pairs:
        if not sign or not os.path.isabs(inside) or not os.path.isabs(there):
            raise UsageError(
                f"MOTET_HOST_PATHS={text!r} makes no sense at {inside + sign + there!r}.",
                'Write pairs of absolute paths: "/inside=/outside:/more=/outside/more".',
            )
    return tuple((os.path.normpath(inside), there) for inside, _, there in pairs)


@lru_cache(maxsize=8)
def _asked(engine: str, host: str) -> tuple[tuple[str, str], ...] | None:
    """What is mounted in this container, as (here, there), `there` empty for what is in memory; None outside of one.

    None too where the engine does not know this container: then it runs within it, and sees the same paths. `host` is
    where docker looks for its engine.
    """
    from subprocess import DEVNULL, PIPE, run

    identity = own_container()
    if identity is None:
        return None
    argv = [engine, "container", "inspect", "--format", "{{json .Mounts}}", identity]
    done = run(argv, stdin=DEVNULL, stdout=PIPE, stderr=DEVNULL, check=False)
    if done.returncode:
        return None
    return tuple((each["Destination"], each.get("Source", "")) for each in json.loads(done.stdout) or ())


def own_container() -> str | None:
    """The id, or the name, of the container that this process is in; None if it is in none."""
    try:
        with open("/proc/self/mountinfo") as file:
            found = _OWN_FILE.search(file.read())
    except OSError:
        found = None
    if found:
        return found[1]
    return os.uname().nodename if any(map(os.path.exists, _SIGNS)) else None

"""Components at their commits: fetched once, kept for all runs. Git refs and URLs are untrusted input."""

from __future__ import annotations

import os
from hashlib import sha256
from typing import TYPE_CHECKING

from motet.environments.locks import locked
from motet.environments.spec import Git, Runner
from motet.errors import EnvironmentFailed

if TYPE_CHECKING:
    from collections.abc import Sequence

_ENV = {
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_ALLOW_PROTOCOL": "file:git:http:https:ssh",
    "GIT_HTTP_LOW_SPEED_LIMIT": "1",
    "GIT_HTTP_LOW_SPEED_TIME": "60",
    "GIT_SSH_COMMAND": os.environ.get("GIT_SSH_COMMAND", "ssh -o BatchMode=yes -o ConnectTimeout=30"),
    "LC_ALL": "C",
}
_SAFE = ("-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false", "-c", "advice.detachedHead=false")


CHECKOUTS, MIRRORS = "checkouts", "mirrors"


class Sources:
    """The components below `folder`: a mirror of each repository, a checkout of each commit."""

    def __init__(self, folder: str, runner: Runner) -> None:
        self._folder = folder
        self._runner = runner

    def commit(self, component: Git) -> str:
        """The commit that the component's ref means now. Raises EnvironmentFailed.

        A full commit id that was fetched before needs no network. Where the repository cannot be reached, what was
        fetched last counts, which is said.
        """
        if component.is_pinned and _used(self._checkout(component)):
            return component.ref
        mirror = self._mirror(component)
        with locked(f"{mirror}.lock", self._runner, f"component {component.name}"):
            if component.is_pinned and self._parsed(mirror, component.ref):
                return component.ref
            fetched = self._fetch(mirror, component)
            for name in (f"refs/heads/{component.ref}", f"refs/tags/{component.ref}", component.ref):
                found = self._parsed(mirror, name)
                if found:
                    if fetched:
                        self._runner.say(f"(motet: {fetched} Taking {component.ref} as it was fetched last: {found})")
                    return found
        if fetched:
            raise EnvironmentFailed(fetched, _REACH)
        kind, name = _told(component.ref)
        raise EnvironmentFailed(
            f"Component {component.name}: {component.shown} has no {kind} {name!r}. {self._there(mirror)}",
            f"Look at what it has: git ls-remote {component.shown}",
        )

    def _there(self, mirror: str) -> str:
        """The branches and tags that there are, the newest first, as far as they fit in a line."""
        _, said = self._run("-C", mirror, "for-each-ref", "--sort=-creatordate", "--format=%(refname:lstrip=2)",
                            "refs/heads", "refs/tags")  # fmt: skip
        names = list(dict.fromkeys(said.split()))
        more = ", ..." if len(names) > _MOST_NAMED else ""
        return f"It has: {', '.join(names[:_MOST_NAMED])}{more}." if names else "It is empty."

    def checkout(self, component: Git) -> str:
        """The folder with the files of the component, which is pinned; with its .git. Raises EnvironmentFailed."""
        target = self._checkout(component)
        if _used(target):
            return target
        commit = self.commit(component)
        with locked(f"{target}.lock", self._runner, f"component {component.name}"):
            if os.path.isdir(target):
                return target
            part = f"{target}.{os.urandom(4).hex()}.part"
            self._git(component, "clone", "--quiet", "--no-checkout", "--", self._mirror(component), part)
            self._git(component, "-C", part, "checkout", "--quiet", "--detach", commit)
            os.rename(part, target)
        return target

    def _checkout(self, component: Git) -> str:
        return os.path.join(self._folder, CHECKOUTS, component.ref)

    def _mirror(self, component: Git) -> str:
        url = component.url
        if os.path.exists(os.path.expanduser(url)):
            url = os.path.realpath(os.path.expanduser(url))
        return os.path.join(self._folder, MIRRORS, sha256(url.encode()).hexdigest()[:32])

    def _fetch(self, mirror: str, component: Git) -> str:
        """Fetch all branches and tags; gives why that could not be done, "" if it was."""
        if not _used(mirror):
            self._git(component, "init", "--quiet", "--bare", "--", mirror)
        url = os.path.expanduser(component.url)
        refs = ["+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*", "+HEAD:refs/motet/head"]
        self._runner.say(f"(motet: fetching component {component.name} from {component.shown})")
        status, said = self._run("-C", mirror, "fetch", "--quiet", "--prune", "--no-write-fetch-head", "--", url, *refs)
        if status and component.is_pinned:
            status, said = self._run("-C", mirror, "fetch", "--quiet", "--", url, component.ref)
        elif not status and component.is_pinned and not self._parsed(mirror, component.ref):
            self._run("-C", mirror, "fetch", "--quiet", "--", url, component.ref)
        if not status:
            return ""
        lines = said.strip().splitlines() or ["no reason given"]
        why = next((each for each in lines if each.startswith(("fatal:", "error:", "ERROR:"))), lines[-1])
        if why != lines[0] and not lines[0].startswith(("warning:", "hint:")):  # what ssh has said
            why = f"{lines[0].strip()} {why}"
        return f"Component {component.name}: {component.shown} cannot be fetched: {why.rstrip('.')}."

    def _parsed(self, mirror: str, name: str) -> str:
        name = "refs/motet/head" if name == "HEAD" else name
        if not os.path.isdir(mirror):
            return ""
        status, said = self._run(
            "-C", mirror, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}"
        )
        return said.strip().splitlines()[-1] if not status and said.strip() else ""

    def _git(self, component: Git, *arguments: str) -> str:
        status, said = self._run(*arguments)
        if status:
            raise EnvironmentFailed(f"Component {component.name}: git failed: {said.strip()}", _REACH)
        return said

    def _run(self, *arguments: str) -> tuple[int, str]:
        argv: Sequence[str] = ("git", *_SAFE, *arguments)
        try:
            return self._runner.run(argv, env=_ENV)
        except FileNotFoundError:
            raise EnvironmentFailed(
                "There is no git on this host.", "Install git (on Debian: apt-get install git)."
            ) from None


_MOST_NAMED = 12


def _told(ref: str) -> tuple[str, str]:
    """What kind of name the ref is, and the name."""
    for kind, prefix in (("branch", "refs/heads/"), ("tag", "refs/tags/")):
        if ref.startswith(prefix):
            return kind, ref.removeprefix(prefix)
    return "branch, tag or commit", ref


def _used(folder: str) -> bool:
    """Whether the folder is there; notes that it was used now."""
    try:
        os.utime(folder)
    except FileNotFoundError:
        return False
    except OSError:  # it is another user's
        return os.path.isdir(folder)
    return True


_REACH = (
    "Check the URL and that this host may read it. A repository that has moved can be named by git itself: "
    "git config --global url.<new>.insteadOf <old>"
)

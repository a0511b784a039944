"""Components at their commits: fetched once, kept for all runs. Git refs and URLs are untrusted input."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from hashlib import sha256
from typing import TYPE_CHECKING

from motet.environments.locks import locked
from motet.environments.spec import Git, Runner
from motet.errors import EnvironmentFailed, UsageError

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


class Unreachable(EnvironmentFailed):
    """The repository of a component cannot be reached, or may not be read."""


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
            raise Unreachable(fetched, _REACH)
        kind, name = _told(component.ref)
        there = self._there(mirror, component.ref)
        raise EnvironmentFailed(
            f"Component {component.name}: {component.shown} has no {kind} {name!r}. {there}",
            f"Name one that it has, or push it there; all that there is: git ls-remote {component.shown}",
        )

    def _there(self, mirror: str, ref: str) -> str:
        """The branches and tags that may have been meant, the newest first, as far as they fit in a line."""
        there = {}
        for kind, place in (("branches", "refs/heads/"), ("tags", "refs/tags/")):
            _, said = self._run("-C", mirror, "for-each-ref", "--sort=-creatordate", "--format=%(refname)", place)
            names = [each.removeprefix(place) for each in said.split()]
            more = ", ..." if len(names) > _MOST_NAMED else ""
            if names:
                there[place] = kind, f"{', '.join(names[:_MOST_NAMED])}{more}"
        asked = there.get(next((place for place in there if ref.startswith(place)), ""))
        if asked is not None:
            return f"It has: {asked[1]}."
        return (
            f"It has: {'; '.join(f'the {kind} {names}' for kind, names in there.values())}."
            if there
            else "It is empty."
        )

    def checkout(self, component: Git) -> str:
        """The folder with the files of the component, which is pinned; with its .git. Raises EnvironmentFailed."""
        if not component.is_pinned:  # its ref is the name of a folder
            raise UsageError(
                f"Component {component.name}: {component.ref!r} is no commit.", "Give all of its 40 digits."
            )
        target = self._checkout(component)
        if _used(target) and self._is_whole(target):
            return target
        commit = self.commit(component)
        with locked(f"{target}.lock", self._runner, f"component {component.name}"):
            if not os.path.isdir(target):
                part = f"{target}.{os.urandom(4).hex()}.part"
                self._take(component, commit, part)
                os.rename(part, target)
            if not self._is_whole(target):
                self._fill(component, target, _DEEPEST)
        return target

    def _take(self, component: Git, commit: str, folder: str) -> None:
        self._git(component, "clone", "--quiet", "--no-checkout", "--", self._mirror(component), folder)
        self._git(component, "-C", folder, "checkout", "--quiet", "--detach", commit)

    # -- submodules: components within components, at the commits that the outer one names

    def _is_whole(self, checkout: str) -> bool:
        """Whether nothing is missing of its submodules, if it has any."""
        return not os.path.isfile(os.path.join(checkout, _MODULES)) or os.path.exists(
            os.path.join(checkout, ".git", _WHOLE)
        )

    def _fill(self, component: Git, checkout: str, deep: int) -> bool:
        """Fetch the submodules of a checkout; whether all are there. One that cannot be reached is told, and left out:
        the code may not need it. Raises UsageError for a hostile URL.
        """
        whole = True
        for path, commit, url in self._submodules(component, checkout):
            inner = Git(f"{component.name}.{os.path.basename(path)}", url, commit)
            if not _is_local(component.url) and _is_local(url):
                raise UsageError(
                    f"Component {component.name}: its submodule {path} leads to {url}, on this machine.",
                    "Only components on this machine may have such submodules.",
                )
            inner.checked()
            place = os.path.join(checkout, path)
            try:
                if not os.path.exists(os.path.join(place, ".git")):
                    found = self.commit(inner)
                    os.makedirs(place, exist_ok=True)
                    self._take(inner, found, place)
                inside = os.path.isfile(os.path.join(place, _MODULES))
                whole &= not inside or (deep > 0 and self._fill(inner, place, deep - 1))
            except EnvironmentFailed as error:
                self._runner.say(
                    f"(motet: warning: the submodule {path} of component {component.name} is missing: {error.what})"
                )
                whole = False
        if whole:
            with open(os.path.join(checkout, ".git", _WHOLE), "w"):
                pass
        return whole

    def _submodules(self, component: Git, checkout: str) -> Iterator[tuple[str, str, str]]:
        """Path, commit and URL of each submodule that is in the tree of the checkout."""
        said = self._git(component, "config", "--file", os.path.join(checkout, _MODULES), "--list", "-z")
        found: dict[str, dict[str, str]] = {}
        for entry in said.split("\0"):
            key, _, value = entry.partition("\n")
            name, _, field = key.removeprefix("submodule.").rpartition(".")
            found.setdefault(name, {})[field] = value
        for each in found.values():
            path = os.path.normpath(each.get("path") or ".")
            within = os.path.realpath(os.path.join(checkout, path)) == os.path.join(os.path.realpath(checkout), path)
            if within and not path.startswith((".", "/")):
                mode, _, rest = self._git(component, "-C", checkout, "ls-tree", "HEAD", "--", path).partition(" ")
                if mode == _LINK:
                    yield path, rest.split()[1], _resolved(each.get("url", ""), component.url)

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
        fetch = ("-C", mirror, "fetch", "--quiet", "--prune", "--update-shallow", "--no-write-fetch-head", "--", url)
        status, said = self._run(*fetch, *refs)
        if status and "couldn't find remote ref HEAD" in said:  # a bare one whose default branch nobody has pushed
            status, said = self._run(*fetch, *refs[:-1])
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
        name = re.sub(r"^HEAD(?=$|[~^])", "refs/motet/head", name)
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


_MODULES, _WHOLE = ".gitmodules", "motet-whole"
_LINK = "160000"
_DEEPEST = 8
"""So many levels of submodules in submodules are fetched."""


def _resolved(url: str, outer: str) -> str:
    """The URL of a submodule: one that begins with a dot starts at the URL of what it is in."""
    if not url.startswith(("./", "../")):
        return url
    place = outer.rstrip("/")
    while url.startswith(("./", "../")):
        if url.startswith("../"):
            place = re.sub(r"[/:][^/:]*$", lambda cut: ":" if cut[0].startswith(":") else "", place)
        url = url.partition("/")[2]
    return f"{place}{'' if place.endswith(':') else '/'}{url}"


def _is_local(url: str) -> bool:
    """Whether git takes the URL for a place on this machine."""
    return url.startswith(("file:", "/", ".", "~")) or not re.match(r"[^/]+:", url)


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

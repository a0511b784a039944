"""What a Python environment is made of, and what it is once it is built."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

from motet.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from motet.kernel.events import Json

_REF = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./@+=-]*([~^][0-9]*)*")
"""The name of a commit; what follows ~ and ^ leads to an ancestor of it."""

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
_TRANSPORT = re.compile(r"[A-Za-z0-9+.-]*::")
"""How git is told to run a program to reach a repository."""

_CREDENTIALS = re.compile(r"(https?://)[^/@]+@")
_COMMIT = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True, slots=True)
class Git:
    """A component: a git repository at one commit.

    name    what it is called here; a name without slashes
    url     whatever `git clone` takes: https, ssh, git@host:path, file://, a path. Git's own configuration
            (insteadOf, credentials) holds
    ref     a branch, a tag or a commit; `Environments.pinned` makes it a commit
    folder  where in the repository its project is (setup.py, pyproject.toml, requirements.txt); "" looks at the
            root and then in src/
    """

    name: str
    url: str
    ref: str = "HEAD"
    folder: str = ""

    @property
    def is_pinned(self) -> bool:
        """Whether `ref` is a full commit id, so that it can never mean anything else."""
        return _COMMIT.fullmatch(self.ref) is not None

    @property
    def shown(self) -> str:
        """The URL for messages: without a password or token that stands in it."""
        return _CREDENTIALS.sub(r"\1***@", self.url)

    def checked(self) -> Git:
        """Itself. Raises UsageError for a name, url, ref or folder that could be taken for an option or lead astray."""
        parts = self.folder.split("/")
        if not _NAME.fullmatch(self.name) or ".." in self.name:
            raise UsageError(f"A component cannot be called {self.name!r}.", "Use letters, digits, dots, - and _.")
        hostile = self.url.startswith("-") or _TRANSPORT.match(self.url) or any(ord(each) < 32 for each in self.url)
        if not self.url or hostile:
            raise UsageError(f"Component {self.name}: {self.shown!r} is no git repository.", "Give a URL or a path.")
        if (
            not _REF.fullmatch(self.ref)
            or ".." in self.ref
            or self.ref.endswith((".lock", "/", "."))
            or "@{" in self.ref
        ):
            raise UsageError(
                f"Component {self.name}: {self.ref!r} is no branch, tag or commit.", "Give the name of one."
            )
        if self.folder.startswith("/") or ".." in parts:
            raise UsageError(
                f"Component {self.name}: folder {self.folder!r} leads out of it.", "Give a path within it."
            )
        return self


@dataclass(frozen=True, slots=True)
class Environment:
    """A set of components and requirements that are installed together.

    components    in the order in which they come on `sys.path`
    requirements  as in a requirements file, one each: "numpy>=1.26"
    python        the interpreter that it is made with; "" for the one that runs this
    base          True: what is installed for that interpreter can be imported too, last, and counts as installed
    sees          the packages of the base that count, as "name==version": with others it is another environment
    """

    components: tuple[Git, ...] = ()
    requirements: tuple[str, ...] = ()
    python: str = ""
    base: bool = False
    sees: tuple[str, ...] = ()

    def checked(self) -> Environment:
        """Itself. Raises UsageError for what makes no sense."""
        names = [each.checked().name for each in self.components]
        twice = {name for name in names if names.count(name) > 1}
        if twice:
            raise UsageError(f"Two components are called {sorted(twice)[0]}.", "Give each a name of its own.")
        for each in self.requirements:
            if each.lstrip().startswith("-") or "\n" in each or "\r" in each:
                raise UsageError(
                    f"{each!r} is no requirement.", "Give a package with its version, one for each; no options."
                )
        return self

    def to_json(self) -> dict[str, Json]:
        """Itself as JSON, for a call that is written down."""
        parts = [
            {"name": each.name, "url": each.url, "ref": each.ref, "folder": each.folder} for each in self.components
        ]
        return {
            "components": parts, "requirements": list(self.requirements), "python": self.python, "base": self.base,
        }  # fmt: skip

    @classmethod
    def from_json(cls, body: Mapping[str, Json]) -> Environment:
        """What `to_json` was made of."""
        components = tuple(Git(**each) for each in body.get("components", ()))
        return cls(
            components, tuple(body.get("requirements", ())), body.get("python", ""), bool(body.get("base", False))
        )

    def with_commits(self, commits: Mapping[str, str]) -> Environment:
        """The same with the components pinned at these commits, by name."""
        return replace(self, components=tuple(replace(each, ref=commits[each.name]) for each in self.components))


@dataclass(frozen=True, slots=True)
class Built:
    """An environment that is there.

    digest      what it is made of, and in which order: two of the same digest are one
    python      its interpreter
    paths       what is to come first on `sys.path`: of each component its root, src/ and src/python/, as far as there
    components  where each component's files are, by name
    commits     which commit that is
    """

    digest: str
    python: str
    paths: tuple[str, ...] = ()
    components: Mapping[str, str] = field(default_factory=dict)
    commits: Mapping[str, str] = field(default_factory=dict)


class Runner(Protocol):
    """How tools (git, uv, pip) are run: so that they can be logged, stopped, and ended with the engine."""

    def run(self, argv: Sequence[str], *, cwd: str = "", env: Mapping[str, str] | None = None) -> tuple[int, str]:
        """Run the tool to its end, with this change of the environment; gives its exit status and all it wrote.

        Raises OSError if it cannot be started.
        """
        ...

    def say(self, text: str) -> None:
        """Tell the user a line."""
        ...

    def pause(self, seconds: float) -> None:
        """Wait so long, for another process. Raises Cancelled if nobody wants the environment any more."""
        ...

"""Environments: built from git components and requirements, once, cached, offline afterwards."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from motet.environments.build import Environments
from motet.environments.plain import PlainRunner
from motet.environments.spec import Built, Environment, Git
from motet.errors import EnvironmentFailed, UsageError

SETUP = """
from setuptools import setup, find_packages
setup(name="parts", version="0.0.0", packages=find_packages())
"""


class Recorder(PlainRunner):
    """Runs tools, and remembers them and what was said."""

    def __init__(self) -> None:
        self.ran: list[str] = []
        self.said: list[str] = []

    def run(self, argv: Sequence[str], *, cwd: str = "", env: Mapping[str, str] | None = None) -> tuple[int, str]:
        self.ran.append(" ".join(argv))
        return super().run(argv, cwd=cwd, env=env)

    def say(self, text: str) -> None:
        self.said.append(text)


class Repository:
    """A git repository made for a test."""

    def __init__(self, folder: Path, files: Mapping[str, str]) -> None:
        self.path = str(folder)
        folder.mkdir(parents=True)
        self.git("init", "--quiet", "--initial-branch", "main")
        self.commit(files)

    def git(self, *arguments: str) -> str:
        identity = ("-c", "user.name=Test", "-c", "user.email=test@localhost", "-c", "commit.gpgsign=false")
        done = subprocess.run(
            ["git", "-C", self.path, *identity, *arguments], capture_output=True, check=True, text=True
        )
        return done.stdout.strip()

    def commit(self, files: Mapping[str, str]) -> str:
        for name, text in files.items():
            path = Path(self.path, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        self.git("add", ".")
        self.git("commit", "--quiet", "--message", "change")
        return self.git("rev-parse", "HEAD")


@pytest.fixture
def runner() -> Recorder:
    return Recorder()


@pytest.fixture
def environments(tmp_path: Path, runner: Recorder) -> Environments:
    return Environments(str(tmp_path / "cache"), runner)


def python(built: Built, code: str) -> str:
    before = f"import sys; sys.path[:0] = {list(built.paths)!r}\n"
    done = subprocess.run([built.python, "-c", before + code], capture_output=True, text=True, check=False)
    return (done.stdout or done.stderr).strip()


def test_components_without_a_project_are_on_the_path(tmp_path: Path, environments: Environments) -> None:
    one = Repository(tmp_path / "one", {"src/python/tutorial/task.py": "name = 'one'"})
    two = Repository(tmp_path / "two", {"metrics/f1.py": "name = 'two'"})
    built = environments.ready(Environment((Git("one", one.path), Git("two", two.path, "main"))))
    assert python(built, "import tutorial.task, metrics.f1; print(tutorial.task.name, metrics.f1.name)") == "one two"
    assert built.commits == {"one": one.git("rev-parse", "HEAD"), "two": two.git("rev-parse", "HEAD")}
    assert Path(built.components["two"], "metrics", "f1.py").exists()


def test_a_project_below_src_is_installed_so_that_its_packages_import(
    tmp_path: Path, environments: Environments
) -> None:
    files = {"src/setup.py": SETUP, "src/python/deep/task.py": "x = 1", "src/real/__init__.py": "y = 2"}
    parts = Repository(tmp_path / "parts", files)
    built = environments.ready(Environment((Git("parts", parts.path),)))
    assert python(built, "import deep.task, real; print(deep.task.x + real.y)") == "3"
    code = "from importlib.metadata import version; print(version('parts'))"
    assert python(built, code) == "0.0.0"


def test_what_is_installed_here_is_seen_only_with_base(environments: Environments) -> None:
    bare, based = environments.ready(Environment()), environments.ready(Environment(base=True))
    assert "No module named" in python(bare, "import pytest")
    assert python(based, "import pytest; print('seen')") == "seen"


def test_refs_become_commits_and_stay(tmp_path: Path, environments: Environments) -> None:
    parts = Repository(tmp_path / "parts", {"a.py": "x = 1"})
    first = parts.git("rev-parse", "HEAD")
    parts.git("tag", "v1")
    pinned = environments.pinned(Environment((Git("parts", parts.path, "main"),)))
    second = parts.commit({"a.py": "x = 2"})
    assert pinned.components[0].ref == first
    for ref, commit in (("main", second), ("v1", first), (first, first), ("HEAD", second), (second[:10], second)):
        assert environments.pinned(Environment((Git("parts", parts.path, ref),))).components[0].ref == commit
    assert python(environments.ready(pinned), "import a; print(a.x)") == "1"


def test_what_is_pinned_and_built_needs_no_tool_at_all(
    tmp_path: Path, environments: Environments, runner: Recorder
) -> None:
    parts = Repository(tmp_path / "parts", {"a.py": "x = 1"})
    pinned = environments.pinned(Environment((Git("parts", parts.path),)))
    built = environments.ready(pinned)
    os.rename(parts.path, tmp_path / "gone")
    runner.ran.clear()
    assert environments.ready(pinned) == built
    assert runner.ran == []


def test_a_ref_of_a_repository_that_is_out_of_reach_is_taken_as_last_fetched(
    tmp_path: Path, environments: Environments, runner: Recorder
) -> None:
    parts = Repository(tmp_path / "parts", {"a.py": "x = 1"})
    wanted = Environment((Git("parts", f"file://{parts.path}", "main"),))
    built = environments.ready(wanted)
    os.rename(parts.path, tmp_path / "gone")
    assert environments.ready(wanted) == built
    assert any("as it was fetched last" in text for text in runner.said)


def test_two_environments_of_the_same_content_are_one(tmp_path: Path, environments: Environments) -> None:
    one = Repository(tmp_path / "one", {"a.py": "x = 1"})
    subprocess.run(["git", "clone", "--quiet", one.path, tmp_path / "copy"], check=True)
    places = {environments.ready(Environment((Git("a", path),))).python for path in (one.path, str(tmp_path / "copy"))}
    assert len(places) == 1


def test_of_two_builders_one_waits(tmp_path: Path) -> None:
    runners = [Recorder(), Recorder()]
    parts = Repository(tmp_path / "parts", {"a.py": "x = 1"})
    built: list[Built] = []

    def build(runner: Recorder) -> None:
        built.append(Environments(str(tmp_path / "cache"), runner).ready(Environment((Git("parts", parts.path),))))

    threads = [threading.Thread(target=build, args=(runner,)) for runner in runners]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert built[0] == built[1]
    assert len([text for runner in runners for text in runner.said if "building" in text]) == 1


def test_a_build_that_was_killed_is_begun_anew(tmp_path: Path, environments: Environments) -> None:
    built = environments.ready(Environment())
    place = Path(built.python).parent.parent
    (place / "ready.json").unlink()
    (place / "bin" / "python").unlink()
    assert environments.ready(Environment()) == built
    assert python(built, "print(1)") == "1"


@pytest.mark.parametrize(
    "ref", ["--upload-pack=touch ran", "-x", "a..b", "@{-1}", "a b", "a:b", "a^", "", "x;ls", "$(ls)", "a\nb", "~1"]
)
def test_hostile_refs_are_refused_before_git_sees_them(environments: Environments, runner: Recorder, ref: str) -> None:
    with pytest.raises(UsageError, match="no branch, tag or commit"):
        environments.ready(Environment((Git("parts", "/tmp", ref),)))
    assert runner.ran == []


@pytest.mark.parametrize("url", ["--upload-pack=touch ran", "ext::sh -c touch% ran", "-u", "", "a\nb"])
def test_hostile_urls_are_refused(environments: Environments, runner: Recorder, url: str) -> None:
    with pytest.raises(UsageError, match="no git repository"):
        environments.ready(Environment((Git("parts", url),)))
    assert runner.ran == []


@pytest.mark.parametrize("bad", [{"name": "../x"}, {"name": "-x"}, {"folder": "../.."}, {"folder": "/etc"}])
def test_names_and_folders_that_lead_out_are_refused(environments: Environments, bad: Mapping[str, str]) -> None:
    with pytest.raises(UsageError):
        environments.ready(Environment((Git(**{"name": "parts", "url": "/tmp", **bad}),)))  # type: ignore[arg-type]


@pytest.mark.parametrize("requirement", ["--index-url=http://elsewhere", "-e /", "a\n--pre"])
def test_requirements_that_are_options_are_refused(environments: Environments, requirement: str) -> None:
    with pytest.raises(UsageError, match="no requirement"):
        environments.ready(Environment(requirements=(requirement,)))


def test_hooks_of_a_repository_do_not_run(tmp_path: Path, environments: Environments) -> None:
    parts = Repository(tmp_path / "parts", {"a.py": ""})
    hook = Path(parts.path, ".git", "hooks", "post-checkout")
    hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    hook.chmod(0o755)
    environments.ready(Environment((Git("parts", parts.path),)))
    assert not (tmp_path / "ran").exists()


def test_what_cannot_be_fetched_is_told_with_its_cure(tmp_path: Path, environments: Environments) -> None:
    with pytest.raises(EnvironmentFailed, match="insteadOf") as told:
        environments.ready(Environment((Git("parts", f"file://{tmp_path}/nowhere"),)))
    assert "parts" in told.value.what
    there = Repository(tmp_path / "there", {"a.py": ""})
    with pytest.raises(EnvironmentFailed, match="'missing'"):
        environments.ready(Environment((Git("parts", there.path, "missing"),)))


def test_a_requirement_that_cannot_be_had_is_told_with_the_tools_words(environments: Environments) -> None:
    with pytest.raises(EnvironmentFailed, match="no-such-package-of-motet") as told:
        environments.ready(Environment(requirements=("no-such-package-of-motet==9",)))
    assert "Repair the requirement" in told.value.cure


def test_names_of_dead_packages_are_mapped_with_a_warning(
    tmp_path: Path, environments: Environments, runner: Recorder
) -> None:
    files = {"requirements.txt": "sklearn==0.0.0\n# a comment\n"}
    parts = Repository(tmp_path / "parts", files)
    with pytest.raises(EnvironmentFailed, match=r"scikit-learn==0\.0\.0"):
        environments.ready(Environment((Git("parts", parts.path),)))
    assert any("taking scikit-learn" in text for text in runner.said)


def test_an_interpreter_that_is_not_there(environments: Environments) -> None:
    with pytest.raises(EnvironmentFailed, match="no-such-python"):
        environments.ready(Environment(python="no-such-python"))


def test_a_specification_survives_json() -> None:
    made = Environment((Git("a", "/x", "main", "src"),), ("numpy>=1",), "python3", True)
    assert Environment.from_json(made.to_json()) == made

"""Environments: built from git components and requirements, once, cached, offline afterwards."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from motet.environments import upkeep
from motet.environments.build import Environments
from motet.environments.installing import sources_for_pip, uv, wanted
from motet.environments.locks import locked
from motet.environments.plain import PlainRunner
from motet.environments.spec import Built, Environment, Git
from motet.errors import EnvironmentFailed, UsageError
from motet.testing.executor_tasks import wait_until

SETUP = """
from setuptools import setup, find_packages
setup(name="parts", version="0.0.0", packages=find_packages())
"""


def test_pip_is_told_what_only_uv_was_told(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("INDEX_URL", "EXTRA_INDEX_URL", "NO_INDEX", "FIND_LINKS"):
        for tool in ("PIP", "UV"):
            monkeypatch.delenv(f"{tool}_{name}", raising=False)
    monkeypatch.delenv("UV_INDEX", raising=False)
    monkeypatch.delenv("UV_DEFAULT_INDEX", raising=False)
    assert sources_for_pip() == {}
    for name, value in {
        "UV_FIND_LINKS": "/a/wheels,/b", "UV_DEFAULT_INDEX": "own=https://pypi.org/simple", "UV_INDEX": "x=https://x https://y",
        "UV_NO_INDEX": "1", "PIP_NO_INDEX": "0",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    assert sources_for_pip() == {
        "PIP_FIND_LINKS": "/a/wheels /b", "PIP_INDEX_URL": "https://pypi.org/simple",
        "PIP_EXTRA_INDEX_URL": "https://x https://y",
    }  # fmt: skip


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
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is said of where packages are: uv is taken where it is there, which is much faster."""
    for name in [each for each in os.environ if each.startswith(("PIP_", "UV_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)


@pytest.fixture
def environments(plain: None, tmp_path: Path, runner: Recorder) -> Environments:
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


def test_a_project_below_src_is_installed_so_that_its_packages_import(tmp_path: Path) -> None:
    """With setuptools, from wherever this host has packages."""
    files = {"src/setup.py": SETUP, "src/python/deep/task.py": "x = 1", "src/real/__init__.py": "y = 2"}
    parts = Repository(tmp_path / "parts", files)
    built = Environments(str(tmp_path / "cache"), Recorder()).ready(Environment((Git("parts", parts.path),)))
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
    Path(built.python).parents[2].joinpath("ready.json").unlink()
    Path(built.python).unlink()
    again = environments.ready(Environment())
    assert again.digest == built.digest
    assert python(again, "print(1)") == "1"


@pytest.mark.parametrize(
    "ref", ["--upload-pack=touch ran", "-x", "a..b", "@{-1}", "a b", "a:b", "", "x;ls", "$(ls)", "a\nb", "~1"]
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


def test_a_password_in_an_address_is_not_told(environments: Environments, runner: Recorder) -> None:
    with pytest.raises(EnvironmentFailed, match=r"https://\*\*\*@localhost:1/x cannot be fetched") as told:
        environments.ready(Environment((Git("parts", "https://me:hunter2@localhost:1/x"),)))
    assert "hunter2" not in f"{told.value} {runner.said}"


def test_an_address_with_colons_is_no_transport() -> None:
    assert Git("parts", "ssh://[2001:db8::1]/x").checked()


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
    files = {"requirements.txt": "sklearn==0.0 ; python_version > '3'\n# a comment\n-r more/own.txt\nnumpy\n"}
    parts = Repository(tmp_path / "parts", files)
    environment = Environment((Git("parts", parts.path),), ("tensorflow-gpu==2.4",))
    named = wanted(environment, {"parts": parts.path}, str(tmp_path), runner.say)
    assert named == ["tensorflow==2.4", "--requirement", str(tmp_path / "parts.txt")]
    assert (tmp_path / "parts.txt").read_text().splitlines() == [
        "scikit-learn; python_version > '3'", "# a comment", f"-r {parts.path}/more/own.txt", "numpy",
    ]  # fmt: skip
    assert len([text for text in runner.said if "warning" in text]) == 2


def test_an_interpreter_that_is_not_there(environments: Environments) -> None:
    with pytest.raises(EnvironmentFailed, match="no-such-python"):
        environments.ready(Environment(python="no-such-python"))


def test_a_specification_survives_json() -> None:
    made = Environment((Git("a", "/x", "main", "src"),), ("numpy>=1",), "python3", True)
    assert Environment.from_json(made.to_json()) == made


# ---------------------------------------------------------------- without network, by either installer

BACKEND = """
import os, time, zipfile

def build_editable(folder, settings=None, metadata=None):
    here = os.path.dirname(os.path.abspath(__file__))
    for line in open(os.path.join(here, "before")):
        exec(line)
    name = "parts-1.0.dist-info"
    files = {
        "parts.pth": os.path.join(here, "code") + "\\n",
        f"{name}/METADATA": "Metadata-Version: 2.1\\nName: parts\\nVersion: 1.0\\nRequires-Dist: tinydep\\n",
    }
    return write_wheel(folder, "parts", "1.0", files)

"""
WHEELS = """
def write_wheel(folder, name, version, files):
    file = f"{name}-{version}-py3-none-any.whl"
    place = f"{name}-{version}.dist-info"
    more = {f"{place}/WHEEL": "Wheel-Version: 1.0\\nGenerator: x\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n"}
    files = {**files, **more}
    record = "".join(f"{path},,\\n" for path in [*files, f"{place}/RECORD"])
    with zipfile.ZipFile(os.path.join(folder, file), "w") as wheel:
        for path, text in {**files, f"{place}/RECORD": record}.items():
            wheel.writestr(path, text)
    return file
"""
PROJECT = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'


def project(folder: Path, before: str = "", **files: str) -> Repository:
    """A project that builds itself, and asks for tinydep; `before` is what it does first."""
    own = {"pyproject.toml": PROJECT, "backend.py": BACKEND + WHEELS, "before": before, "code/deep/task.py": "x = 1"}
    return Repository(folder, {**own, **files})


@pytest.fixture
def wheels(plain: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of wheels, which is all that the installers may look at."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    scope: dict[str, Any] = {"os": os, "zipfile": zipfile}
    exec(WHEELS, scope)
    for name, code in (("tinydep", "value = 42"), ("scikit_learn", "")):
        head = f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n"
        scope["write_wheel"](folder, name, "1.0", {f"{name}-1.0.dist-info/METADATA": head, f"{name}.py": code})
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv"))
    monkeypatch.setenv("UV_FIND_LINKS", str(folder))
    return folder


@pytest.fixture(params=["uv", "pip"])
def installer(request: pytest.FixtureRequest, wheels: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "pip":
        monkeypatch.delenv("UV_FIND_LINKS")
        monkeypatch.setenv("PIP_NO_INDEX", "1")
        monkeypatch.setenv("PIP_FIND_LINKS", str(wheels))
    elif not uv():
        pytest.skip("uv is not installed")
    return str(request.param)


def test_a_project_is_built_and_found_again_without_network(
    tmp_path: Path, installer: str, environments: Environments, runner: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever else this process sees."""
    parts = project(tmp_path / "parts", **{"requirements.txt": "sklearn==0.0\n"})
    other = Repository(tmp_path / "other", {"src/python/metrics/f1.py": "import deep.task, scikit_learn"})
    elsewhere = tmp_path / "elsewhere" / "tinydep-1.0.dist-info"
    elsewhere.mkdir(parents=True)
    (elsewhere / "METADATA").write_text("Metadata-Version: 2.1\nName: tinydep\nVersion: 1.0\n")
    monkeypatch.setenv("PYTHONPATH", str(elsewhere.parent))
    monkeypatch.setenv("PIP_USER", "1")
    components = (Git("parts", f"file://{parts.path}", "main"), Git("other", f"file://{other.path}", "main"))
    built = environments.ready(Environment(components, ("tinydep>=1",)))
    code = "import tinydep, metrics.f1, deep.task; print(tinydep.value, deep.task.__file__)"
    assert python(built, code) == f"42 {built.components['parts']}/code/deep/task.py"
    assert any(installer in each.split()[0] or f"-m {installer} " in each for each in runner.ran)
    pinned = environments.pinned(Environment(components, ("tinydep>=1",)))
    for each in (parts, other):
        os.rename(each.path, f"{each.path}-gone")
    runner.ran.clear()
    assert environments.ready(pinned) == built
    assert runner.ran == []
    turned = environments.ready(Environment(components[::-1], ("tinydep>=1",)))
    assert all(each.startswith("git ") for each in runner.ran)
    assert turned.python == built.python
    assert turned.digest != built.digest
    assert turned.paths[0] == built.components["other"]


BUILDER = """
import sys
from motet.environments.build import Environments
from motet.environments.spec import Environment, Git
print(Environments(sys.argv[1]).ready(Environment((Git("parts", sys.argv[2]),))).python)
"""


def test_a_builder_that_is_killed_leaves_nothing_that_is_used(tmp_path: Path, wheels: Path) -> None:
    """Another one, which has waited for it, builds anew, although the tools of the first are still at work."""
    begun, go = tmp_path / "begun", tmp_path / "go"
    wait = f"while not os.path.exists({str(go)!r}): time.sleep(0.01)"
    parts = project(tmp_path / "parts", f"open({str(begun)!r}, 'w').close()\n{wait}\n")
    command = [sys.executable, "-c", BUILDER, str(tmp_path / "cache"), parts.path]

    def build() -> subprocess.Popen[str]:
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    builders = [build()]
    try:
        wait_until(begun.exists, "the first builds")
        builders.append(build())
        said = builders[1].stderr
        assert said is not None
        assert any("waiting for another process" in line for line in said)
    finally:
        builders[0].kill()
        go.touch()  # the tools of the first are at work as well
        told = [each.communicate()[0] for each in builders][-1]
    runner = Recorder()
    built = Environments(str(tmp_path / "cache"), runner).ready(Environment((Git("parts", parts.path),)))
    assert built.python == told.strip()
    assert not any("building" in text for text in runner.said)
    assert python(built, "import tinydep, deep.task; print(tinydep.value)") == "42"


def test_a_build_that_fails_is_told_with_the_last_words_of_the_tool(
    tmp_path: Path, wheels: Path, environments: Environments
) -> None:
    parts = project(tmp_path / "parts", "raise RuntimeError('broken on purpose')\n")
    with pytest.raises(EnvironmentFailed, match="broken on purpose") as told:
        environments.ready(Environment((Git("parts", parts.path),)))
    assert "The environment of parts cannot be built" in told.value.what
    parts.commit({"before": ""})
    assert python(environments.ready(Environment((Git("parts", parts.path),))), "import tinydep; print(1)") == "1"


def test_pip_builds_where_its_configuration_says_where_packages_are(
    tmp_path: Path, wheels: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = uv()
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheels))
    assert uv() == there, "uv has been told too"
    monkeypatch.delenv("UV_FIND_LINKS")
    assert uv() == ""
    monkeypatch.delenv("PIP_FIND_LINKS")
    assert uv() == there
    for line in ("index-url = x", "extra-index-url: x", "no-index = true", "timeout = 5"):
        (tmp_path / "pip.conf").write_text(f"[global]\n{line}\n")
        monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))
        if "timeout" not in line:
            assert uv() == "", line


def test_what_was_not_used_for_long_can_be_removed(tmp_path: Path, environments: Environments) -> None:
    repositories = [Repository(tmp_path / name, {"a.py": f"x = {name!r}"}) for name in ("old", "new")]
    old, new = (Environment((Git("parts", each.path),)) for each in repositories)
    built = environments.ready(old)
    cache, far = tmp_path / "cache", time.time() + 1000
    ready = Path(built.python).parents[2] / "ready.json"
    for each in (ready, *(cache / "checkouts").iterdir(), *(cache / "mirrors").iterdir()):
        os.utime(each, (1000, 1000))
    kept = environments.ready(new)
    counted, size_bytes = upkeep.prune(str(cache), time.time() - 500, dry_run=True)
    assert counted == 1 and size_bytes > 1000
    assert upkeep.prune(str(cache), time.time() - 500) == (1, size_bytes)
    assert not ready.exists() and not Path(built.components["parts"]).exists()
    assert python(kept, "import a; print(a.x)") == "new"
    assert python(environments.ready(old), "import a; print(a.x)") == "old"
    with locked(f"{Path(kept.python).parents[2]}.lock", PlainRunner(), "it"):
        assert upkeep.prune(str(cache), far)[0] == 1, "what somebody builds stays, with what it needs"
    assert python(kept, "import a; print(a.x)") == "new"

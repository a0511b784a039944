"""Submodules of components: fetched at the commits that the component names, kept, and no way into this machine."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.environments.test_environments import Recorder, Repository

from motet.environments.sources import Sources, _resolved
from motet.environments.spec import Git
from motet.errors import EnvironmentFailed, UsageError


def with_submodule(folder: Path, path: str, commit: str, url: str) -> Repository:
    """A repository that names a submodule, without fetching it."""
    made = Repository(folder, {"mod.py": "", ".gitmodules": f'[submodule "x"]\n\tpath = {path}\n\turl = {url}\n'})
    made.git("update-index", "--add", "--cacheinfo", f"160000,{commit},{path}")
    made.git("commit", "--quiet", "--message", "submodule")
    return made


@pytest.fixture
def runner() -> Recorder:
    return Recorder()


def checked_out(folder: Path, url: str, runner: Recorder) -> Path:
    sources = Sources(str(folder / "kept"), runner)
    return Path(sources.checkout(Git("outer", url, sources.commit(Git("outer", url)))))


def test_submodules_within_submodules_are_there_and_stay_there(tmp_path: Path, runner: Recorder) -> None:
    deep = Repository(tmp_path / "deep", {"d.py": "v1"})
    first = deep.git("rev-parse", "HEAD")
    deep.commit({"d.py": "v2"})
    inner = with_submodule(tmp_path / "inner", "deep", first, "../deep")
    outer = with_submodule(tmp_path / "outer", "lib/inner", inner.git("rev-parse", "HEAD"), f"file://{inner.path}")
    found = checked_out(tmp_path, outer.path, runner)
    assert (found / "lib/inner/mod.py").exists()
    assert (found / "lib/inner/deep/d.py").read_text() == "v1", "the commit that the component names"
    for each in (inner, deep):
        Path(each.path).rename(f"{each.path}-gone")
    ran = len(runner.ran)
    assert checked_out(tmp_path, outer.path, runner) == found
    assert [each for each in runner.ran[ran:] if " clone " in each] == [], "kept"


def test_one_that_cannot_be_had_is_told_and_tried_again(tmp_path: Path, runner: Recorder) -> None:
    inner = Repository(tmp_path / "inner", {"i.py": ""})
    outer = with_submodule(tmp_path / "outer", "inner", inner.git("rev-parse", "HEAD"), "../inner")
    Path(inner.path).rename(tmp_path / "gone")
    found = checked_out(tmp_path, outer.path, runner)
    assert (found / "mod.py").exists()
    assert any("the submodule inner of component outer is missing" in each for each in runner.said)
    (tmp_path / "gone").rename(inner.path)
    assert (checked_out(tmp_path, outer.path, runner) / "inner/i.py").exists()


def test_repositories_that_are_shallow_or_have_no_default_branch(tmp_path: Path, runner: Recorder) -> None:
    made = Repository(tmp_path / "made", {"a.py": ""})
    made.commit({"b.py": ""})
    made.git("clone", "--quiet", "--depth", "1", f"file://{made.path}", str(tmp_path / "shallow"))
    made.git("clone", "--quiet", "--bare", made.path, str(tmp_path / "bare"))
    made.git("-C", str(tmp_path / "bare"), "symbolic-ref", "HEAD", "refs/heads/never-pushed")
    sources = Sources(str(tmp_path / "kept"), runner)
    for name in ("shallow", "bare"):
        url = f"file://{tmp_path / name}"
        found = sources.checkout(Git(name, url, sources.commit(Git(name, url, "main"))))
        assert Path(found, "b.py").exists()
    made.git("init", "--quiet", "--bare", str(tmp_path / "empty"))
    with pytest.raises(EnvironmentFailed, match="It is empty"):
        sources.commit(Git("empty", f"file://{tmp_path / 'empty'}", "main"))


@pytest.mark.parametrize("url", ["ext::touch mark", "--upload-pack=touch mark"])
def test_hostile_urls_are_refused(tmp_path: Path, runner: Recorder, url: str) -> None:
    outer = with_submodule(tmp_path / "outer", "inner", "1" * 40, url)
    with pytest.raises(UsageError):
        checked_out(tmp_path, outer.path, runner)
    assert not (tmp_path / "mark").exists()


def test_a_component_from_elsewhere_has_no_submodule_of_this_machine(
    tmp_path: Path, runner: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    config = tmp_path / "gitconfig"
    config.write_text(f'[url "file://{tmp_path}/"]\n\tinsteadOf = https://git.example/\n')
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))
    private = Repository(tmp_path / "private", {"secret": ""})
    commit = private.git("rev-parse", "HEAD")
    with_submodule(tmp_path / "outer", "inner", commit, private.path)
    with pytest.raises(UsageError, match="on this machine"):
        checked_out(tmp_path, "https://git.example/outer", runner)
    with_submodule(tmp_path / "fair", "inner", commit, "../private")
    assert (checked_out(tmp_path, "https://git.example/fair", runner) / "inner/secret").exists()


@pytest.mark.parametrize("path", ["../out", ".git/hooks", "link/x"])
def test_paths_that_lead_out_are_passed_over(tmp_path: Path, runner: Recorder, path: str) -> None:
    inner = Repository(tmp_path / "inner", {"i.py": ""})
    outer = Repository(tmp_path / "outer", {
        "mod.py": "", ".gitmodules": f'[submodule "x"]\n\tpath = {path}\n\turl = {inner.path}\n',
    })  # fmt: skip
    Path(outer.path, "link").symlink_to(tmp_path)
    outer.git("add", ".")
    outer.git("commit", "--quiet", "--message", "link")
    checked_out(tmp_path, outer.path, runner)
    assert not (tmp_path / "x").exists()
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("url", "outer", "found"),
    [
        ("../b.git", "https://h/x/a.git", "https://h/x/b.git"),
        ("../../y/b", "git@h:x/a.git", "git@h:y/b"),
        ("./b", "/srv/a", "/srv/a/b"),
        ("https://o/b", "/srv/a", "https://o/b"),
    ],
)
def test_relative_urls_start_at_the_outer_one(url: str, outer: str, found: str) -> None:
    assert _resolved(url, outer) == found

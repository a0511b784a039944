"""Files that count by what is in them: `Annotated[Path, Content]`, for cache, fork and resume."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import pytest

import motet
from motet import INPUTS, Content, flow, task, unmapped
from motet.dialects.python import arguments
from motet.dialects.python.scope import Lineage
from motet.ports import StepSpec
from motet.values.identity import files

Data = Annotated[Path, Content]
Held = Annotated[list[Path], Content()]


def asked(fn: Callable[..., Any], *args: Any, **kwargs: Any) -> StepSpec:
    called = task(fn)
    code = called.code.spec(None, lambda caller, name: name)
    return StepSpec(**arguments.asked(code, called.shape, (args, kwargs), Lineage(), arguments.NOT_BOUND, None)[0])


def by_alias(x: Data) -> None: ...
def by_text(x: Annotated[str, Content]) -> None: ...
def by_module(x: Annotated[Path, motet.Content]) -> None: ...
def of_list(x: list[Annotated[Path, Content]]) -> None: ...
def of_held(x: Held) -> None: ...
def of_dict(x: dict[str, Annotated[Path, Content]]) -> None: ...
def of_perhaps(x: Annotated[Path, Content] | None) -> None: ...
def of_several(*x: Annotated[Path, Content]) -> None: ...
def of_named(**x: Annotated[Path, Content]) -> None: ...
def of_keyword(*, x: Data) -> None: ...


WAYS: dict[str, Callable[[Path], StepSpec]] = {
    "an alias": lambda path: asked(by_alias, path),
    "a text": lambda path: asked(by_text, str(path)),
    "the module's name": lambda path: asked(by_module, path),
    "a list": lambda path: asked(of_list, [path, path]),
    "a list as a whole": lambda path: asked(of_held, [path]),
    "values of a dict": lambda path: asked(of_dict, {"a": path}),
    "perhaps none": lambda path: asked(of_perhaps, path),
    "any number": lambda path: asked(of_several, path, path),
    "any names": lambda path: asked(of_named, a=path),
    "a keyword": lambda path: asked(of_keyword, x=path),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_file_counts_by_name_and_content(way: str, tmp_path: Path) -> None:
    ask = WAYS[way]
    one, other = tmp_path / "one" / "t.csv", tmp_path / "other" / "t.csv"
    for each in (one, other):
        each.parent.mkdir()
        each.write_text("1")
    assert ask(one).identity == ask(other).identity, "wherever it lies"
    before = ask(one).identity
    one.write_text("2")
    assert ask(one).identity != before
    renamed = other.rename(other.with_name("u.csv"))
    assert ask(renamed).identity != before
    renamed.unlink()
    assert "cannot be read" in str(ask(renamed).unknown)


def test_of_none_and_of_a_default(tmp_path: Path) -> None:
    assert asked(of_perhaps, None).identity == asked(of_perhaps, None).identity
    file = tmp_path / "t"

    def work(x: Data = file) -> None: ...

    file.write_text("1")
    before = asked(work).identity
    file.write_text("2")
    assert asked(work).identity != before


def test_a_folder_counts_by_all_that_is_in_it(tmp_path: Path) -> None:
    folder = tmp_path / "set"
    (folder / "a" / "b").mkdir(parents=True)
    (folder / "a" / "x").write_text("1")
    seen = [asked(by_alias, folder).identity]
    for change in (
        lambda: (folder / "a" / "x").write_text("2"), lambda: (folder / "y").write_text(""),
        lambda: (folder / "y").rename(folder / "z"), lambda: (folder / "a" / "b").rmdir(),
        lambda: (folder / "z").symlink_to("a/x") if (folder / "z").unlink() is None else None,
    ):  # fmt: skip
        change()
        seen.append(asked(by_alias, folder).identity)
    assert len(set(seen)) == len(seen)
    os.mkfifo(folder / "pipe")
    assert "neither a file nor a folder" in str(asked(by_alias, folder).unknown)


def test_a_file_is_read_again_only_when_it_may_have_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[int] = []
    hashing = files.blake2b
    monkeypatch.setattr(files, "blake2b", lambda *parts, **more: read.append(1) or hashing(*parts, **more))
    monkeypatch.setattr(files, "_SETTLED_NS", -(10**18))
    file = tmp_path / "t"
    file.write_text("1")
    first = files.contents(file)
    assert (files.contents(str(file)), len(read)) == (first, 1)
    file.write_text("2")
    os.utime(file, ns=(0, 0))
    assert (files.contents(file) == first, len(read)) == (False, 2)
    replaced = tmp_path / "new"
    replaced.write_text("3")
    os.utime(replaced, ns=(0, 0))
    replaced.replace(file)
    assert files.contents(file)
    assert len(read) == 3
    monkeypatch.setattr(files, "_SETTLED_NS", 10**18)
    file.write_text("4")
    files.contents(file)
    files.contents(file)
    assert len(read) == 5, "what was changed just now may be changed again in the same instant"


def test_a_cached_task_runs_again_when_its_file_has_changed(tmp_path: Path) -> None:
    ran: list[str] = []
    file = tmp_path / "t"

    @task(cache_policy=INPUTS - "ran")
    def load(path: Annotated[Path, Content]) -> str:
        ran.append(path.read_text())
        return ran[-1]

    @flow
    def all_of(paths: list[Path]) -> list[str]:
        return [load(paths[0]), *load.map(paths, wait_for=unmapped(1)).result()]

    for text in ("1", "1", "2", "1"):
        file.write_text(text)
        assert all_of([file]) == [text, text]
    assert ran == ["1", "2"]

"""Results taken from equal steps of earlier runs: what counts as equal, what is copied, what is never kept."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from tests.packtivity.conftest import Bench, cmd

from motet import app
from motet.dialects.yadage.packtivity.settings import Settings
from motet.views.facts import Facts

FOUND = {"publisher_type": "fromglob-pub", "globexpression": "**", "outputkey": "found"}
PATHS = {"publisher_type": "interpolated-pub", "publish": {"x": "{out}", "y": ["{workdir}/sub"]}}


class Cached(Bench):
    """Steps that are looked for among those that are kept; each counts that it ran."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.settings = Settings(cached=True)

    def step(self, text: str, at: str, parameters: dict[str, Any] | None = None, **more: Any) -> tuple[Any, bool]:
        """The record of the step, and whether it was run."""
        before = self.count
        text = f"echo x >> {self.folder}/count\n{text}"
        run, row = self.run(cmd(text, more.pop("publisher", FOUND)), parameters, at, **more)
        assert run.status == "succeeded", run.error
        assert ("from" in row.result) == (self.count == before)
        return row.result, self.count > before

    @property
    def count(self) -> int:
        """How many steps have run."""
        path = self.folder / "count"
        return len(path.read_text().split()) if path.exists() else 0

    def given(self, at: str, **files: str) -> str:
        """A folder with these files, as a step before would have left it."""
        folder = self.folder / at
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            (folder / name).write_text(text)
        return str(folder)


@pytest.fixture
def bench(tmp_path: Path) -> Cached:
    """Steps in a folder of the test's own."""
    return Cached(tmp_path)


def test_the_files_are_copied_and_what_is_published_names_the_copies(bench: Cached) -> None:
    text = "mkdir -p sub/empty; echo a > {out}; echo b > sub/b; chmod 755 sub/b; ln -s b sub/link; ln -s {out} top"
    for at in ("one/step", "two/step"):
        out = f"{bench.folder}/{at}/a [1].txt"
        quoted = text.replace("{out}", '"{out}"')
        record, ran = bench.step(quoted, at, {"out": out}, publisher=PATHS)
        assert ran == (at == "one/step")
        assert record["published"] == {"x": out, "y": [f"{bench.folder}/{at}/sub"]}
        assert Path(out).read_text() == "a\n"
        folder = bench.folder / at
        assert os.access(folder / "sub/b", os.X_OK)
        assert (folder / "sub/empty").is_dir()
        assert os.readlink(folder / "sub/link") == "b"
        assert os.readlink(folder / "top") == out
    assert "nothing was run: step one/step of run" in bench.log("two/step")


def test_a_removed_folder_is_no_loss_and_a_changed_copy_no_harm(bench: Cached) -> None:
    bench.step("echo a > a", "one")
    shutil.rmtree(bench.folder / "one")
    assert bench.step("echo a > a", "two") == ({**bench.step("echo a > a", "three")[0], **_of(bench, "two")}, False)
    (bench.folder / "two/a").write_text("changed")
    assert bench.step("echo a > a", "four")[1] is False
    assert bench.text("four/a") == "a\n"


def _of(bench: Cached, at: str) -> dict[str, Any]:
    folder = f"{bench.folder}/{at}"
    before = {"two": "one", "three": "two"}[at]
    run = next(row.id for row in app.hosts.current().store.runs(limit=100) if row.workflow == before)
    log = f"{folder}/_packtivity/{at}.run.log"
    return {"published": {"found": [f"{folder}/a"]}, "folder": folder, "log": log, "from": [run, before]}


def test_what_counts(bench: Cached) -> None:
    first = bench.given("up1", data="1", more="2")
    second = bench.given("up2", data="1", more="2")
    use = "cat {p}/data > out"
    assert bench.step(use, "a", {"p": first}, readonly=("up1",))[1]
    assert not bench.step(use, "b", {"p": second}, readonly=("up2",))[1]  # the same files elsewhere
    assert bench.step(f"{use} ", "c", {"p": first}, readonly=("up1",))[1]  # another command
    assert bench.step(use, "d", {"p": first, "q": 1}, readonly=("up1",))[1]  # another parameter
    bench.given("up2", more="3")
    assert bench.step(use, "e", {"p": second}, readonly=("up2",))[1]  # another file, whether it is used or not
    bench.given("up2", more="2")
    assert not bench.step(use, "f", {"p": second}, readonly=("up2",))[1]
    os.chmod(f"{second}/more", 0o755)
    assert bench.step(use, "g", {"p": second}, readonly=("up2",))[1]  # that can be executed


def test_what_differs_from_the_nearest_result_is_told(bench: Cached) -> None:
    facts = []
    for text, parameters in (("touch a", {"n": 1}), ("touch b", {"n": 1}), ("touch b", {"n": 2})):
        run, row = bench.run(cmd(text, FOUND), parameters)
        facts.append(Facts(app.hosts.current().store, run, row).nearest)
        shutil.rmtree(bench.folder / "work")
    assert facts[0] is None
    assert [each["differs"] for each in facts[1:]] == [["step"], ["parameters"]]


def test_files_that_are_named_beside_the_folders(bench: Cached) -> None:
    data = Path(bench.given("data", file="1")) / "file"
    assert bench.step("cat {p} > out", "a", {"p": str(data)})[1]
    assert not bench.step("cat {p} > out", "b", {"p": str(data)})[1]
    data.write_text("2")
    assert bench.step("cat {p} > out", "c", {"p": str(data)})[1]
    assert bench.step("ls {p} > out", "d", {"p": str(data.parent)})[1]
    assert bench.step("ls {p} > out", "e", {"p": str(data.parent)})[1]  # what is in it may be anything
    assert "no result of this step is kept" in bench.log("e")


def test_a_step_that_changes_what_others_have_made_is_run_each_time(bench: Cached) -> None:
    for at in ("a", "b"):
        bench.given("up", data="1")
        record, ran = bench.step("echo 2 > {p}/data; echo y > out", at, {"p": f"{bench.folder}/up"}, readonly=("up",))
        assert ran
        assert record["wrote_upstream"] == [f"{bench.folder}/up/data"]
        assert "no result of this step is kept for other runs: files of steps before it were changed" in bench.log(at)


def test_failed_steps_and_folders_that_were_not_empty_keep_nothing(bench: Cached) -> None:
    for at in ("a", "b"):
        assert "exit status 1" in bench.failed(cmd("echo half > a; exit 1", FOUND), at=at)
    bench.given("c", other="x")
    assert bench.step("echo a > a", "c", own=False)[1]
    assert bench.step("echo a > a", "d")[1]
    assert not bench.step("echo a > a", "e")[1]


def test_files_that_name_where_they_were_made_stay_there(bench: Cached) -> None:
    text = "pwd > out; touch other"
    assert bench.step(text, "a")[1]
    assert bench.step(text, "b")[1]
    shutil.rmtree(bench.folder / "b")
    assert not bench.step(text, "b")[1]
    assert bench.text("b/out") == f"{bench.folder}/b\n"


def test_equal_steps_of_one_run_are_not_taken_for_one_another(bench: Cached) -> None:
    from motet.dialects.yadage.packtivity.caching import Cache, Paths

    host = app.hosts.current()
    for run, expected in (("r1", [None, None]), ("r2", ["r1", "r1"]), ("r3", ["r2", "r2"])):
        for number, wanted in enumerate(expected):
            folder = bench.folder / run / f"sample_{number}"
            folder.mkdir(parents=True)
            cache = Cache(host, (run, f"sample_{number}", "sample"), Paths(str(folder), ()), str(bench.folder / run))
            found = cache.find("spec", "host", {"n": 1})
            assert (found and found["from"][0]) == wanted
            if found is None:
                (folder / "random").write_text(str(number))
                cache.keep({})
            assert (folder / "random").read_text() == str(number)


def test_files_that_are_lost_are_made_again(bench: Cached, motet_home: Path) -> None:
    bench.step("echo a > a; echo b > b", "one")
    shutil.rmtree(motet_home / "artifacts")
    assert bench.step("echo a > a; echo b > b", "two")[1]
    assert not bench.step("echo a > a; echo b > b", "three")[1]


def test_nothing_is_kept_or_taken_unless_that_is_asked_for(bench: Cached) -> None:
    bench.step("touch a", "one")
    bench.settings = Settings()
    assert bench.step("touch a", "two")[1]
    assert bench.step("touch b", "three")[1]
    bench.settings = Settings(cached=True)
    assert bench.step("touch b", "four")[1]

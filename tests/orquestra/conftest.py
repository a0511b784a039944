"""Components as bare git repositories, made anew for the session, that git finds under the URLs of the workflows."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from tests.cli.conftest import Cli

FILES = """\
import json


def save(content, name):
    try:
        with open(name, "w") as file:
            content["schema"] = "own-schema"
            json.dump(content, file)
    except OSError:
        print("could not write", name)


def load(path):
    with open(path) as file:
        return json.load(file)
"""

SETUP = """\
import setuptools

setuptools.setup(
    name="step-code",
    packages=setuptools.find_packages(where="python"),
    package_dir={"": "python"},
    classifiers=("Programming Language :: Python :: 3",),
    install_requires=["yaml"],
)
"""
"""As components were written then: one name for all, no version, a dead requirement, packages that it cannot find."""

POINTS = """\
from garden.files import save


def draw(count, slope):
    save({"points": [[x, slope * x + 1] for x in range(count)]}, "points.json")
"""

LINE = """\
import yaml

from garden.files import *


def fit(points):
    pairs = load(points)["points"]
    (x0, y0), (x1, y1) = pairs[0], pairs[-1]
    slope = (y1 - y0) / (x1 - x0)
    save({"slope": slope, "start": y0 - slope * x0, "given": points}, "line.json")
    return "this is ignored"
"""

SCORE = """\
from scores.measure import error
from scores.files import load, save


def mean_error(line, points):
    errors = [error(load(line), point) for point in load(points)["points"]]
    save({"mean": sum(errors) / len(errors), "errors": errors}, "mean-error.json")
"""

MEASURE = """\
def error(line, point):
    return abs(line["slope"] * point[0] + line["start"] - point[1])
"""

ODD = """\
import json
import os
import time

import motet


def note(word):
    with open(os.environ["COUNT"], "a") as file:
        file.write(word + "\\n")


def write(name, content):
    with open(name, "w") as file:
        json.dump(content, file)


def tell(**given):
    note("tell")
    write("told.json", given)


def forgetful(word):
    write("other.json", {})


def garbled(word):
    with open("told.json", "w") as file:
        file.write("{not json")


def broken(word):
    print("before it breaks")
    raise ValueError("no " + word)


def slow(word, seconds):
    note(word)
    time.sleep(seconds)
    note(word + "-ends")
    write("told.json", {"word": word})


def held(word):
    note(word)
    while not os.path.exists(os.path.join(os.path.dirname(os.environ["COUNT"]), "go")):
        time.sleep(0.01)
    note(word + "-ends")
    write("told.json", {"word": word})


def meet(own, other, folder):
    open(os.path.join(folder, own), "w").close()
    until = time.monotonic() + 60
    while not os.path.exists(os.path.join(folder, other)):
        assert time.monotonic() < until, "nobody came"
        time.sleep(0.01)
    write("told.json", {"met": other})


def flaky(word):
    note("flaky")
    with open(os.environ["COUNT"]) as file:
        if file.read().split().count("flaky") < 3:
            raise OSError("not yet")
    write("told.json", {"word": word})


def reading(folder):
    with open(folder + "step/garden/steps/table.txt") as file:
        write("told.json", {"read": file.read()})


def at_app(told):
    os.chdir("/")
    with open(told) as file:
        write("/app/told.json", {"given": told, "cwd": os.environ["PWD"], "was": json.load(file)})


def large(size):
    write("told.json", {"ones": [1] * size})


def binary(size):
    with open("weights.bin", "wb") as file:
        file.write(bytes(size))


def weigh(weights):
    write("told.json", {"size": os.path.getsize(weights), "name": os.path.basename(weights)})


@motet.task(retries=2)
def scale(told, factor):
    note("scale")
    with open(os.environ["COUNT"]) as file:
        if file.read().split().count("scale") < 3:
            raise OSError("not yet")
    return {"scaled": told["word"] * factor}
"""

REPOSITORIES: Mapping[str, Mapping[str, Mapping[str, str]]] = {
    "growers/garden": {
        "main": {
            "steps/points.py": POINTS, "steps/line.py": LINE, "steps/odd.py": ODD, "src/setup.py": SETUP,
            "src/python/garden/files.py": FILES, "steps/table.txt": "one two",
        },
    },
    "others/scores": {
        "main": {
            "tasks/score.py": SCORE, "src/setup.py": SETUP, "src/python/scores/files.py": FILES,
            "src/python/scores/measure.py": MEASURE,
        },
        "misplaced": {
            "tasks/score.py": SCORE, "src/setup.py": SETUP, "src/python/metrics/files.py": FILES,
            "src/python/metrics/measure.py": MEASURE,
        },
    },
}  # fmt: skip


def git(where: Path, *words: str) -> str:
    """Run git apart from anybody's configuration; gives what it prints."""
    names = {f"GIT_{who}_{what}": "tests@example" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    env = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, **names}
    done = subprocess.run(["git", *words], cwd=where, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def publish(bare: Path, branch: str, files: Mapping[str, str], work: Path, tag: str = "") -> str:
    """Make these files the newest commit of the branch; gives it."""
    if not bare.exists():
        bare.mkdir(parents=True)
        git(bare, "init", "-q", "--bare", "-b", "main")
    if not work.exists():
        work.mkdir(parents=True)
        git(work, "init", "-q", "-b", branch)
    for path, text in files.items():
        (work / path).parent.mkdir(parents=True, exist_ok=True)
        (work / path).write_text(text)
    git(work, "add", "-A")
    git(work, "commit", "-q", "--allow-empty", "-m", "change")
    if tag:
        git(work, "tag", tag)
    git(work, "push", "-q", "--tags", str(bare), branch)
    return git(work, "rev-parse", "HEAD")


class Remotes:
    """The repositories that the URLs git@git.example:... lead to."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name, branches in REPOSITORIES.items():
            for branch, files in branches.items():
                self.publish(name, branch, files, tag="v1" if (name, branch) == ("others/scores", "main") else "")
        self.config = folder / "gitconfig"
        self.config.write_text(f'[url "file://{folder}/bare/"]\n\tinsteadOf = git@git.example:\n')

    def publish(self, name: str, branch: str, files: Mapping[str, str], tag: str = "") -> str:
        """A new commit on a branch of a repository."""
        bare, work = self.folder / "bare" / f"{name}.git", self.folder / "work" / name / branch
        return publish(bare, branch, files, work, tag)

    def bare(self, name: str) -> Path:
        """The folder of a repository."""
        return self.folder / "bare" / f"{name}.git"


@pytest.fixture
def remotes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Remotes:
    made = Remotes(tmp_path / "remotes")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(made.config))
    return made


@pytest.fixture
def cli(tmp_path: Path, motet_home: Path, remotes: Remotes) -> Iterator[Cli]:
    folder = tmp_path / "work"
    folder.mkdir()
    with Cli(folder, motet_home) as made:
        yield made

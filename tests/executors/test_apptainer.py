"""The suite on apptainer's command line, with a stand-in: no real apptainer can be had where these tests are written.

The stand-in takes exactly the options that apptainer's documentation gives them, in the forms it gives, and refuses all
else; what it is asked for it does by bwrap, on the host's files. That a real one does the same is not shown here.
"""

from __future__ import annotations

import os
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from motet.executors.commands import bubblewrap
from motet.executors.commands.spec import Container
from motet.testing.command_suite import CommandSuite

STAND_IN = """
    import csv, os, sys

    def refuse(what):
        sys.exit(print(f"FATAL:   stand-in: {what}", file=sys.stderr) or 255)

    def pull(arguments):
        if len(arguments) != 3 or arguments[0] != "--force" or not arguments[2].startswith("docker://"):
            refuse(f"pull {arguments}")
        if "no-such-image" in arguments[2]:
            refuse("while making image from oci registry: manifest unknown")
        with open(arguments[1], "w") as file:
            file.write("image")

    def bound(spec):
        (fields,) = csv.reader([spec])
        if fields[0] != "type=bind":
            refuse(f"invalid mount {spec}")
        source, target = fields[1].removeprefix("source="), fields[2].removeprefix("destination=")
        if (source, target) == (fields[1], fields[2]) or fields[3:] not in ([], ["ro"]) or not os.path.exists(source):
            refuse(f"invalid mount {spec}")
        return ["--ro-bind" if fields[3:] else "--bind", source, target]

    def execute(arguments):
        options, compat, cwd = [], False, "/"
        while arguments and arguments[0].startswith("-"):
            name = arguments.pop(0)
            if name == "--compat":
                compat = True
            elif name == "--pwd":
                cwd = arguments.pop(0)
            elif name == "--mount":
                options += bound(arguments.pop(0))
            elif name == "--net":
                if arguments.pop(0) != "--network" or arguments.pop(0) != "none":
                    refuse("only root may have other networks")
                options.append("--unshare-net")
            else:
                refuse(f"unknown flag: {name}")
        image = arguments.pop(0)
        if not compat or not os.path.isfile(image) or not arguments:
            refuse(f"could not open image {image}")
        root = [part for each in ("/usr", "/etc") for part in ("--ro-bind", each, each)]
        root += [part for each in ("bin", "lib", "lib64") for part in ("--symlink", f"usr/{each}", f"/{each}")]
        env = {"PATH": "/usr/bin:/bin", **{name: value for name, value in os.environ.items() if "ENV_" in name}}
        env = {name.removeprefix("APPTAINERENV_"): value for name, value in env.items()}
        named = [part for name, value in env.items() for part in ("--setenv", name, value)]
        os.execvp("bwrap", [
            "bwrap", "--die-with-parent", "--unshare-pid", "--clearenv", *named, *root, "--proc", "/proc", "--dev",
            "/dev", "--tmpfs", "/tmp", *options, "--chdir", cwd, "--", *arguments,
        ])

    verb, *rest = sys.argv[1:]
    {"version": lambda rest: print("1.3.0"), "pull": pull, "exec": execute}.get(verb, refuse)(rest)
"""


@pytest.fixture(scope="module")
def apptainer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    if refusal := bubblewrap.refusal():
        pytest.skip(f"the stand-in for apptainer needs bwrap, which {refusal}")
    folder = tmp_path_factory.mktemp("apptainer")
    (folder / "apptainer").write_text(f"#!{sys.executable} -IS\n{textwrap.dedent(STAND_IN)}")
    (folder / "apptainer").chmod(0o755)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
        yield


@pytest.mark.usefixtures("apptainer")
class TestApptainer(CommandSuite):
    place = Container("python:3", engine="apptainer", network="none")
    python = False

    def test_the_image_is_pulled_once_and_recorded_by_its_digest(self) -> None:
        with self.opened() as bench:
            place = bench.done("true").place
            assert str(place["image"]) == "sha256:6105d6cc76af400325e94d588ce511be5bfdbb73b437dc51eca43917d7a43e3d"
            images = os.listdir(bench.folder / "work" / "shared" / "images")
            assert sorted(images) == [f"{str(place['image'])[7:]}.sif", "docker%3A%2F%2Fpython%3A3"]
            bench.place = Container("python:3", engine="apptainer", pull="never")
            assert bench.done("true").place == place

    def test_images_that_cannot_be_had_are_named_with_the_cure(self) -> None:
        with self.opened() as bench:
            for pull, told in (("never", "may not be pulled"), ("missing", "manifest unknown")):
                bench.place = Container("no-such-image", engine="apptainer", pull=pull)
                message = bench.failed("true")["message"]
                for part in ("step[0]" if pull == "never" else "step[1]", "no-such-image", told, "Check its name"):
                    assert part in message

    def test_what_it_cannot_do_is_refused(self, tmp_path: Path) -> None:
        with self.opened() as bench:
            bench.place = Container("python:3", engine="apptainer", user="0:0")
            assert "calling user" in bench.failed("true")["message"]
            bench.place = Container("python:3", engine="apptainer", network="bridge")
            assert "255" in bench.failed("true")["message"]

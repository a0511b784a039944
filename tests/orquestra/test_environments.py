"""Environments of steps, built offline from wheels in a folder: used again, locked, told of where they cannot be."""

from __future__ import annotations

import json
import zipfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from tests.cli.conftest import Cli
from tests.orquestra.conftest import ODD, Remotes
from tests.orquestra.workflows import odd, step

from motet.environments.plain import PlainRunner
from motet.environments.requirements import declared


def wheel(folder: Path, release: str) -> Path:
    """A package `petal` of that version, which knows its version."""
    path = folder / f"petal-{release}-py3-none-any.whl"
    path.parent.mkdir(exist_ok=True)
    about = f"petal-{release}.dist-info"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("petal.py", f"VERSION = {release!r}\n")
        file.writestr(f"{about}/METADATA", f"Metadata-Version: 2.1\nName: petal\nVersion: {release}\n")
        file.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        file.writestr(f"{about}/RECORD", "")
    return path


@pytest.fixture
def wheels(cli: Cli, tmp_path: Path, remotes: Remotes) -> Path:
    """A folder that is all the installers have; and a component that asks for what is in it."""
    folder = tmp_path / "wheels"
    for tool in ("UV", "PIP"):
        cli.env |= {f"{tool}_NO_INDEX": "1", f"{tool}_FIND_LINKS": str(folder)}
    code = f"import petal\n{ODD}\n\ndef bloom():\n    write('told.json', {{'petal': petal.VERSION}})\n"
    setup = 'import setuptools\n\nsetuptools.setup(name="garden", install_requires=["petal>=1"])\n'
    remotes.publish("growers/garden", "main", {"steps/odd.py": code, "setup.py": setup})
    cli.write("w.yaml", odd(step("a", "bloom"), step("b", "tell", "x: ((a.told))")))
    wheel(folder, "1.0")
    return folder


def ran(cli: Cli) -> tuple[Any, str]:
    """What a run of the workflow has put out, and what it said on standard error."""
    done = cli("run", "w.yaml", "--json")
    (run,) = json.loads(done.out)["runs"]
    return json.loads(cli("results", run["id"]).out)["a"]["told"], done.err


def test_an_environment_is_built_once_and_stays_as_it_was_locked(cli: Cli, wheels: Path, remotes: Remotes) -> None:
    found, said = ran(cli)
    assert (found, said.count("building an environment")) == ({"petal": "1.0"}, 1)
    remotes.publish("growers/garden", "main", {"notes.txt": "another commit that asks for the same"})
    assert "building an environment" not in ran(cli)[1]
    cli("lock", "w.yaml")
    assert json.loads((cli.folder / "w.yaml.lock").read_text())["packages"] == {
        "garden": {"petal": "1.0", "pyyaml": version("pyyaml")}
    }, "what is built, and what of the base is asked for"
    wheel(wheels, "2.0")
    found, said = ran(cli)
    assert (found, said.count("building an environment")) == ({"petal": "1.0"}, 1)
    (wheels / "petal-1.0-py3-none-any.whl").unlink()
    lock = (cli.folder / "w.yaml.lock").read_text()
    (cli.folder / "w.yaml.lock").write_text(lock.replace('"1.0"', '"1.5"'))
    told = cli("run", "w.yaml", code=1).err
    assert "w.yaml:12:16: The environment of petal>=1, petal==1.5 cannot be built" in told
    assert "Or write the lock file anew: motet lock w.yaml" in told


def test_what_only_its_own_tool_can_build_is_installed(tmp_path: Path) -> None:
    for backend, asked in (("hatchling.build", ["petal"]), ("maturin", None)):
        text = f'[build-system]\nbuild-backend = "{backend}"\n[project]\nname = "x"\ndependencies = ["petal"]\n'
        (tmp_path / "pyproject.toml").write_text(text)
        assert declared(str(tmp_path)) == asked


def test_a_tool_that_ctrl_c_ends_ends_what_called_it() -> None:
    with pytest.raises(KeyboardInterrupt):
        PlainRunner().run(["sh", "-c", "kill -INT $$"])

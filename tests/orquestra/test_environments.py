"""Environments of steps, built offline from wheels in a folder: used again, locked, told of where they cannot be."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pip
import pytest
from tests.cli.conftest import Cli
from tests.orquestra.conftest import ODD, Remotes
from tests.orquestra.workflows import odd, step

from motet.environments.plain import PlainRunner
from motet.environments.requirements import declared


def wheel(folder: Path, release: str, name: str = "petal", needs: str = "") -> Path:
    """A package of that version, which knows its version."""
    path = folder / f"{name}-{release}-py3-none-any.whl"
    path.parent.mkdir(exist_ok=True)
    about = f"{name}-{release}.dist-info"
    needed = f"Requires-Dist: {needs}\n" if needs else ""
    with zipfile.ZipFile(path, "w") as file:
        file.writestr(f"{name}.py", f"VERSION = {release!r}\n")
        file.writestr(f"{about}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {release}\n{needed}")
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
    assert "w.yaml:12:16: The environment of petal>=1, " in told
    assert "petal==1.5" in told
    assert "Or write the lock file anew: motet lock w.yaml" in told


@pytest.fixture
def old(cli: Cli, wheels: Path, remotes: Remotes) -> Path:
    """A base that has leaf 1.0, where newer ones are to be had; petal 1.0 works with any, petal 2.0 with newer ones."""
    base = Path(cli.folder) / "base"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(base)], check=True)
    (site,) = base.glob("lib/python*/site-packages")
    (site / "pip").symlink_to(Path(pip.__file__).parent)
    with zipfile.ZipFile(wheel(wheels, "1.0", "leaf")) as file:
        file.extractall(site)
    (wheels / "leaf-1.0-py3-none-any.whl").unlink()
    wheel(wheels, "2.0", "leaf")
    wheel(wheels, "1.0", needs="leaf")
    wheel(wheels, "2.0", needs="leaf>=2")
    remotes.publish("growers/garden", "main", {"setup.py": PLAIN, "src/setup.py": PLAIN, "steps/odd.py": VERSIONS})
    cli.env["MOTET_ORQUESTRA_BASE"] = str(base / "bin" / "python")
    return base


PLAIN = "import setuptools\n\nsetuptools.setup(name='garden')\n"
VERSIONS = """\
import json

import leaf
import petal


def bloom():
    with open("told.json", "w") as file:
        json.dump({"petal": petal.VERSION, "leaf": leaf.VERSION}, file)
"""


def asking(*lines: str) -> str:
    """A workflow whose step has these requirements beside its component."""
    more = f"- {{name: more, type: python-requirements, parameters: {{requirements: {json.dumps(list(lines))}}}}}\n"
    return odd(step("a", "bloom"), imports=more).replace("imports: [garden]", "imports: [garden, more]")


def test_what_the_base_has_is_what_its_packages_are_installed_for(cli: Cli, old: Path) -> None:
    for lines, found in (
        (["petal<2"], {"petal": "1.0", "leaf": "1.0"}),
        (["leaf<2", "petal"], {"petal": "1.0", "leaf": "1.0"}),
        (["leaf>=2", "petal<2"], {"petal": "1.0", "leaf": "2.0"}),
        (["petal==2.0"], {"petal": "2.0", "leaf": "2.0"}),
    ):
        cli.write("w.yaml", asking(*lines))
        assert ran(cli)[0] == found, lines


def test_versions_that_do_not_go_together_are_told_before_anything_runs(cli: Cli, old: Path) -> None:
    cli.write("w.yaml", asking("leaf<2", "petal==2.0"))
    next(old.glob("lib/python*/site-packages/pip")).unlink()  # then Python brings its own
    said = cli("run", "w.yaml", code=1).err
    assert "The environment of leaf<2, petal==2.0 cannot be built" in said
    assert "petal 2.0 depends on leaf>=2" in said
    assert cli.recorded() == []


def test_another_version_in_the_base_makes_another_environment(cli: Cli, old: Path, wheels: Path) -> None:
    cli.write("w.yaml", asking("leaf", "petal<2"))
    assert ran(cli)[0] == {"petal": "1.0", "leaf": "1.0"}
    (site,) = old.glob("lib/python*/site-packages")
    (site / "leaf.py").write_text("VERSION = '1.1'\n")
    (site / "leaf-1.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: leaf\nVersion: 1.1\n")
    found, said = ran(cli)
    assert (found, said.count("building an environment")) == ({"petal": "1.0", "leaf": "1.1"}, 1)


def test_packages_in_a_lock_file_are_names_and_versions(cli: Cli, wheels: Path) -> None:
    cli("lock", "w.yaml")
    lock = json.loads((cli.folder / "w.yaml.lock").read_text())
    hostile = {
        "x @ file:///tmp/x ; python_version>='3' and extra": "1",
        "--index-url": "http://x",
        "/x": "1",
        "x": "1 --pre",
    }
    for name, release in hostile.items():
        lock["packages"] = {"garden": {name: release}}
        (cli.folder / "w.yaml.lock").write_text(json.dumps(lock))
        assert (
            "cannot be read as a lock file: its packages are no names and versions" in cli("run", "w.yaml", code=2).err
        )


def test_what_only_its_own_tool_can_build_is_installed(tmp_path: Path) -> None:
    for backend, asked in (("hatchling.build", ["petal"]), ("maturin", None)):
        text = f'[build-system]\nbuild-backend = "{backend}"\n[project]\nname = "x"\ndependencies = ["petal"]\n'
        (tmp_path / "pyproject.toml").write_text(text)
        assert declared(str(tmp_path)) == asked


def test_a_tool_that_ctrl_c_ends_ends_what_called_it() -> None:
    with pytest.raises(KeyboardInterrupt):
        PlainRunner().run(["sh", "-c", "kill -INT $$"])

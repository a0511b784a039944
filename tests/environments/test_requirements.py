"""What components ask for, read from their files; and whether what is installed will do."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from motet.environments import requirements
from motet.errors import UsageError

SETUP = "from setuptools import setup, find_packages\n\nsetup(name='Own.Code', packages=find_packages(), {more})\n"


def component(folder: Path, **files: str) -> str:
    for name, text in files.items():
        path = folder / name.replace("__", "/").replace("_dot_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return str(folder)


@pytest.mark.parametrize(
    ("more", "found"),
    [
        ("install_requires=['numpy', 'pyyaml>=5']", ["numpy", "pyyaml>=5"]),
        ("install_requires='numpy'", ["numpy"]),
        ("package_dir={'': 'python'}", []),
        ("install_requires=read()", None),
        ("package_dir={'own': 'code'}", None),
        ("ext_modules=[]", None),
        ("**more", None),
    ],
)
def test_setup_files(tmp_path: Path, more: str, found: list[str] | None) -> None:
    folder = component(tmp_path, src__setup_dot_py=SETUP.format(more=more))
    assert requirements.declared(folder) == found
    assert requirements.project_name(folder) == "own-code"


def test_other_files(tmp_path: Path) -> None:
    folder = component(
        tmp_path, requirements_dot_txt="# tools\nnumpy>=1.20  # arrays\n\nsix\n",
        pyproject_dot_toml="[project]\nname = 'own'\ndependencies = ['rich']\n",
        setup_dot_cfg="[options]\ninstall_requires =\n    click\n",
    )  # fmt: skip
    assert [each for each in requirements.declared(folder) or () if each] == ["numpy>=1.20", "six", "click", "rich"]
    component(tmp_path, requirements_dot_txt="-r other.txt\n")
    assert requirements.declared(folder) is None


def test_where_packages_are(tmp_path: Path) -> None:
    folder = component(tmp_path, setup_dot_py=SETUP.format(more="package_dir={'': 'lib'}"), lib__own__code_dot_py="")
    assert requirements.package_folders(folder) == [str(tmp_path / "lib")]
    component(tmp_path, setup_dot_py=SETUP.format(more="package_dir={'': '../..'}"))
    assert requirements.package_folders(folder) == []


def test_what_is_unmet() -> None:
    has = {"numpy": "1.26.0", "scikit-learn": "1.4", "own-code": "0.1"}
    asked = [
        "numpy>=1.20",
        "sklearn",
        "Own.Code",
        "numpy<1.0",
        "rich",
        "six; python_version < '3'",
        "not a requirement",
    ]
    assert list(requirements.unmet(asked, has)) == ["numpy<1.0", "rich", "not a requirement"]
    assert requirements.dead(asked) == {"sklearn": "scikit-learn"}
    assert requirements.name_of("sklearn==0.0") == "scikit-learn"


def test_what_is_installed() -> None:
    assert requirements.installed(sys.executable)["pytest"] == pytest.__version__
    with pytest.raises(UsageError, match="does not run as a Python interpreter"):
        requirements.installed("/no/such/python")

"""Publishers: each kind, with the files and parameters that it looks at."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.packtivity.conftest import Bench, cmd, spec_of

from motet.dialects.yadage.packtivity.publishing import publish
from motet.errors import UsageError
from motet.values.placeholders import mapped

FILES = ("b.txt", "a.txt", "deep/down/c.txt", "odd [1].txt", ".hidden.txt", "_packtivity/x.txt")
PARAMETERS = {"name": "a", "many": ["x", "y"], "map": {"k": 3}}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with files, whose name has characters that mean something in patterns."""
    found = tmp_path / "step [0]"
    for name in FILES:
        (found / name).parent.mkdir(parents=True, exist_ok=True)
        (found / name).write_text("text")
    return found


def published(folder: Path, kind: str, parameters: Any = PARAMETERS, **keys: Any) -> tuple[Any, list[str]]:
    """What is published, with the folder as W; and what was told."""
    publisher = {"publisher_type": f"{kind}-pub", **keys}
    spec = spec_of(cmd("true", publisher), folder.parent)
    told: list[str] = []
    found = publish(spec["publisher"], parameters, str(folder), told.append)
    return mapped(found, lambda text: text.replace(str(folder), "W")), told


def test_values_of_parameters(folder: Path) -> None:
    found, _ = published(folder, "frompar", outputmap={"x": "name", "in": {"deep": ["many", "map"]}})
    assert found == {"x": "a", "in": {"deep": [["x", "y"], {"k": 3}]}}


def test_a_parameter_that_is_not_there(folder: Path) -> None:
    with pytest.raises(UsageError, match=r"'nane'(.|\n)*Did you mean name"):
        published(folder, "frompar", outputmap={"x": "nane"})


def test_a_constant_is_published_as_it_is_written(folder: Path) -> None:
    found, _ = published(folder, "constant", publish={"x": "{name}", "y": [1, {"z": None}]})
    assert found == {"x": "{name}", "y": [1, {"z": None}]}


@pytest.mark.parametrize(
    ("keys", "wanted"),
    [
        ({"publish": {"x": "{workdir}/*.txt", "n": 5}}, {"x": "W/*.txt", "n": 5}),
        ({"publish": "{name} {many} {map[k]}"}, "a ['x', 'y'] 3"),
        ({"publish": ["{name}.bin", "/abs"], "relative_paths": True}, ["W/a.bin", "/abs"]),
        ({"publish": {"x": "*.txt"}, "glob": True, "relative_paths": True},
         {"x": ["W/a.txt", "W/b.txt", "W/odd [1].txt"]}),
        ({"publish": {"x": "{workdir}/{name}.txt"}, "glob": True}, {"x": ["W/a.txt"]}),
        ({"publish": {"x": "{workdir}/**/*.txt"}, "glob": True},
         {"x": ["W/a.txt", "W/b.txt", "W/deep/down/c.txt", "W/odd [1].txt"]}),
        ({"publish": {"x": "{workdir}/*.zip"}, "glob": True}, {"x": "W/*.zip"}),
    ],
)  # fmt: skip
def test_texts_filled_in(folder: Path, keys: dict[str, Any], wanted: Any) -> None:
    found, told = published(folder, "interpolated", **keys)
    assert found == wanted
    assert bool(told) == ("W/*.zip" in str(wanted))


def test_a_parameter_may_be_called_workdir(folder: Path) -> None:
    found, _ = published(folder, "interpolated", {"workdir": "/own"}, publish={"x": "{workdir}/f"})
    assert found == {"x": "/own/f"}


@pytest.mark.parametrize(
    ("pattern", "wanted"),
    [
        ("*.txt", ["W/a.txt", "W/b.txt", "W/odd [1].txt"]),
        ("*", ["W/a.txt", "W/b.txt", "W/deep", "W/odd [1].txt"]),
        ("deep/**/*.txt", ["W/deep/down/c.txt"]),
        ("a.txt", ["W/a.txt"]),
        ("*.zip", []),
        ("none", []),
    ],
)  # fmt: skip
def test_patterns_are_sorted_and_pass_over_what_is_motets(folder: Path, pattern: str, wanted: list[str]) -> None:
    found, told = published(folder, "fromglob", globexpression=pattern, outputkey="out")
    assert found == {"out": wanted}
    assert bool(told) == (not wanted)


@pytest.mark.parametrize(
    ("text", "wanted"), [("[1, two, {k: v}]", [1, "two", {"k": "v"}]), ("5", 5), ("a: {b: [x]}", {"a": {"b": ["x"]}})]
)
def test_a_file_of_yaml_may_hold_anything(folder: Path, text: str, wanted: Any) -> None:
    (folder / "o.yml").write_text(text)
    assert published(folder, "fromyaml", yamlfile="o.yml")[0] == wanted


class TestJq:
    @pytest.mark.parametrize(
        ("keys", "wanted"),
        [
            ({}, PARAMETERS),
            ({"script": "{out: .many[1], n: .map.k}"}, {"out": "y", "n": 3}),
            ({"script": '{x: "a.txt", y: "no.txt"}', "relative_paths": True}, {"x": "W/a.txt", "y": "no.txt"}),
            ({"script": '{x: "*.txt"}', "relative_paths": True, "glob": True},
             {"x": ["W/a.txt", "W/b.txt", "W/odd [1].txt"]}),
            ({"script": '{x: "a.txt"}', "relative_paths": True, "glob": True, "tryExact": False}, {"x": ["W/a.txt"]}),
        ],
    )  # fmt: skip
    def test_what_a_script_makes_of_the_parameters(self, folder: Path, keys: dict[str, Any], wanted: Any) -> None:
        pytest.importorskip("jq")
        assert published(folder, "fromparjq", **keys)[0] == wanted

    @pytest.mark.parametrize(
        ("text", "said"),
        [(".x[", "fails"), (".name | error", "fails"), (".many[]", "gives 2 values"), ("empty", "0 values")],
    )  # fmt: skip
    def test_scripts_that_are_wrong(self, folder: Path, text: str, said: str) -> None:
        pytest.importorskip("jq")
        with pytest.raises(UsageError, match=said):
            published(folder, "fromparjq", script=text)


def test_a_step_that_only_publishes(bench: Bench) -> None:
    alone = {"process": None, "environment": None}
    assert bench.done({**alone, "publisher": {"publisher_type": "frompar-pub", "outputmap": {"x": "y"}}}, {"y": 1}) == {
        "x": 1
    }
    assert not (bench.folder / "work").exists()

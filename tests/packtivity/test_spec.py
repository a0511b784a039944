"""Packtivities that are wrong: each told with its place, what is wrong, and what would be right."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.packtivity.conftest import spec_of

from motet.dialects.yadage.packtivity.spec import identity, image_of, read
from motet.errors import SpecError
from motet.values.documents import Library, Problems

RIGHT = """\
process:
  process_type: interpolated-script-cmd
  script: |
    echo {x}
    cat {y}
environment:
  environment_type: docker-encapsulated
  image: busybox
publisher:
  publisher_type: interpolated-pub
  publish: {out: '{workdir}/o'}
"""

WRONG = [
    ("script: |", "script: 5\n  interpreter: |", "3:11: found a number (5), expected text", "in quotes"),
    ("cat {y}", "cat {y", "3:11: a brace in 'script' is no placeholder", "(line 2: cat {y)"),
    ("cat {y}", "awk '{print}' }", "3:11: a brace in 'script' is no placeholder", "Double it: {{ and }}."),
    ("script: |", "scrpt: |", "3:3: interpolated-script-cmd has no key 'scrpt'", "Did you mean script?"),
    ("script: |", "interpreter: ''\n  script: |", "3:16: 'interpreter' is empty", "Leave it out for sh."),
    ("interpolated-script-cmd", "interpolated-script", "2:17: there is no process_type 'interpolated-script'",
     "Did you mean interpolated-script-cmd?"),
    ("interpolated-script-cmd", "[a]", "2:17: there is no process_type a list", "There are: string-interpolated-cmd"),
    ("process_type: interpolated-script-cmd", "type: cmd", "2:3: 'process_type' is missing", "There are: "),
    ("process:", "proces:", "1:1: a step has no key 'proces'", "Did you mean process?"),
    ("environment:", "# environment:", "1:1: 'environment' is missing in the step", "Write null if there is none."),
    ("publisher:", "# publisher:", "1:1: 'publisher' is missing in the step", "constant-pub"),
    ("docker-encapsulated", "docker", "7:21: there is no environment_type 'docker'", "docker-encapsulated"),
    ("docker-encapsulated", "localproc-env", "8:3: localproc-env has no key 'image'", "It takes: environment_type."),
    ("docker-encapsulated", "manual-instructions-env", "7:21: manual-instructions-env cannot be had", "by hand"),
    ("image: busybox", "imagetag: '1'", "7:3: 'image' is missing in docker-encapsulated", "`image: ...`"),
    ("image: busybox", "image: busybox\n  imagetag: 1.10", "9:13: found a number (1.1), expected text", "in quotes"),
    ("image: busybox", "image: 'busy box'", "8:10: 'busy box:latest' is no image", "python:3.12-slim"),
    ("image: busybox", "image: busybox\n  env: [A=1]", "9:8: found a list, expected a mapping for 'env'", ""),
    ("image: busybox", "image: busybox\n  env: {A: [1]}", "9:8: the variable A cannot be a list", "Give it text."),
    ("image: busybox", "image: busybox\n  workdir: 3", "9:12: found a number (3), expected text or nothing", ""),
    ("image: busybox", "image: busybox\n  par_mounts: [{mountpath: /x}]", "9:15: found a mapping, expected a mount",
     "jqscript"),
    ("image: busybox", "image: busybox\n  par_mounts: [{mountpath: x, jqscript: .}]", "9:15: 'x' is no absolute",
     "slash"),
    ("image: busybox", "image: busybox\n  resources: [{kubernetes_memory_limit: many}]",
     "9:14: kubernetes_memory_limit cannot be 'many'", "4Gi"),
    ("interpolated-pub", "interpolated", "10:19: there is no publisher_type 'interpolated'", "interpolated-pub?"),
    ("interpolated-pub", "fromglob-pub", "11:3: fromglob-pub has no key 'publish'",
     "It takes: publisher_type, globexpression, "),
    ("publish: {out", "glob: yes please\n  publish: {out", "11:9: found text ('yes please'), expected", ""),
    ("'{workdir}/o'", "'{workdir/o'", "11:12: a brace in '{workdir/o' is no placeholder", "Double it"),
    ("publish: {out: '{workdir}/o'}", "publish:", "11:11: found nothing, expected a mapping or a list or text", ""),
    ("publisher:\n", "publisher: interpolated-pub\nx:\n", "9:12: found text ('interpolated-pub'), expected",
     "Write publisher_type and its keys below it"),
    ("publisher_type: interpolated-pub", "publisher_type: manual-instructions-pub", "10:19: manual-instructions-pub",
     "by hand"),
    ("image: busybox", "image: {$ref: 'none.yml#/x'}", "8:10: $ref 'none.yml#/x' cannot be read", "relative to"),
    ("image: busybox", "image: busybox\n  image: other", "9:3: the key 'image' stands here for the second", "line 8"),
]  # fmt: skip


@pytest.mark.parametrize(("right", "wrong", "told", "cure"), WRONG, ids=[each[1][:30] for each in WRONG])
def test_each_fault_is_told_once_with_its_place(tmp_path: Path, right: str, wrong: str, told: str, cure: str) -> None:
    assert right in RIGHT
    with pytest.raises(SpecError) as failed:
        spec_of(RIGHT.replace(right, wrong), tmp_path)
    text = str(failed.value)
    assert f"a_step.yml:{told}" in text
    assert cure in text
    assert len(text.splitlines()) < 6


def test_several_faults_at_once(tmp_path: Path) -> None:
    with pytest.raises(SpecError) as failed:
        spec_of(RIGHT.replace("image:", "imag:").replace("publish:", "publsh:"), tmp_path)
    text = str(failed.value)
    assert text.startswith("There are 4 errors:")
    assert all(each in text for each in ("a_step.yml:8:3", "'imag'", "a_step.yml:11:3", "'publsh'"))


def test_what_is_left_out_is_filled_in_and_references_followed(tmp_path: Path) -> None:
    (tmp_path / "parts.yml").write_text(
        "envs:\n  one: {environment_type: docker-encapsulated, image: {$ref: '#/name'}}\nname: img\n"
    )
    text = RIGHT.partition("environment:")[0] + "environment: {$ref: 'parts.yml#/envs/one'}\n"
    found = spec_of(f"{text}publisher: {{publisher_type: fromparjq-pub}}\n", tmp_path)
    assert found == {
        "process": {"process_type": "interpolated-script-cmd", "script": "echo {x}\ncat {y}\n", "interpreter": "sh"},
        "environment": {
            "environment_type": "docker-encapsulated", "image": "img", "imagetag": "latest", "resources": [],
            "envscript": "", "env": {}, "workdir": None, "par_mounts": [],
        },
        "publisher": {
            "publisher_type": "fromparjq-pub", "script": ".", "tryExact": True, "glob": False, "relative_paths": False,
        },
    }  # fmt: skip
    assert identity(found) == identity(dict(reversed(found.items())))
    assert identity(found) != identity({**found, "process": None})


def test_resources_that_mean_nothing_here_are_told(tmp_path: Path) -> None:
    text = RIGHT.replace(
        "image: busybox", "image: busybox\n  resources: [CVMFS, CVFMS, {compute_backend: slurm, kubernetes_uid: 5}]"
    )
    (tmp_path / "s.yml").write_text(text)
    problems = Problems()
    assert read(Library(str(tmp_path)).open("s.yml"), problems)
    assert not problems.errors
    assert len(problems.warnings) == 2
    assert "there is no resource 'CVFMS'; it is passed over. Did you mean CVMFS?" in problems.warnings[0]
    assert "compute_backend means nothing on this machine" in problems.warnings[1]


@pytest.mark.parametrize(
    ("image", "tag", "wanted"),
    [
        ("a/b", "latest", "a/b:latest"), ("a/b", "2", "a/b:2"), ("host:5000/a", "latest", "host:5000/a:latest"),
        ("a:3", "latest", "a:3"), ("a@sha256:00", "latest", "a@sha256:00"),
    ],
)  # fmt: skip
def test_names_of_images(image: str, tag: str, wanted: str) -> None:
    assert image_of({"image": image, "imagetag": tag}) == wanted

"""Limits where there are control groups of either version, and where there are none."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from motet.executors.commands import cgroups
from motet.executors.commands.spec import Host, Limits, Place, Sandbox
from motet.testing.command_suite import HIDING, CommandSuite, sleeping
from motet.testing.executor_tasks import wait_until


@pytest.fixture
def groupless(monkeypatch: pytest.MonkeyPatch) -> None:
    """No control group can be had: what can be seen by looking on is."""

    def refuse(*_: object) -> cgroups.Group:
        raise PermissionError("refused by this test")

    monkeypatch.setattr(cgroups, "make", refuse)


@pytest.mark.usefixtures("groupless")
@pytest.mark.parametrize("place", [Host(), Sandbox()], ids=["host", "sandbox"])
def test_who_is_over_is_named_and_all_of_it_is_killed(place: Place) -> None:
    with CommandSuite().opened() as bench:
        bench.place = place
        name = f"{10**6 + os.getpid()}.5"
        hold = "x=$(head -c 300000000 /dev/zero | tr '\\0' a); sleep 1000"
        error = bench.failed(f"{HIDING.format(name=name)}; {hold}", limits=Limits(memory_bytes=48 * 2.0**20))
        assert "out of memory (OOM)" in error["message"]
        wait_until(lambda: not sleeping(name), "nothing is left of it")
        many = "for i in 1 2 3 4 5 6 7 8 9 10 11 12; do sleep 1000 & done; wait"
        assert "limit of pids" in bench.failed(many, limits=Limits(pids=6))["message"]


@pytest.mark.usefixtures("groupless")
def test_that_cpus_are_not_limited_is_said() -> None:
    with CommandSuite().opened() as bench:
        bench.done("true", limits=Limits(cpus=0.5))
        assert "cpus is not enforced" in bench.outcomes.texts("stderr")[0]


def told(folder: Path, groups: str, mounts: str) -> str:
    """The folder, with what a process reads of itself."""
    (folder / "cgroup").write_text(groups)
    (folder / "mounts").write_text(mounts)
    return str(folder)


@pytest.fixture
def second(tmp_path: Path) -> Path:
    """Files as the kernel lays them out: version 2, this process in a scope of a slice that is handed on to users."""
    root = tmp_path / "fs"
    scope = root / "user.slice" / "app.slice" / "mine.scope"
    scope.mkdir(parents=True)
    for folder, handed_on in (
        (root, "cpu memory pids"),
        (scope.parents[1], "cpu memory pids"),
        (scope.parent, "memory pids"),
    ):
        (folder / "cgroup.subtree_control").write_text(handed_on + "\n")
    (scope / "cgroup.subtree_control").write_text("\n")
    for folder in (root, *scope.parents[:2], scope):
        (folder / "cgroup.procs").write_text("")
    told(tmp_path, "0::/user.slice/app.slice/mine.scope\n", f"cgroup2 {root} cgroup2 rw,nosuid 0 0\n")
    return scope


def test_the_nearest_group_that_hands_the_controller_on_is_found(second: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Plain files stand for the kernel's here: they have to be there before they can be set."""
    mkdir = os.mkdir

    def with_files(path: str) -> None:
        mkdir(path)
        for name in ("memory.max", "memory.oom.group", "memory.swap.max", "cpu.max", "pids.max", "cgroup.procs"):
            Path(path, name).write_text("")

    monkeypatch.setattr(os, "mkdir", with_files)
    proc = str(second.parents[3])
    memory = cgroups.make("memory", 2.0**20, "one", proc)
    assert memory.path == str(second.parent / "one")
    assert Path(memory.path, "memory.max").read_text() == "1048576"
    assert Path(memory.path, "memory.oom.group").read_text() == "1"
    assert Path(memory.path, "memory.swap.max").read_text() == "0"
    cpu = cgroups.make("cpu", 1.5, "two", proc)
    assert cpu.path == str(second.parents[1] / "two")
    assert Path(cpu.path, "cpu.max").read_text() == "150000 100000"
    with pytest.raises(OSError, match="no control groups for io"):
        cgroups.make("io", 1, "three", proc)


def test_deaths_and_refusals_are_counted_in_either_version(tmp_path: Path) -> None:
    (tmp_path / "memory.events").write_text("low 0\nhigh 3\nmax 7\noom 2\noom_kill 1\noom_group_kill 1\n")
    (tmp_path / "pids.events").write_text("max 4\n")
    assert cgroups.Group("memory", str(tmp_path)).count("oom_kill") == 1
    assert cgroups.Group("pids", str(tmp_path)).count("max") == 4
    first = tmp_path / "v1"
    first.mkdir()
    (first / "memory.oom_control").write_text("oom_kill_disable 0\nunder_oom 0\noom_kill 2\n")
    assert cgroups.Group("memory", str(first)).count("oom_kill") == 2
    assert cgroups.Group("pids", str(first)).count("max") == 0


def test_a_group_of_version_2_is_killed_as_a_whole() -> None:
    mount = next((line.split()[1] for line in Path("/proc/mounts").read_text().splitlines() if " cgroup2 " in line), "")
    place = Path(mount, f"motet-test-{os.getpid()}")
    try:
        place.mkdir()
    except OSError as error:
        pytest.skip(f"no control group of version 2 can be made here: {error}")
    if not (place / "cgroup.kill").exists():
        place.rmdir()
        pytest.skip("this kernel has no cgroup.kill")
    name = f"{10**6 + os.getpid()}.6"
    enter = f"echo $$ > {place}/cgroup.procs; {HIDING.format(name=name)}; {HIDING.format(name=name)}"
    subprocess.run(["/bin/sh", "-c", enter], check=True)
    wait_until(lambda: len(sleeping(name)) == 2, "they hide")
    cgroups.free([cgroups.Group("pids", str(place))])
    assert not place.exists()
    wait_until(lambda: not sleeping(name), "nothing is left")

"""Steps in containers, on a Docker Engine that is started here; and what is done without one."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from tests.executors.conftest import IMAGE, docker, docker_address, podman
from tests.packtivity.conftest import Bench, cmd, script

from motet.dialects.yadage.packtivity.settings import Settings, asked

__all__ = ["docker", "docker_address", "podman"]

NAME, _, TAG = IMAGE.rpartition(":")
OUT = {"publisher_type": "interpolated-pub", "publish": {"x": "{workdir}/*"}, "glob": True}


def env(**more: Any) -> dict[str, Any]:
    """The environment of the image that there is."""
    return {"environment_type": "docker-encapsulated", "image": NAME, "imagetag": TAG, **more}


@pytest.mark.usefixtures("docker")
class TestDocker:
    def test_a_command_and_a_script_see_their_folder_where_it_is(self, bench: Bench) -> None:
        at = str(bench.folder / "one")
        _, row = bench.run(cmd("echo {x} > {at}/out; pwd", environment=env()), {"x": 1, "at": at}, "one")
        assert bench.text("one/out") == "1\n"
        assert bench.log("one").splitlines()[-1] == "/"  # where the image begins
        assert row.result["place"]["name"] == IMAGE
        assert re.fullmatch(r"sha256:[0-9a-f]{64}", row.result["place"]["image"])
        bench.done(
            script("echo in {x}\nfalse\nls {at}", environment=env()), {"x": 2, "at": at}, "two", readonly=("one",)
        )
        assert bench.log("two").splitlines()[-3:] == ["in 2", "_packtivity", "out"]

    def test_what_the_environment_says(self, bench: Bench) -> None:
        setup = bench.folder / "given"
        setup.mkdir()
        (setup / "setup.sh").write_text("export FROM_SETUP=yes\n")
        place = env(env={"A": "b c", "N": 3}, workdir="{workdir}/sub", envscript=str(setup / "setup.sh"))
        text = 'pwd; echo "$A $N $FROM_SETUP"; echo x > here'
        bench.done(cmd(text, environment=place), readonly=("given",))
        assert bench.log().splitlines()[-2:] == [str(bench.folder / "work/sub"), "b c 3 yes"]
        assert bench.text("work/sub/here") == "x\n"

    def test_parameters_at_paths_of_the_container(self, bench: Bench) -> None:
        pytest.importorskip("jq")
        mounts = [{"mountpath": "/etc/my/list", "jqscript": ".many[]"}, {"mountpath": "/all.json", "jqscript": "."}]
        bench.done(cmd("cat /etc/my/list /all.json", environment=env(par_mounts=mounts)), {"many": ["a", 2]})
        assert bench.log().splitlines()[-3:] == ['"a"', "2", '{"many": ["a", 2]}']

    def test_upstream_files_may_be_written_and_that_is_told(self, bench: Bench) -> None:
        bench.done(cmd("echo old > a", environment=env(workdir="{workdir}")), at="first")
        path = str(bench.folder / "first/a")
        _, row = bench.run(cmd("echo new > {p}", environment=env()), {"p": path}, readonly=("first",))
        assert row.result["wrote_upstream"] == [path]
        assert bench.text("first/a") == "new\n"

    def test_very_many_steps_before_it(self, bench: Bench) -> None:
        names = [f"before_{number}" for number in range(60)]
        for name in names:
            (bench.folder / name).mkdir()
            (bench.folder / name / "out").write_text(f"{name}\n")
        files = [str(bench.folder / name / "out") for name in names]
        bench.done(cmd("cat {files}", environment=env()), {"files": files}, readonly=tuple(names))
        assert bench.log().splitlines()[-60:] == names

    def test_folders_that_are_elsewhere_on_the_host_of_the_engine(
        self, bench: Bench, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("MOTET_HOST_PATHS", "")
        (bench.folder / "there/step").mkdir(parents=True)
        pair = f"{bench.folder}/here:{bench.folder}/there"
        bench.settings = asked({}, {"PACKTIVITY_WORKDIR_LOCATION": pair})
        bench.done(cmd("echo x > {at}/out", environment=env()), {"at": f"{bench.folder}/here/step"}, "here/step")
        assert bench.text("there/step/out") == "x\n"

    def test_which_image_it_is_counts_for_what_is_kept(self, bench: Bench) -> None:
        bench.settings = Settings(cached=True)
        step = cmd("echo > {f}; date +%N", environment=env(imagetag="moving"))
        other = f"{NAME}:moving"

        def ran(at: str) -> bool:
            _, row = bench.run(step, {"f": f"{bench.folder}/{at}/out"}, at)
            assert (bench.folder / at / "out").exists()
            return "from" not in row.result

        subprocess.run(["docker", "tag", IMAGE, other], check=True)
        assert [ran("a"), ran("b")] == [True, False]
        change = ["docker", "import", "--change", "ENV A=b", "-", other]
        tar = subprocess.run(
            ["tar", "-c", "-C", "/", "bin/busybox", "usr/bin/busybox"], capture_output=True, check=False
        )
        subprocess.run(change, input=tar.stdout, check=True, capture_output=True)
        assert 'exec: "/bin/sh"' in bench.failed(step, {"f": f"{bench.folder}/c/out"}, "c")
        subprocess.run(["docker", "tag", IMAGE, other], check=True)
        assert not ran("d")

    def test_options_of_the_engine_and_who_the_user_is(self, bench: Bench) -> None:
        given = {"PACKTIVITY_DOCKER_CMD_MOD": "-u 12:34 --tmpfs /scratch --hostname odd -e MORE='a b'"}
        bench.settings = asked({}, given)
        bench.done(cmd('id -u; id -g; hostname; echo $MORE; grep -c " /scratch " /proc/mounts', environment=env()))
        assert bench.log().splitlines()[-5:] == ["12", "34", "odd", "a b", "1"]
        bench.settings = Settings()
        bench.done(cmd("id -u", environment=env(resources=[{"kubernetes_uid": 500}])))
        assert bench.log().splitlines()[-1] == "500"

    def test_resources_that_are_mounted(self, bench: Bench) -> None:
        for name in ("cvmfs", "auth"):
            (bench.folder / name).mkdir()
            (bench.folder / name / name).write_text(f"{name}\n")
        told = bench.failed(cmd("true", environment=env(resources=["CVMFS"])))
        assert "/cvmfs is no folder of this host" in told
        assert "PACKTIVITY_CVMFS_LOCATION" in told
        bench.settings = Settings(cvmfs=str(bench.folder / "cvmfs"), auth=str(bench.folder / "auth"))
        text = "cat /cvmfs/cvmfs /recast_auth/auth; echo $KRB_SETUP_SCRIPT; touch /recast_auth/new; touch /cvmfs/new"
        told = bench.failed(cmd(text, environment=env(resources=["CVMFS", "KRB5Auth"])))
        assert "Read-only file system" in told
        assert [each for each in bench.log().splitlines() if each in ("cvmfs", "auth", "/recast_auth/getkrb.sh")]
        assert (bench.folder / "auth/new").exists()

    def test_a_command_that_fails_and_an_image_that_is_not_there(self, bench: Bench) -> None:
        told = bench.failed(script("echo so\nexit 7", environment=env()))
        assert "ended with exit status 7" in told
        assert "sh < echo so ..." in told
        none = env(image="localhost/none", imagetag="3")
        bench.settings = Settings(pull="never")
        told = bench.failed(cmd("true", environment=none))
        assert "the image localhost/none:3 is not here, and may not be pulled (pull='never')" in told
        assert "Check its name, log in to its registry" in told
        assert told.endswith("Or run steps on this host: --containers host.")
        bench.settings = Settings()
        assert "localhost/none:3 is not here and cannot be pulled" in bench.failed(cmd("true", environment=none))

    def test_images_with_an_entry_point_and_a_folder_of_their_own(self, bench: Bench, tmp_path: Path) -> None:
        lines = f'FROM {IMAGE}\nCOPY enter /enter\nWORKDIR /srv/code\nENTRYPOINT ["/bin/sh", "/enter"]\n'
        (tmp_path / "Dockerfile").write_text(lines)
        (tmp_path / "enter").write_text('export ENTERED=1\nexec "$@"\n')
        built = ["docker", "build", "-q", "--network=none", "-t", "localhost/entered:2", str(tmp_path)]
        subprocess.run(built, check=True, capture_output=True, env={**os.environ, "DOCKER_BUILDKIT": "0"})
        bench.done(script("pwd; echo $ENTERED", environment=env(image="localhost/entered", imagetag="2")))
        assert bench.log().splitlines()[-2:] == ["/srv/code", "1"]


class TestPodman:
    def test_short_names_are_read_as_docker_reads_them(self, bench: Bench, podman: None) -> None:
        bench.settings = Settings(containers="podman", pull="never")
        subprocess.run(["podman", "tag", IMAGE, "localhost/somebody/tool:1"], check=True)
        bench.done(cmd("echo here", environment=env(image="somebody/tool", imagetag="1")))
        assert bench.log().splitlines()[-1] == "here"
        subprocess.run(["podman", "tag", IMAGE, "docker.io/library/tool:2"], check=True)
        bench.done(cmd("echo there", environment=env(image="tool", imagetag="2")))
        assert bench.log().splitlines()[-1] == "there"


class TestWithout:
    def test_a_container_that_cannot_be_had_is_no_step_on_this_host(
        self, bench: Bench, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("DOCKER_HOST", f"unix://{bench.folder}/none.sock")
        bench.settings = Settings(containers="docker")
        told = bench.failed(cmd("touch {f}", environment=env()), {"f": str(bench.folder / "ran")})
        assert "docker does not answer" in told or "docker is not installed" in told
        assert told.endswith("Or run steps on this host: --containers host.")
        assert "sandbox" not in told
        assert not (bench.folder / "ran").exists()

    def test_on_this_host_where_that_is_asked_for_and_that_is_told(self, bench: Bench) -> None:
        bench.settings = Settings(containers="host")
        _, row = bench.run(cmd('pwd; echo "$A"', environment=env(env={"A": "b"}, workdir="{workdir}/in")))
        first, *rest = bench.log().splitlines()
        assert first == f"motet: this runs on this host, as --containers host asks, not in {IMAGE}"
        assert rest == [str(bench.folder / "work/in"), "b"]
        assert row.result["place"] == {"kind": "host", "instead_of": IMAGE}
        told = bench.failed(cmd("true", environment=env(par_mounts=[{"mountpath": "/x", "jqscript": "."}])))
        assert "That needs a container" in told

    def test_a_dry_run_publishes_and_runs_nothing_in_containers(self, bench: Bench) -> None:
        bench.settings = asked({}, {"PACKTIVITY_DRYRUN": "1"})
        frompar = {"publisher_type": "frompar-pub", "outputmap": {"x": "a"}}
        assert bench.done(cmd("exit 1", frompar, env()), {"a": 5}) == {"x": 5}
        assert "nothing is run in this environment. It would be: exit 1" in bench.log()
        assert "local" in str(bench.done(cmd("echo > local", OUT)))


class TestSettings:
    def test_variables_and_options(self) -> None:
        assert asked({}, {}) == Settings()
        assert asked({}, {"PACKTIVITY_DOCKER_NOPULL": "1"}).pull == "never"
        assert asked({"yadage_pull": "always"}, {"PACKTIVITY_DOCKER_NOPULL": "1"}).pull == "always"
        assert asked({}, {"PACKTIVITY_CONTAINER_RUNTIME": "singularity"}).containers == "apptainer"
        assert asked({"yadage_containers": "host"}, {"PACKTIVITY_CONTAINER_RUNTIME": "docker"}).containers == "host"
        found = asked({"yadage_retries": 2, "yadage_cache": True}, {"PACKTIVITY_WORKDIR_LOCATION": "/a:/b"})
        assert found.moved == ("/a", "/b")
        assert Settings.from_json(found.to_json()) == found

    @pytest.mark.parametrize(
        ("given", "environ", "said"),
        [
            ({}, {"PACKTIVITY_CONTAINER_RUNTIME": "dokcer"}, "no container engine"),
            ({}, {"PACKTIVITY_WORKDIR_LOCATION": "/a"}, "no pair of absolute paths"),
            ({}, {"PACKTIVITY_DOCKER_CMD_MOD": "-e 'x"}, "cannot be read"),
            ({"yadage_retries": -1}, {}, "cannot be below 0"),
        ],
    )
    def test_what_makes_no_sense(self, given: dict[str, Any], environ: dict[str, str], said: str) -> None:
        from motet.errors import UsageError

        with pytest.raises(UsageError, match=said):
            asked(given, environ)

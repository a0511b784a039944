"""The published client against a real server, in short; `python -m tests.spell.published` has all of its own tests."""

from __future__ import annotations

import shutil
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.server.process import ServerProcess
from tests.source import ROOT
from tests.spell import published

from motet import private

OF_ITS_TESTS = "whoami or owner or access_tokens or keys or test_ls or upload or test_model or project_edit or login"
"""Those that begin no runs, which its tests look at every six seconds only."""

SCRIPT = """
import spell.client
from spell.api.exceptions import WaitError
client = spell.client.from_environment()
run = client.runs.new(command="echo :what: > out; echo said; exit 3", params={"what": "kept"}, envvars={"models": "m"})
print(run.status)
run.wait_status(client.runs.COMPLETE)
run.refresh()
print(run.status, run.user_exit_code, run.environment_vars)
print([each.log for each in run.logs() if each.status == "running" and not each.status_event])
print([each.log for each in run.logs(offset=-1)])
send = "curl -s -d '{\\"name\\": \\"loss\\", \\"type\\": \\"number\\", \\"number\\": %s}' $SPELL_METRICS/user-metrics"
second = client.runs.new(
    command="cat /data; " + "; ".join(send % each for each in (2, 1)) + "; sleep 600",
    attached_resources={f"runs/{run.id}/out": "/data"},
)
second.wait_metric("loss", "lte", 1)
second.stop()
second.wait_status(*client.runs.FINAL)
second.refresh()
print(second.status, [(index, value) for _, index, value in second.metrics("loss", follow=True)])
run.cp("out", "got")
print(open("got/out").read(), [each.path for each in client.resources.ls(f"runs/{run.id}")])
try:
    run.wait_status(client.runs.FAILED)
except WaitError as error:
    print(error)
"""
SAID = """machine_requested
complete 3 {'models_': 'm'}
['said']
['Run 1 complete (3)']
stopped [(0, 2), (1, 1)]
kept
 ['out']
Run 1 reached final status 'complete'
"""


@dataclass
class Client:
    """Where the published client is installed, the server it asks, and a folder of its user's."""

    place: Path
    server: ServerProcess
    folder: Path

    def surroundings(self, server: ServerProcess) -> dict[str, str]:
        """What it finds in its environment, as the user of that server."""
        told = dict.fromkeys(("SPELL_BASE_URL", "SPELL_API_URL"), server.url)
        own = published.surroundings(self.folder)
        return {**own, **told, "SPELL_TOKEN": server.token, "SPELL_OWNER": private.user()}

    def said(self, *words: str, **more: str) -> str:
        """What it prints; it has to end well."""
        given = {**self.surroundings(self.server), **more}
        program, *rest = words
        call = [str(self.place / "bin" / program), *rest]
        done = subprocess.run(call, cwd=self.folder, env=given, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    try:
        place = published.environment()
    except published.Missing as missing:
        pytest.skip(f"the published client of Spell: {missing}")
    folder = tmp_path_factory.mktemp("client")
    (folder / ".spell").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MOTET_SPELL_SIGN_UP", "1")
        with ServerProcess(tmp_path_factory.mktemp("home"), "--protocol", "spell") as server:
            yield Client(place, server, folder)


@pytest.mark.xdist_group("published")
def test_a_script_of_the_published_client_runs_unchanged(client: Client) -> None:
    (client.folder / "script.py").write_text(SCRIPT)
    assert client.said("python", "script.py") == SAID


@pytest.mark.xdist_group("published")
def test_its_command_pushes_code_and_follows_the_run(client: Client) -> None:
    repository = client.folder / "code"
    repository.mkdir()
    given = client.surroundings(client.server)
    (repository / "hello.sh").write_text("echo hello from $1\n")
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "first"]):
        subprocess.run(["git", *words], cwd=repository, env=given, check=True)
    (repository / "hello.sh").write_text("echo changed by $1\n")
    asked = [f"{client.place}/bin/spell", "run", "sh hello.sh me"]
    done = subprocess.run(asked, cwd=repository, env=given, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "💫 Casting spell #" in done.stdout
    assert "changed by me" in done.stdout
    assert done.stdout.rstrip().endswith("complete")


@pytest.mark.xdist_group("published")
def test_its_own_tests_pass(client: Client) -> None:
    told = published.carry_out(client.server, client.folder, OF_ITS_TESTS)
    bad = [case.attrib["name"] for case in told.iter("testcase") if len(case)]
    assert not bad
    assert len(list(told.iter("testcase"))) == 15


@pytest.mark.xdist_group("published")
def test_its_command_begins_a_workflow_and_follows_it(client: Client) -> None:
    """The example's: three runs one after another, each with what the one before has put out."""
    folder = client.folder / "tale"
    shutil.copytree(ROOT / "examples" / "spell", folder)
    given = client.surroundings(client.server)
    for place, kept in ((folder / "model", "."), (folder, "workflow.py")):
        for words in (["init", "-q"], ["add", kept], ["commit", "-qm", "first"]):
            subprocess.run(["git", *words], cwd=place, env=given, check=True, capture_output=True)
    asked = [f"{client.place}/bin/spell", "workflow", "create", "-f", "--repo", "model=model", "python workflow.py"]
    done = subprocess.run(asked, cwd=folder, env=given, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    said = done.stdout.splitlines()
    assert said[:2] == ["✨ Syncing repo model.", "💫 Casting workflow #1…"]
    waited = [line for line in said if line.startswith("waiting for run")]
    master = int(said[2].rstrip(".").rpartition(" ")[2])
    assert waited == [f"waiting for run {master + each} to complete" for each in (1, 2, 3)]
    assert said[-1] == f"🎉 Run {master} complete"
    assert any(len(line) > 100 for line in said), "the sample"


WAITING = """
import spell.client
client = spell.client.from_environment()
run = client.runs.new(command="echo begun; sleep 2; echo ended")
for line in run.logs(follow=True):
    if line.status == "running" and not line.status_event:
        print(line.log, flush=True)
run.wait_status(client.runs.COMPLETE)
"""


@pytest.mark.xdist_group("published")
def test_it_goes_on_where_the_server_is_killed_and_comes_back(client: Client, tmp_path: Path) -> None:
    """With the original, a script ended with an error when its server was gone for a moment."""
    home = tmp_path / "home"
    home.mkdir()
    with socket.create_server(("127.0.0.1", 0)) as held:
        with ServerProcess(home, "--protocol", "spell", given=held) as server:
            told = client.surroundings(server)
            script = [str(client.place / "bin" / "python"), "-u", "-c", WAITING]
            going = subprocess.Popen(script, env=told, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            assert going.stdout is not None
            assert going.stdout.readline() == "begun\n"
        with ServerProcess(home, "--protocol", "spell", given=held):
            rest, errors = going.communicate()
    assert (rest, errors, going.returncode) == ("ended\n", "", 0)

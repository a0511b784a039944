"""Spell's API on a real server: what the published client asks for, and what nobody may ask for."""

from __future__ import annotations

import base64
import io
import json
import os
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.server.process import ServerProcess

from motet import private
from motet.cli import prune
from motet.dialects.spell.api import wire

TUS = {"Tus-Resumable": "1.0.0"}


class Asker:
    """Somebody with a token, who asks the server."""

    def __init__(self, server: ServerProcess, owner: str, token: str) -> None:
        self.server, self.owner, self.token = server, owner, token

    def ask(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> Any:
        """The answer, read; `o` in the path stands for the owner."""
        given = {"Authorization": f"Bearer {self.token}", **(headers or {})}
        if body is not None and not isinstance(body, bytes):
            body, given = json.dumps(body).encode(), {"Content-Type": "application/json", **given}
        connection = self.server.connection()
        try:
            connection.request(method, f"/v1/{path.replace('{o}', self.owner)}", body, given)
            answer = connection.getresponse()
            answer.content = answer.read()  # type: ignore[attr-defined]
            return answer
        finally:
            connection.close()

    def told(self, method: str, path: str, body: Any = None) -> Any:
        answer = self.ask(method, path, body)
        assert answer.status in (200, 201, 204), answer.content
        return json.loads(answer.content)

    def lines(self, path: str, body: Any) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.ask("POST", path, body).content.splitlines()]

    def run(self, command: str, **more: Any) -> int:
        """The number of a run of the command, when it has ended."""
        number: int = self.told("POST", "runs/{o}", {"command": command, **more})["run"]["id"]
        self.lines(f"runs/{{o}}/{number}/wait_status", {"statuses": []})
        return number

    def log(self, number: int) -> list[str]:
        told = self.lines(f"runs/{{o}}/{number}/logs", {"follow": True, "offset": 0})
        entries = [each["log_entry"] for each in told if "log_entry" in each]
        return [each["log"] for each in entries if each["status"] == "running" and not each["status_event"]]

    def begin(self, path: str, size: int, **more: str) -> Any:
        """Begin to upload a file to that path of a dataset."""
        named = base64.b64encode(path.encode()).decode()
        headers = {**TUS, "Upload-Length": str(size), "Upload-Metadata": f"path {named}", **more}
        return self.ask("POST", "datasets/upload", None, headers)

    def send(self, place: str, at: int, content: bytes) -> Any:
        kind = {"Content-Type": "application/offset+octet-stream", "Upload-Offset": str(at)}
        return self.ask("PATCH", place.removeprefix("/v1/"), content, {**TUS, **kind})

    def upload(self, name: str, files: dict[str, bytes], **more: Any) -> Any:
        """Upload files; gives the answer of the last request."""
        dataset = self.told("POST", "datasets/{o}", {"name": name, **more})["user_dataset"]["id"]
        for path, content in files.items():
            place = self.begin(f"{dataset}/{path}", len(content)).headers["location"]
            assert self.send(place, 0, content).status == 204
        return self.ask("POST", f"datasets/{{o}}/{dataset}/upload_complete")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MOTET_SPELL_SIGN_UP", "1")
        with ServerProcess(home, "--protocol", "spell") as found:
            yield found


def signed_up(server: ServerProcess, name: str) -> Asker:
    told = {"user_name": name, "email": f"{name}@example.com", "password": f"password of {name}", "full_name": name}
    nobody = Asker(server, name, "")
    assert nobody.ask("POST", "users", {"user": told}, {"Authorization": ""}).status == 200
    found = nobody.ask("POST", "users/login", {"user": told}, {"Authorization": ""})
    return Asker(server, name, json.loads(found.content)["token"])


@pytest.fixture(scope="module")
def ada(server: ServerProcess) -> Asker:
    return signed_up(server, "ada")


@pytest.fixture(scope="module")
def bob(server: ServerProcess) -> Asker:
    return signed_up(server, "bob")


def git(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    given = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_TERMINAL_PROMPT": "0"}
    call = ["git", "-c", "user.name=ada", "-c", "user.email=ada@example.com", *words]
    return subprocess.run(call, cwd=folder, env=given, capture_output=True, text=True, check=False)


def repository(folder: Path) -> str:
    """A repository with a script, and a file that git's archives would leave out; gives its commit."""
    git(folder, "init", "-q", "-b", "main")
    (folder / "say.sh").write_text("echo said; cat left_out\n")
    (folder / "left_out").write_text("and kept\n")
    (folder / ".gitattributes").write_text("left_out export-ignore\n")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "first")
    return git(folder, "rev-parse", "HEAD").stdout.strip()


# ---------------------------------------------------------------- runs


def test_code_is_pushed_run_and_its_outputs_are_mounted_and_fetched(ada: Asker, tmp_path: Path) -> None:
    commit = repository(tmp_path)
    root = {"root_commit": commit, "name": "talk", "description": ""}
    made = ada.told("PUT", "workspaces/{o}", root)["workspace"]
    assert ada.told("PUT", "workspaces/{o}", root)["workspace"]["id"] == made["id"]
    pushed = git(tmp_path, "push", made["git_remote_url"], f"HEAD:refs/heads/br_{commit}")
    assert pushed.returncode == 0, pushed.stderr
    code = {"workspace_id": made["id"], "git_commit_hash": commit}
    first = ada.run("mkdir out && sh say.sh | tee out/said", **code)
    assert ada.log(first) == ["said", "and kept"]
    told = ada.told("GET", f"runs/{{o}}/{first}")["run"]
    assert (told["status"], told["user_exit_code"], told["workspace"]["name"]) == ("complete", 0, "talk")
    assert told["git_commit_hash"] == commit
    second = ada.run("cat /data/said; exit 3", attached_resources={f"runs/{first}/out": {"mount_point": "/data"}})
    assert ada.log(second) == ["said", "and kept"]
    assert ada.told("GET", f"runs/{{o}}/{second}")["run"]["user_exit_code"] == 3
    packed = ada.ask("GET", f"resources/{{o}}/cp/runs/{first}/out")
    assert packed.headers["content-type"] == "application/x-tar"
    with tarfile.open(fileobj=io.BytesIO(packed.content)) as archive:
        assert archive.getnames() == ["said"]
    listed = [json.loads(line) for line in ada.ask("GET", f"resources/{{o}}/ls/runs/{first}").content.splitlines()]
    assert [each["path"] for each in listed] == ["out/"]
    shown = ada.told("GET", "runs/{o}?include_jupyter=False&show_uncategorized=True&page_size=1&sort_ascending=False")
    assert [each["id"] for each in shown["runs"]] == [second]


def test_streams_tell_what_was_waited_for_and_take_up_at_an_offset(ada: Asker) -> None:
    number = ada.run("for each in 1 2 3; do echo $each; done")
    path = f"runs/{{o}}/{number}"
    told = ada.lines(f"{path}/logs", {"follow": False, "offset": 6})
    assert [each["log_entry"]["log"] for each in told if "log_entry" in each][:2] == ["2", "3"]
    assert told[-1]["finished"]
    last = ada.lines(f"{path}/logs", {"follow": False, "offset": -1})
    assert last[1]["log_entry"]["log"] == f"Run {number} complete"
    assert last[1]["next_offset"] == told[-2]["next_offset"]
    assert ada.lines(f"{path}/wait_status", {"statuses": ["complete"]})[-1] == {"success": True}
    failed = ada.lines(f"{path}/wait_status", {"statuses": ["failed"]})[-1]
    assert failed == {"success": False, "error": f"Run {number} reached final status 'complete'"}
    unmet = ada.lines(f"{path}/wait_metric", {"metric_name": "loss", "condition": "lt", "value": 1})[-1]
    assert unmet["success"] is False
    assert ada.lines(f"{path}/stats", {"follow": False})[-1] == {"finished": True}
    assert ada.ask("POST", f"{path}/user-metrics", {"metrics": [{"name": "loss", "offset": None}]}).headers["stream"]


def test_metrics_that_a_run_sends_are_told_once_each(ada: Asker) -> None:
    send = 'curl -s -d \'{"name":"loss","type":"number","number":%s}\' http://$SPELL_METRICS/user-metrics'
    number = ada.run(" && ".join(send % value for value in (3, 1)))
    path = f"runs/{{o}}/{number}"
    told = ada.lines(f"{path}/user-metrics", {"metrics": [{"name": "loss", "offset": None}], "follow": True})
    points = told[1]["metrics_by_run"][str(number)]["loss"]["data"]
    assert [each[1:] for each in points] == [[0, 3], [1, 1]]
    after = {"metrics": [{"name": "loss", "offset": points[0][0]}], "follow": True}
    rest = ada.lines(f"{path}/user-metrics", after)
    assert [each[1] for each in rest[1]["metrics_by_run"][str(number)]["loss"]["data"]] == [1]
    met = ada.lines(f"{path}/wait_metric", {"metric_name": "loss", "condition": "lte", "value": 1})
    assert met[-1] == {"success": True}


def test_runs_are_stopped_killed_labelled_and_archived(ada: Asker) -> None:
    going = ada.told("POST", "runs/{o}", {"command": "sleep 600"})["run"]["id"]
    told = ada.told("POST", "runs/{o}/kill_batch", {"run_ids": [going, 9999]})
    assert (told["successful_run_ids"], told["non_existent_run_ids"]) == ([going], [9999])
    ended = ada.lines(f"runs/{{o}}/{going}/wait_status", {"statuses": ["killed"]})
    assert ended[-1] == {"success": True}
    ada.told("PUT", f"runs/{{o}}/{going}/add_label", {"name": "nightly"})
    assert [each["id"] for each in ada.told("GET", "runs/{o}?labels=nightly")["runs"]] == [going]
    ada.told("DELETE", f"runs/{{o}}/{going}")
    mounted = {"command": "true", "attached_resources": {f"runs/{going}": {"mount_point": "/a"}}}
    assert ada.ask("POST", "runs/{o}", mounted).status == 400, "what is archived is not there for others"
    assert ada.ask("DELETE", f"runs/{{o}}/{going}").status == 404
    assert ada.told("GET", "runs/{o}?labels=nightly")["runs"] == []


def test_names_that_the_client_would_die_of_are_told_otherwise(ada: Asker) -> None:
    asked = {"command": "true", "environment_vars": {"models": "x", "keys": "y", "user": "z"}, "params": {"runs": 1}}
    told = ada.told("POST", "runs/{o}", asked)["run"]
    assert told["environment_vars"] == {"models_": "x", "keys_": "y", "user": "z"}
    assert wire.named_freely({"a": [{"members": 1}]}) == {"a": [{"members_": 1}]}


# ---------------------------------------------------------------- who may what


def test_another_owners_things_are_not_found(ada: Asker, bob: Asker, tmp_path: Path) -> None:
    number = ada.run("echo secret > out")
    dataset = ada.told("POST", "datasets/{o}", {"name": "mine"})["user_dataset"]["id"]
    place = ada.begin(f"{dataset}/a", 3).headers["location"]
    for method, path, body in (
        ("GET", f"runs/ada/{number}", None), ("POST", f"runs/ada/{number}/logs", {"follow": False, "offset": 0}),
        ("POST", f"runs/ada/{number}/kill", None), ("GET", f"resources/ada/cp/runs/{number}", None),
        ("GET", f"resources/ada/ls/runs/{number}", None), ("GET", "runs/ada", None),
        ("POST", "runs/ada", {"command": "true"}), ("GET", "workspaces/ada", None), ("GET", "projects/ada", None),
        ("POST", f"datasets/ada/{dataset}/upload_complete", None), ("GET", "model/ada", None),
    ):  # fmt: skip
        assert bob.ask(method, path, body).status == 404, path
    assert bob.ask("GET", f"runs/bob/{number}").status == 404
    assert bob.ask("GET", f"resources/bob/cp/runs/{number}").status == 404
    assert bob.begin(f"{dataset}/a", 3).status == 404
    assert bob.send(place, 0, b"abc").status == 404
    assert bob.ask("HEAD", place.removeprefix("/v1/"), None, TUS).status == 404
    commit = repository(tmp_path)
    url = ada.told("PUT", "workspaces/{o}", {"root_commit": commit, "name": "w", "description": ""})
    token = url["workspace"]["git_remote_url"].partition("git:")[2].partition("@")[0]
    mine = bob.told("PUT", "workspaces/{o}", {"root_commit": commit, "name": "w", "description": ""})["workspace"]
    theirs = f"http://git:{token}@127.0.0.1:{bob.server.port}/v1/git/bob/{mine['id']}"
    assert git(tmp_path, "push", theirs, "HEAD:refs/heads/x").returncode != 0
    assert git(tmp_path, "ls-remote", url["workspace"]["git_remote_url"]).returncode != 0, "nothing is fetched"
    assert Asker(ada.server, "ada", token).ask("GET", "runs/{o}").status == 403, "it is for a push alone"


def test_who_has_no_token_or_a_wrong_one_is_told_nothing(ada: Asker) -> None:
    for token in ("", "wrong", "motet_x_y"):
        nobody = Asker(ada.server, "ada", token)
        for method, path in (("GET", "users/me"), ("GET", "runs/ada"), ("POST", "runs/ada/1/logs"), ("GET", "keys")):
            assert nobody.ask(method, path).status == 401
    told = {"user": {"user_name": "ada", "password": "guessed by chance"}}
    assert ada.ask("POST", "users/login", told).status == 401


def test_a_token_of_motets_is_a_password_too(server: ServerProcess) -> None:
    me = Asker(server, "", server.token).told("GET", "users/me")["user"]["user_name"]
    told = {"user": {"user_name": me, "password": server.token}}
    assert Asker(server, me, "").ask("POST", "users/login", told, {"Authorization": ""}).status == 200
    nobody = Asker(server, me, "")
    wrong = {"user": {"user_name": "someone", "password": server.token}}
    assert nobody.ask("POST", "users/login", wrong, {"Authorization": ""}).status == 401
    taken = {"user": {"user_name": me, "password": "long enough", "email": "me@example.com"}}
    assert nobody.ask("POST", "users", taken, {"Authorization": ""}).status == 400, "the home's owner is nobody's to be"


# ---------------------------------------------------------------- uploads


def test_an_upload_goes_on_where_it_was(ada: Asker) -> None:
    dataset = ada.told("POST", "datasets/{o}", {"name": "parts"})["user_dataset"]["id"]
    place = ada.begin(f"{dataset}/deep/er/a.txt", 6).headers["location"]
    assert ada.send(place, 0, b"abc").headers["upload-offset"] == "3"
    assert ada.send(place, 0, b"abc").status == 409, "it is further"
    assert ada.send(place, 3, b"defg").status == 413, "it is not as long"
    assert ada.ask("POST", f"datasets/{{o}}/{dataset}/upload_complete").status == 400, "half of it has come"
    assert ada.told("POST", "datasets/{o}", {"name": "parts"})["user_dataset"]["id"] == dataset
    assert ada.begin(f"{dataset}/deep/er/a.txt", 6).headers["location"] == place
    assert ada.begin(f"{dataset}/deep/er/a.txt", 7).status == 409, "it is another file"
    assert ada.ask("HEAD", place.removeprefix("/v1/"), None, TUS).headers["upload-offset"] == "3"
    assert ada.send(place, 3, b"def").status == 204
    assert ada.ask("POST", f"datasets/{{o}}/{dataset}/upload_complete").status == 200
    assert ada.ask("POST", "datasets/{o}", {"name": "parts"}).status == 409
    number = ada.run("cat data/deep/er/a.txt", attached_resources={"uploads/parts": {"mount_point": "data"}})
    assert ada.log(number) == ["abcdef"]
    ada.told("DELETE", "datasets/{o}", {"name": "uploads/parts"})
    assert ada.ask("GET", "resources/{o}/ls/uploads/parts").status == 404


def test_an_upload_goes_on_where_it_was_when_the_server_was_killed(tmp_path: Path) -> None:
    with ServerProcess(tmp_path, "--protocol", "spell") as server:
        first = Asker(server, private.user(), server.token)
        dataset = first.told("POST", "datasets/{o}", {"name": "parts"})["user_dataset"]["id"]
        place = first.begin(f"{dataset}/a", 6).headers["location"]
        assert first.send(place, 0, b"abc").status == 204
    with ServerProcess(tmp_path, "--protocol", "spell") as server:
        then = Asker(server, private.user(), server.token)
        assert then.begin(f"{dataset}/a", 6).headers["location"] == place
        assert then.ask("HEAD", place.removeprefix("/v1/"), None, TUS).headers["upload-offset"] == "3"
        assert then.send(place, 3, b"def").status == 204
        assert then.ask("POST", f"datasets/{{o}}/{dataset}/upload_complete").status == 200
        assert then.ask("GET", "resources/{o}/ls/uploads/parts/a").status == 200


def test_code_that_was_pushed_long_ago_is_pruned_and_can_be_pushed_again(
    ada: Asker, server: ServerProcess, tmp_path: Path
) -> None:
    commit = repository(tmp_path)
    made = ada.told("PUT", "workspaces/{o}", {"root_commit": commit, "name": "old", "description": ""})["workspace"]
    for _ in range(2):
        assert git(tmp_path, "push", made["git_remote_url"], f"HEAD:refs/heads/br_{commit}").returncode == 0
        code = {"workspace_id": made["id"], "git_commit_hash": commit}
        number = ada.run("sh say.sh", **code)
        assert ada.log(number) == ["said", "and kept"]
        (folder,) = server.home.glob(f"results/spell-git-ada-{made['id']}")
        os.utime(folder, (1, 1))
        assert prune.packed(str(server.home / "results"), before=2) > 0
        assert not folder.exists()
    unknown = {"command": "true", "workspace_id": made["id"], "git_commit_hash": "0" * 40}
    assert ada.ask("POST", "runs/{o}", unknown).status == 404


def test_paths_that_lead_out_are_refused(ada: Asker) -> None:
    dataset = ada.told("POST", "datasets/{o}", {"name": "odd"})["user_dataset"]["id"]
    for path in ("../a", "a/../../b", "/etc/passwd", "a//b", ".", "", "a/", "x" * 256, "a\0b", "./a"):
        assert ada.begin(f"{dataset}/{path}", 1).status == 400, path
    for path in ("", "x/a", "-1/a", "99999999999999999999/a"):
        assert ada.begin(path, 1).status in (400, 404), path
    for odd in ("..", "a/b", ".", "", "a\0b"):
        assert ada.ask("POST", "datasets/{o}", {"name": odd}).status == 400, odd
    for odd in ("upload/../../x", "1-" + "0" * 31, "..%2f..%2fserver.token", "%2e%2e"):
        assert ada.ask("HEAD", f"datasets/{odd}", None, TUS).status in (404, 405), odd
    for odd in ("runs/../../x", "../x", "/etc/passwd", "uploads/../../server.token", "%2e%2e/%2e%2e/server.token"):
        assert ada.ask("GET", f"resources/{{o}}/cp/{odd}").status == 404, odd
    number = ada.run("echo 1 > a")
    for at in ("/", "/spell", "../x", "/a/../..", "a/../../../etc"):
        asked = {"command": "true", "attached_resources": {f"runs/{number}": {"mount_point": at}}}
        assert ada.ask("POST", "runs/{o}", asked).status == 400, at
    missing = {"command": "true", "attached_resources": {"runs/9999": {"mount_point": "/a"}}}
    told = json.loads(ada.ask("POST", "runs/{o}", missing).content)
    assert "Cannot mount resource 'runs/9999'" in told["error"]
    assert "not a valid resource" in told["error"]


def packed(*members: tuple[str, bytes | str]) -> bytes:
    """An archive of files, and of links (with where to)."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as archive:
        for name, content in members:
            info = tarfile.TarInfo(name)
            if isinstance(content, str):
                info.type, info.linkname = tarfile.SYMTYPE, content
                archive.addfile(info)
            else:
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
    return made.getvalue()


def test_what_was_packed_is_unpacked_within_its_folder_or_not_at_all(ada: Asker) -> None:
    fine = packed(("upload/a/b", b"1"), ("upload/c", b"2"))
    assert ada.upload("fine", {"upload.tar.gz": fine}, compressed=True).status == 200
    listed = ada.ask("GET", "resources/{o}/ls/uploads/fine").content.splitlines()
    assert sorted(json.loads(line)["path"] for line in listed) == ["a/", "c"]
    evil = [
        packed(("../out", b"1")), packed(("upload/l", "/etc"), ("upload/l/x", b"1")),
        packed(("upload/l", "../../.."), ("upload/l/x", b"1")), b"no archive", fine[:30],
    ]  # fmt: skip
    for at, each in enumerate(evil):
        assert ada.upload(f"evil{at}", {"upload.tar.gz": each}, compressed=True).status == 400, at
        assert ada.ask("GET", f"resources/{{o}}/ls/uploads/evil{at}").status == 404


def test_a_file_is_sent_by_one_at_a_time_and_no_larger_than_there_is_room(ada: Asker, server: ServerProcess) -> None:
    import fcntl

    dataset = ada.told("POST", "datasets/{o}", {"name": "busy"})["user_dataset"]["id"]
    place = ada.begin(f"{dataset}/a", 3).headers["location"]
    (part,) = server.home.glob(f"results/spell-upload-ada-{dataset}/{place.rpartition('/')[2]}")
    with part.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert ada.send(place, 0, b"abc").status == 423
    assert ada.send(place, 0, b"abc").status == 204
    assert ada.begin(f"{dataset}/b", 2**39).status == 413
    assert ada.begin(f"{dataset}/b", 3, **{"Tus-Resumable": "0.2.2"}).status == 412
    assert ada.begin(f"{dataset}/b", 3, **{"Upload-Length": "many"}).status == 400
    assert ada.ask("OPTIONS", "datasets/upload").headers["tus-version"] == "1.0.0"


# ---------------------------------------------------------------- the rest of it


def test_projects_models_links_and_keys(ada: Asker) -> None:
    number = ada.run("echo 1 > a")
    made = ada.told("POST", "projects/{o}", {"name": "p", "run_ids": [number]})["spell_project"]
    other = ada.told("POST", "projects/{o}", {"name": "q"})["spell_project"]
    assert [each["id"] for each in ada.told("GET", f"runs/{{o}}?project_id={made['id']}")["runs"]] == [number]
    assert ada.ask("POST", f"projects/{{o}}/{other['id']}/runs", {"run_ids": [number]}).status == 400
    assert ada.ask("DELETE", f"projects/{{o}}/{other['id']}/runs", {"run_ids": [number]}).status == 400
    ada.told("DELETE", f"projects/{{o}}/{made['id']}")
    assert [each["name"] for each in ada.told("GET", "projects/{o}?archived=True")["spell_projects"]] == ["p"]
    kept = ada.told("POST", "model/{o}", {"name": "m", "resource": f"runs/{number}", "version": None, "files": []})
    assert kept["model_version"]["formatted_version"] == "v1"
    assert ada.ask("POST", "model/{o}", {"name": "m", "resource": "runs/9999"}).status == 404
    ada.told("POST", "links/{o}", {"alias": "best", "resource_path": f"runs/{number}"})
    shown = ada.ask("GET", "resources/{o}/ls/best")
    assert json.loads(shown.headers["resource-link"])["resource_link"]["resource_path"] == f"runs/{number}"
    assert ada.ask("POST", "links/{o}", {"alias": "runs", "resource_path": f"runs/{number}"}).status == 400
    assert "V100" in ada.told("GET", "supported_options/{o}/machine_types")["options"]["values"]
    token = ada.told("POST", "users/me/access_tokens", {"name": "ci"})["token"]
    assert Asker(ada.server, "ada", token).told("GET", "users/me")["user"]["user_name"] == "ada"
    ada.told("DELETE", "users/me/access_tokens", {"name": "ci"})
    assert Asker(ada.server, "ada", token).ask("GET", "users/me").status == 401


def test_a_search_begins_its_runs_and_tells_of_them(ada: Asker) -> None:
    send = 'curl -s -d \'{"name":"loss","type":"number","number":\'$((:x: * 2))\'}\' http://$SPELL_METRICS/user-metrics'
    asked = {"run": {"command": send}, "grid_params": {"x": {"values": [1, 2]}}}
    made = ada.told("POST", "runs/{o}/hyper_search", asked)["hyper_search"]
    assert made["parameter_spec"] == {"grid_params": {"x": {"values": [1, 2]}}}
    for each in made["runs"]:
        ada.lines(f"runs/{{o}}/{each['id']}/wait_status", {"statuses": []})
    told = ada.told("GET", f"runs/{{o}}/hyper_search/{made['id']}")["hyper_search"]
    assert sorted(each["hyper_params"]["x"] for each in told["runs"]) == [1, 2]
    assert [each["id"] for each in ada.told("GET", "runs/{o}/hyper_search")["hyper_searches"]] == [made["id"]]
    found = ada.told("GET", f"runs/{{o}}/hyper_search/{made['id']}/metrics/loss")["metrics"]
    assert sorted(each["data"][0][2] for each in found.values()) == [2, 4]
    names = ada.told("GET", f"runs/{{o}}/hyper_search/{made['id']}/metric-names")["metric_names"]
    assert names == [{"name": "loss"}]
    ada.told("POST", f"runs/{{o}}/hyper_search/{made['id']}/stop")
    ada.told("DELETE", f"runs/{{o}}/hyper_search/{made['id']}")
    assert ada.told("GET", "runs/{o}/hyper_search")["hyper_searches"] == []
    assert ada.ask("POST", "runs/{o}/hyper_search", {"run": {"command": "true"}}).status == 400


MASTER = """
import spell.client
client = spell.client.from_environment()
run = client.runs.new(command="sh say.sh", commit_label="code")
run.wait_status(*client.runs.FINAL)
print([each.log for each in run.logs() if each.status == "running" and not each.status_event])
"""


def test_a_workflow_has_its_master_make_runs_of_pushed_code(ada: Asker, tmp_path: Path) -> None:
    commit = repository(tmp_path)
    made = ada.told("PUT", "workspaces/{o}", {"root_commit": commit, "name": "talk", "description": ""})["workspace"]
    assert git(tmp_path, "push", made["git_remote_url"], f"HEAD:refs/heads/br_{commit}").returncode == 0
    specs = {"code": {"workspace_id": made["id"], "commit_hash": commit}}
    asked = {"run": {"command": 'python -c "$SCRIPT"', "environment_vars": {"SCRIPT": MASTER}, "run_type": "workflow"}}
    flow = ada.told("POST", "workflows/{o}", {**asked, "workspace_specs": specs, "github_specs": {}})["workflow"]
    assert flow["workspace_specs"] == specs
    master = flow["managing_run"]["id"]
    ada.lines(f"runs/{{o}}/{master}/wait_status", {"statuses": []})
    assert ada.log(master) == ["['said', 'and kept']"]
    shown = ada.told("GET", f"workflows/{{o}}/{flow['id']}")["workflow"]
    assert [each["status"] for each in shown["runs"]] == ["complete"]

"""`spell`, as scripts know it: runs, their logs, metrics, files, workflows."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from tests.spell.conftest import Driven

from motet.dialects.spell import house as houses
from motet.dialects.spell import serving

serving.stay()


@pytest.fixture
def client(house: Driven, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The client of the test's own home, whose runs are driven by threads of this process."""
    monkeypatch.setattr(houses, "current", lambda: house)
    import spell.client

    return spell.client.from_environment()


def test_a_run_as_the_script_of_a_workflow_has_it(client: Any) -> None:
    run = client.runs.new(command="echo one; echo two >&2; printf three > out.txt; exit 66", machine_type="CPU")
    assert (run.status, run.id) == ("machine_requested", 1)
    run.wait_status(*client.runs.FINAL)
    run.refresh()
    assert (run.status, run.user_exit_code, run.ok) == (client.runs.COMPLETE, 66, False)
    lines = [str(line) for line in run.logs() if line.status == client.runs.RUNNING and not line.status_event]
    assert sorted(lines) == ["one", "two"]
    last = list(run.logs(offset=-1))
    assert [(str(each), each.status, each.status_event) for each in last] == [("Run 1 complete (66)", "complete", True)]
    assert run.run.status == "complete"
    assert repr(run).startswith("Run(id=1, status='complete'")


def test_what_can_no_longer_come_is_an_error(client: Any) -> None:
    from spell.api.exceptions import BadRequest, ClientException, WaitError

    run = client.runs.new(command="true")
    with pytest.raises(WaitError, match="Run 1 reached final status 'complete'"):
        run.wait_status(client.runs.FAILED)
    with pytest.raises(WaitError, match=r"never reached before run ended \(complete\)"):
        run.wait_metric("loss", client.runs.LESS_THAN, 1)
    run.wait_status(client.runs.COMPLETE)
    with pytest.raises(BadRequest, match="Run 99999 does not exist"):
        client.runs.get(99999)
    with pytest.raises(BadRequest, match="Run abc does not exist"):
        client.runs.get("abc")
    with pytest.raises(BadRequest, match="Cannot mount resource 'runs/999'"):
        client.runs.new(command="true", attached_resources={"runs/999": ""})
    with pytest.raises(ClientException, match="Missing log stream offset"):
        run.logs(offset=None)
    with pytest.raises(WaitError, match=r"ended as complete \(3\)"):
        client.runs.new(command="exit 3").check()


def test_keywords_that_were_removed_are_taken_and_wrong_ones_refused(client: Any) -> None:
    with pytest.warns(UserWarning, match="framework='tensorflow' changes nothing here"):
        client.runs.new(command="true", framework="tensorflow", python2=False)
    with pytest.raises(TypeError, match="unexpected keyword argument 'comand'"):
        client.runs.new(comand="true")
    assert client.runs.run(command="true").id == 2


def test_parameters_stand_in_the_command_in_whatever_case(client: Any) -> None:
    run = client.runs.new(command="echo :FOO: :foo: :other: 12:30:45", params={"foo": "bar bar"})
    assert run.command == "echo bar bar bar bar :other: 12:30:45"
    assert run.params == {"foo": "bar bar"}


def test_metrics_are_sent_from_runs_and_read(client: Any) -> None:
    code = "from spell.metrics import send_metric as s; [s('loss', 3.5 - n) for n in range(3)]; s('note', 'x', 9)"
    run = client.runs.new(command=f'{sys.executable} -W error -c "{code}"')
    run.wait_metric("loss", client.runs.LESS_THAN, 2)
    run.wait_status(client.runs.COMPLETE)
    assert [(index, value) for _, index, value in run.metrics("loss")] == [(0, 3.5), (1, 2.5), (2, 1.5)]
    assert [index for _, index, _ in run.metrics("loss", start=0)] == [1, 2]
    assert [(index, value) for _, index, value in run.metrics("note")] == [(9, "x")]


def test_a_metric_that_is_none_warns_and_outside_of_a_run_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    from spell import metrics

    metrics.send_metric("loss", [1])
    monkeypatch.setenv("SPELL_RUN", "1")
    with pytest.warns(metrics.SpellMetricWarning, match="is a list"):
        metrics.send_metric("loss", [1])


def test_files_are_listed_copied_uploaded_and_linked(client: Any, tmp_path: Path) -> None:
    run = client.runs.new(command="mkdir -p a/b; echo 1 > a/b/c; echo 22 > top")
    run.wait_status(*client.runs.FINAL)
    assert sorted((each.path, each.size) for each in client.resources.ls("runs/1")) == [("a/", None), ("top", 3)]
    run.cp("a", str(tmp_path / "copy"))
    assert (tmp_path / "copy" / "b" / "c").read_text() == "1\n"
    run.cp("top", str(tmp_path / "one"))
    assert (tmp_path / "one" / "top").read_text() == "22\n"
    assert client.resources.upload(str(tmp_path / "copy"), "mine") == "uploads/mine"
    client.resources.link("short", "uploads/mine")
    assert [each.path for each in client.resources.ls("short")] == ["b/"]


def test_lists_labels_and_copies_of_runs(client: Any) -> None:
    import copy
    import pickle

    first = client.runs.new(command="true", labels=["x"], project="p")
    client.runs.new(command="true")
    first.wait_status(*client.runs.FINAL)
    first.add_label("y")
    first.remove_label("x")
    assert [(each.id, each.labels) for each in client.runs.list()] == [(1, ["y"]), (2, [])]
    assert [each.id for each in client.runs.list(labels=["y"])] == [1]
    assert [each.id for each in client.runs.list(project="p")] == [1]
    assert [each.id for each in client.runs.list(show_uncategorized=True)] == [2]
    first.refresh()
    assert pickle.loads(pickle.dumps(first.run)) == copy.copy(first).run


def test_what_is_not_served_says_so() -> None:
    from motet.errors import NotServed

    with pytest.raises(NotServed, match=r"no module spell\.serving"):
        __import__("spell.serving")
    import spell.cli.commands.ps as ps

    assert ps.status_names["machine_requested"] == "Queued"


def test_a_workflow_from_python_with_threads_and_what_it_hands_on(
    client: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its code is a folder that the script changes before a run takes it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "a.txt").write_text("old\n")
    (tmp_path / "flow.py").write_text(
        "import spell.client\n"
        "from concurrent.futures import ThreadPoolExecutor\n"
        "client = spell.client.from_environment()\n"
        "open('code/a.txt', 'w').write('new')\n"
        "def one(n):\n"
        "    run = client.runs.new(command=f'cat a.txt; echo {n}', commit_label='code')\n"
        "    run.wait_status(*client.runs.FINAL)\n"
        "    return [str(x) for x in run.logs() if x.status == client.runs.RUNNING and not x.status_event]\n"
        "with ThreadPoolExecutor() as pool:\n"
        "    print(sorted(pool.map(one, range(3))), client.active_workflow.id)\n"
    )
    flow = client.workflows.new(f"{sys.executable} flow.py", repos={"code": "code"})
    flow.managing_run.wait_status(*client.runs.FINAL)
    lines = [str(x) for x in flow.managing_run.logs() if x.status == "running" and not x.status_event]
    assert lines == ["[['new0'], ['new1'], ['new2']] 1"]
    flow.refresh()
    assert [each.status for each in flow.runs] == ["complete"] * 3
    assert [each.workflow_id for each in client.runs.list()][1:] == [1, 1, 1]


def test_the_script_of_a_workflow_may_search(client: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By whatever Python it runs itself: that of the search is Motet's own."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "flow.py").write_text(
        "import spell.client\n"
        "from spell.api.models import RangeSpec, ValueSpec\n"
        "client = spell.client.from_environment()\n"
        "space = {'a': ValueSpec(['x']), 'b': RangeSpec(1, 5, type='int')}\n"
        "search = client.hyper.new_random_search(space, 2, command='echo :a: :b:', seed=4)\n"
        "for run in search.runs:\n"
        "    run.check()\n"
        "    print(run.id, run.command, run.hyper_params['b'])\n"
    )
    flow = client.workflows.new(f"{sys.executable} flow.py")
    flow.managing_run.wait_status(*client.runs.FINAL)
    lines = [str(x) for x in flow.managing_run.logs() if x.status == "running" and not x.status_event]
    numbers = [line.split()[-1] for line in lines]
    assert lines == [f"{place + 2} echo x {number} {number}" for place, number in enumerate(numbers)]
    assert len(lines) == 2
    search = client.hyper.get(1)
    assert [each.id for each in search.runs] == [2, 3]
    assert [each.id for each in client.hyper.list()] == [1]


def test_a_script_that_imports_spell_is_run_as_it_is(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    from motet.cli.main import main

    script = tmp_path / "script.py"
    script.write_text("import spell.client\nprint(spell.client.from_environment().runs.list())\n")
    assert main(["run", str(script)]) == 0
    assert "[]" in capfd.readouterr().out

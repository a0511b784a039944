"""What a resume says of code that changed: every kept step by name, with what differs; and how it is run anew."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from tests.cli.conftest import Cli

FLOW = """
    import functools, os
    from dataclasses import dataclass
    from motet import flow, task
    import lib

    RATE = 0.1
    FACTOR = 1
    ZERO = 0.0
    TABLE = {"a": 1}

    def count(word):
        with open(os.environ["COUNT"], "a") as file:
            file.write(f"{word}\\n")

    def helper(x):
        return x + 1

    @dataclass
    class Config:
        scale: int = 2

    CONFIG = Config()

    def closing(factor):
        @task(name="closed")
        def inner(x):
            return x * factor
        return inner

    closed = closing(3)

    @task
    def own(x):
        count("own")
        return x

    @task
    def rate(x):
        return x * RATE

    @task
    def kind(x):
        return f"{FACTOR} {ZERO}"

    @task
    def table(x):
        return TABLE["a"]

    @task
    def config(x):
        return CONFIG.scale * x

    @task
    def calls(x):
        return helper(x)

    @task
    def elsewhere(x):
        return lib.double(x)

    @task
    def default(x, by=2):
        return x * by

    @task
    def outer(x):
        return own(x)

    @task
    def element(x):
        return x * 2

    @task
    def use(x):
        count("use")
        return x

    @task
    def untouched(x):
        count("untouched")
        return x

    @flow
    def below(x):
        return rate(x)

    @flow
    def main():
        values = [own([1]), rate(2), table(3), config(4), calls(5), elsewhere(6), default(7), outer(8)]
        values += element.map([1, 2]).result()
        values += [below(9), closed(10), kind(0), use(values[0]), untouched(11)]
        if not os.path.exists("well"):
            raise ValueError("not yet")
        return values
"""
LIB = """
    def double(x):
        return 2 * x
"""

EDITS = {
    "own": ('count("own")\n        return x', 'count("own")\n        return x + x', ["own-0", "outer-0"]),
    "a constant": ("RATE = 0.1", "RATE = 0.5", ["rate-0", "below-0"]),
    "the type of a constant": ("FACTOR = 1", "FACTOR = 1.0", ["kind-0"]),
    "the sign of a zero": ("ZERO = 0.0", "ZERO = -0.0", ["kind-0"]),
    "a table": ('TABLE = {"a": 1}', 'TABLE = {"a": 2}', ["table-0"]),
    "a field of an object": ("CONFIG = Config()", "CONFIG = Config(3)", ["config-0"]),
    "a default of a class": ("scale: int = 2", "scale: int = 5", ["config-0"]),
    "a helper": ("return x + 1", "return x + 2", ["calls-0"]),
    "a default": ("by=2", "by=3", ["default-0"]),
    "a closure": ("closing(3)", "closing(4)", ["closed-0"]),
    "a map": ("return x * 2\n", "return x * 3\n", ["element-0"]),
    "a comment": ("return x + 1", "return x + 1  # as before", []),
    "a docstring": ("def helper(x):", 'def helper(x):\n        "Adds one."', []),
    "an unused constant": ("RATE = 0.1", "RATE = 0.1\n    OTHER = 5", []),
}


@pytest.fixture
def failed(cli: Cli) -> Cli:
    """A run `mine` of the flow, which failed after all of its steps."""
    cli.write("flows.py", FLOW)
    cli.write("lib.py", LIB)
    cli("run", "flows.py:main", "--name", "mine", code=1)
    (cli.folder / "well").touch()
    (cli.folder / "count").unlink()
    return cli


def named(cli: Cli, *options: str) -> dict[str, list[str]]:
    """What a resume names, without the flow's part of the keys."""
    found: dict[str, Any] = cli.json("resume", "mine", *options)["runs"][0]
    assert found["not_known"] == []
    return {key.removeprefix("main/"): differs for key, differs in found["changed"].items()}


@pytest.mark.parametrize("edit", EDITS)
def test_each_kept_step_that_changed_is_named_and_no_other(failed: Cli, edit: str) -> None:
    old, new, expected = EDITS[edit]
    assert dedent(FLOW).count(dedent(old)) >= 1 or old in FLOW
    failed.write("flows.py", FLOW.replace(old, new, 1))
    assert sorted(named(failed)) == sorted(expected)
    assert failed.counted() == [], "nothing ran again"


def test_a_changed_module_beside_the_script_is_named(failed: Cli) -> None:
    failed.write("lib.py", LIB.replace("2 * x", "3 * x"))
    assert named(failed) == {"elsewhere-0": ["its code"]}


def test_values_are_shown_where_they_are_small(failed: Cli) -> None:
    failed.write("flows.py", FLOW.replace("RATE = 0.1", "RATE = 0.5"))
    done = failed("resume", "mine")
    told = "the outside value RATE: it was 0.1, now 0.5"
    assert f"main/rate-0 kept, though changed since: {told}." in done.out
    assert "Kept, though changed since: 2 steps" in done.out
    assert "motet fork mine" in done.out, "it has succeeded: nothing is left to resume"
    assert f"kept on a resume, though changed since it ran: {told}." in failed("why", "mine", "main/rate-0").out
    assert failed.json("why", "mine", "main/rate-0")["why"][0].endswith(f"{told}.")


def test_rerun_changed_runs_those_and_their_consumers_alone(failed: Cli) -> None:
    failed.write("flows.py", FLOW.replace(*EDITS["own"][:2]))
    assert named(failed, "--rerun-changed") == {}
    assert sorted(failed.counted()) == ["own", "own", "use"]
    steps = {each["key"]: each for each in failed.json("show", "mine")["steps"]}
    assert [key.removeprefix("main/") for key in steps if steps[key]["attempt"] > 1] == [
        "main", "own-0", "outer-0", "outer-0/own-0", "use-0",
    ]  # fmt: skip


def test_what_ran_anew_is_what_the_code_says_now_from_then_on(failed: Cli) -> None:
    """A step that ran by the new code is none that changed, at a later resume; put back, it has changed again."""
    (failed.folder / "well").unlink()
    failed.write("flows.py", FLOW.replace("RATE = 0.1", "RATE = 0.5"))
    failed("resume", "mine", "--rerun-changed", code=1)
    assert failed.json("resume", "mine", code=1)["runs"][0]["changed"] == {}
    failed.write("flows.py", FLOW)
    assert list(failed.json("resume", "mine", code=1)["runs"][0]["changed"]) == ["main/rate-0", "main/below-0"]
    (failed.folder / "well").touch()
    failed("fork", "mine", "--name", "other")
    show = {each["key"]: each["cached"] for each in failed.json("show", "other")["steps"]}
    assert (show["main/rate-0"], show["main/own-0"]) == (False, True), "no result of the other code is taken over"


def test_a_failed_step_that_was_mended_is_not_one_that_is_kept(cli: Cli) -> None:
    script = """
        from motet import flow, task

        @task
        def good(x):
            return x

        @task
        def bad(x):
            {body}

        @flow
        def main():
            return bad({argument}, ) + good(1)
        """
    cli.write("a.py", script.format(body="raise ValueError(x)", argument=1))
    cli("run", "a.py", "--name", "mine", code=1)
    cli.write("a.py", script.format(body="return x * 10", argument=2))
    done = cli("resume", "mine")
    assert "Result: 21" in done.out, "what failed may be called otherwise, too"
    assert "changed since" not in done.out
    cli("fork", "mine", "--name", "other")
    assert {each["key"]: each["cached"] for each in cli.json("show", "other")["steps"]} == {
        "main": False, "main/bad-0": True, "main/good-0": True,
    }  # fmt: skip


def test_elements_of_a_map_that_is_half_done(cli: Cli) -> None:
    script = """
        import importlib, os, signal, time
        from motet import flow, task

        def die_once_recorded(count):
            store = importlib.import_module("motet.app").hosts.current().store
            run = store.runs(limit=1)[0].id
            while True:
                ended = [each for each in store.history(run) if each["event"] == "elements.succeeded"]
                if sum(len(each["indices"]) for each in ended) == count:
                    os.kill(os.getpid(), signal.SIGKILL)
                time.sleep(0.01)

        @task
        def step(x):
            if x == 3 and os.environ.get("DIES"):
                die_once_recorded(2)
            return x * {factor}

        @flow
        def main():
            return step.map([1, 2, 3, 4]).result()
        """
    cli.write("a.py", script.format(factor=1))
    cli.env |= {"DIES": "yes", "MOTET_THREADS": "1"}
    cli("run", "a.py", "--name", "mine", code=-9)
    del cli.env["DIES"]
    cli.write("a.py", script.format(factor=10))
    assert "2 of 4 elements of main/step-0 kept, though changed since: its code." in cli("resume", "mine").out
    assert cli.json("show", "mine")["result"] is not None
    cli("fork", "mine", "--name", "other")
    assert "Result: [10, 20, 30, 40]" in cli("fork", "mine").out, "a map of two codes is taken over by none"


REDONE = """
    import os
    from motet import allow_failure, flow, task

    NEW = os.path.exists("new")

    @task
    def f(x):
        return x * 10

    @task
    def other(x):
        return x + 1

    @task
    def use(*values):
        return list(values)

    @flow
    def longer():
        found = f.map(range(6 if NEW else 4)).result()
        return use(*other.map(found).result())

    @flow
    def shorter():
        return use(*other.map(f.map(range(2 if NEW else 4))).result())

    @flow
    def to_a_map():
        return f.map([1, 2]).result() if NEW else f(1)

    @flow
    def from_a_map():
        return f(3) if NEW else f.map([1, 2]).result()

    @flow
    def other_needs():
        one, two = f.submit(1), other.submit(2)
        last = f.submit(3) if NEW else None
        return use.submit(two if NEW else one, last).result()

    @flow
    def one_more_below():
        first = f.submit(2 if NEW else 1)
        return use.submit(other.submit(first), allow_failure(first)).result()

    @flow
    def run(which: str):
        result = globals()[which]()
        if not NEW:
            raise ValueError("not yet")
        return result
"""


@pytest.mark.parametrize(
    ("which", "expected"),
    [
        ("longer", [1, 11, 21, 31, 41, 51]), ("shorter", [1, 11]), ("to_a_map", [10, 20]), ("from_a_map", 30),
        ("other_needs", [3, 30]), ("one_more_below", [21, 20]),
    ],
)  # fmt: skip
def test_what_runs_anew_is_all_that_the_code_says_now(cli: Cli, which: str, expected: Any) -> None:
    """More or fewer elements, other inputs, another form: the result is that of a fresh run."""
    cli.write("a.py", REDONE)
    cli("run", "a.py:run", "-p", f"which={which}", "--name", "mine", code=1)
    (cli.folder / "new").touch()
    assert cli.json("resume", "mine", "--rerun-changed")["runs"][0]["result"] == expected
    assert cli.json("run", "a.py:run", "-p", f"which={which}")["runs"][0]["result"] == expected


# ---------------------------------------------------------------- other calls


CALLED = """
    import os
    from motet import flow, task

    class Thing:
        def __init__(self, n):
            self.n = n

    @task
    def f(x, k=1):
        return x

    @flow
    def main():
        f({call})
        raise ValueError("not yet")
"""


@pytest.mark.parametrize(
    ("before", "after", "was", "now"),
    [
        ("1", "2", "task f with x=1", "task f with x=2"),
        ("'a', k=1", "'a', k=2.5", "task f with k=1", "task f with k=2.5"),
        ("1", "1, k=3", "task f with k=absent", "task f with k=3"),
        ("Thing(1)", "Thing(2)", "task f with other arguments", "task f with these. What differs: argument x"),
        ("list(range(99))", "[1], k=3", "task f with k=absent", "task f with k=3. What differs: argument x"),
    ],
)  # fmt: skip
def test_a_mismatch_shows_the_values(cli: Cli, before: str, after: str, was: str, now: str) -> None:
    cli.write("a.py", CALLED.format(call=before))
    cli("run", "a.py", "--name", "mine", code=1)
    cli.write("a.py", CALLED.format(call=after))
    done = cli("resume", "mine", code=2)
    assert f"Step main/f-0 was recorded as {was}, but the code now asks for {now}." in done.err
    assert "motet resume mine --rerun-changed" in done.err
    assert "motet fork mine" in done.err
    assert "To carry on" not in done.out, "that is what has just failed"
    oldest = cli.runs()[-1]["id"]
    cli("run", "a.py", "--name", "mine", code=1)
    assert f"motet resume {oldest} --rerun-changed" in cli("resume", oldest, code=2).err, "another has its name by now"


@pytest.mark.parametrize("how", ["f.map(words).result()", "[f(each) for each in words]", "f.map(list(words)).result()"])
def test_the_order_of_a_set_is_told_apart_from_changed_code(cli: Cli, how: str) -> None:
    cli.write(
        "a.py",
        f"""
        from motet import flow, task

        @task
        def f(word):
            return word

        @flow
        def main():
            words = {{"ant", "bee", "cat", "dog", "eel", "fox", "gnu", "hen", "ibis"}}
            {how}
            raise ValueError("not yet")
        """,
    )
    cli.env["PYTHONHASHSEED"] = "1"
    cli("run", "a.py", "--name", "mine", code=1)
    cli.env["PYTHONHASHSEED"] = "2"
    done = cli("resume", "mine", code=2)
    assert "The same was recorded, in another order." in done.err
    assert done.err.index("sorted(...)") < done.err.index("If it has:")


def test_parameters_that_were_renamed_are_told_before_anything_happens(cli: Cli) -> None:
    script = "from motet import flow\n\n@flow\ndef main({takes}):\n    raise ValueError(1)\n"
    cli.write("a.py", script.format(takes="n: int = 5"))
    cli("run", "a.py", "--name", "mine", code=1)
    before = cli.json("show", "mine")
    for takes in ("m: int = 5", "n: int, k: int", ""):
        cli.write("a.py", script.format(takes=takes))
        done = cli("resume", "mine", code=2)
        assert "Run mine was begun with other parameters." in done.err
        assert "Traceback" not in done.err
        assert "motet/" not in done.err
    assert cli.json("show", "mine") == before


# ---------------------------------------------------------------- moved files


MOVED = """
    import os, signal
    from dataclasses import dataclass
    from motet import flow, task
    from motet.cache_policies import INPUTS, TASK_SOURCE

    @dataclass
    class Point:
        x: int

    @task(cache_policy=INPUTS + TASK_SOURCE)
    def make(x):
        with open(os.environ["COUNT"], "a") as file:
            file.write("made\\n")
        return Point(x)

    @flow
    def main(x: int = 1):
        point = make(x)
        if not os.path.exists("well"):
            raise ValueError("not yet")
        return point.x
"""


@pytest.mark.parametrize(("command", "to"), [("resume", "renamed.py"), ("retry", "below/a.py"), ("fork", "below")])
def test_a_script_that_was_moved_goes_on_as_what_it_was(cli: Cli, command: str, to: str) -> None:
    cli.write("a.py", MOVED)
    cli("run", "a.py", "--name", "mine", code=1)
    (cli.folder / "below").mkdir()
    place = cli.folder / to
    shutil.move(cli.folder / "a.py", place)
    (cli.folder / "well").touch()
    missing = cli(command, "mine", code=2).err
    assert "a.py, which the run was begun from, is not there." in missing
    assert "--at FILE" in missing
    done = cli(command, "mine", "--at", str(place))
    assert "changed since" not in done.out
    assert "Result: 1" in done.out
    assert cli.counted() == ["made"], "it counts by what the run recorded"
    assert "Result: 1" in cli("fork", cli.recorded()[0].id).out, "the place is remembered"
    assert cli.counted() == ["made"]


def test_a_moved_script_whose_flow_has_another_name_too(cli: Cli) -> None:
    cli.write("a.py", MOVED)
    cli("run", "a.py", "--name", "mine", code=1)
    (cli.folder / "a.py").unlink()
    cli.write("b.py", MOVED.replace("def main(", "def chief("))
    (cli.folder / "well").touch()
    assert "has no flow 'main'" in cli("resume", "mine", "--at", "b.py", code=2).err
    assert "Result: 1" in cli("resume", "mine", "--at", "b.py:chief").out
    assert {each["key"] for each in cli.json("show", "mine")["steps"]} == {"main", "main/make-0"}
    for wrong in ("nowhere.py", "nowhere/", "nowhere.py:main"):
        assert "There is no file" in cli("fork", "mine", "--at", wrong, code=2).err


def test_a_module_that_was_moved(cli: Cli, tmp_path: Path) -> None:
    (cli.folder / "pkg").mkdir()
    cli.write("pkg/__init__.py", "")
    cli.write("pkg/flows.py", MOVED)
    cli("run", "pkg.flows:main", "--name", "mine", code=1)
    (tmp_path / "new").mkdir()
    shutil.move(cli.folder / "pkg", tmp_path / "new" / "pkg")
    (cli.folder / "well").touch()
    assert "--at FOLDER" in cli("resume", "mine", code=2).err
    assert "is no folder" in cli("resume", "mine", "--at", os.path.join("new", "pkg", "flows.py"), code=2).err
    done = cli("resume", "mine", "--at", str(tmp_path / "new"))
    assert "Result: 1" in done.out
    assert "changed since" not in done.out
    assert cli.counted() == ["made"]

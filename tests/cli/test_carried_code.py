"""Arguments that bring code along, as functions and objects do: what that does is code, and no other call."""

from __future__ import annotations

from typing import Any

import pytest
from tests.cli.conftest import Cli

FLOW = """
    import enum
    import functools
    import os
    from dataclasses import dataclass
    from motet import flow, task

    class Kind(enum.Enum):
        SMALL = 1
        BIG = 2

        def half(self):
            return self.value / 2

    @dataclass
    class Settings:
        lr: float = 0.5

        def double(self):
            return self.lr * 2

    class Above:
        def weight(self):
            return 3

    class Model(Above):
        def __init__(self, size, inner=None):
            self.size, self.inner = size, inner

        def predict(self, x):
            return x * self.size

        @task
        def fit(self, x):
            return self.predict(x) * self.weight()

    def helper(x):
        return x + 1

    def closing(by):
        def closed(x):
            return helper(x) - by
        return closed

    def wrapped(function):
        @functools.wraps(function)
        def around(*args):
            return function(*args) / 1
        return around

    @wrapped
    def decorated(x):
        return x + 5

    @task
    def model(it):
        return it.predict(3)

    @task
    def settings(it):
        return it.double()

    @task
    def kind(it):
        return it.half()

    @task
    def call(f):
        return f(1)

    @task
    def held(it):
        return it[0]["f"](2) + it[1].predict(1)

    @task
    def element(it):
        return it.predict(1)

    @flow
    def below(it):
        return model(it)

    @flow
    def main():
        it = Model(2)
        values = [it.fit(1), model(it), settings(Settings()), kind(Kind.BIG), call(helper), call(lambda x: x * 7)]
        values += [call(closing(4)), call(functools.partial(helper)), call(it.predict), call(decorated)]
        values += [held([{"f": helper}, Model(3, [it, it])]), below(Model(5))]
        values += element.map([Model(1), Model(2)]).result()
        if not os.path.exists("well"):
            raise ValueError("not yet")
        return values
"""

MODEL = ["below-0", "call-4", "element-0", "fit-0", "held-0", "model-0"]
HELPER = ["call-0", "call-2", "call-3", "held-0"]

EDITS: dict[str, tuple[str, str, list[str]]] = {
    "a method": ("return x * self.size", "return x * self.size + 1", MODEL),
    "a method of the class above": ("return 3", "return 4", MODEL),
    "a method of a dataclass": ("return self.lr * 2", "return self.lr * 3", ["settings-0"]),
    "a method of an enumeration": ("return self.value / 2", "return self.value / 3", ["kind-0"]),
    "the value of a member": ("BIG = 2", "BIG = 3", ["kind-0"]),
    "a function": ("return x + 1", "return x + 2", HELPER),
    "a lambda": ("lambda x: x * 7", "lambda x: x * 8", ["call-1"]),
    "a function that closes over": ("return helper(x) - by", "return helper(x) + by", ["call-2"]),
    "a decorated function": ("return x + 5", "return x + 6", ["call-5"]),
    "its decorator": ("return function(*args) / 1", "return function(*args) / 2", ["call-5"]),
    "a comment": ("return x * self.size", "return x * self.size  # as before", []),
}

OTHERS: dict[str, tuple[str, str, str]] = {
    "the object of a method": ("it = Model(2)", "it = Model(4)", "fit-0"),
    "an attribute": ("Settings()", "Settings(0.25)", "settings-0"),
    "another member": ("kind(Kind.BIG)", "kind(Kind.SMALL)", "kind-0"),
    "another function": ("call(helper)", "call(decorated)", "call-0"),
    "what is closed over": ("closing(4)", "closing(5)", "call-2"),
    "what is held deeper": ("Model(3, [it, it])", "Model(3, [it, 1])", "held-0"),
    "an element": ("Model(1), Model(2)", "Model(1), Model(9)", "element-0"),
    "an argument of a flow": ("Model(5)", "Model(6)", "below-0"),
}


@pytest.fixture
def failed(cli: Cli) -> Cli:
    """A run `mine` of the flow, which failed after all of its steps."""
    cli.write("flows.py", FLOW)
    cli("run", "flows.py:main", "--name", "mine", code=1)
    (cli.folder / "well").touch()
    return cli


def edit(cli: Cli, old: str, new: str) -> None:
    assert FLOW.count(old) == 1
    cli.write("flows.py", FLOW.replace(old, new))


def test_every_edit_to_carried_code_keeps_and_names_its_steps(failed: Cli) -> None:
    (failed.folder / "well").unlink()
    for name, (old, new, expected) in EDITS.items():
        edit(failed, old, new)
        found: dict[str, Any] = failed.json("resume", "mine", code=1)["runs"][0]
        assert sorted(key.removeprefix("main/") for key in found["changed"]) == expected, name
        assert all("code" in differs for told in found["changed"].values() for differs in told), name


@pytest.mark.parametrize("name", ["a method", "the value of a member", "a function"])
def test_a_fork_runs_them_and_no_others(failed: Cli, name: str) -> None:
    old, new, expected = EDITS[name]
    edit(failed, old, new)
    failed("fork", "mine", "--name", "other")
    steps = failed.json("show", "other")["steps"]
    ran = {each["key"].removeprefix("main/") for each in steps if not each["cached"]}
    told = {each for each in expected if not each.startswith("below")} | {"main", "below-0"}
    assert {each for each in ran if not each.startswith("below-0/") and "[" not in each} == told
    assert "code of what it was given has changed" in failed("why", "other", f"main/{expected[-1]}").out


def test_values_that_differ_are_another_call(failed: Cli) -> None:
    for name, (old, new, step) in OTHERS.items():
        edit(failed, old, new)
        assert f"Step main/{step} was recorded as" in failed("resume", "mine", code=2).err, name

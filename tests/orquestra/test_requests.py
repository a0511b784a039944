"""What runs of workflow files are asked while they go on: `motet step`, and answers that they have not asked for."""

from __future__ import annotations

from tests.cli.conftest import Cli
from tests.cli.test_asking import until
from tests.orquestra.workflows import odd, step

from motet.stores.sqlite import SqliteStore


def test_steps_are_stopped_run_again_and_added(cli: Cli) -> None:
    cli.write("w.yaml", odd(step("a", "held", "word: one"), step("b", "broken", "word: two")))
    cli("submit", "w.yaml", "--name", "mine")
    cli.wait_for_count(1)
    cli.wait_for_steps("mine", "b")
    store = SqliteStore(cli.env["MOTET_HOME"])
    run = store.find_runs("mine")[0].id
    until(lambda: store.step(run, "b").status == "failed")
    cli("step", "add", "mine", "extra", "--call", "builtins:len", "--arg", "[1, 2]")
    cli("step", "retry", "mine", "b")
    assert "is not that of run" in cli("step", "stop", "mine", "a", "--token", "wrong", code=1).err
    assert "has asked nothing" in cli("answer", "mine", code=2).err
    until(lambda: store.step(run, "b").attempt == 2)
    cli("step", "stop", "mine", "a")
    until(lambda: store.run(run).status in ("failed", "cancelled"))
    steps = {each.key: each.status for each in store.steps(run)}
    store.close()
    assert steps == {"a": "cancelled", "b": "failed", "extra": "succeeded"}

"""Ctrl-C while a program runs: the run is stopped, wherever its steps run, and can be carried on with."""

from __future__ import annotations

import signal
import threading
import time
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest
from tests.programs.running import EXECUTORS, engine, executions, memory_host

from motet import interrupts
from motet.dialects.declared.plugin import VOICE, new_run
from motet.ports.voice import Onward
from motet.stores.sqlite import SqliteStore

STEPS = 6


@pytest.mark.parametrize("executor", EXECUTORS)
def test_ctrl_c_stops_the_run(executor: str, tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    call = {"target": "tests.programs.targets:held", "args": [str(ran), str(tmp_path / "go")]}
    params: Any = {"steps": {f"s{n}": call for n in range(STEPS)}, "result": "s0", "executor": executor}
    store = SqliteStore(str(tmp_path))
    host = memory_host(store)
    host.create(new_run(host, "r1", "tests.programs.static:make", params))
    process = engine(tmp_path, "r1", MOTET_THREADS="2", MOTET_PROCESSES="2")
    while not executions(ran):
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate()
    row = store.run("r1")
    assert (process.returncode, row.status) == (130, "cancelled"), said.decode()
    assert {step.status for step in store.steps("r1")} <= {"cancelled", "succeeded"}
    before = executions(ran)
    assert len(before) < STEPS
    (tmp_path / "go").touch()
    driver = VOICE.carry_on(host, row, Onward(reopen=True))
    assert driver.state.status == "succeeded"
    assert set(executions(ran)) == set(params["steps"])
    host.close()


@pytest.mark.parametrize("wait", ["block", "take"])
def test_a_signal_that_another_thread_was_given_ends_a_wait(wait: str) -> None:
    """The system interrupts no wait of the main thread for it: what Python is to do then is done all the same."""
    event, queue = threading.Event(), SimpleQueue[bool]()

    def on_signal(number: int, frame: object) -> None:
        event.set()
        queue.put(True)

    def send() -> None:
        time.sleep(0.1)
        signal.pthread_kill(threading.get_ident(), signal.SIGUSR1)

    before = signal.signal(signal.SIGUSR1, on_signal)
    sender = threading.Thread(target=send)
    try:
        sender.start()
        assert interrupts.block(event, 60) if wait == "block" else interrupts.take(queue, 60)
    finally:
        sender.join()
        signal.signal(signal.SIGUSR1, before)

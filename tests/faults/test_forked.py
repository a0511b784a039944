"""A small part of the campaign of forks and pools (see `forked`), and what a forked child finds."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from tests.faults import forked

from motet import flow, forks, task
from motet.errors import Fenced
from motet.executors import worker_process
from motet.executors.processes import spawn


@pytest.mark.parametrize("where", forked.WHERE)
def test_pools_in_tasks_of_every_kind(where: str, tmp_path: Path) -> None:
    assert forked.run("poolers", home=str(tmp_path), where=where, way="fork", count=10) == ("10", [])


@pytest.mark.parametrize("where", [*forked.WHERE, "flow"])
def test_children_that_end_in_all_ways_leave_the_run_alone(where: str, tmp_path: Path) -> None:
    assert forked.run("forkers", forked.FROM_CHILDREN, str(tmp_path), where=where, count=7) == ("45", [])


def test_a_signal_that_comes_while_a_child_is_made_is_not_lost() -> None:
    """It is kept back until its action is that of the child: so a pool that ends its workers waits for none of them."""
    before = signal.signal(signal.SIGTERM, forks_handler)
    try:
        for _ in range(50):
            child = os.fork()
            if not child:
                while True:
                    signal.pause()
            os.kill(child, signal.SIGTERM)
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGTERM
    finally:
        signal.signal(signal.SIGTERM, before)


def forks_handler(number: int, frame: object) -> None:
    """A handler as Motet's own are."""


forks_handler.__module__ = "motet.tests"


def test_where_the_system_has_no_descriptors_of_processes_a_child_keeps_its_stdin(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(worker_process, "_pidfd", lambda pid: None)
    saved, (reader, writer) = os.dup(0), os.pipe()
    os.dup2(reader, 0)
    try:
        worker = worker_process.WorkerProcess(spawn)
        child = os.fork()
        if not child:
            os._exit(not os.path.sameopenfile(0, reader))
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    finally:
        os.dup2(saved, 0)
        for fd in (saved, reader, writer):
            os.close(fd)
    worker.signal_group(signal.SIGKILL)
    worker.reap()
    worker.close()


def test_a_child_has_none_of_motets_descriptors() -> None:
    reader, writer = os.pipe()
    forks.own(reader)
    child = os.fork()
    if not child:
        os._exit(os.fstat(reader).st_rdev != os.stat(os.devnull).st_rdev or os.fstat(writer).st_rdev != 0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    os.close(reader)  # whoever closes one need not say so: its number may be somebody else's then
    other, _ = os.pipe()
    assert other == reader
    child = os.fork()
    if not child:
        os._exit(os.fstat(other).st_rdev != 0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    os.close(other)
    os.close(writer)


def test_a_child_is_refused_what_belongs_to_the_run() -> None:
    told: list[int] = []

    @task
    def number() -> int:
        return 7

    @flow
    def pipeline() -> int:
        future = number.submit()
        child = os.fork()
        if not child:
            try:
                future.result()
            except Fenced:
                os._exit(17)
            os._exit(1)
        told.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
        return future.result()

    assert pipeline() == 7
    assert told == [17]

"""Live updates over a stream of events: nobody misses a commit, whatever becomes of the connection."""

from __future__ import annotations

import socket
from contextlib import closing

import pytest
from tests.client.conftest import Elsewhere

from motet.client.connection import Address
from motet.client.following import Following
from motet.client.remote import Remote
from motet.errors import StoreUnavailable, UsageError
from motet.ports import Publication


@pytest.fixture
def remote(elsewhere: Elsewhere, monkeypatch: pytest.MonkeyPatch) -> Remote:
    monkeypatch.setenv("MOTET_HOME", str(elsewhere.home))
    return Remote(elsewhere.url)


def test_a_follower_wakes_when_something_is_published(remote: Remote) -> None:
    with closing(remote.store.follow()) as follower:
        remote.store.publish([Publication("news", 1)])
        assert follower.wait(None)


def test_a_follower_whose_stream_breaks_takes_it_up_again(remote: Remote) -> None:
    follower = Following(remote.address)
    with closing(follower):
        remote.store.publish([Publication("before", 1)])
        assert follower.wait(None)
        first = follower._socket
        assert first is not None
        first.shutdown(socket.SHUT_RDWR)
        remote.store.publish([Publication("meanwhile", 2)])
        while follower._socket is first:
            assert follower.wait(None)  # that it broke, and that it listens again
        remote.store.publish([Publication("after", 3)])
        assert follower.wait(None)


def test_a_follower_that_is_woken_or_closed_does_not_wait_on(remote: Remote) -> None:
    follower = remote.store.follow()
    follower.wake()
    assert follower.wait(None)
    follower.close()
    assert not follower.wait(None)


def test_where_no_server_is_or_nobody_is_let_in_it_is_told_what_to_do(elsewhere: Elsewhere) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(StoreUnavailable, match="motet server"):
            Following(Address(f"http://127.0.0.1:{taken.getsockname()[1]}", "motet_a_b"))
    with pytest.raises(UsageError, match="token"):
        Following(Address(elsewhere.url, "motet_a_b"))

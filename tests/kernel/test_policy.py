"""Policies, and how long to wait before a retry."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from motet.kernel.policy import PLAIN, Policy, retry_delay_s


def delays(policy: Policy, count: int, key: str = "a") -> list[float]:
    return [retry_delay_s(policy, key, failures) for failures in range(1, count + 1)]


def test_without_delays_a_retry_is_due_at_once() -> None:
    assert delays(Policy(retries=3), 3) == [0.0, 0.0, 0.0]


def test_listed_delays_come_in_turn_and_the_last_one_holds() -> None:
    assert delays(Policy(retries=5, delays_s=(1, 10, 5)), 5) == [1, 10, 5, 5, 5]


def test_backoff_goes_on_where_the_list_ends() -> None:
    assert delays(Policy(delays_s=(1, 3), backoff=2.0), 5) == [1, 3, 6, 12, 24]


def test_no_wait_is_longer_than_the_cap() -> None:
    assert delays(Policy(delays_s=(1,), backoff=10.0, max_delay_s=50), 4) == [1, 10, 50, 50]
    assert retry_delay_s(Policy(delays_s=(1,), backoff=10.0), "a", 10**9) == PLAIN.max_delay_s


@given(st.text(), st.integers(1, 100))
def test_jitter_lengthens_by_up_to_its_share_and_is_always_the_same(key: str, failures: int) -> None:
    policy = Policy(delays_s=(100,), jitter=0.5)
    assert 100 <= retry_delay_s(policy, key, failures) < 150
    assert retry_delay_s(policy, key, failures) == retry_delay_s(policy, key, failures)


def test_jitter_is_the_same_in_every_process() -> None:
    # A constant of the format: recorded runs were planned with it.
    assert retry_delay_s(Policy(delays_s=(100,), jitter=1.0), "train-0", 1) == pytest.approx(161.76638885270913)


def test_jitter_spreads_the_elements_of_a_map() -> None:
    policy = Policy(delays_s=(100,), jitter=1.0)
    found = sorted(retry_delay_s(policy, f"m[{i}]", 1) for i in range(1000))
    for tenth in range(10):
        inside = [delay for delay in found if 100 + 10 * tenth <= delay < 110 + 10 * tenth]
        assert 60 <= len(inside) <= 140  # 100 expected, 9.5 the standard deviation


POLICIES = st.builds(
    Policy,
    retries=st.integers(0, 5), delays_s=st.lists(st.floats(0, 10), max_size=3).map(tuple), backoff=st.floats(1, 3),
    max_delay_s=st.floats(1, 100), jitter=st.floats(0, 1), timeout_s=st.none() | st.floats(0.1, 9),
    grace_s=st.floats(0, 9), demands=st.dictionaries(st.text(max_size=3), st.floats(0, 9), max_size=2),
    executor=st.text(max_size=3),
)  # fmt: skip


@given(POLICIES)
def test_what_is_written_is_read_again(policy: Policy) -> None:
    assert Policy.from_json(json.loads(json.dumps(dict(policy.json)))) == policy


def test_the_plain_policy_is_nothing() -> None:
    assert PLAIN.json == {}
    assert Policy.from_json({}) == PLAIN

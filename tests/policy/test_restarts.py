"""Restarts: how soon a backend that is gone may be started again."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tablewatch.config.settings import RestartSettings
from tablewatch.policy.restarts import Restarts

SETTINGS = RestartSettings(burst=3, min_delay=1.0, max_delay=60.0, reset_after=30.0)


def restarts(seed=0):
    return Restarts(SETTINGS, random.Random(seed))


def lose_after(policy, now, lifetime):
    return policy.lost(now + lifetime, now)


def test_the_first_losses_are_replaced_at_once():
    policy = restarts()
    assert [lose_after(policy, 0.0, 1.0) for _ in range(3)] == [0.0, 0.0, 0.0]


def test_after_the_burst_the_delay_grows_and_is_capped():
    policy = restarts()
    delays = [lose_after(policy, 0.0, 1.0) for _ in range(60)][3:]
    assert 0.5 <= delays[0] <= 1.0
    assert 1.0 <= delays[1] <= 2.0
    assert 2.0 <= delays[2] <= 4.0
    assert all(30.0 <= delay <= 60.0 for delay in delays[8:])


def test_a_failed_start_waits_at_once():
    assert 0.5 <= restarts().lost(0.0, None) <= 1.0


def test_health_resets_the_backoff():
    policy = restarts()
    for _ in range(20):
        policy.lost(0.0, None)
    assert lose_after(policy, 100.0, SETTINGS.reset_after) == 0.0


def test_a_short_life_does_not_reset_the_backoff():
    policy = restarts()
    for _ in range(20):
        policy.lost(0.0, None)
    assert lose_after(policy, 100.0, SETTINGS.reset_after - 0.1) > 0.0


def test_the_operator_resets_the_backoff():
    policy = restarts()
    for _ in range(20):
        policy.lost(0.0, None)
    policy.reset()
    assert lose_after(policy, 0.0, 0.1) == 0.0


def test_tables_that_lose_one_database_do_not_return_in_step():
    assert len({restarts(seed).lost(0.0, None) for seed in range(10)}) == 10


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 100)), max_size=200), st.integers(0, 2**32))
def test_no_window_sees_more_starts_than_burst_and_delays_allow(lives, seed):
    """However a backend dies, starts within any `reset_after` seconds stay bounded."""
    policy, now, starts = restarts(seed), 0.0, []
    for handshake, lifetime in lives:
        starts.append(now)
        ready_at = now if handshake else None
        now += lifetime
        delay = policy.lost(now, ready_at)
        assert 0.0 <= delay <= SETTINGS.max_delay
        now += delay
    for start in starts:
        # A burst, what fits between the half-second minimal delays doubling up to 30 s, and one
        # more burst if a long life reset the count within the window.
        window = [other for other in starts if start <= other < start + SETTINGS.reset_after]
        assert len(window) <= 2 * (SETTINGS.burst + 1) + 7


@pytest.mark.parametrize("losses", [10**3, 10**4])
def test_the_delay_survives_any_number_of_losses(losses):
    policy = restarts()
    for _ in range(losses):
        policy.lost(0.0, None)
    assert policy.lost(0.0, None) <= SETTINGS.max_delay

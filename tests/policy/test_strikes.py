"""Strikes: a key is blamed for what nobody understands only while other keys work."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tablewatch.policy.strikes import Strikes

SALT = b"0123456789abcdef"


@pytest.fixture
def strikes():
    return Strikes(SALT, needed=2, window=100.0, max_keys=3)


def strike(strikes, key=b"bad", now=0.0, service="credentials"):
    return strikes.strike(service, key, now)


def succeed(strikes, key=b"good", service="credentials"):
    strikes.success(service, key)


def test_a_key_is_blamed_at_the_second_strike_with_others_succeeding_in_between(strikes):
    assert not strike(strikes, now=0.0)
    succeed(strikes)
    assert strike(strikes, now=1.0)


def test_an_outage_blames_nobody(strikes):
    assert not any(strike(strikes, now=float(second)) for second in range(100))


def test_strikes_of_an_outage_count_once_when_it_is_over(strikes):
    for second in range(10):
        strike(strikes, now=float(second))
    succeed(strikes)
    assert strike(strikes, now=11.0)


def test_a_success_of_the_key_clears_its_strikes(strikes):
    strike(strikes)
    succeed(strikes, b"bad")
    succeed(strikes)
    assert not strike(strikes, now=1.0)


def test_a_success_before_the_first_strike_is_none_in_between(strikes):
    succeed(strikes)
    strike(strikes)
    assert not strike(strikes, now=1.0)


def test_a_success_of_another_service_proves_nothing(strikes):
    strike(strikes)
    succeed(strikes, service="alias")
    assert not strike(strikes, now=1.0)


@pytest.mark.parametrize(("later", "blamed"), [(100.0, True), (100.1, False)])
def test_strikes_further_apart_than_the_window_are_unrelated(strikes, later, blamed):
    strike(strikes, now=0.0)
    succeed(strikes)
    assert strike(strikes, now=later) == blamed


def test_a_blamed_key_begins_anew(strikes):
    strike(strikes)
    succeed(strikes)
    strike(strikes, now=1.0)
    assert len(strikes) == 0
    succeed(strikes)
    assert not strike(strikes, now=2.0)


def test_more_strikes_can_be_asked_for():
    strikes = Strikes(SALT, needed=3)
    strike(strikes)
    succeed(strikes)
    assert not strike(strikes)
    succeed(strikes)
    assert strike(strikes)


def test_one_strike_can_be_enough():
    assert strike(Strikes(SALT, needed=1))


def test_nothing_is_kept_of_auth_keys(strikes):
    for _ in range(3):
        assert not strike(strikes, b"alice:secret", service="auth")
        strikes.success("auth", b"bob:secret")
    assert len(strikes) == 0


def test_the_key_struck_longest_ago_makes_room(strikes):
    for key in (b"1", b"2", b"3", b"1", b"4"):
        strike(strikes, key)
    succeed(strikes)
    assert not strike(strikes, b"2")
    assert strike(strikes, b"1")


def test_clear_forgets_all_strikes(strikes):
    strike(strikes)
    strikes.clear()
    succeed(strikes)
    assert not strike(strikes)


KEYS = [b"1", b"2", b"3", b"4", b"5"]
EVENTS = st.lists(
    st.tuples(
        st.booleans(), st.sampled_from(["a", "b"]), st.sampled_from(KEYS), st.floats(0.0, 60.0)
    ),
    max_size=150,
)


@given(EVENTS)
def test_blame_needs_another_strike_since_the_key_last_worked_and_a_success_of_others_since(events):
    """Checked against the whole history, which Strikes doesn't keep."""
    strikes, now, history = Strikes(SALT, window=100.0, max_keys=4), 0.0, {"a": [], "b": []}
    for works, service, key, seconds in events:
        now += seconds
        if works:
            strikes.success(service, key)
            history[service].append(("success", key, now))
        elif strikes.strike(service, key, now):
            lately = history[service]
            own = [i for i, event in enumerate(lately) if event[1] == key]
            while any(lately[i][0] != "strike" for i in own):
                own.pop(0)  # what was before its last success or blame is settled
            assert own
            assert now - lately[own[-1]][2] <= 100.0
            assert any(event[0] == "success" for event in lately[own[0] :])
            lately.append(("blame", key, now))
        else:
            history[service].append(("strike", key, now))
        assert len(strikes) <= 4


@given(st.lists(st.tuples(st.sampled_from(KEYS), st.floats(0.0, 60.0)), max_size=100))
def test_nobody_is_ever_blamed_while_nothing_succeeds(events):
    strikes, now = Strikes(SALT), 0.0
    strikes.success("a", b"good")
    for key, seconds in events:
        now += seconds
        assert not strikes.strike("a", key, now)

"""RateMeter and Amplification: bounded memory, true rates, estimates only from enough lookups."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tablewatch.policy.rates import Amplification, RateMeter

PAUSES = st.one_of(st.just(0.0), st.floats(0.0, 15.0))


def test_steady_events_give_their_rate():
    meter = RateMeter(window=10.0)
    for tenth in range(300):
        meter.add(tenth / 10)
    assert meter.rate(30.0) == pytest.approx(10.0, rel=0.02)


@pytest.mark.parametrize("now", [0.0, 7.3, 123456.7])
def test_one_event_does_not_pass_for_a_storm(now):
    meter = RateMeter(window=10.0)
    meter.add(now)
    assert meter.rate(now) == pytest.approx(0.1)


def test_many_events_at_once_are_counted_as_many():
    meter = RateMeter(window=10.0)
    meter.add(1.0, 500)
    assert meter.rate(1.0) == pytest.approx(50.0)


def test_nothing_is_left_after_the_window_and_one_slice():
    meter = RateMeter(window=10.0)
    meter.add(5.5, 100)
    assert meter.rate(14.9) == pytest.approx(10.0)
    assert 0.0 < meter.rate(15.5) < 10.0
    assert meter.rate(16.0) == 0.0


def test_a_rate_fades_without_jumps():
    meter = RateMeter(window=10.0)
    for tenth in range(100):
        meter.add(tenth / 10)
    rates = [meter.rate(10.0 + tenth / 10) for tenth in range(120)]
    assert all(0.0 <= a - b <= 0.11 for a, b in pairwise(rates))
    assert rates[-1] == 0.0


@given(
    st.sampled_from([0.5, 1.0, 10.0, 60.0]),
    st.floats(0.0, 1e6),
    st.lists(st.tuples(PAUSES, st.integers(0, 1000)), max_size=80),
)
def test_the_rate_lies_between_those_of_nine_and_eleven_tenths_of_the_window(window, now, steps):
    meter, events = RateMeter(window=window), []
    for pause, n in steps:
        now += pause
        meter.add(now, n)
        events.append((now, n))
        rate = meter.rate(now)
        inner = sum(n for time, n in events if now - time < 0.9 * window - 1e-6)
        outer = sum(n for time, n in events if now - time <= 1.1 * window + 1e-6)
        assert inner / window - 1e-6 <= rate <= outer / window + 1e-6


@given(st.lists(st.tuples(PAUSES, st.booleans()), max_size=80))
def test_reading_a_rate_changes_nothing(steps):
    read, unread, now = RateMeter(), RateMeter(), 0.0
    for pause, look in steps:
        now += pause
        if look:
            read.rate(now)
        else:
            read.add(now)
            unread.add(now)
    assert read.rate(now) == unread.rate(now)


def fed(*updates, **limits):
    one = Amplification(**limits)
    for update in updates:
        one.update(*update)
    return one


def test_there_is_no_estimate_before_enough_lookups():
    one = fed((0.0, 0, 0), (1.0, 19, 190))
    assert one.value is None
    assert one.update(2.0, 20, 200) == 9.0


def test_the_wait_for_the_next_question_is_no_round_trip():
    assert fed((0.0, 100, 100), (1.0, 200, 200)).value == 0.0


def test_a_backend_that_finds_its_questions_waiting_does_not_go_below_zero():
    assert fed((0.0, 0, 0), (1.0, 500, 40)).value == 0.0  # measured with table-passwd


def test_the_estimate_is_of_the_newest_lookups():
    assert fed((0.0, 0, 0), (1.0, 20, 40), (2.0, 40, 440)).value == 19.0


def test_few_lookups_in_a_long_time_give_no_estimate():
    one = fed((0.0, 0, 0), (1.0, 20, 40), min_lookups=20, window=60.0)
    assert one.value == 1.0
    assert one.update(61.1, 39, 5000) is None
    assert one.update(62.0, 58, 9000) is None  # anew from 61.1 on
    assert one.update(662.0, 139, 9999) is None  # a hundred in ten minutes are few


def test_a_busy_backend_that_was_looked_at_late_still_has_an_estimate():
    assert fed((0.0, 0, 0), (600.0, 6000, 18000)).value == 2.0


def test_a_new_process_starts_anew():
    one = fed((0.0, 0, 0), (1.0, 20, 100), (2.0, 25, 3))
    assert one.value is None
    assert one.update(3.0, 45, 63) == 2.0


def test_without_the_counter_there_is_no_estimate():
    one = fed((0.0, 0, 0), (1.0, 20, 100))
    assert one.update(2.0, 40, None) is None
    assert one.update(3.0, 60, 300) is None
    assert one.update(4.0, 80, 340) == 1.0


@given(
    st.integers(0, 50),
    st.lists(st.tuples(st.floats(0.0, 30.0), st.integers(0, 40)), max_size=60),
)
def test_a_backend_with_constant_costs_is_estimated_exactly(trips, steps):
    one, now, lookups = Amplification(), 0.0, 0
    for pause, more in steps:
        now += pause
        lookups += more
        assert one.update(now, lookups, lookups * (trips + 1)) in (None, trips)
    for _ in range(3):
        lookups += 20
        value = one.update(now, lookups, lookups * (trips + 1))
    assert value == trips

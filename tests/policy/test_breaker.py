"""Breaker: closed, open, half-open; never locked, never open for ever."""

import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tablewatch.policy.breaker import TRANSITIONS, Breaker, Event, State, diagram

ARCHITECTURE = Path(__file__).parents[2] / "docs" / "architecture.md"
LIMITS = {"threshold": 3, "min_open": 1.0, "max_open": 60.0}
LIMITS |= {"reset_after": 300.0, "trial_timeout": 10.0}


def breaker(seed=0, **changes):
    return Breaker(random.Random(seed), **(LIMITS | changes))


def opened(now=0.0, **changes):
    one = breaker(**changes)
    one.trip(now, "a reason")
    return one


def half_open(**changes):
    one = opened(**changes)
    assert one.allow(one.due())
    return one, one.due() - one.trial_timeout


def rest_after_failed_trial(one):
    """Let the rest pass and the trial fail; return how long the next rest is."""
    now = one.due()
    assert one.allow(now)
    assert one.failure(now)
    return one.due() - now


def test_closed_everything_is_allowed():
    assert all(breaker().allow(0.0) for _ in range(100))
    assert breaker().due() is None


def test_enough_failures_in_a_row_open_it():
    one = breaker()
    assert [one.failure(0.0) for _ in range(3)] == [False, False, True]
    assert one.state(0.0) is State.OPEN
    assert not one.allow(0.0)
    assert one.why == "3 failures in a row"


def test_a_success_interrupts_the_row():
    one = breaker()
    for _ in range(10):
        one.failure(0.0)
        one.failure(0.0)
        assert not one.success(0.0)
    assert one.state(0.0) is State.CLOSED


def test_open_nothing_is_allowed_before_it_is_due():
    one = opened()
    assert 0.5 <= one.due() <= 1.0
    assert not any(one.allow(now) for now in (0.0, 0.4, one.due() - 1e-6))


def test_what_arrives_while_open_changes_nothing():
    one = opened()
    due = one.due()
    assert not one.failure(0.1)
    assert not one.success(0.1)
    assert not one.trip(0.1, "another reason")
    assert (one.state(0.1), one.due(), one.why) == (State.OPEN, due, "a reason")


def test_half_open_allows_exactly_one_trial():
    one = opened()
    now = one.due()
    assert one.state(now) is State.HALF_OPEN
    assert one.due() is None
    assert [one.allow(now) for _ in range(3)] == [True, False, False]


def test_a_trial_that_is_answered_closes_it():
    one, now = half_open()
    assert one.success(now + 1.0)
    assert one.state(now + 1.0) is State.CLOSED
    assert one.due() is None
    assert one.allow(now + 1.0)


def test_a_trial_that_fails_opens_it_for_longer():
    one = opened()
    for longest in (2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0):
        assert longest / 2 <= rest_after_failed_trial(one) <= longest


def test_a_failure_before_the_trial_is_one():
    one = opened()
    now = one.due()
    assert one.failure(now, "could not be started")
    assert (one.state(now), one.why) == (State.OPEN, "could not be started")


def test_a_trial_that_never_reports_is_followed_by_another():
    one, now = half_open()
    assert not one.allow(now + 9.9)
    assert one.due() == now + 10.0
    assert [one.allow(now + 10.0) for _ in range(2)] == [True, False]


def test_a_failure_in_a_row_begun_before_does_not_count_after_closing():
    one = breaker()
    one.failure(0.0)
    one.failure(0.0)
    one.trip(0.0, "a reason")
    one.allow(one.due())
    now = 100.0
    one.success(now)
    assert not one.failure(now)


def test_closed_for_long_enough_the_rests_are_short_again():
    one = opened()
    for _ in range(6):
        rest_after_failed_trial(one)
    now = one.due()
    one.allow(now)
    one.success(now)
    one.trip(now + LIMITS["reset_after"], "a reason")
    assert one.due() - (now + LIMITS["reset_after"]) <= 1.0


def test_closed_only_briefly_the_rests_go_on_growing():
    one = opened()
    for _ in range(6):
        rest_after_failed_trial(one)
    now = one.due()
    one.allow(now)
    one.success(now)
    one.trip(now + LIMITS["reset_after"] - 0.1, "a reason")
    assert one.due() - (now + LIMITS["reset_after"] - 0.1) >= 30.0


@pytest.mark.parametrize("trials", [0, 1])
def test_the_operator_closes_it_from_everywhere(trials):
    one = opened()
    for _ in range(6):
        rest_after_failed_trial(one)
    now = one.due()
    if trials:
        one.allow(now)
    assert one.reset()
    assert one.state(now) is State.CLOSED
    assert one.due() is None
    one.trip(now, "a reason")
    assert one.due() - now <= 1.0


def test_a_reset_while_closed_makes_the_rests_short_again():
    one = opened()
    for _ in range(6):
        rest_after_failed_trial(one)
    now = one.due()
    one.allow(now)
    one.success(now)
    one.reset()
    one.trip(now, "a reason")
    assert one.due() - now <= 1.0


def test_a_reset_while_closed_forgets_the_failures():
    one = breaker()
    one.failure(0.0)
    one.failure(0.0)
    assert not one.reset()
    assert not one.failure(0.0)


def test_tables_that_lose_one_database_do_not_return_in_step():
    assert len({opened(seed=seed).due() for seed in range(10)}) == 10


def test_the_rest_survives_any_number_of_openings():
    one = opened()
    for _ in range(5000):
        assert rest_after_failed_trial(one) <= 60.0


def test_from_every_state_there_is_a_way_back_to_closed():
    reached = {State.CLOSED}
    while True:
        more = {before for (before, _), after in TRANSITIONS.items() if after in reached}
        if more <= reached:
            break
        reached |= more
    assert reached == set(State)


def test_every_event_has_a_place_in_the_table():
    assert {event for _, event in TRANSITIONS} == set(Event)


def test_the_diagram_shows_every_transition():
    text = diagram()
    assert text.startswith("stateDiagram-v2\n")
    assert text.count("-->") == len(TRANSITIONS) + 1
    assert '    state "half-open" as half_open' in text
    assert "    half_open --> closed: trial answered" in text


def test_the_diagram_in_the_documentation_is_this_table():
    assert diagram() in ARCHITECTURE.read_text(encoding="utf-8")


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["allow", "failure", "success", "trip", "reset", "due"]),
        st.one_of(st.just(0.0), st.floats(0.0, 100.0)),
    ),
    max_size=100,
)


def play(one, steps):
    """Do `steps`; yield (what, now, state before, result, state after)."""
    now = 0.0
    for step, seconds in steps:
        now += seconds
        if step == "due":  # the interesting moment
            now = max(now, one.due() or now)
        what = "allow" if step == "due" else step
        before = one.state(now)
        args = {"failure": (now,), "success": (now,), "trip": (now, "x"), "allow": (now,)}
        result = getattr(one, what)(*args.get(what, ()))
        yield what, now, before, result, one.state(now)


@given(STEPS, st.integers(0, 2**32))
def test_every_change_is_one_the_table_allows(steps, seed):
    one = breaker(seed)
    for what, _, before, result, after in play(one, steps):
        events = {
            "allow": (),
            "failure": (Event.FAILED, Event.TRIAL_FAILED),
            "success": (Event.TRIAL_PASSED,),
            "trip": (Event.TRIPPED,),
            "reset": (Event.RESET,),
        }[what]
        targets = {TRANSITIONS[before, event] for event in events if (before, event) in TRANSITIONS}
        assert after is before or after in targets
        if what != "allow":
            assert result is (after is not before)


@given(STEPS, st.integers(0, 2**32))
def test_no_rest_is_longer_than_allowed_and_then_one_request_goes_through(steps, seed):
    one = breaker(seed)
    now = 0.0
    for _, now, _, _, after in play(one, steps):
        if after is State.OPEN:
            assert now < one.due() <= now + LIMITS["max_open"]
        elif after is State.HALF_OPEN and one.due() is not None:
            assert now < one.due() <= now + LIMITS["trial_timeout"]
        else:
            assert one.due() is None
    assert one.allow(max(now, one.due() or now))  # whatever happened: never locked


@given(STEPS, st.integers(0, 2**32))
def test_open_lets_nothing_through_and_half_open_one_trial_at_a_time(steps, seed):
    one = breaker(seed)
    trial = None  # when the last one began, until its end is told or it is lost
    for what, now, before, result, after in play(one, steps):
        if before is State.OPEN:
            trial = None
        if what == "allow":
            if before is State.CLOSED:
                assert result
            elif before is State.OPEN:
                assert not result
            else:
                lost = trial is None or now >= trial + LIMITS["trial_timeout"]
                assert result is lost
                trial = now if result else trial
        elif after is not before:
            trial = None


# --- what is told of it


def test_before_it_ever_opened_there_is_nothing_to_tell():
    one = breaker()
    one.failure(0.0)
    assert (one.openings, one.opened_at, one.rested_at) == (0, None, None)


def test_an_outage_is_one_opening_however_many_trials_fail():
    one = opened(now=100.0)
    for _ in range(5):
        rest_after_failed_trial(one)
    assert (one.openings, one.opened_at) == (1, 100.0)


def test_the_next_outage_is_another_opening():
    one = opened(now=100.0)
    assert one.allow(one.due())
    assert one.success(200.0)
    assert one.opened_at == 100.0
    for _ in range(3):
        one.failure(300.0)
    assert (one.openings, one.opened_at) == (2, 300.0)


def test_a_reset_and_another_opening_are_two_openings():
    one = opened(now=100.0)
    one.reset()
    one.trip(150.0, "again")
    assert (one.openings, one.opened_at, one.why) == (2, 150.0, "again")


def test_when_its_rest_ended_is_known_however_late_it_is_looked_at():
    one = opened(now=100.0)
    due = one.due()
    one.state(due + 500.0)
    assert one.rested_at == due
    assert one.allow(due + 500.0)
    one.state(due + 510.0)  # the trial is lost
    assert one.state(due + 510.0) is State.HALF_OPEN
    assert one.rested_at == due


@given(st.lists(st.sampled_from(["fail", "work", "allow", "reset", "trip", "wait"]), max_size=80))
def test_openings_only_grow_and_openings_are_remembered(events):
    one, now, before = breaker(), 0.0, 0
    for event in events:
        now += 0.5
        closed = one.state(now) is State.CLOSED
        if event == "fail":
            one.failure(now)
        elif event == "work":
            one.success(now)
        elif event == "allow":
            one.allow(now)
        elif event == "reset":
            one.reset()
        elif event == "trip":
            one.trip(now, "said so")
        else:
            now += 30.0
        opens = closed and one.state(now) is not State.CLOSED
        assert one.openings == before + opens
        assert not opens or one.opened_at == now
        before = one.openings

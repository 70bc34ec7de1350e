"""Pacer: retries within the refill, CPU within the limit, and never stopped for ever."""

import math

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from tablewatch.policy.budget import RetryBudget
from tablewatch.policy.pacing import Pacer

STARTS = st.floats(0.0, 1e6)


def overdrawn(tokens=11.0, **settings):
    budget = RetryBudget(**settings)
    budget.withdraw(0.0, tokens)
    return budget


def test_within_the_budget_a_backend_runs_and_nothing_is_due():
    assert Pacer().update(5.0, RetryBudget(), None) == (True, math.inf)


def test_overdrawn_it_is_stopped_until_a_whole_retry_is_saved_up():
    budget, pacer = overdrawn(), Pacer()
    decision = pacer.update(0.0, budget, None)
    assert not decision.run
    assert decision.until == pytest.approx(2.0, abs=1e-4)
    assert not pacer.update(1.5, budget, None).run  # 0.5: not negative any more, but not enough
    assert pacer.update(decision.until, budget, None).run


def test_answers_shorten_the_stop():
    budget, pacer = overdrawn(), Pacer()
    pacer.update(0.0, budget, None)
    for _ in range(10):
        budget.deposit(0.5)
    assert pacer.update(0.5, budget, None).run


def test_a_budget_too_small_to_save_a_whole_retry_still_lets_it_run_again():
    budget, pacer = overdrawn(tokens=1.0, per_second=0.05, window=10.0), Pacer()
    decision = pacer.update(0.0, budget, None)
    assert not decision.run
    assert pacer.update(decision.until, budget, None).run
    assert not pacer.exhausted


def test_a_budget_without_refill_stops_it_until_the_limit():
    budget, pacer = overdrawn(per_second=0.0), Pacer(limit=60.0)
    decision = pacer.update(0.0, budget, None)
    assert decision.until == pytest.approx(60.0, abs=1e-4)
    assert pacer.update(decision.until, budget, None).run
    assert pacer.exhausted


def test_asking_twice_changes_nothing():
    budget, pacer = overdrawn(), Pacer()
    assert pacer.update(0.0, budget, 1.0) == pacer.update(0.0, budget, 1.0)
    assert pacer.update(0.5, budget, 1.0) == pacer.update(0.5, budget, 1.0)
    assert pacer.throttled_seconds == 0.5


def test_stopped_seconds_are_counted_and_running_ones_are_not():
    budget, pacer = overdrawn(), Pacer()
    pacer.update(0.0, budget, None)
    pacer.update(3.0, budget, None)
    pacer.update(8.0, budget, None)
    assert pacer.throttled_seconds == 3.0


def test_a_limit_of_zero_stops_nothing():
    pacer = Pacer(limit=0.0)
    assert pacer.update(0.0, overdrawn(), None).run
    assert pacer.exhausted


def exhausted():
    budget, pacer = overdrawn(per_second=0.0), Pacer(limit=60.0, calm=10.0)
    pacer.update(0.0, budget, None)
    pacer.update(61.0, budget, None)
    assert pacer.exhausted
    return pacer, budget


def test_exhausted_it_runs_and_stays_exhausted():
    pacer, budget = exhausted()
    for second in range(62, 200):
        assert pacer.update(float(second), budget, None) == (True, math.inf)
        assert pacer.exhausted


def test_another_process_begins_anew():
    pacer, budget = exhausted()
    pacer.reset(62.0)
    assert not pacer.exhausted
    assert not pacer.update(62.0, budget, None).run
    assert pacer.throttled_seconds == 61.0


def test_a_reset_counts_the_last_stop():
    pacer = Pacer()
    pacer.update(0.0, overdrawn(), None)
    pacer.reset(1.5)
    assert pacer.throttled_seconds == 1.5


def test_another_process_does_not_pay_for_the_one_before():
    budget, pacer = overdrawn(), Pacer(cpu_limit=0.1)
    pacer.update(0.0, budget, 0.0)
    assert not pacer.update(1.5, budget, 9.0).run  # neither the budget nor the CPU allow it
    pacer.reset(1.5)
    assert pacer.update(1.5, budget, 9.0).run


def test_a_calm_while_ends_the_episode():
    budget, pacer = RetryBudget(), Pacer(limit=3.0, calm=10.0)
    now = 0.0
    for _ in range(10):
        budget.withdraw(now, 11.0)
        decision = pacer.update(now, budget, None)
        assert not decision.run
        now = decision.until
        assert pacer.update(now, budget, None).run
        now += 20.0
    assert not pacer.exhausted
    assert pacer.throttled_seconds > 10.0


def test_without_a_calm_while_the_stops_add_up():
    budget, pacer = RetryBudget(), Pacer(limit=30.0, calm=10.0)
    now, stops = 0.0, 0
    while not pacer.exhausted:
        budget.withdraw(now, 2.0)
        decision = pacer.update(now, budget, None)
        if not decision.run:
            stops += 1
            now = decision.until
            pacer.update(now, budget, None)
        now += 0.01
        assert now < 100.0
    assert stops > 5


def test_a_busy_backend_whose_cpu_is_not_to_be_limited_runs():
    pacer, budget = Pacer(cpu_limit=0.1), RetryBudget()
    assert all(pacer.update(now / 10, budget, None).run for now in range(100))


def test_what_was_used_before_it_is_paced_is_not_held_against_it():
    pacer = Pacer(cpu_limit=0.1)
    assert pacer.update(5.0, RetryBudget(), 1000.0).run


def test_what_was_used_while_cpu_was_not_limited_does_not_count_later():
    pacer, budget = Pacer(cpu_limit=0.1), RetryBudget()
    pacer.update(0.0, budget, 0.0)
    pacer.update(1.0, budget, None)
    assert pacer.update(9.0, budget, 9.0).run


def test_no_rest_is_longer_than_a_second():
    pacer, budget = Pacer(cpu_limit=0.1), RetryBudget()
    pacer.update(0.0, budget, 0.0)
    decision = pacer.update(60.0, budget, 60.0)
    assert not decision.run
    assert decision.until == pytest.approx(61.0, abs=1e-4)


def test_a_counter_that_goes_back_is_no_use_of_cpu():
    pacer, budget = Pacer(cpu_limit=0.1), RetryBudget()
    pacer.update(0.0, budget, 5.0)
    assert pacer.update(1.0, budget, 3.0) == (True, 1.01)
    assert not pacer.update(1.1, budget, 3.1).run


def loop(pacer, budget, now, per_second, latency, seconds):
    """A retry loop whose lines are read every `latency` seconds; return the times of retries."""
    end, retries, left = now + seconds, [], 0.0
    decision = pacer.update(now, budget, None)
    while now < end:
        if decision.run:
            now += latency
            left += per_second * latency
            lines, left = int(left), left % 1.0
            retries += [now] * lines
            if lines:
                budget.withdraw(now, lines)
        else:
            assert decision.until > now
            now = decision.until
        decision = pacer.update(now, budget, None)
    return retries


@given(
    st.sampled_from([0.2, 1.0, 5.0]),
    st.sampled_from([1.0, 10.0, 100.0, 3000.0]),
    st.floats(0.001, 0.003),
    STARTS,
)
def test_a_loop_retries_at_the_rate_of_the_refill(per_second, speed, latency, start):
    budget = RetryBudget(per_second=per_second, window=10.0)
    pacer = Pacer(limit=1e9)
    times = loop(pacer, budget, start, speed, latency, seconds=20.0)
    assume(budget.forgiven == 0.0)
    for number, first in enumerate(times):
        # What comes in one read after the last stop, and what may be owed.
        allowed = budget.reserve + per_second * (times[-1] - first) + budget.max_debt
        assert len(times) - number <= allowed + 1e-3
    # And it does use what it may.
    assert len(times) >= min(speed, per_second) * 20.0 * 0.8 - 1


@given(st.sampled_from([0.0, 0.2, 1.0]), st.floats(0.0, 200.0), STARTS)
def test_throttling_ends_at_its_limit(per_second, limit, start):
    budget = RetryBudget(per_second=per_second)
    budget.withdraw(start, 30.0)
    pacer, now, decisions = Pacer(limit=limit), start, 0
    while not pacer.exhausted:
        budget.withdraw(now, 3.0)
        decision = pacer.update(now, budget, None)
        now = decision.until if not decision.run else now + 0.01
        decisions += 1
        assert decisions < 2000
    assert pacer.throttled_seconds == pytest.approx(limit, abs=1e-2)
    assert pacer.update(now, budget, None).run


def spin(pacer, now, seconds, processors, latency):
    """A spinner, stopped and continued as told but `latency` seconds late; return its runs."""
    end, cpu, runs, budget = now + seconds, 0.0, [], RetryBudget()
    decision = pacer.update(now, budget, cpu)
    while now < end:
        assert now < decision.until <= now + 1.0 + 1e-3
        then = decision.until + latency
        if decision.run:
            runs.append((now, then))
            cpu += processors * (then - now)
        now = then
        decision = pacer.update(now, budget, cpu)
    return runs


def used(runs, first, last):
    return sum(max(0.0, min(end, last) - max(start, first)) for start, end in runs)


@given(st.sampled_from([0.05, 0.1, 0.2, 0.5, 0.9, 1.0]), st.floats(0.0, 0.01), STARTS)
@example(0.2, 0.0, 0.0)
def test_any_second_holds_at_most_the_limit_and_one_overshoot(limit, latency, start):
    runs = spin(Pacer(cpu_limit=limit, limit=1e9), start, 5.0, 1, latency)
    overshoot = 0.01 + 2 * latency
    for edge in [time for run in runs for time in run]:
        assert used(runs, edge, edge + 1.0) <= limit + overshoot + 1e-3
        assert used(runs, edge - 1.0, edge) <= limit + overshoot + 1e-3


@given(st.sampled_from([0.05, 0.1, 0.2, 0.5]), st.sampled_from([1, 2]))
def test_in_the_long_run_it_gets_nine_tenths_of_the_limit(limit, processors):
    runs = spin(Pacer(cpu_limit=limit, limit=1e9), 0.0, 100.0, processors, 0.0)
    share = processors * used(runs, 0.0, 100.0) / 100.0
    assert share == pytest.approx(0.9 * limit, rel=0.02)


def test_a_spinner_exhausts_the_limit_too():
    pacer, budget, now, cpu = Pacer(cpu_limit=0.2, limit=5.0), RetryBudget(), 0.0, 0.0
    while not pacer.exhausted:
        decision = pacer.update(now, budget, cpu)
        step = min(decision.until - now, 1.0)
        cpu += step if decision.run else 0.0
        now += step
        assert now < 10.0
    assert pacer.throttled_seconds == pytest.approx(5.0, abs=1e-2)


@given(
    st.lists(
        st.tuples(
            st.one_of(st.just(0.0), st.floats(0.0, 20.0)),
            st.sampled_from(["look", "retry", "answer", "reset"]),
            st.one_of(st.none(), st.floats(0.0, 50.0)),
        ),
        max_size=60,
    ),
    STARTS,
)
def test_whatever_happens_a_stop_has_an_end_that_is_not_now(steps, now):
    pacer, budget = Pacer(limit=60.0), RetryBudget()
    stopped = 0.0
    decision = None
    for seconds, what, cpu in steps:
        if decision is not None and not decision.run:
            stopped += seconds
        now += seconds
        if what == "reset":
            pacer.reset(now)
        elif what == "retry":
            budget.withdraw(now, 5.0)
        elif what == "answer":
            budget.deposit(now)
        decision = pacer.update(now, budget, cpu)
        assert decision.until > now
        if not decision.run:
            assert decision.until <= now + 60.0 + 1e-3
            assert not pacer.exhausted
        assert pacer.throttled_seconds == pytest.approx(stopped, abs=1e-3)

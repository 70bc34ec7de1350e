"""RetryBudget: deposits, withdrawals that can't be refused, and a debt with a floor."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tablewatch.policy.budget import RetryBudget

NEAR = 1e-6  # tokens; what adding up a few hundred floats may lose

STEPS = st.lists(
    st.tuples(
        st.sampled_from(["deposit", "withdraw", "look"]),
        st.one_of(st.just(0.0), st.sampled_from([0.5, 1.0, 5.0]), st.floats(0.0, 25.0)),
        st.one_of(st.just(0.0), st.floats(0.0, 1.0), st.floats(0.0, 30.0)),
    ),
    max_size=60,
)
BUDGETS = st.builds(
    RetryBudget,
    ratio=st.sampled_from([0.0, 0.2, 1.0]),
    per_second=st.sampled_from([0.0, 0.1, 1.0, 10.0]),
    window=st.sampled_from([1.0, 10.0, 60.0]),
    max_debt=st.sampled_from([None, 0.0, 3.0, 100.0]),
)


def test_it_begins_with_the_reserve():
    assert RetryBudget(per_second=2.0, window=5.0).balance(123.0) == 10.0


def test_a_covered_withdrawal_is_taken_from_the_balance():
    budget = RetryBudget()
    assert budget.withdraw(0.0)
    assert budget.withdraw(0.0, 2.5)
    assert budget.balance(0.0) == 6.5


def test_a_withdrawal_down_to_zero_is_covered_and_one_below_is_not():
    budget = RetryBudget()
    assert budget.withdraw(0.0, 10.0)
    assert not budget.withdraw(0.0, 0.5)
    assert budget.balance(0.0) == -0.5


def test_time_refills_up_to_the_reserve_and_no_further():
    budget = RetryBudget(per_second=1.0, window=10.0)
    budget.withdraw(0.0, 10.0)
    assert budget.balance(4.0) == 4.0
    assert budget.balance(100.0) == 10.0


def test_good_answers_earn_a_fraction_each():
    budget = RetryBudget(ratio=0.25)
    for _ in range(8):
        budget.deposit(0.0)
    assert budget.balance(0.0) == 12.0


@pytest.mark.parametrize(("age", "left"), [(8.9, 1.0), (10.0, 0.0)])
def test_a_deposit_is_good_for_nine_to_ten_tenths_of_the_window(age, left):
    budget = RetryBudget(ratio=1.0, per_second=0.0, window=10.0)
    budget.deposit(5.5)
    assert budget.balance(5.5 + age) == left


def test_what_expires_first_is_spent_first():
    budget = RetryBudget(ratio=1.0, per_second=0.0, window=10.0)
    budget.deposit(0.0)
    budget.deposit(5.0)
    assert budget.withdraw(6.0)
    assert budget.balance(11.0) == 1.0


def test_a_deposit_is_spent_once():
    budget = RetryBudget(ratio=1.0, per_second=0.0)
    for _ in range(3):
        budget.deposit(0.0)
    assert budget.withdraw(0.0, 2.0)
    assert budget.balance(0.0) == 1.0
    assert not budget.withdraw(0.0, 2.0)


def test_a_debt_is_paid_by_deposits_before_anything_is_earned():
    budget = RetryBudget(ratio=1.0, per_second=0.0)
    budget.withdraw(0.0)
    budget.deposit(0.0)
    assert budget.balance(0.0) == 0.0
    # Paid is paid: the debt does not come back when the deposit would have expired.
    assert budget.balance(1000.0) == 0.0


def test_a_burst_seen_late_is_paid_within_one_window():
    budget = RetryBudget(per_second=1.0, window=10.0)
    for _ in range(3000):
        budget.withdraw(0.0)
    assert budget.balance(0.0) == -10.0
    assert budget.balance(10.0) == 0.0
    assert budget.forgiven == 2980.0


def test_without_refill_by_time_there_still_is_a_debt_to_be_seen():
    budget = RetryBudget(ratio=0.5, per_second=0.0)
    assert not budget.withdraw(0.0)
    assert budget.balance(0.0) == -1.0


def test_when_tells_how_long_to_wait():
    budget = RetryBudget(per_second=2.0, window=5.0)
    budget.withdraw(0.0, 13.0)
    assert budget.when(0.0) == pytest.approx(2.0, abs=1e-5)
    assert budget.when(0.0, 5.0) == pytest.approx(4.0, abs=1e-5)
    assert budget.when(3.0) == 3.0


def test_rounding_brings_nobody_back_too_early():
    for tenths in range(5000):
        budget, now = RetryBudget(per_second=0.3), tenths / 10
        budget.withdraw(now, 5.7)
        assert budget.balance(budget.when(now)) >= 1.0


def test_when_is_never_where_time_alone_does_not_suffice():
    assert RetryBudget(per_second=1.0, window=10.0).when(0.0, 10.1) == math.inf
    assert RetryBudget(per_second=0.0).when(0.0) == math.inf


@given(BUDGETS, STEPS, st.floats(0.0, 1e6))
def test_covered_withdrawals_stay_within_reserve_time_and_deposits(budget, steps, now):
    """The law in the class's docstring, for every stretch of time there is."""
    deposits, covered = [], []
    for what, amount, seconds in steps:
        now += seconds
        if what == "deposit":
            budget.deposit(now)
            deposits.append(now)
        elif what == "withdraw" and budget.withdraw(now, amount):
            covered.append((now, amount))
    for number, (first, _) in enumerate(covered):
        for last, _ in covered[number:]:
            spent = sum(amount for time, amount in covered if first <= time <= last)
            earned = sum(1 for time in deposits if first - budget.window <= time <= last)
            allowed = budget.reserve + budget.per_second * (last - first) + budget.ratio * earned
            assert spent <= allowed + NEAR


@given(BUDGETS, STEPS)
def test_the_balance_stays_between_the_floor_and_what_was_earned(budget, steps):
    now, deposits = 0.0, []
    for what, amount, seconds in steps:
        now += seconds
        if what == "deposit":
            budget.deposit(now)
            deposits.append(now)
        elif what == "withdraw":
            budget.withdraw(now, amount)
        balance = budget.balance(now)
        earned = budget.ratio * sum(1 for time in deposits if now - budget.window < time)
        assert -budget.max_debt - NEAR <= balance <= budget.reserve + earned + NEAR


@given(BUDGETS, STEPS)
def test_it_recovers_from_whatever_was_done_to_it(budget, steps):
    now = 0.0
    for what, amount, seconds in steps:
        now += seconds
        budget.deposit(now) if what == "deposit" else budget.withdraw(now, 100.0 * amount)
    if budget.per_second:
        later = now + 2 * budget.window + (budget.reserve + budget.max_debt) / budget.per_second
        assert budget.balance(later) == pytest.approx(budget.reserve)
    else:
        for _ in range(int(budget.max_debt / max(budget.ratio, 0.2)) + 2):
            budget.deposit(now)
        assert budget.balance(now) >= 0.0 or budget.ratio == 0.0


@given(BUDGETS, STEPS, st.floats(0.0, 12.0), st.floats(0.0, 1e6))
def test_who_comes_back_when_told_finds_the_tokens(budget, steps, tokens, now):
    for what, amount, seconds in steps:
        now += seconds
        budget.deposit(now) if what == "deposit" else budget.withdraw(now, amount)
    when = budget.when(now, tokens)
    assert when >= now
    if when < math.inf:
        assert budget.balance(when) >= tokens
    else:
        assert tokens > budget.balance(now)
        assert tokens > budget.reserve or not budget.per_second


@given(BUDGETS, STEPS)
def test_looking_changes_nothing(budget, steps):
    other = RetryBudget(
        ratio=budget.ratio,
        per_second=budget.per_second,
        window=budget.window,
        max_debt=budget.max_debt,
    )
    now = 0.0
    for what, amount, seconds in steps:
        now += seconds
        if what == "deposit":
            budget.deposit(now)
            other.deposit(now)
        elif what == "withdraw":
            budget.withdraw(now, amount)
            other.withdraw(now, amount)
        else:
            budget.balance(now)
            budget.when(now, amount)
    assert budget.balance(now) == pytest.approx(other.balance(now), abs=NEAR)


@given(BUDGETS, st.lists(st.floats(0.0, 1.0), max_size=300))
def test_memory_does_not_grow_with_deposits(budget, pauses):
    now = 0.0
    for pause in pauses:
        now += pause * budget.window / 30
        budget.deposit(now)
        assert len(budget._deposits) <= 10

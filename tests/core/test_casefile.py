"""What is kept of one incident: its beginning and its end, and no more than so much."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tablewatch.control import incident as told
from tablewatch.core.actions import Usage
from tablewatch.core.casefile import (
    BEFORE,
    MAX_BEFORE,
    MAX_FIRST,
    MAX_KEYS,
    MAX_LAST,
    MAX_LINES,
    MAX_SAMPLES,
    MAX_TEXT,
    CaseFile,
    Recent,
    Spent,
    Step,
)
from tablewatch.core.counters import Counters
from tablewatch.knowledge.keys import CUT_MARK

NOTHING = Spent(0, 0, 0, 0, 0.0)


@pytest.fixture
def case():
    return CaseFile(NOTHING)


def add(case, number, kind="decision"):
    for each in range(number):
        case.add(Step(float(each), kind, f"step {each}"))


# --- the timeline


def test_the_timeline_is_in_order(case):
    add(case, MAX_FIRST + MAX_LAST)
    assert [step.text for step in case.steps] == [
        f"step {each}" for each in range(MAX_FIRST + MAX_LAST)
    ]


def test_of_a_long_one_the_beginning_and_the_end_are_kept(case):
    add(case, 1000)
    times = [step.at for step in case.steps]
    assert times == [*range(MAX_FIRST), *range(1000 - MAX_LAST, 1000)]


def test_what_the_backend_said_is_kept_apart_from_what_was_done(case):
    case.add(Step(1.0, "signal", "warn: one"))
    case.add(Step(2.0, "decision", "replaced"))
    case.add(Step(3.0, "note", "reload"))
    case.add(Step(4.0, "signal", "warn: two"))
    assert list(case.lines) == ["warn: one", "warn: two"]
    assert len(case.steps) == 4


def test_only_the_last_lines_are_kept(case):
    add(case, 1000, "signal")
    assert list(case.lines) == [f"step {each}" for each in range(1000 - MAX_LINES, 1000)]


@given(st.text(max_size=3 * MAX_TEXT) | st.text("\U0001f4a3\u0142x", min_size=MAX_TEXT // 5))
def test_a_text_is_bounded_in_bytes_and_stays_a_text(text):
    step = Step.of(1.0, "signal", text)
    data = step.text.encode()
    assert len(data) <= MAX_TEXT
    if len(text.encode("utf-8", "backslashreplace")) > MAX_TEXT:
        assert step.text.endswith(CUT_MARK)
        assert len(data) > MAX_TEXT - 4
        assert text.startswith(step.text.removesuffix(CUT_MARK)[:50])
    else:
        assert step == Step(1.0, "signal", text)


# --- keys, samples, cost


def test_each_key_is_noted_once_and_only_so_many(case):
    for _ in range(2):
        for number in range(3 * MAX_KEYS):
            case.add_key("credentials", f"{number}***", "7 bytes, ASCII")
    assert [shown for _, shown, _ in case.keys] == [f"{number}***" for number in range(MAX_KEYS)]


def test_the_last_samples_are_kept(case):
    for number in range(3 * MAX_SAMPLES):
        case.samples.append((float(number), Usage(1.0, 2, 3, 4)))
    assert [at for at, _ in case.samples] == [*range(2 * MAX_SAMPLES, 3 * MAX_SAMPLES)]


def test_the_cost_is_what_was_spent_since():
    counters = Counters()
    counters.retries["query"] = 10
    counters.tempfails["breaker"] = 5
    case = CaseFile(Spent.of(counters))
    counters.retries["query"] += 3
    counters.retries["unknown"] += 1
    counters.reconnects["query"] += 2
    counters.tempfails["retries"] += 1
    counters.restarts["retries"] += 1
    counters.throttled += 1.5
    assert case.cost == NOTHING
    case.spent(counters)
    assert case.cost == Spent(4, 2, 1, 1, 1.5)


def test_what_is_kept_is_what_may_be_told():
    assert MAX_FIRST + MAX_LAST == told.MAX_STEPS
    assert MAX_LINES == told.MAX_LINES
    assert MAX_KEYS == told.MAX_KEYS
    assert MAX_SAMPLES == told.MAX_SAMPLES


# --- before it began


def test_the_last_steps_before_are_remembered():
    recent = Recent()
    for number in range(100):
        recent.add(Step(1000.0 + number / 100, "signal", f"line {number}"))
    texts = [step.text for step in recent.before(1001.0)]
    assert texts == [f"line {each}" for each in range(100 - MAX_BEFORE, 100)]


def test_what_is_too_long_ago_is_another_matter():
    recent = Recent()
    for at in (999.9, 1000.0, 1010.0):
        recent.add(Step(at, "signal", f"at {at}"))
    assert [step.at for step in recent.before(1000.0 + BEFORE)] == [1000.0, 1010.0]


def test_a_beginning_leaves_room_for_what_follows():
    assert MAX_BEFORE < MAX_FIRST

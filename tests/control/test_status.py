"""The one record: what a host, and a table without an answer, are said to be."""

from dataclasses import replace

import pytest
from tests.support.statuses import down, everything, gone, host, report, silent, troubled, well

from tablewatch.control.status import (
    BREAKER_STATES,
    CRITICAL,
    LATENCY_BUCKETS,
    LEVELS,
    OK,
    UNKNOWN,
    WARNING,
    WORST_FIRST,
    Condition,
)


def test_of_a_host_without_tables_nothing_is_known():
    assert host().level == UNKNOWN


@pytest.mark.parametrize(
    ("reports", "level"),
    [
        ([report(well())], OK),
        ([report(well()), report(troubled())], WARNING),
        ([report(troubled()), silent()], UNKNOWN),
        ([gone(), report(down())], CRITICAL),
    ],
)
def test_the_worst_table_counts(reports, level):
    assert host(*reports).level == level
    assert host(*reversed(reports)).level == level


def test_a_level_nobody_knows_is_unknown():
    odd = report(well(condition=Condition("dreadful", 1.0, "why", "done", "todo")))
    assert odd.condition == Condition(UNKNOWN, 1.0, "why", "done", "todo")
    assert host(odd, report(troubled(), table="b")).level == UNKNOWN
    assert host(odd, report(down(), table="b")).level == CRITICAL


def test_every_level_has_its_place_from_the_worst_on():
    assert sorted(WORST_FIRST) == sorted(LEVELS)


def test_every_level_and_state_is_a_word_for_a_label():
    for word in (*LEVELS, *BREAKER_STATES):
        assert word.replace("-", "").isalpha()


def test_latency_buckets_grow():
    assert list(LATENCY_BUCKETS) == sorted(set(LATENCY_BUCKETS))
    assert LATENCY_BUCKETS[0] > 0


def test_a_table_says_itself_how_it_is():
    assert report(down()).condition == down().condition


def test_a_table_that_is_silent_is_unknown_since_it_was_heard_last():
    condition = silent(age=42.0).condition
    assert (condition.level, condition.since) == (UNKNOWN, 42.0)
    assert "pgrep" in condition.todo


def test_a_table_that_is_gone_says_what_to_look_at():
    condition = gone().condition
    assert condition.level == UNKNOWN
    assert "its supervisor has left" in condition.why
    assert "smtpd" in condition.todo


def test_one_status_is_as_good_as_another_with_the_same_values():
    assert everything() == everything()
    assert replace(everything(), time=0.0) != everything()

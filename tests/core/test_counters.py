"""Counters: they start at 0 and only grow; the summary says what matters and nothing else."""

from dataclasses import fields

import pytest

from tablewatch.core.counters import (
    CLASSES,
    DAMAGE,
    FAILED,
    OTHER,
    REFUSED,
    REPLACED,
    Counters,
)
from tablewatch.policy.latency import LATENCY_BUCKETS
from tablewatch.protocol.messages import SERVICES, Operation, Verdict


@pytest.fixture
def counters():
    return Counters()


def test_a_quiet_table_has_a_short_summary(counters):
    counters.requests["lookup", "alias"] = 12
    assert counters.summary() == "12 requests, 0 tempfails, 0 backend restarts"


def test_whatever_happened_is_named():
    counters = Counters(config_errors=1)
    counters.requests["lookup", "alias"] = 3
    counters.retries["query"] = 6
    counters.tempfails.update({"retries": 2, "deadline": 1})
    counters.restarts["retries"] += 2
    assert counters.summary() == (
        "3 requests, 3 tempfails (deadline 1, retries 2), 2 backend restarts (retries 2), "
        "6 retries, 1 configuration errors"
    )


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("answers", [each.value for each in Verdict]),
        ("retries", CLASSES),
        ("reconnects", CLASSES),
        ("tempfails", (*REFUSED, *FAILED, "reload")),
        ("restarts", REPLACED),
        ("damage", DAMAGE),
        ("refusals", ("quarantined",)),
    ],
)
def test_a_series_begins_with_zero_and_not_with_its_first_event(counters, name, words):
    assert getattr(counters, name) == dict.fromkeys(words, 0)
    assert list(getattr(counters, name)) == list(words)


def test_everything_else_begins_with_nothing(counters):
    plain = [getattr(counters, each.name) for each in fields(counters)]
    assert {each for each in plain if isinstance(each, int | float)} == {0}
    assert counters.last_good is None


def test_lookups_of_a_service_begin_with_zero_when_it_is_offered(counters):
    counters.offer(("alias", "credentials"))
    assert counters.requests == {("lookup", "alias"): 0, ("lookup", "credentials"): 0}
    counters.asked(Operation.LOOKUP, "alias")
    counters.offer(("alias",))
    assert counters.requests["lookup", "alias"] == 1


@pytest.mark.parametrize("service", SERVICES)
def test_a_request_is_counted_by_operation_and_service(counters, service):
    counters.asked(Operation.CHECK, service)
    assert counters.requests == {("check", service): 1}


def test_an_update_is_of_no_service(counters):
    counters.asked(Operation.UPDATE, None)
    assert counters.requests == {("update", ""): 1}


def test_whatever_smtpd_calls_a_service_the_words_are_few(counters):
    for number in range(1000):
        counters.asked(Operation.LOOKUP, f"service{number}")
    assert counters.requests == {("lookup", OTHER): 1000}


def test_an_answer_is_counted_once_with_its_time(counters):
    counters.answered(Operation.LOOKUP, Verdict.FOUND, 0.003)
    counters.answered(Operation.UPDATE, Verdict.ERROR, 7.0)
    assert counters.answers == {"found": 1, "not-found": 0, "error": 1}
    assert {each.value: sum(times.counts) for each, times in counters.latency.items()} == {
        "lookup": 1,
        "update": 1,
    }
    assert counters.latency[Operation.LOOKUP].counts[LATENCY_BUCKETS.index(0.005)] == 1
    assert counters.latency[Operation.UPDATE].total == 7.0

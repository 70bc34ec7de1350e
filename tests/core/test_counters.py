"""Counters: the summary says what matters and nothing else."""

from tablewatch.core.counters import Counters


def test_a_quiet_table_has_a_short_summary():
    assert Counters(requests=12).summary() == "12 requests, 0 tempfails, 0 backend restarts"


def test_whatever_happened_is_named():
    counters = Counters(requests=3, retries=6, config_errors=1)
    counters.tempfails.update({"retries": 2, "deadline": 1})
    counters.restarts["retries"] += 2
    assert counters.summary() == (
        "3 requests, 3 tempfails (deadline 1, retries 2), 2 backend restarts (retries 2), "
        "6 retries, 1 configuration errors"
    )

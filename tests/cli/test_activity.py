from dataclasses import replace

import pytest
from tests.support import statuses

from tablewatch.cli.activity import Activity, between, since_start
from tablewatch.cli.activity import statuses as statuses_of

NOTHING = Activity(None, None, None, None)


def later(status, seconds=10.0, lookups=50, failed=5, cpu=1.0):
    """The same table after a while."""
    grown = dict(status.requests["lookup"], credentials=1200 + lookups)
    latency = dict(
        status.latency,
        lookup=statuses.latency(*[0.002] * 1990, *[0.04] * 10, *[0.3] * lookups),
    )
    backends = [replace(each, cpu=each.cpu + cpu) for each in status.backends]
    return replace(
        status,
        age=status.age + seconds,
        requests={**status.requests, "lookup": grown},
        failures={**status.failures, "retries": 3 + failed},
        latency=latency,
        backends=backends,
    )


def test_since_the_start_an_update_is_no_lookup():
    does = since_start(statuses.well())
    assert (does.lookups, does.failed) == (2000, 5)
    assert does.p99 == pytest.approx(0.0025, rel=0.1)
    assert does.cpu == pytest.approx(1.25 / 600)


def test_nothing_is_told_of_a_backend_that_is_not_there():
    assert since_start(statuses.well(backends=[])).cpu is None
    assert since_start(statuses.well(latency={})).p99 is None


def test_between_two_reports_all_is_per_second_and_of_that_time_only():
    before = statuses.well()
    does = between(before, later(before))
    assert (does.lookups, does.failed, does.cpu) == (5.0, 0.5, 0.1)
    assert does.p99 == pytest.approx(0.496)


@pytest.mark.parametrize("changes", [{"pid": 4712}, {"age": 86_400.0}, {"age": 86_399.0}])
def test_nothing_is_told_of_another_supervisor_or_of_the_same_report(changes):
    before = statuses.well()
    assert between(before, replace(later(before), **changes)) == NOTHING


def test_nothing_is_told_of_the_first_report_or_of_counters_that_shrink():
    before = statuses.well()
    assert between(None, before) == NOTHING
    assert between(later(before), replace(before, age=100_000.0)) == NOTHING


def test_the_share_of_a_processor_is_the_same_backends():
    before = statuses.well()
    now = later(before)
    fresh = [replace(each, generation=each.generation + 1) for each in now.backends]
    assert between(before, replace(now, backends=fresh[-1:])).cpu is None


def test_tables_that_say_nothing_have_no_status():
    assert set(statuses_of(statuses.everything())) == {"aliases", "creds", "users"}
    assert statuses_of(None) == {}

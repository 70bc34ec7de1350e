"""The metrics: each against a report with known figures."""

import pytest
from tests.support.statuses import down, incident, latency, troubled, well

from tablewatch.cli.check.metrics import METRICS, USUAL
from tablewatch.control.status import LATENCY_BUCKETS, Budget, Latency, Quarantine
from tablewatch.errors import ControlError

quantiles = [METRICS[each] for each in ("p50", "p95", "p99")]


def of(name, status):
    return METRICS[name].of(status)


@pytest.mark.parametrize(
    ("name", "unit", "value"),
    [
        ("last-good", "s", 0.4),
        ("breaker", "s", 0),
        ("failed", "%", 0.25),
        ("incidents", "", 0),
        ("quarantine", "", 3),
        ("budget", "", 12.5),
        ("waiting", "", 0),
        ("memory", "B", 19_500_000),
        ("connections", "", 2),
        ("requests", "c", 2001),
        ("failures", "c", 5),
        ("tempfails", "c", 3),
        ("misses", "c", 0),
        ("retries", "c", 9),
        ("restarts", "c", 4),
    ],
)
def test_a_metric_of_a_table_that_is_well(name, unit, value):
    assert METRICS[name].unit == unit
    assert of(name, well()) == pytest.approx(value)


def test_a_metric_moves_with_what_it_measures():
    changed = well(
        waiting=2, deadline_misses=7, budget=Budget(-3.0, 10.0), incidents=[incident()] * 2
    )
    assert of("waiting", changed) == 2
    assert of("misses", changed) == 7
    assert of("budget", changed) == -3
    assert of("incidents", changed) == 2


def test_a_closed_incident_is_not_counted():
    assert of("incidents", troubled()) == 1
    assert of("incidents", well(incidents=[incident(closed=5.0), incident()])) == 1


def test_half_of_the_lookups_is_within_the_median():
    times = well(latency={"lookup": latency(*[0.002] * 60, *[0.04] * 40)})
    assert 0.001 < of("p50", times) <= 0.0025
    assert 0.025 < of("p95", times) <= of("p99", times) <= 0.05


def test_all_operations_count_except_updates():
    both = well(latency={"lookup": latency(0.002), "check": latency(0.3), "update": latency(30.0)})
    assert 0.1 < of("p99", both) <= 0.5
    assert of("p99", well(latency={"update": latency(0.7)})) is None


def test_what_took_longer_than_the_last_bound_is_that_bound():
    assert of("p99", well(latency={"lookup": latency(60.0)})) == LATENCY_BUCKETS[-1]


def test_latencies_with_other_bounds_are_not_guessed_at():
    with pytest.raises(ControlError, match="another release"):
        of("p50", well(latency={"lookup": Latency([1, 2, 3], 1.0)}))


def test_before_anybody_asks_there_are_no_latencies_and_no_share():
    fresh = well(latency={}, answers={}, failures={}, last_good=None, age=12.0)
    assert [each.of(fresh) for each in quantiles] == [None] * 3
    assert of("failed", fresh) is None
    assert all(each.idle for each in (*quantiles, METRICS["failed"]))
    assert of("last-good", fresh) == 12


def test_the_breaker_counts_from_when_it_opened():
    assert of("breaker", down()) == 312


def test_what_the_platform_can_not_tell_is_not_0():
    unknown = [each.__class__("active", "idle", 1, 5, 1.0) for each in well().backends]
    assert of("memory", well(backends=unknown)) is None
    assert of("connections", well(backends=unknown)) is None
    assert not METRICS["memory"].idle
    assert of("memory", well(backends=[*well().backends, *unknown])) == 19_500_000
    assert of("memory", well(backends=[])) == 0


def test_the_limit_of_the_quarantine_is_its_maximum():
    assert METRICS["quarantine"].high(well()) == 10_000
    assert METRICS["quarantine"].high(well(quarantine=Quarantine())) is None


def test_every_metric_has_a_figure_of_every_report():
    for metric in METRICS.values():
        for status in (well(), troubled(), down()):
            assert metric.of(status) is not None
        assert metric.unit in ("", "s", "%", "B", "c")
        assert len(f"{metric.name}.") <= 12, "the label is cut off after 19 characters"
    assert set(USUAL) <= set(METRICS.values())

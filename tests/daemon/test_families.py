import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.daemon.scraped import busy, scrape
from tests.support.statuses import down, latency, report, well

from tablewatch.control.status import LATENCY_BUCKETS, Backend, Condition, Latency, Process

CPU = "tablewatch_backend_cpu_seconds_total"
DURATION = "tablewatch_request_duration_seconds"


def of(**changes):
    return scrape(report(well(**changes)))


def test_each_request_is_counted_by_operation_and_service():
    told = of(requests={"lookup": {"alias": 3}, "check": {"alias": 4}})
    name = "tablewatch_requests_total"
    assert told.value(name, table="creds", operation="lookup", lookup_service="alias") == 3
    assert told.value(name, table="creds", operation="check", lookup_service="alias") == 4


def test_an_update_is_of_no_service():
    told = of(requests={"update": {"": 2}})
    assert told.by("tablewatch_requests_total", "lookup_service") == {"none": 2}


def test_services_nobody_knows_are_added_up():
    told = of(requests={"lookup": {"bob": 2, "alice": 3}})
    assert told.by("tablewatch_requests_total", "lookup_service") == {"other": 5}


def test_reasons_nobody_knows_are_added_up():
    told = of(tempfails={"bob": 2, "alice": 3, "deadline": 1})
    assert told.by("tablewatch_tempfails_total", "reason") == {"other": 5, "deadline": 1}


def test_a_count_of_zero_is_there_from_the_start():
    assert of(retries={"query": 0}).by("tablewatch_retries_total", "class") == {"query": 0}


@pytest.mark.parametrize(
    ("field", "metric", "label"),
    [
        ("answers", "tablewatch_answers_total", "verdict"),
        ("failures", "tablewatch_request_failures_total", "reason"),
        ("tempfails", "tablewatch_tempfails_total", "reason"),
        ("refusals", "tablewatch_refusals_total", "reason"),
        ("observed", "tablewatch_observed_total", "reason"),
        ("retries", "tablewatch_retries_total", "class"),
        ("reconnects", "tablewatch_reconnects_total", "class"),
        ("restarts", "tablewatch_backend_restarts_total", "reason"),
        ("damage", "tablewatch_protocol_damage_total", "kind"),
        ("incidents_opened", "tablewatch_incidents_total", "class"),
    ],
)
def test_counts_by_word_go_to_their_own_metric(field, metric, label):
    known = {"verdict": "error", "reason": "spare", "class": "query", "kind": "malformed"}[label]
    assert of(**{field: {known: 271}}).by(metric, label) == {known: 271}


@pytest.mark.parametrize(
    ("field", "metric"),
    [
        ("waiting", "tablewatch_requests_waiting"),
        ("deadline_misses", "tablewatch_deadline_misses_total"),
        ("promotions", "tablewatch_spare_promotions_total"),
        ("throttled", "tablewatch_backend_throttled_seconds_total"),
        ("stderr_lines", "tablewatch_stderr_lines_total"),
        ("collapsed_lines", "tablewatch_stderr_collapsed_lines_total"),
        ("dropped_lines", "tablewatch_supervisor_dropped_log_lines_total"),
        ("dropped_events", "tablewatch_supervisor_dropped_events_total"),
        ("config_errors", "tablewatch_supervisor_config_errors_total"),
        ("internal_errors", "tablewatch_supervisor_internal_errors_total"),
        ("links", "tablewatch_supervisor_links_total"),
    ],
)
def test_single_figures_go_to_their_own_metric(field, metric):
    assert of(**{field: 271}).value(metric, table="creds") == 271


def test_the_quarantine_has_its_figures():
    told = scrape(report(busy()))
    found = {
        each: told.value(f"tablewatch_quarantine_{each}", table="creds")
        for each in ("keys", "limit", "kinds", "hits_total", "evictions_total")
    }
    assert found == {
        "keys": 3,
        "limit": 10_000,
        "kinds": 1,
        "hits_total": 17,
        "evictions_total": 1,
    }


def test_the_budget_has_its_figures():
    told = of()
    assert told.value("tablewatch_retry_budget_balance", table="creds") == 12.5
    assert told.value("tablewatch_retry_budget_reserve", table="creds") == 10.0


def test_the_breaker_is_in_one_state():
    told = scrape(report(down("creds")))
    states = told.by("tablewatch_breaker_state", "state")
    assert states == {"closed": 0, "open": 1, "half-open": 0}
    assert told.value("tablewatch_breaker_openings_total", table="creds") == 3


def test_a_table_is_at_one_level():
    told = of(condition=Condition("critical", 3.0))
    levels = told.by("tablewatch_condition", "level")
    assert levels == {"ok": 0, "warning": 0, "critical": 1, "unknown": 0}


def test_a_level_nobody_knows_is_unknown():
    told = of(condition=Condition("splendid", 3.0))
    assert told.by("tablewatch_condition", "level")["unknown"] == 1


def test_an_open_incident_counts_until_it_is_closed():
    assert scrape(report(busy())).value("tablewatch_incidents_open", table="creds") == 1


@pytest.mark.parametrize(("pause", "flag"), [(None, 0), (0.0, 1), (3600.0, 1)])
def test_a_pause_is_a_flag(pause, flag):
    assert of(pause=pause).value("tablewatch_paused", table="creds") == flag


def test_the_last_good_answer_is_a_point_in_time():
    told = scrape(report(well(last_good=30.0), age=5.0))
    name = "tablewatch_last_good_answer_timestamp_seconds"
    assert told.value(name, table="creds") == 1_700_000_000.0 - 35.0


def test_there_is_no_last_good_answer_before_the_first():
    assert "tablewatch_last_good_answer_timestamp_seconds" not in of(last_good=None).names


@given(st.lists(st.floats(0.0, 100.0), min_size=1, max_size=50))
def test_the_buckets_of_a_histogram_add_up(seconds):
    told = of(latency={"lookup": latency(*seconds)})
    buckets = {float(bound): count for bound, count in told.by(f"{DURATION}_bucket", "le").items()}
    assert buckets == {
        bound: sum(each <= bound for each in seconds) for bound in (*LATENCY_BUCKETS, math.inf)
    }
    labels = {"table": "creds", "operation": "lookup"}
    assert told.value(f"{DURATION}_count", **labels) == len(seconds)
    assert told.value(f"{DURATION}_sum", **labels) == pytest.approx(sum(seconds))


@pytest.mark.parametrize(
    "foreign",
    [
        {"lookup": Latency([1, 2, 3], 0.5)},
        {"lookup": Latency([], 0.0)},
        {"gaze": latency(0.5)},
    ],
)
def test_a_histogram_of_another_release_is_left_out(foreign):
    told = of(latency={"check": latency(0.1), **foreign})
    assert set(told.by(f"{DURATION}_count", "operation")) == {"check"}


def test_the_spares_are_added_up():
    active, spare = well().backends
    told = of(backends=[active, spare, replace(spare, pid=4802, cpu=0.5)])
    assert told.by(CPU, "role") == {"active": 1.25, "spare": 0.52}
    assert told.by("tablewatch_backend_processes", "role") == {"active": 1, "spare": 2}


def test_a_sum_with_a_part_unknown_is_left_out():
    active, spare = well().backends
    told = of(backends=[active, spare, replace(spare, pid=4802, cpu=None)])
    assert told.by(CPU, "role") == {"active": 1.25}


@pytest.mark.parametrize(
    ("field", "metric"),
    [
        ("cpu", CPU),
        ("memory", "tablewatch_backend_resident_memory_bytes"),
        ("descriptors", "tablewatch_backend_open_fds"),
        ("connections", "tablewatch_backend_connections"),
    ],
)
def test_what_the_platform_does_not_tell_of_a_backend_is_left_out(field, metric):
    active = well().backends[0]
    assert of(backends=[active]).by(metric, "role") == {"active": getattr(active, field)}
    assert metric not in of(backends=[replace(active, **{field: None})]).names


def test_with_no_backend_there_are_zero_processes_and_no_figures():
    told = of(backends=[])
    assert told.by("tablewatch_backend_processes", "role") == {"active": 0, "spare": 0}
    assert CPU not in told.names
    assert "tablewatch_backend_start_time_seconds" not in told.names


def test_the_start_of_the_active_backend_is_told():
    spare, active = Backend("spare", "idle", 6, 4801, 5.0), Backend("active", "idle", 5, 4800, 60.0)
    told = of(backends=[spare, active])
    name = "tablewatch_backend_start_time_seconds"
    assert told.value(name, table="creds") == 1_700_000_000.0 - 60.0


@pytest.mark.parametrize(
    ("field", "metric"),
    [
        ("cpu", "tablewatch_supervisor_cpu_seconds_total"),
        ("memory", "tablewatch_supervisor_resident_memory_bytes"),
        ("descriptors", "tablewatch_supervisor_open_fds"),
    ],
)
def test_what_the_platform_does_not_tell_of_a_supervisor_is_left_out(field, metric):
    assert of(process=Process(**{field: 7})).value(metric, table="creds") == 7
    assert metric not in of(process=Process()).names


def test_the_info_says_what_a_table_is_made_of():
    told = of(smtpd_version="7.6.0", mode="observe")
    assert told.value(
        "tablewatch_table_info",
        table="creds",
        backend="mysql",
        protocol="text",
        mode="observe",
        smtpd_version="7.6.0",
    )

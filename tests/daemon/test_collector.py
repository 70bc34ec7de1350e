from dataclasses import replace

import pytest
from tests.daemon.scraped import Scraped, scrape
from tests.support.statuses import everything, gone, host, report, silent, well

from tablewatch.daemon.exposition import Metrics

# Of a table that does not answer there is this, and nothing else.
KNOWN_OF_THE_SILENT = {"tablewatch_up", "tablewatch_condition"}


@pytest.mark.parametrize("mute", [silent("creds"), gone("creds")])
def test_a_table_that_does_not_answer_is_down_and_unknown(mute):
    told = scrape(mute, report(well("users")))
    assert told.of("creds") == KNOWN_OF_THE_SILENT
    assert told.value("tablewatch_up", table="creds") == 0
    levels = told.by("tablewatch_condition", "level")
    assert levels == {"ok": 0, "warning": 0, "critical": 0, "unknown": 1}


def test_a_table_that_does_not_answer_costs_the_others_nothing():
    told = scrape(silent("creds"), report(well("users")))
    assert told.value("tablewatch_up", table="users") == 1
    assert told.of("users") == scrape(report(well("users"))).of("users")


def test_a_host_without_tables_has_only_the_daemon_s_own():
    told = scrape()
    assert told.value("tablewatch_daemon_supervisors") == 0
    assert not any(dict(labels).get("table") for _, labels in told.series)


def test_two_tables_of_one_name_are_one():
    told = scrape(report(well("creds")), silent("creds"))
    assert told.value("tablewatch_up", table="creds") == 1


def test_the_time_limit_of_a_scrape_is_the_supervisors():
    asked = []

    def ask(seconds):
        asked.append(seconds)
        return host()

    Metrics(ask).render(None, 2.5)
    assert asked == [2.5]


def test_an_error_in_asking_leaves_the_daemon_s_own_metrics():
    told_of = []

    def ask(seconds):
        raise RuntimeError("no way")

    metrics = Metrics(ask, told_of.append)
    metrics.count_request("/metrics", 200)
    first, second = (Scraped(metrics.render(None, 1.0)[0]) for _ in range(2))
    assert first.value("tablewatch_daemon_collect_failures_total") == 1
    assert second.value("tablewatch_daemon_collect_failures_total") == 2
    assert second.value("tablewatch_daemon_http_requests_total", path="/metrics", code="200") == 1
    assert {"tablewatch_build_info", "process_cpu_seconds_total"} <= second.names
    assert "tablewatch_up" not in second.names
    assert "no way" not in second.text
    assert [str(each) for each in told_of] == ["no way", "no way"]


def test_a_report_that_can_t_be_reckoned_with_leaves_the_daemon_s_own_metrics():
    metrics = Metrics(lambda seconds: host(report(well(requests=None))))
    told = Scraped(metrics.render(None, 1.0)[0])
    assert told.value("tablewatch_daemon_collect_failures_total") == 1
    assert "tablewatch_up" not in told.names


def test_a_scrape_that_works_counts_no_failure():
    assert scrape(report(well())).value("tablewatch_daemon_collect_failures_total") == 0


def test_the_daemon_s_sockets_have_their_figures():
    status = host(report(well()))
    status = replace(
        status, daemon=replace(status.daemon, supervisors=7, refused_links=2, refused_controls=3)
    )
    told = Scraped(Metrics(lambda seconds: status).render(None, 1.0)[0])
    assert told.value("tablewatch_daemon_supervisors") == 7
    name = "tablewatch_daemon_refused_connections_total"
    assert told.value(name, socket="link") == 2
    assert told.value(name, socket="control") == 3


def test_the_duration_of_the_collection_is_told():
    assert scrape().value("tablewatch_daemon_collect_duration_seconds") >= 0


def test_a_process_has_one_start_however_often_it_is_asked():
    ages = iter((100.0, 109.98, 120.03))
    times = iter((1000.0, 1010.0, 1020.0))

    def ask(seconds):
        return replace(host(report(well(age=next(ages)))), time=next(times))

    metrics = Metrics(ask)
    name = "tablewatch_supervisor_start_time_seconds"
    starts = [Scraped(metrics.render(None, 1.0)[0]).value(name, table="creds") for _ in range(3)]
    assert starts == [900.0, 900.0, 900.0]


def test_a_new_process_has_a_new_start():
    pids = iter((10, 11))
    metrics = Metrics(lambda seconds: host(report(well(pid=(pid := next(pids)), age=float(pid)))))
    name = "tablewatch_supervisor_start_time_seconds"
    first, second = (
        Scraped(metrics.render(None, 1.0)[0]).value(name, table="creds") for _ in range(2)
    )
    assert first - second == 1.0


def test_every_table_of_the_host_is_there():
    told = Scraped(Metrics(lambda seconds: everything()).render(None, 1.0)[0])
    up = {
        dict(labels)["table"]: value
        for (name, labels), value in told.series.items()
        if name == "tablewatch_up"
    }
    assert up == {"aliases": 1, "creds": 1, "users": 1, "virtual": 0}

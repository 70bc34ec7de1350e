import os
import shutil
import subprocess
import threading
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.daemon.scraped import OPENMETRICS, Scraped, busy, scrape
from tests.support.statuses import down, everything, host, incident, latency, report, silent, well

from tablewatch.control.status import Breaker, Condition, Event, Quarantine
from tablewatch.daemon.exposition import PATHS, Metrics, prefers_openmetrics

PLAIN = "text/plain; version=0.0.4; charset=utf-8"
PROMETHEUS_2 = (
    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
)
PROMETHEUS_3 = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
    "application/openmetrics-text;version=0.0.1;q=0.5,"
    "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
)
FIREFOX = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
ODD_NAMES = [
    'sender "s"',
    "two\nlines",
    "back\\slash",
    "\u0142ukasz",
    "\udc80",
    "a\rb",
    "{}=,",
    "x\0",
]

# Everything a name of a table could be, surrogates included.
NAMES = st.text(st.characters(codec=None), min_size=1, max_size=40)


def ask_everything(seconds):
    return everything()


@pytest.mark.parametrize(
    "accept",
    [
        PROMETHEUS_2,
        PROMETHEUS_3,
        OPENMETRICS,
        "Application/OpenMetrics-Text; version=1.0.0",
        "text/plain;q=0.5, application/openmetrics-text;q=0.5",
        "*/*;q=1, text/plain;q=0.2, application/openmetrics-text;q=0.3",
        "application/openmetrics-text; version=banana",
        "application/openmetrics-text; version=99.0.0",
    ],
)
def test_who_prefers_openmetrics_gets_it(accept):
    body, content_type = Metrics(ask_everything).render(accept, 1.0)
    assert content_type.startswith("application/openmetrics-text; version=")
    assert content_type.split("version=")[1][0] in "01"
    assert body.endswith(b"# EOF\n")
    assert "tablewatch_up" in Scraped(body, openmetrics=True).names


@pytest.mark.parametrize(
    "accept",
    [
        None,
        "",
        "*/*",
        FIREFOX,
        "text/plain",
        "text/plain;version=1.0.0;escaping=allow-utf-8",
        "text/plain, application/openmetrics-text;q=0.5",
        "application/openmetrics-text;q=0",
        "application/openmetrics-text;q=much",
        "text/*, application/openmetrics-text;q=0.9",
        ",;,=;q",
    ],
)
def test_everybody_else_gets_plain_text(accept):
    body, content_type = Metrics(ask_everything).render(accept, 1.0)
    assert content_type == PLAIN
    assert "tablewatch_up" in Scraped(body).names


@given(st.text())
def test_no_accept_header_does_harm(accept):
    body, content_type = Metrics(lambda seconds: host()).render(accept, 1.0)
    assert Scraped(body, openmetrics=prefers_openmetrics(accept)).names
    assert content_type.isascii()
    assert content_type.isprintable()


def test_both_formats_tell_the_same():
    plain, openmetrics = (
        scrape(report(busy()), silent(), accept=accept) for accept in (None, OPENMETRICS)
    )
    varying = {"process_", "tablewatch_daemon_collect_duration"}

    def steady(told):
        return {
            key: value
            for key, value in told.series.items()
            if not key[0].startswith(tuple(varying))
        }

    assert steady(plain) == steady(openmetrics)
    assert plain.names == openmetrics.names


@pytest.mark.parametrize("accept", [None, OPENMETRICS])
def test_no_series_tells_when_another_was_created(accept):
    metrics = Metrics(ask_everything)
    metrics.count_request("/metrics", 200)
    body, _ = metrics.render(accept, 1.0)
    assert b"tablewatch_daemon_http_requests_total{" in body
    assert b"_created" not in body


def test_requests_are_counted_by_path_and_code():
    metrics = Metrics(ask_everything)
    for path in (*PATHS, "/metrics"):
        metrics.count_request(path, 200)
    metrics.count_request("/-/ready", 503)
    counts = http_requests(metrics)
    assert counts == {**{(path, "200"): 1 for path in PATHS}, ("/metrics", "200"): 2} | {
        ("/-/ready", "503"): 1
    }


def test_a_query_is_no_part_of_the_path():
    metrics = Metrics(ask_everything)
    metrics.count_request("/metrics?name[]=alice@example.org", 200)
    assert http_requests(metrics) == {("/metrics", "200"): 1}


@given(st.lists(st.tuples(st.text(), st.integers()), max_size=20))
def test_whoever_guesses_paths_makes_no_series(requests):
    metrics = Metrics(lambda seconds: host())
    for path, code in requests:
        metrics.count_request(path, code)
    counts = http_requests(metrics)
    assert sum(counts.values()) == len(requests)
    assert {path for path, _ in counts} <= PATHS | {"other"}
    assert all(code == "other" or 100 <= int(code) < 600 for _, code in counts)


def http_requests(metrics):
    told = Scraped(metrics.render(None, 1.0)[0])
    return {
        (dict(labels)["path"], dict(labels)["code"]): value
        for (name, labels), value in told.series.items()
        if name == "tablewatch_daemon_http_requests_total"
    }


@given(st.lists(NAMES, unique=True, max_size=5))
@settings(max_examples=30)
def test_any_name_of_a_table_can_be_scraped(names):
    reports = [report(well(each)) for each in names]
    for accept in (None, OPENMETRICS):
        told = scrape(*reports, accept=accept)
        tables = {dict(labels)["table"] for name, labels in told.series if name == "tablewatch_up"}
        assert tables == {each.encode("utf-8", "backslashreplace").decode() for each in names}


SECRET = "ZZSECRET"
TEXTS = st.text(max_size=20).map(lambda text: f"{SECRET}{text}")


@given(TEXTS, TEXTS, TEXTS, st.integers(0, 5))
@settings(max_examples=30)
def test_no_text_of_a_report_shows_up(first, second, third, count):
    """Keys, users and errors are in texts; and a liar may say them in place of words."""
    counts = {first: count, second: count, third: count}
    status = well(
        condition=Condition(first, 1.0, first, second, third),
        config=first,
        release=third,
        mode="enforce",
        requests={first: {second: count}, "lookup": {third: count}},
        latency={first: latency(0.1)},
        breaker=Breaker(first, second, 1.0, count),
        quarantine=Quarantine(1, 2, 3, 4, [first, second]),
        backends=[replace(each, role=first, state=second) for each in well().backends],
        incidents=[
            incident(signature=first, error_class=second, cause=third, done=[first], todo=second)
        ],
        **dict.fromkeys(
            [
                *("answers", "failures", "tempfails", "refusals", "observed"),
                *("retries", "reconnects", "restarts", "damage", "incidents_opened"),
            ],
            counts,
        ),
    )
    reports = [
        report(status, events=[Event(1.0, 4, third)], why=second),
        replace(silent(), why=first),
    ]
    metrics = Metrics(lambda seconds: host(*reports))
    metrics.count_request(first, count)
    for accept in (None, OPENMETRICS):
        body, _ = metrics.render(accept, 1.0)
        assert b'tablewatch_up{table="creds"} 1' in body
        assert SECRET.encode() not in body


def test_scrapes_at_the_same_time_do_not_mix():
    together = threading.Barrier(8)

    def ask(seconds):
        together.wait(timeout=120)
        status = host(*(report(well(f"table{number}")) for number in range(5)))
        return replace(status, daemon=replace(status.daemon, supervisors=int(seconds)))

    metrics = Metrics(ask)
    told = {}

    def scrape_with(limit):
        for _ in range(3):
            metrics.count_request("/metrics", 200)
            told.setdefault(limit, []).append(Scraped(metrics.render(None, float(limit))[0]))

    threads = [threading.Thread(target=scrape_with, args=(limit,)) for limit in range(1, 9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for limit in range(1, 9):
        found = [each.value("tablewatch_daemon_supervisors") for each in told[limit]]
        assert found == [limit] * 3
        assert len({frozenset(each.of("table3")) for each in told[limit]}) == 1
    assert http_requests_after(told) == 24


def http_requests_after(told):
    labels = {"path": "/metrics", "code": "200"}
    name = "tablewatch_daemon_http_requests_total"
    return max(each.value(name, **labels) for several in told.values() for each in several)


def test_a_hundred_tables_are_no_flood():
    """Prometheus takes a scrape of tens of thousands of series; each costs it a few kilobytes."""
    one = len(scrape(report(busy())).series)
    hundred = scrape(*(report(busy(f"table{number}")) for number in range(100)))
    per_table = dict.fromkeys(("table0", "table99"), 0)
    for _, labels in hundred.series:
        table = dict(labels).get("table")
        if table in per_table:
            per_table[table] += 1
    assert set(per_table.values()) == {per_table["table0"]}
    assert per_table["table0"] <= 250
    assert len(hundred.series) - one == 99 * per_table["table0"]


def test_a_supervisor_that_makes_up_words_makes_no_flood():
    flood = {f"word{number}": 1 for number in range(10_000)}
    liar = well(
        requests={"lookup": flood, **{each: {"": 1} for each in flood}},
        answers=flood,
        failures=flood,
        tempfails=flood,
        refusals=flood,
        observed=flood,
        retries=flood,
        reconnects=flood,
        restarts=flood,
        damage=flood,
        incidents_opened=flood,
        latency=dict.fromkeys(flood, latency(0.1)),
    )
    assert len(scrape(report(liar)).series) < len(scrape(report(busy())).series)


@pytest.mark.parametrize(
    "reports",
    [
        everything().tables,
        [],
        [silent()],
        [report(busy()), report(down())],
        [report(busy(name)) for name in ODD_NAMES],
    ],
    ids=["everything", "no-table", "silent", "busy", "odd-names"],
)
def test_promtool_has_nothing_to_say(reports):
    promtool = shutil.which("promtool")
    if promtool is None:
        lacking = "promtool (Debian package prometheus) is missing"
        pytest.fail(lacking) if os.environ.get("CI") else pytest.skip(lacking)
    metrics = Metrics(lambda seconds: host(*reports))
    metrics.count_request("/metrics", 200)
    metrics.count_request("/nowhere", 404)
    body, _ = metrics.render(None, 1.0)
    checked = subprocess.run(
        [promtool, "check", "metrics"], input=body, capture_output=True, timeout=120, check=False
    )
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, b"", b"")

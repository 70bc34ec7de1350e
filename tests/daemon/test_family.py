"""Our own text says what prometheus_client's would, whatever supervisors tell."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_plain
from tests.daemon.by_library import metric, written
from tests.daemon.scraped import busy
from tests.fuzz.views import of
from tests.support.statuses import down, host, latency, report, silent, well

from tablewatch.control.status import HostStatus, TableStatus
from tablewatch.daemon.families import HOST, REPORTS, STATUSES
from tablewatch.daemon.family import COUNTER, HISTOGRAM, INFO, Family, View
from tablewatch.daemon.labels import name
from tablewatch.daemon.series import escape
from tablewatch.daemon.starts import Starts

# As they may be in a label; a table's name is made so before.
NAMES = st.text(st.characters(codec="utf-8"), min_size=1, max_size=10).map(name)
STATUSES_OF_ALL_KINDS = st.builds(busy, NAMES) | st.builds(down, NAMES) | of(TableStatus)


def assert_same(families, sources, source, *, openmetrics):
    """Both are read as the same metrics: kinds, meanings, samples, and all in the same order."""
    escaped = [(escape(label), origin) for label, origin in sources]
    ours = b"".join(each.text(escaped, source, openmetrics=openmetrics) for each in families)
    theirs = written([metric(each, sources, source) for each in families], openmetrics=openmetrics)
    if openmetrics:
        ours += b"# EOF\n"
    assert understood(ours, openmetrics=openmetrics) == understood(theirs, openmetrics=openmetrics)


def understood(text, *, openmetrics):
    """What a reader makes of it; one of OpenMetrics objects to what a liar counts below zero."""
    read = read_openmetrics if openmetrics else read_plain
    try:
        return list(read(text.decode()))
    except ValueError as error:
        return str(error)


@pytest.mark.parametrize("openmetrics", [False, True], ids=["plain", "openmetrics"])
@given(statuses=st.dictionaries(NAMES, STATUSES_OF_ALL_KINDS, max_size=3), taken=st.floats(0, 2e9))
@settings(max_examples=30)
def test_any_report_is_told_as_the_library_tells_it(statuses, taken, openmetrics):
    views = [(label, View(label, status, taken, Starts())) for label, status in statuses.items()]
    assert_same(STATUSES, views, "table", openmetrics=openmetrics)
    reports = [(label, report(status)) for label, status in statuses.items()]
    assert_same(REPORTS, [*reports, ("silent", silent())], "table", openmetrics=openmetrics)


@pytest.mark.parametrize("openmetrics", [False, True], ids=["plain", "openmetrics"])
@given(status=of(HostStatus))
@settings(max_examples=20)
def test_the_daemon_s_own_are_told_as_the_library_tells_them(status, openmetrics):
    assert_same(HOST, [("", status)], "", openmetrics=openmetrics)


def test_without_samples_there_is_no_text():
    family = Family("x_total", COUNTER, "Nothing.", lambda _: [])
    assert family.text([("creds", None)]) == b""
    assert family.text([]) == b""


@pytest.mark.parametrize(
    ("kind", "openmetrics", "head"),
    [
        (COUNTER, False, b"# HELP x_total What.\n# TYPE x_total counter\n"),
        (COUNTER, True, b"# HELP x What.\n# TYPE x counter\n"),
        (INFO, False, b"# HELP x_info What.\n# TYPE x_info gauge\n"),
        (INFO, True, b"# HELP x What.\n# TYPE x info\n"),
    ],
)
def test_each_format_has_its_own_head_and_the_same_lines(kind, openmetrics, head):
    suffix = "_info" if kind == INFO else "_total"
    family = Family(f"x{suffix}", kind, "What.", lambda _: [(("a",), 1)], ("word",))
    line = b'x%s{table="creds",word="a"} 1.0\n' % suffix.encode()
    assert family.text([("creds", None)], openmetrics=openmetrics) == head + line


def test_no_meaning_has_to_be_escaped():
    for family in (*REPORTS, *STATUSES, *HOST):
        assert not set('\\"\n') & set(family.meaning)


def test_programs_that_call_themselves_anything_are_not_remembered_for_ever():
    family = Family("x", INFO, "What.", lambda word: [((word,), 1)], ("version",))
    for number in range(10_000):
        family.text([("creds", str(number))])
    assert len(family._known) < 1000
    assert b'version="9999"' in family.text([("creds", "9999")])


def test_a_histogram_counts_up():
    family = Family("x", HISTOGRAM, "What.", lambda one: [(("lookup",), one)], ("operation",))
    text = family.text([("creds", latency(0.002, 0.3, 99.0))]).decode()
    counts = [line.rpartition(" ")[2] for line in text.splitlines() if "_bucket{" in line]
    assert Counter(counts).keys() == {"0.0", "1.0", "2.0", "3.0"} - ({"0.0"} - set(counts))
    assert counts == sorted(counts)
    assert 'le="+Inf",operation="lookup",table="creds"} 3.0\n' in text
    assert 'x_count{operation="lookup",table="creds"} 3.0\n' in text


def test_tables_stand_one_after_the_other():
    views = [(each, View(each, well(each), 0.0, Starts())) for each in ("b", "a")]
    for family in STATUSES:
        text = family.text(views).decode()
        places = ["b" if 'table="b"' in line else "a" for line in text.splitlines()[2:]]
        assert places == sorted(places, reverse=True)


def test_a_host_has_no_label_for_a_table():
    text = b"".join(each.text([("", host())], source="") for each in HOST)
    assert b"table=" not in text
    assert b"\ntablewatch_daemon_supervisors 0.0\n" in text

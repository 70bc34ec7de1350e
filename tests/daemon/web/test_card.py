import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support import statuses

from tablewatch.control.status import Quarantine
from tablewatch.daemon.web.card import address, anchor, card

NOW = 1_700_000_000.0


def text(report):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", card(report, NOW)))


def of(**changes):
    return text(statuses.report(statuses.well(**changes)))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"pause": 2400.0}, "paused, 40m left"),
        ({"mode": "observe"}, "mode: observe"),
        ({"breaker": statuses.down().breaker}, "breaker open"),
        ({"quarantine": Quarantine(1, 10)}, "1 key quarantined"),
        ({"quarantine": Quarantine(kinds=["x", "y"])}, "2 kinds of keys refused"),
        ({"config_errors": 1}, "tablewatch.yml has mistakes"),
    ],
)
def test_what_is_out_of_the_ordinary_is_told(changes, said):
    assert said in of(**changes)
    assert said not in of(quarantine=Quarantine())


def test_updates_are_no_lookups():
    assert "lookups 2,000 " in of()
    assert "p99 2.5ms" in of()


def test_a_table_that_never_answered_says_so():
    assert "last good answer never" in of(last_good=None, latency={}, requests={})
    assert "p50 - " in of(latency={})


def test_a_well_table_has_no_story():
    made = of()
    assert "Why" not in made
    assert "What to do" not in made


def test_a_silent_table_has_no_figures_and_a_remedy():
    made = text(statuses.silent())
    assert "What to do" in made
    assert "pgrep" in made
    assert "lookups" not in made


def test_the_moment_it_began_is_told():
    report = statuses.report(replace(statuses.down(), table="t"))
    assert re.search(r'datetime="20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d[+-]', card(report, NOW))


@given(st.text())
def test_an_anchor_is_an_id(name):
    assert re.fullmatch(r"t-[\w.~-]*", anchor(name), re.ASCII)


def test_addresses():
    assert address() == "./"
    assert address("a b&c", hold=True) == "./?table=a+b%26c&refresh=off"

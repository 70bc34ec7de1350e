"""What incidents may be called, and which one is meant."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support import incidents

from tablewatch.control.incident_summary import choose, is_id, summary
from tablewatch.errors import ControlError

KNOWN = [summary(incidents.kept(incidents.told(number))) for number in (12, 11, 1)]


@pytest.mark.parametrize("text", ["k7f3-2", "a1", "7", "A-1-b", "x" * 39 + "1"])
def test_letters_digits_and_hyphens_are_an_id(text):
    assert is_id(text)


@pytest.mark.parametrize(
    "text",
    ["", "last", "abc", "-1", "1-", "a--1", "a/1", "..", "a.1", "a_1", "a 1", "a1\n", "\u0661",
     "x" * 40 + "1", ".unfinished", "../a1", "a1\0"],
)  # fmt: skip
def test_nothing_else_is(text):
    assert not is_id(text)


@given(st.text())
def test_no_id_leads_out_of_a_directory(text):
    if is_id(text):
        assert text.isascii()
        assert not set(text) & set("/.\\\0 %?#&<>\"'")


def test_a_summary_is_short_whatever_a_supervisor_says():
    report = incidents.told(cause="x" * 4000, signature="y" * 4000, backend="z" * 4000)
    brief = summary(incidents.kept(report))
    assert brief.id == "k7f3-2"
    assert max(len(each) for each in (brief.cause, brief.signature, brief.backend)) == 400


def test_an_id_is_meant_even_where_another_begins_with_it():
    assert choose(KNOWN, "k7f3-1").id == "k7f3-1"
    assert choose(KNOWN, "k7f3-12").id == "k7f3-12"


def test_the_beginning_is_enough_where_only_one_begins_so():
    other = replace(KNOWN[0], id="q2x9-1")
    assert choose([*KNOWN, other], "q") is other
    with pytest.raises(ControlError, match="k7f3-12, k7f3-11, k7f3-1; write more of it"):
        choose([*KNOWN, other], "k7")


def test_last_is_the_newest():
    assert choose(KNOWN, "last") is KNOWN[0]


@pytest.mark.parametrize("wanted", ["x", "", "k7f3-13"])
def test_what_there_is_not_is_told_with_what_there_is(wanted):
    with pytest.raises(ControlError, match=r"tablewatch incidents list\. The newest is k7f3-12"):
        choose(KNOWN, wanted)


def test_without_incidents_nothing_is_chosen():
    with pytest.raises(ControlError, match="no incident is kept"):
        choose([], "last")

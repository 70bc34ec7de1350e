"""Incidents on a terminal: all that is known, in 80 columns, and nothing that moves the cursor."""

import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support import incidents
from tests.support.documents import HOSTILE

from tablewatch.cli.incident_view import listing, story
from tablewatch.cli.paper import Paper, cells
from tablewatch.control.incident import Key, Repair, Step
from tablewatch.control.incident_summary import summary

BOTH = [summary(incidents.kept(each)) for each in (incidents.told(), incidents.over())]
COPIED = [incidents.ALTER, *incidents.MY_CNF.splitlines(), "smtpctl update table creds"]


def shown(report=None, paper=Paper(80)):  # noqa: B008 - it is a tuple
    return story(incidents.kept(report), paper)


def test_everything_that_is_known_is_there():
    report = incidents.told()
    text = " ".join(" ".join(shown()).split())
    for each in (
        *(step.text for step in report.steps),
        *report.lines,
        *(f"{key.service} {key.shown} {key.traits}" for key in report.keys),
        *report.trace.splitlines(),
        *report.repair.references,
        *COPIED,
        report.repair.summary,
        report.cause,
        report.signature,
        "incident k7f3-2 of table creds: open for 1m35s, as of",
        "backend /usr/local/libexec/smtpd/table-mysql",
        "6.8.0p2, imsg protocol",
        "tablewatch 0.1.0, mode enforce",
        "9 retries, 9 reconnects, 3 temporary errors, 3 backends replaced",
        "+0.500 1.8s 9.3M 9 1",
    ):
        assert each in text, each


def test_each_step_has_both_clocks():
    lines = shown()
    steps = lines[lines.index("Timeline (wall clock; seconds from the opening)") + 1 :][:7]
    assert [line.split()[1] for line in steps] == [
        "+0.000", "+0.001", "+0.002", "+0.003", "+0.004", "+0.005", "+91.000",
    ]  # fmt: skip
    assert all(re.match(r"  \d\d:\d\d:\d\d  ", line) for line in steps)
    assert [line.split()[2] for line in steps[2:4]] == ["signal", "decision"]


@pytest.mark.parametrize("width", [80, 100, 200, None])
def test_no_line_is_wider_than_the_paper_but_what_is_copied(width):
    for line in shown(paper=Paper(width)):
        assert cells(line) <= 80 or ((width or 0) > 80 and cells(line) <= 88) or line[2:] in COPIED
    for line in listing(BOTH, Paper(width)) if width else ():
        assert cells(line) <= width


def test_what_is_copied_keeps_its_lines_on_the_narrowest_paper():
    lines = shown(paper=Paper(20))
    for each in COPIED:
        assert f"  {each}" in lines


def test_there_is_colour_on_a_terminal_that_has_it_and_nowhere_else():
    painted = "\n".join(shown(paper=Paper(80, True)))
    assert "\x1b[33mincident k7f3-2" in painted
    assert "\x1b[1mTimeline\x1b[0m" in painted
    assert re.sub(r"\x1b\[[0-9;]*m", "", painted) == "\n".join(shown())
    assert "\x1b[32mincident k7f3-1" in shown(incidents.over(), Paper(80, True))[0]
    listed = listing(BOTH, Paper(80, True))
    assert "\x1b[33mopen \x1b[0m" in listed[1]
    assert "\x1b" not in "".join(listing(BOTH, Paper(80)))


def test_what_nobody_knows_takes_no_place():
    text = "\n".join(shown(incidents.over(repair=Repair())))
    for title in ("What to do", "Keys, masked", "Last lines", "was seen to do", "backend used"):
        assert title not in text
        assert title in "\n".join(shown())
    assert "\n\n\n" not in text


def test_the_list_is_a_line_for_each_in_the_order_given():
    lines = listing(BOTH, Paper())
    assert [line.split()[0] for line in lines] == ["ID", "k7f3-2", "k7f3-1"]
    assert lines[1].split()[1:3] == ["creds", "open"]
    assert "  1m35s     3  the key has characters" in lines[1]
    assert lines[2].endswith("the database can't be reached")


def test_an_empty_list_is_a_sentence():
    assert listing([], Paper(80)) == ["no incident is kept"]


@settings(max_examples=30)
@given(st.text(min_size=1, max_size=30), st.sampled_from([20, 80, None]))
def test_no_text_of_a_supervisor_moves_the_cursor(text, width):
    for hostile in (text, HOSTILE, "\x1b[2J"):
        report = replace(
            incidents.told(),
            table=hostile, backend=hostile, signature=hostile, error_class=hostile, cause=hostile,
            release=hostile, protocol=hostile, smtpd_version=hostile, mode=hostile,
            program=hostile, steps=[Step(1.0, hostile, hostile)], lines=[hostile],
            keys=[Key(hostile, hostile, hostile)], trace=hostile,
            repair=Repair(hostile, [hostile], [hostile]),
        )  # fmt: skip
        paper = Paper(width)
        for line in (*shown(report, paper), *listing([summary(incidents.kept(report))], paper)):
            assert line.isprintable()

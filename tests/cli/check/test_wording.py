"""What is printed: one line that can be read in a list, and lines that help."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.statuses import down, everything, gone, host, report, troubled, well

from tablewatch.cli.check.judgement import judge
from tablewatch.cli.check.options import parse
from tablewatch.cli.check.perfdata import Perfdata
from tablewatch.cli.check.states import State
from tablewatch.cli.check.wording import clean, details, output, summary
from tablewatch.control.status import Condition

NAGIOS_READS = 8192  # MAX_PLUGIN_OUTPUT_LENGTH


def said(status, *arguments, verbose=0):
    judgement = judge(status, parse(list(arguments)))
    below = details(judgement, verbose)
    return output(judgement.state, summary(judgement), below, judgement.perfdata)


@pytest.mark.parametrize(
    ("status", "arguments", "line"),
    [
        (host(report(well())), [], "OK: creds is well; last good answer just now"),
        (host(report(well(last_good=None))), [], "OK: creds is well"),
        (host(report(well("a")), report(well("b"))), [], "OK: 2 tables are well"),
        (host(report(down())), [], "CRITICAL: users: the database can't be reached (5m12s)"),
        (everything(), [], "CRITICAL: users: the database can't be reached (5m12s); 2 more"),
        (host(report(well()), gone()), [], "WARNING: old: its supervisor has left (6m40s)"),
        (host(), [], "UNKNOWN: no table is watched"),
        (host(), ["--table", "x"], "CRITICAL: x: no such table is watched"),
        (host(report(well())), ["--metric", "p99"], "OK: creds p99 0.002492s"),
        (
            host(report(well("a")), report(well("b"))),
            ["--metric", "quarantine", "--metric", "memory", "--metric", "requests"],
            "OK: 6 figures, none outside its range",
        ),
        (host(report(well())), ["-w", "requests=5"],
         "WARNING: creds: requests 2001 is outside 5"),
        (host(report(well())), ["-c", "failed=@0:5"],
         "CRITICAL: creds: failed 0.25% is inside @0:5"),
    ],
)  # fmt: skip
def test_the_first_line_names_the_state_and_the_worst(status, arguments, line):
    first = said(status, *arguments).splitlines()[0].partition(" | ")[0]
    assert first == f"TABLEWATCH {line}"
    assert len(first) < 80


def test_a_long_reason_is_cut_in_the_first_line_and_whole_below():
    lines = said(host(report(troubled()))).splitlines()
    first = lines[0].partition(" | ")[0]
    assert first.endswith("... (1m35s)")
    assert len(first) < 80
    assert lines[1:] == [
        "creds: WARNING for 1m35s: the key has characters that the column's character set can't "
        "hold",
        "  done: 3 keys refused; 3 backends replaced",
        "  to do: convert the columns to utf8mb4",
    ]


def test_tables_that_are_well_have_a_line_when_it_is_asked_for():
    both = host(report(well("a")), report(down()))
    assert "a: OK" not in said(both)
    assert "\na: OK for 22h13m: well\n" in said(both, verbose=1)
    assert "a: mysql, enforce" not in said(both, verbose=1)
    more = said(both, verbose=2)
    assert "\na: mysql, enforce, for 1d; 2001 requests, 5 failures; last good answer just" in more
    assert "\n  breaker open; 3 keys in quarantine; retry budget 12.5; 4 backends" in more
    assert "\n  incident 2, 1m35s old: the database can't be reached\n" in more


def test_two_figures_of_a_table_have_one_remedy():
    text = said(host(report(down())), "-w", "waiting=1:", "-w", "last-good=300")
    assert text.count("to do: start it") == 1
    assert text.count("\nusers: WARNING: ") == 2


def test_texts_of_others_can_not_break_out():
    assert clean("a|b\nc\td<script>\x1b[31m\u2028\ud800") == "a/b c d(script)?[31m??"


@given(
    st.text(),
    st.lists(st.text(), max_size=30),
    st.lists(st.text(min_size=1), max_size=8),
)
def test_whatever_the_texts_are_the_shape_stays(first, below, tables):
    items = [Perfdata(f"p99.{name}", 1.0, "s") for name in tables]
    text = output(State.WARNING, first, below, items)
    lines = text[:-1].split("\n")
    assert text.endswith("\n")
    assert len(lines) == len(below) + 1
    assert lines[0].startswith("TABLEWATCH WARNING: ")
    assert text.count("|") == bool(items)
    assert all(each.isprintable() for each in lines)


@given(st.text(max_size=60), st.text(max_size=200), st.text(max_size=200))
def test_whatever_a_table_is_called_and_says_the_shape_stays(name, why, todo):
    odd = well(name, condition=Condition("critical", 5.0, why, todo, todo))
    text = said(host(report(odd), report(well("zz"))))
    assert text.count("|") == 1
    assert len(text.splitlines()) == len(text.split("\n")) - 1 == (4 if todo else 2)


@pytest.mark.parametrize("tables", [100, 1000])
def test_of_many_tables_as_much_is_said_as_nagios_reads(tables):
    many = host(*(report(down(f"table-{each:04}")) for each in range(tables)))
    text = said(many, verbose=2)
    assert len(text.encode()) < NAGIOS_READS
    first = rf"TABLEWATCH CRITICAL: table-0000: the database .*\(5m12s\); {tables - 1} more \|"
    assert re.match(first, text)
    last = text.splitlines()[-1]
    assert last.endswith(" more lines; see: tablewatch status")
    assert int(last.split()[0]) + len(text.splitlines()) - 2 == tables * 6


def test_characters_of_several_bytes_count_as_such():
    many = host(*(report(down(f"é{each}")) for each in range(99)))
    text = said(many, verbose=2)
    assert len(text.encode()) < NAGIOS_READS

import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.cli.test_activity import later
from tests.support import statuses

from tablewatch.cli import status_view
from tablewatch.cli.paper import Paper, cells
from tablewatch.control.status import Condition, Quarantine

LONG = "customers-of-the-northern-branch-" * 4 + "users"
WIDE = "\u8868\u540d" * 12  # 24 characters in 48 cells


def text(host, paper=Paper(80), before=None, **options):  # noqa: B008 - it is immutable
    return "\n".join(status_view.lines(host, paper, before, **options))


def many(number, troubled=0):
    reports = [statuses.report(statuses.well(f"table{n:03d}")) for n in range(number)]
    bad = [statuses.report(statuses.down(f"zz-down{n}")) for n in range(troubled)]
    return statuses.host(*reports, *bad)


def test_all_is_seen_at_80_columns():
    assert (
        text(statuses.everything())
        == """\
tablewatchd 0.1.0, up 2h: 4 tables, 1 critical, 1 unknown, 1 warning, 1 ok

TABLE    STATE           LOOKUPS  FAILED    p99  BREAKER  QUARANT.  BACKEND
users    critical 5m12s     2000       5  2.5ms  open            3  0.2% 9.3M
virtual  unknown 42s           -       -      -  -               -  -
creds    warning 1m35s      2000       5  2.5ms  closed          3  0.2% 9.3M
aliases  ok 22h13m          2000       5  2.5ms  closed          3  0.2% 9.3M

users: critical for 5m12s
  why    the database can't be reached
  done   left alone
  to do  start it

virtual: unknown for 42s
  why    no answer within 5 s
  to do  look for it with: pgrep -fl table-watch; restart smtpd if it hangs

creds: warning for 1m35s
  why    the key has characters that the column's character set can't hold
  done   3 keys refused; 3 backends replaced
  to do  convert the columns to utf8mb4"""
    )


def test_of_well_tables_nothing_is_to_be_said():
    host = statuses.host(statuses.report(statuses.well()))
    assert text(host).splitlines()[3:] == [
        "creds  ok 22h13m     2000       5  2.5ms  closed          3  0.2% 9.3M"
    ]


def test_the_colour_of_a_state_comes_with_its_word():
    coloured = text(statuses.everything(), Paper(80, colour=True))
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == text(statuses.everything())
    assert set(re.findall(r"\x1b\[[0-9;]+m(\w+) ", coloured)) == {
        "critical",
        "unknown",
        "warning",
        "ok",
    }


def test_between_two_reports_it_is_what_happens_per_second():
    before = statuses.well()
    host = statuses.host(statuses.report(later(before)))
    shown = text(host, before=statuses.host(statuses.report(before)), live=True)
    assert re.search(r"LOOK/S +FAIL/S", shown)
    assert re.search(r"creds +ok 22h13m +5 +0\.5 +496ms +closed +3 +10% 9\.3M", shown)
    first = text(host, live=True)
    assert re.search(r"creds +ok 22h13m +- +- +- +closed +3 +- 9\.3M", first)


def test_a_pause_a_kind_of_keys_and_a_missing_backend_are_seen():
    kinds = Quarantine(size=3, limit=10, kinds=["credentials: keys with four-byte UTF-8"])
    status = statuses.well(pause=1800.0, quarantine=kinds, backends=[], mode="observe")
    shown = text(statuses.host(statuses.report(status)))
    assert re.search(r"paused +3\+1  none", shown)
    assert (
        "creds refuses every key of these kinds: credentials: keys with four-byte UTF-8." in shown
    )
    assert "Only observed, nothing is done about anything: creds." in shown


def test_a_host_without_tables_is_unknown_and_says_what_to_do():
    host = statuses.host()
    assert host.level == "unknown"
    assert "0 tables" in text(host)
    assert "tablewatch install" in text(host)


@pytest.mark.parametrize(
    ("level", "status"), [("ok", 0), ("warning", 1), ("critical", 2), ("unknown", 3)]
)
def test_each_level_has_the_exit_status_of_check_plugins(level, status):
    assert status_view.EXIT_STATUS[level] == status


def test_a_table_with_a_level_of_a_later_release_is_shown_all_the_same():
    condition = Condition("on-fire", 3.0, "why not")
    host = statuses.host(statuses.report(statuses.well(condition=condition)))
    assert "creds: unknown for 3s\n  why    why not" in text(host)


def test_nothing_from_elsewhere_reaches_the_terminal_as_it_is():
    evil = "a\x1b[2Jb\nc\u202e"
    condition = Condition("warning", 1.0, evil, evil, evil)
    status = statuses.well(table=evil, condition=condition)
    host = statuses.host(statuses.report(replace(status, mode="observe")))
    shown = text(host)
    assert shown.replace("\n", "").isprintable()
    assert r"a\x1b[2Jb\nc\u202e" in shown


def any_host():
    names = st.one_of(st.just(LONG), st.just(WIDE), st.text(min_size=1, max_size=40))
    made = st.builds(
        lambda make, name: statuses.report(make(name)),
        st.sampled_from([statuses.well, statuses.troubled, statuses.down]),
        names,
    )
    quiet = names.map(statuses.silent)
    return st.lists(st.one_of(made, quiet), max_size=8).map(lambda each: statuses.host(*each))


@given(any_host(), st.integers(40, 200), st.booleans())
def test_no_line_is_wider_than_the_terminal(host, width, live):
    lines = status_view.lines(host, Paper(width), host, live=live)
    assert max(cells(line) for line in lines) <= width


@settings(max_examples=50)
@given(any_host(), st.integers(40, 200), st.integers(1, 60))
def test_a_screen_is_never_higher_or_wider_than_the_terminal(host, width, height):
    lines = status_view.screen(host, Paper(width), None, ["every 2s"], height)
    assert len(lines) <= height
    assert max(cells(line) for line in lines) <= width


def test_where_it_is_narrow_the_state_stays_to_the_last():
    shown = text(statuses.everything(), Paper(40))
    assert "critical 5m12s" in shown
    assert "BACKEND" not in shown
    assert "BACKEND" in text(statuses.everything(), Paper(200))


def test_a_pipe_gets_every_column_and_whole_names():
    host = statuses.host(statuses.report(statuses.well(LONG)))
    shown = text(host, Paper())
    assert f"\n{LONG}  ok" in shown
    assert "BACKEND" in shown


def test_a_hundred_tables_are_all_listed():
    shown = text(many(100))
    assert "100 tables, 100 ok" in shown
    assert len(re.findall(r"^table\d{3} ", shown, re.M)) == 100


def test_on_a_screen_trouble_goes_before_a_hundred_well_tables():
    lines = status_view.screen(many(100, troubled=2), Paper(80), None, ["every 2s"], 24)
    assert len(lines) == 24
    assert [line.split()[0] for line in lines[4:7]] == ["zz-down0", "zz-down1", "table000"]
    assert "... and 93 more, all ok" in lines
    assert lines[-1] == "  to do  start it"


def test_on_a_screen_too_small_for_all_trouble_it_is_said_that_there_is_more():
    lines = status_view.screen(many(0, troubled=10), Paper(80), None, ["every 2s"], 24)
    assert len(lines) == 24
    assert re.fullmatch(r"\.\.\. \d+ more lines: tablewatch status shows them", lines[-1])


def test_a_screen_that_fits_is_the_whole_report():
    host = statuses.everything()
    lines = status_view.screen(host, Paper(80), None, ["every 2s"], 40)
    assert lines[3:] == status_view.lines(host, Paper(80), live=True)[2:]


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ([], ""),
        (["creds", "users"], ""),
        (["crds"], "no table crds; did you mean creds?"),
        (["creds", "xyz"], "no table xyz; there is aliases, creds, users, virtual"),
        (["\x1b"], r"no table \x1b; there is aliases, creds, users, virtual"),
    ],
)
def test_a_table_that_is_not_there_is_told_with_the_nearest_name(names, said):
    assert status_view.missing(statuses.everything(), names) == said


def test_of_many_names_a_few_are_told_and_of_none_that_there_are_none():
    assert status_view.missing(many(50), ["xyz"]).endswith("table008, table009, ...")
    assert status_view.missing(statuses.host(), ["a"]) == (
        "no table a; no table is connected to tablewatchd"
    )

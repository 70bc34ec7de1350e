"""Which state follows from which report."""

import pytest
from tests.support.statuses import down, everything, gone, host, report, silent, troubled, well

from tablewatch.cli.check.judgement import judge
from tablewatch.cli.check.options import parse
from tablewatch.cli.check.states import State
from tablewatch.control.status import Backend, Condition


def judged(status, *arguments):
    return judge(status, parse(list(arguments)))


def states(status, *arguments):
    return {each.table: each.state for each in judged(status, *arguments).findings}


def perfdata(status, *arguments):
    return [str(each) for each in judged(status, *arguments).perfdata]


@pytest.mark.parametrize(
    ("table", "state"),
    [
        (report(well()), State.OK),
        (report(troubled()), State.WARNING),
        (report(down()), State.CRITICAL),
        (report(well(condition=Condition("unknown", 1.0, "?"))), State.UNKNOWN),
        (report(well(condition=Condition("of a later release", 1.0))), State.UNKNOWN),
    ],
)
def test_the_condition_of_a_table_decides(table, state):
    assert judged(host(table)).state is state


def test_a_supervisor_that_hangs_is_critical():
    assert states(host(report(well()), silent())) == {
        "creds": State.OK,
        "aliases": State.CRITICAL,
    }


def test_one_that_left_was_taken_out_if_others_are_there():
    assert states(host(report(well()), gone())) == {"creds": State.OK, "old": State.WARNING}
    assert states(host(silent(), gone()))["old"] is State.WARNING


def test_when_all_have_left_smtpd_has():
    assert states(host(gone(), gone("older"))) == dict.fromkeys(("old", "older"), State.CRITICAL)


def test_one_that_was_named_has_to_be_there():
    both = host(report(well()), gone())
    assert states(both, "--table", "old") == {"old": State.CRITICAL}
    assert states(both, "--table", "creds") == {"creds": State.OK}
    missing = judged(both, "--table", "users").findings[0]
    assert missing.state is State.CRITICAL
    assert "there is creds, old" in missing.todo


def test_no_table_at_all_is_unknown_unless_one_is_named():
    nobody = judged(host())
    assert nobody.state is State.UNKNOWN
    assert "smtpd.conf" in nobody.findings[0].todo
    assert judged(host(), "--metric", "p99").state is State.UNKNOWN
    assert judged(host(), "--table", "creds").state is State.CRITICAL


def test_the_worst_comes_first_and_then_by_name():
    found = judged(everything()).findings
    assert [each.table for each in found] == ["users", "virtual", "creds", "aliases"]
    assert judged(everything()).state is State.CRITICAL


def test_only_the_tables_that_were_named_are_judged():
    assert judged(everything(), "--table", "aliases").state is State.OK
    assert states(everything(), "--table", "creds", "--table", "aliases") == {
        "creds": State.WARNING,
        "aliases": State.OK,
    }


def test_a_finding_says_why_what_was_done_and_what_to_do():
    finding = judged(host(report(down()))).findings[0]
    assert finding.why == "the database can't be reached"
    assert (finding.done, finding.todo, finding.since) == ("left alone", "start it", 312)


@pytest.mark.parametrize(
    ("ranges", "state"),
    [
        ([], State.OK),
        (["-w", "20"], State.OK),
        (["-w", "20:"], State.WARNING),
        (["-c", "20:"], State.CRITICAL),
        (["-w", "13:", "-c", "5:"], State.WARNING),
        (["-w", "13:", "-c", "12.6:"], State.CRITICAL),
        (["-w", "@12:13", "-c", "@0:1"], State.WARNING),
    ],
)
def test_a_figure_is_critical_before_it_is_a_warning(ranges, state):
    assert judged(host(report(well())), "--metric", "budget", *ranges).state is state


def test_with_metrics_the_condition_does_not_count_but_is_told():
    status = host(report(troubled()))
    assert judged(status, "--metric", "p99").state is State.OK
    finding = judged(status, "-w", "incidents=0").findings[0]
    assert finding.state is State.WARNING
    assert finding.why.startswith("incidents 1 is outside 0 (the key has characters")
    assert finding.todo == "convert the columns to utf8mb4"


def test_each_metric_is_judged_for_each_table():
    found = judged(
        host(report(well("a")), report(well("b", waiting=9))), "-w", "waiting=5", "--metric", "p50"
    )
    assert [(each.table, each.state.name) for each in found.findings] == [
        ("b", "WARNING"),
        ("a", "OK"),
        ("a", "OK"),
        ("b", "OK"),
    ]
    assert found.findings[0].why == "waiting 9 is outside 5"


def test_a_table_without_an_answer_has_no_figures_and_is_judged_as_such():
    status = host(report(well()), silent())
    assert states(status, "-w", "p99=5")["aliases"] is State.CRITICAL
    assert perfdata(status, "-w", "p99=5") == [
        "'p99.aliases'=U;5;;0",
        "'p99.creds'=0.002492s;5;;0",
    ]


def test_before_the_first_lookup_nothing_is_too_slow():
    fresh = host(report(well(latency={})))
    finding = judged(fresh, "-c", "p99=1").findings[0]
    assert (finding.state, finding.why) == (State.OK, "p99: no lookups yet")
    assert perfdata(fresh, "-c", "p99=1") == ["'p99.creds'=U;;1;0"]


def test_what_the_system_can_not_tell_is_unknown_if_there_is_a_range():
    blind = host(report(well(backends=[Backend("active", "idle", 1, 5, 1.0)])))
    assert judged(blind, "--metric", "memory").state is State.OK
    assert judged(blind, "-w", "memory=1").state is State.UNKNOWN


def test_the_tables_are_counted_by_state():
    assert perfdata(everything())[:4] == [
        "'ok'=1;;;0;4",
        "'warning'=1;;;0;4",
        "'critical'=2;;;0;4",
        "'unknown'=0;;;0;4",
    ]


def test_counters_are_given_for_each_table():
    assert perfdata(host(report(well()), gone()))[4:] == [
        "'requests.creds'=2001c",
        "'failures.creds'=5c",
        "'requests.old'=U",
        "'failures.old'=U",
    ]


def test_the_unit_and_the_bounds_stand_in_the_performance_data():
    assert perfdata(host(report(well())), "-w", "failed=1", "-c", "quarantine=~:5000") == [
        "'failed.creds'=0.25%;1;;0;100",
        "'quarantine.creds'=3;;~:5000;0;10000",
    ]

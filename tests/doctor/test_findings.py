from dataclasses import replace

from tablewatch.doctor.findings import (
    Finding,
    Medium,
    Severity,
    Step,
    counted,
    most_serious_first,
)

CHARSET = Finding(
    "mysql-charset",
    Severity.WARNING,
    "mail.t: 1 column can't hold every character",
    "why",
    "creds",
    "mail.t",
    "mail.t.a",
    (Step(Medium.SQL, "ALTER"), Step(Medium.SHELL, "smtpctl update table creds")),
)


def test_the_most_serious_come_first_and_then_those_of_a_kind():
    note = Finding("a", Severity.NOTE, "n", "")
    probe = Finding("mysql-probe", Severity.CRITICAL, "p", "", "aliases")
    charset = Finding("mysql-charset", Severity.CRITICAL, "c", "", "sndrs")
    assert most_serious_first([note, probe, CHARSET, charset]) == [charset, probe, CHARSET, note]


def test_what_is_found_for_two_tables_is_said_once():
    other = replace(
        CHARSET,
        table="sndrs",
        severity=Severity.CRITICAL,
        repair=(Step(Medium.SQL, "ALTER"), Step(Medium.SHELL, "smtpctl update table sndrs")),
    )
    (both,) = most_serious_first([CHARSET, other, other])
    assert both.table == "sndrs, creds"
    assert both.severity is Severity.CRITICAL
    assert [step.text for step in both.repair] == [
        "ALTER",
        "smtpctl update table sndrs",
        "smtpctl update table creds",
    ]


def test_what_is_found_in_two_places_is_said_once():
    (both,) = most_serious_first([CHARSET, replace(CHARSET, place="mail.u")])
    assert both.place == "mail.t\nmail.u"
    assert both.table == "creds"


def test_what_differs_in_its_proof_is_said_twice():
    assert len(most_serious_first([CHARSET, replace(CHARSET, proof="mail.t.b")])) == 2


def test_numbers_are_readable():
    assert counted(1, "row") == "1 row"
    assert counted(0, "row") == "0 rows"
    assert counted(12345, "row") == "12,345 rows"

import json

import pytest

from tablewatch.cli.doctor_view import as_data, lines, summary
from tablewatch.cli.paper import Paper, cells
from tablewatch.doctor.examination import Diagnosis, Examined
from tablewatch.doctor.findings import Finding, Medium, Severity, Step

LONG = "ALTER TABLE vusers CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci; -- all"
CHARSET = Finding(
    "mysql-charset",
    Severity.CRITICAL,
    "mail.vusers: 2 columns can't hold every character",
    "Compared with a key that has a character the column can't hold, the query fails.",
    "creds, sndrs",
    "mail.vusers\nmail.valias",
    "mail.vusers.mail varchar(255) latin1_swedish_ci\n  indented",
    (
        Step(Medium.PERSON, "Make a backup."),
        Step(Medium.SQL, LONG, note="a second", client="mariadb mail"),
        Step(Medium.FILE, "[mysqld]\nkey = value", "my.cnf", "then restart"),
        Step(Medium.SHELL, "smtpctl update table creds"),
    ),
)
DIAGNOSIS = Diagnosis(
    (CHARSET, Finding("note", Severity.NOTE, "A note\x1b[2J", "")),
    (
        Examined("creds", "mysql", "/c", True),
        Examined("down", "postgres", "/d", False, "the database is down\x07"),
    ),
)


def test_the_report_says_what_where_why_with_the_proof_and_the_repair():
    assert lines(DIAGNOSIS, Paper(), ["A hint."]) == [
        "tablewatch doctor: 1 table examined, 1 not, 1 critical, 1 note",
        "",
        "down: not examined: the database is down\\x07",
        "",
        "1. CRITICAL  mail.vusers: 2 columns can't hold every character",
        "   where   mail.vusers",
        "           mail.valias",
        "           tables creds, sndrs",
        "   why     Compared with a key that has a character the column can't hold, the",
        "           query fails.",
        "   proof   mail.vusers.mail varchar(255) latin1_swedish_ci",
        "             indented",
        "   repair  Make a backup.",
        "           in mariadb mail; a second:",
        f"            {LONG}",
        "           in my.cnf, then restart:",
        "            [mysqld]",
        "            key = value",
        "            smtpctl update table creds",
        "",
        "2. NOTE  A note\\x1b[2J",
        "",
        "A hint.",
    ]


@pytest.mark.parametrize("width", [40, 60, 80, 200])
def test_only_what_is_to_be_copied_is_wider_than_the_terminal(width):
    for line in lines(DIAGNOSIS, Paper(width)):
        assert cells(line) <= width or line.strip() in LONG


def test_colour_marks_the_severity_and_what_to_copy():
    text = "\n".join(lines(DIAGNOSIS, Paper(80, colour=True)))
    assert "\x1b[1;31mCRITICAL\x1b[0m" in text
    assert f"\x1b[1m{LONG}\x1b[0m" in text
    assert "\x1b[2J" not in text


def test_a_program_is_told_everything():
    data = json.loads(json.dumps(as_data(DIAGNOSIS)))
    assert data["level"] == "critical"
    assert [(each["table"], each["examined"]) for each in data["tables"]] == [
        ("creds", True),
        ("down", False),
    ]
    charset = data["findings"][0]
    assert (charset["id"], charset["severity"]) == ("mysql-charset", "critical")
    assert charset["tables"] == ["creds", "sndrs"]
    assert charset["places"] == ["mail.vusers", "mail.valias"]
    assert charset["repair"][1] == {
        "medium": "sql",
        "text": LONG,
        "file": "",
        "note": "a second",
        "client": "mariadb mail",
    }


def test_the_summary_of_a_well_host():
    well = Diagnosis((), (Examined("creds", "mysql", "/c", True),))
    assert summary(well) == "tablewatch doctor: 1 table examined, nothing found"

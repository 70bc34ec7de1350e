"""Incidents as supervisors tell them and the daemon keeps them; the one of the mission in full."""

from dataclasses import replace

from tests.support.statuses import CAUSE

from tablewatch.control.incident import Cost, IncidentReport, Kept, Key, Repair, Sample, Step
from tablewatch.daemon.incidents import Incidents

# 2023-11-14 22:13:20 UTC, as in tests.support.statuses.
TOLD = 1_700_000_000.0
# Connections of supervisors, as far as the store is concerned.
SUPERVISOR, OTHER = "a supervisor", "another one"

REFUSED = (
    "table-mysql[4800]: warn: trying to reconnect after error: Illegal mix of collations "
    "(latin1_swedish_ci,IMPLICIT) and (utf8mb4_general_ci,COERCIBLE) for operation '='"
)
ALTER = "ALTER TABLE vusers CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci;"
MY_CNF = "[mysqld]\ncharacter_set_server = utf8mb4\ncollation_server = utf8mb4_general_ci"
REFERENCE = "https://mariadb.com/kb/en/setting-character-sets-and-collations/"


def told(number=2, **changes):
    """What a supervisor says of the mission's incident, which is still open."""
    report = IncidentReport(
        id=f"k7f3-{number}",
        table="creds",
        backend="mysql",
        signature="mysql-illegal-mix-of-collations",
        error_class="query",
        cause=CAUSE,
        opened=95.0,
        last=4.0,
        count=3,
        release="0.1.0",
        protocol="imsg",
        smtpd_version="6.8.0p2",
        program="/usr/local/libexec/smtpd/table-mysql",
        steps=[
            Step(95.0, "signal", "retry 1 for credentials a***@example.org"),
            Step(94.999, "signal", "retry 2 for credentials a***@example.org"),
            Step(94.998, "signal", "retry 3 for credentials a***@example.org"),
            Step(94.997, "decision", "answered error: 3 retries, max_retries is 2"),
            Step(94.996, "decision", "backend 5 killed, spare 6 promoted"),
            Step(94.995, "decision", "credentials a***@example.org quarantined for 1h"),
            Step(4.0, "decision", "every key beyond latin1 is refused: 3 distinct ones failed"),
        ],
        lines=[
            "table-mysql[4800]: debug: (re)connecting",
            REFUSED,
            "table-mysql[4800]: debug: (re)connecting",
            REFUSED,
        ],
        keys=[
            Key("credentials", "a***@example.org", "characters beyond latin1"),
            Key("credentials", "z***@example.org", "characters beyond latin1"),
        ],
        samples=[
            Sample(95.0, 1.25, 9_800_000, 9, 1),
            Sample(94.5, 1.75, 9_800_000, 9, 1),
            Sample(10.0),
        ],
        cost=Cost(retries=9, reconnects=9, tempfails=3, restarts=3, throttled=0.0),
        repair=Repair(
            "convert the columns to utf8mb4, then: smtpctl update table creds",
            [ALTER, MY_CNF, "smtpctl update table creds"],
            [REFERENCE, "tablewatch.yml(5), filter.charset"],
        ),
        trace="connects to 127.0.0.1:3306, 1,400 times a second\nserver: error 1267 (HY000)",
    )
    return replace(report, **changes)


def over(number=1, **changes):
    """An outage of the database, long over."""
    return told(
        number,
        **{
            "signature": "database-connection",
            "error_class": "connection",
            "cause": "the database can't be reached",
            "opened": 7200.0,
            "last": 7000.0,
            "closed": 6700.0,
            "count": 41,
            "steps": [Step(7200.0, "signal", "connecting failed")],
            "lines": [],
            "keys": [],
            "samples": [],
            "cost": Cost(),
            "repair": Repair("start the database", ["rcctl start mysqld"]),
            "trace": "",
            **changes,
        },
    )


def kept(report=None, at=TOLD):
    """What the daemon makes of it."""
    return Kept(at, told() if report is None else report)


def store(*reports, teller=SUPERVISOR, limit=100):
    """A store in memory alone, in which these were told."""
    made = Incidents("/nonexistent", limit, lambda *_: None)
    for each in reports:
        made.tell(teller, each, TOLD)
    return made

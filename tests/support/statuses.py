"""Reports as supervisors and the daemon make them: every field filled, every level there."""

from dataclasses import replace

from tablewatch.control.status import (
    LATENCY_BUCKETS,
    Backend,
    Breaker,
    Budget,
    Condition,
    Daemon,
    Event,
    HostStatus,
    Incident,
    Latency,
    Process,
    Quarantine,
    TableReport,
    TableStatus,
)

CAUSE = "the key has characters that the column's character set can't hold"


def latency(*seconds):
    counts = [0] * (len(LATENCY_BUCKETS) + 1)
    for each in seconds:
        counts[sum(each > bound for bound in LATENCY_BUCKETS)] += 1
    return Latency(counts, sum(seconds))


def well(table="creds", **changes):
    """A busy table without a care."""
    status = TableStatus(
        table=table,
        backend="mysql",
        pid=4711,
        release="0.1.0",
        age=86_400.0,
        condition=Condition("ok", 80_000.0),
        budget=Budget(balance=12.5, reserve=10.0),
        protocol="text",
        smtpd_version="7.6.0-portable",
        config="/etc/tablewatch.yml",
        requests={"lookup": {"credentials": 1200, "userinfo": 800}, "update": {"": 1}},
        answers={"found": 1900, "not-found": 95, "error": 5},
        failures={"error": 2, "retries": 3},
        tempfails={"retries": 3},
        latency={"lookup": latency(*[0.002] * 1990, *[0.04] * 10), "update": latency(0.7)},
        last_good=0.4,
        retries={"query": 9},
        reconnects={"query": 9, "connection": 1},
        restarts={"retries": 3, "exit": 1},
        promotions=4,
        quarantine=Quarantine(size=3, limit=10_000, hits=17, evictions=0),
        incidents_opened={"query": 1, "connection": 1},
        backends=[
            Backend("active", "idle", 5, 4800, 600.0, False, 1.25, 9_800_000, 9, 1),
            Backend("spare", "idle", 6, 4801, 120.0, False, 0.02, 9_700_000, 9, 1),
        ],
        stderr_lines=40,
        collapsed_lines=31,
        links=1,
        process=Process(cpu=3.5, memory=21_000_000, descriptors=14),
    )
    return replace(status, **changes)


def incident(**changes):
    """The one of the mission, still open."""
    return replace(
        Incident(
            id=2,
            signature="mysql-illegal-mix-of-collations",
            error_class="query",
            cause=CAUSE,
            opened=95.0,
            last=4.0,
            count=3,
            done=["credentials ***@example.org quarantined for 1h"],
            todo="convert the columns to utf8mb4",
        ),
        **changes,
    )


def troubled(table="creds", **changes):
    """Poisoned keys: users are served, something is to be repaired."""
    condition = Condition(
        "warning",
        95.0,
        CAUSE,
        "3 keys refused; 3 backends replaced",
        "convert the columns to utf8mb4",
    )
    return well(table, condition=condition, incidents=[incident()], **changes)


def down(table="users", **changes):
    """The database does not answer."""
    why = "the database can't be reached"
    return well(
        table,
        condition=Condition("critical", 312.0, why, "left alone", "start it"),
        breaker=Breaker("open", why, 14.5, 3),
        incidents=[incident(error_class="connection", signature="mysql-no-server", cause=why)],
        last_good=330.0,
        **changes,
    )


def report(status, **changes):
    """What the daemon makes of it."""
    events = [Event(95.0, 4, "backend kept reconnecting"), Event(4.0, 5, "key quarantined")]
    return replace(TableReport(status.table, True, 0.0, "", status, events), **changes)


def silent(table="aliases", age=42.0):
    """A supervisor that hangs."""
    return TableReport(table, True, age, "no answer within 5 s")


def gone(table="old", age=400.0):
    """A supervisor that left."""
    return TableReport(table, False, age, "its supervisor has left")


def host(*reports, **changes):
    """A host with these tables."""
    daemon = Daemon("0.1.0", 99, 7200.0, "/etc/tablewatch.yml", supervisors=len(reports))
    tables = sorted(reports, key=lambda each: each.table)
    return replace(HostStatus(1_700_000_000.0, daemon, tables), **changes)


def everything():
    """One table of each level."""
    return host(report(well("aliases")), report(troubled()), report(down()), silent("virtual"))

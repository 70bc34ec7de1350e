"""What of a PostgreSQL server and its role is bad for a mail server's tables."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from tablewatch.doctor.findings import Finding, Medium, Severity, Step
from tablewatch.doctor.patient import Patient
from tablewatch.doctor.postgres_about import About
from tablewatch.doctor.query_case import identifier

_NO_LIMIT = -1
_NEARLY_ALL = 0.9
_WAITS = ("connect_timeout",)
_NETWORK_WAITS = ("keepalives_idle", "tcp_user_timeout")
# Seconds, seconds and milliseconds; below tablewatch's deadline of 5 s where that matters.
_VALUES = {"connect_timeout": "3", "keepalives_idle": "60", "tcp_user_timeout": "10000"}


def examine_server(patient: Patient, about: About) -> Iterator[Finding]:
    """Yield what of the server and the conninfo is wrong, but for the encoding."""
    yield from _timeouts(patient, about)
    yield from _messages(patient, about)
    yield from _limits(patient, about)
    yield from _crowded(patient, about)
    yield from _superuser(patient, about)


def _timeouts(patient: Patient, about: About) -> Iterator[Finding]:
    wanted = _WAITS if about.local else _WAITS + _NETWORK_WAITS
    missing = [each for each in wanted if about.words.get(each, "0") == "0"]
    steps = []
    if missing:
        text = " ".join(f"{each}='{_VALUES[each]}'" for each in missing)
        steps.append(
            Step(Medium.FILE, f"conninfo ... {text}", patient.conf, "to be added to that line")
        )
    if about.statement_timeout == "0":
        missing.append("statement_timeout")
        text = f"ALTER ROLE {identifier(about.role)} SET statement_timeout = '3s';"
        steps.append(Step(Medium.SQL, text, "", "for new connections", about.client))
    if not missing:
        return
    yield Finding(
        "postgres-timeouts",
        Severity.NOTE if patient.watched else Severity.WARNING,
        "table-postgres waits for its database without a limit",
        "If the server hangs or the network drops packets, smtpd hangs with it: every session, "
        "those that need no database too."
        + (" tablewatch ends the wait at its deadline." if patient.watched else ""),
        patient.table,
        patient.conf,
        f"not set: {', '.join(missing)}",
        tuple(steps),
    )


def _messages(patient: Patient, about: About) -> Iterator[Finding]:
    language = about.messages.partition(".")[0].partition("_")[0]
    if language in ("", "C", "POSIX", "en"):
        return
    text = f"ALTER ROLE {identifier(about.role)} SET lc_messages = 'C';"
    yield Finding(
        "postgres-messages",
        Severity.WARNING if patient.watched else Severity.NOTE,
        "The server's error messages are not in English",
        "table-postgres logs them without their code, so tablewatch does not know them: it can "
        "tell neither whose fault an error is nor what to do about it.",
        patient.table,
        about.database,
        f"lc_messages is {about.messages}",
        (
            Step(
                Medium.SQL,
                text,
                "",
                "by a superuser; for new connections of this role alone",
                about.client,
            ),
        ),
    )


def _limits(patient: Patient, about: About) -> Iterator[Finding]:
    needed = patient.connections + 1  # while one replaces another there are both
    for kind, name, limit in (
        ("ROLE", about.role, about.role_limit),
        ("DATABASE", about.database, about.database_limit),
    ):
        if not _NO_LIMIT < limit < needed:
            continue
        text = f"ALTER {kind} {identifier(name)} CONNECTION LIMIT {2 * needed};"
        yield _few(patient, about)(
            f"the {kind.lower()} {name} may have {limit}; the tables at this server hold up to "
            f"{patient.connections}, spares included, and one more while one is replaced",
            (Step(Medium.SQL, text, "", "", about.client),),
        )


def _crowded(patient: Patient, about: About) -> Iterator[Finding]:
    needed = patient.connections + 1
    if about.taken < _NEARLY_ALL * about.slots and about.slots - about.taken >= needed:
        return
    who = (
        "SELECT usename, client_addr, count(*) FROM pg_stat_activity GROUP BY 1, 2 ORDER BY 3 DESC;"
    )
    yield _few(patient, about)(
        f"{about.taken} of {about.slots} are taken",
        (
            Step(Medium.SQL, who, "", "who has them", about.client),
            Step(
                Medium.FILE,
                f"max_connections = {2 * (about.slots + needed)}",
                "postgresql.conf",
                "in effect after a restart of the server",
            ),
        ),
    )


def _few(patient: Patient, about: About) -> partial[Finding]:
    """Return what makes the finding, of its proof and repair."""
    return partial(
        Finding,
        "postgres-connections",
        Severity.WARNING,
        "The server has hardly enough connections",
        "A backend that gets no connection can't answer, and smtpd does not start with it.",
        patient.table,
        about.database,
    )


def _superuser(patient: Patient, about: About) -> Iterator[Finding]:
    if not about.superuser:
        return
    role = identifier(about.role)
    text = f"ALTER ROLE {role} NOSUPERUSER;\nGRANT SELECT ON ALL TABLES IN SCHEMA public TO {role};"
    yield Finding(
        "postgres-privileges",
        Severity.WARNING,
        "The mail server's role may do anything to the database server",
        "Whoever gets at the mail server's configuration owns every database, and the account the "
        "server runs as. It only has to read a few tables.",
        patient.table,
        about.database,
        f"the role {about.role} is a superuser",
        (
            Step(
                Medium.SQL,
                text,
                "",
                "by another superuser; name the schemas the tables are in",
                about.client,
            ),
        ),
    )

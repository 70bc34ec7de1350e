"""What the server is set to, as far as it matters to a backend that stays connected."""

from __future__ import annotations

from collections.abc import Iterator

from tablewatch.config.durations import format_duration
from tablewatch.doctor.findings import Finding, Medium, Severity, Step
from tablewatch.doctor.mysql_session import Server, shown_host
from tablewatch.doctor.patient import Patient

# A mail server is quiet for longer than that every night.
_SHORT_WAIT = 600
_NEARLY_ALL = 0.9


def examine(server: Server, patient: Patient) -> Iterator[Finding]:
    """Yield what is wrong with its limits."""
    wait, most, per_user = (
        int(each)
        for each in server.rows(
            "SELECT @@global.wait_timeout, @@global.max_connections, @@max_user_connections"
        )[0]
    )
    yield from _timeouts(patient, wait)
    status = dict(
        server.rows(
            "SHOW GLOBAL STATUS WHERE Variable_name IN "
            "('Max_used_connections', 'Threads_connected')"
        )
    )
    used = int(status.get("Max_used_connections") or 0)
    if per_user and patient.connections > per_user:
        yield _connections(
            patient,
            f"max_user_connections is {per_user}; the tables at this server hold up to "
            f"{patient.connections}, spares included",
            f"max_user_connections = {patient.connections * 2}",
        )
    elif most and (used >= _NEARLY_ALL * most or patient.connections > most / 2):
        yield _connections(
            patient,
            f"max_connections is {most}, up to {used} were used; the tables at this server hold "
            f"up to {patient.connections}, spares included",
            f"max_connections = {max(most * 2, patient.connections * 4)}",
        )


def _timeouts(patient: Patient, wait: int) -> Iterator[Finding]:
    """Yield that nothing limits the wait for the server, and that connections are lost at night."""
    if not patient.watched:
        yield Finding(
            "mysql-timeouts",
            Severity.WARNING,
            "table-mysql waits for its database without a limit",
            "If the server hangs or the network drops packets, smtpd hangs with it: every "
            "session, those that need no database too.",
            patient.table,
            shown_host(patient.options),
            "table_mysql.c sets neither MYSQL_OPT_CONNECT_TIMEOUT nor MYSQL_OPT_READ_TIMEOUT; "
            "its configuration has no setting for them",
            (Step(Medium.PERSON, "Have the table watched: its supervisor has a deadline."),),
        )
    if wait < _SHORT_WAIT:
        yield Finding(
            "mysql-wait-timeout",
            Severity.NOTE,
            "The server soon closes connections that are idle",
            "The first lookup after a quiet time fails and has to be made again on a new "
            "connection.",
            patient.table,
            shown_host(patient.options),
            f"wait_timeout is {format_duration(wait)}",
            (
                Step(
                    Medium.FILE,
                    "[mysqld]\nwait_timeout = 28800",
                    "my.cnf",
                    "in effect after a restart of the server",
                ),
            ),
        )


def _connections(patient: Patient, proof: str, line: str) -> Finding:
    return Finding(
        "mysql-connections",
        Severity.WARNING,
        "The server has hardly enough connections",
        "A backend that gets no connection can't answer, and smtpd does not start with it.",
        patient.table,
        shown_host(patient.options),
        proof,
        (Step(Medium.FILE, f"[mysqld]\n{line}", "my.cnf", "in effect after a restart"),),
    )

"""Whether a pooler stands before the server, and loses what table-postgres has prepared."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from tablewatch.doctor.findings import Finding, Medium, Severity, Step
from tablewatch.doctor.patient import Patient
from tablewatch.doctor.postgres_about import About
from tablewatch.doctor.postgres_asking import ServerError
from tablewatch.doctor.postgres_session import Session
from tablewatch.doctor.query_case import update_table
from tablewatch.errors import DoctorError

_STALE = ("26000", "42P05")  # prepared statement does not exist, already exists
_ROUNDS = 3
_WHY = (
    "table-postgres prepares its queries once, when it connects. In transaction mode a pooler asks "
    "over another connection the next time, where they are not: every lookup fails, and "
    "table-postgres does not connect anew for that error. Or another table has prepared its own "
    "there under the same name: then it ends when it starts, and smtpd does not start."
)
_UNTRIED = " Whether the pooler is in that mode could not be told."


def examine_pooler(
    patient: Patient, about: About, first: Session, second: Session
) -> Iterator[Finding]:
    """Try it with two sessions that are not entered yet."""
    severity, why = Severity.CRITICAL, _WHY
    try:
        with first, second:
            proof = _loses_statements(first, second)
    except (ServerError, DoctorError) as error:
        severity, why = Severity.WARNING, _WHY + _UNTRIED
        proof = f"two connections at a time, to try it, could not be had: {error}"
    if not proof:
        return
    yield Finding(
        "postgres-pooler",
        severity,
        "A pooler hands out connections that lack table-postgres's statements",
        why,
        patient.table,
        f"{about.host}, port {about.port}",
        proof,
        (
            Step(
                Medium.FILE,
                f"[databases]\n{about.database} = ... pool_mode=session",
                "pgbouncer.ini",
                "or, since PgBouncer 1.21, max_prepared_statements = 100; or let the conninfo name "
                "the server itself",
            ),
            update_table(patient),
        ),
    )


def _loses_statements(first: Session, second: Session) -> str:
    """Return the error for a statement asked over another connection; "" if there is none.

    While `first` holds the connection that `second` has prepared its statement on, or another
    one, `second` is given what is left. Poolers hand out the last or the first of those that
    are idle, so a few rounds are enough.
    """
    for _ in range(_ROUNDS):
        try:
            second.prepare("SELECT $1::text")
            with first.reading():
                try:
                    second.found(b"x")
                finally:
                    with contextlib.suppress(ServerError):
                        first.forget(second.statement)
        except ServerError as error:
            if error.code in _STALE:
                return str(error)
            raise
    return ""

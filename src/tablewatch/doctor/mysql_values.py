"""Values that table-mysql hands on and smtpd does not survive, or takes for somebody else's."""

from __future__ import annotations

from collections.abc import Iterator

from tablewatch.doctor import sql
from tablewatch.doctor.findings import Finding, Medium, Severity, Step, counted
from tablewatch.doctor.mysql_schema import quoted
from tablewatch.doctor.mysql_session import Prepared, Server, ServerError
from tablewatch.doctor.patient import Patient, Query

MOST_ROWS = 100_000
_NOTHING = "NULL"
_EMPTY = "an empty value"
_NEWLINE = "a value with a line end in it"
# table_mysql.c does not look whether a column is NULL, and the client library leaves the buffer
# alone then: the answer is made with what the lookup before had found.
_WHY_NULL = (
    "table-mysql does not look for NULL: it answers with the value of the lookup before, which "
    "is somebody else's."
)
_WHY_LOGIN = " Who has just logged in can log in as this user, with a password of their own."


def examine(
    server: Server, patient: Patient, query: Query, statement: Prepared
) -> Iterator[Finding]:
    """Yield what the rows have that `query` can find."""
    reachable = sql.any_key(query.text) if query.parameters else ""
    names = [column.name for column in statement.columns]
    if not reachable or len(set(map(str.lower, names))) < len(names):
        yield _unchecked(patient, query, "it is more than one SELECT with WHERE column = ?")
        return
    sums = ", ".join(
        f"SUM({name} IS NULL), SUM(LENGTH({name}) = 0), SUM(LOCATE(CHAR(10), {name}) > 0)"
        for name in map(quoted, names)
    )
    # The query is the operator's own.
    statement_text = f"SELECT COUNT(*), {sums} FROM ({reachable} LIMIT {MOST_ROWS}) found"  # noqa: S608
    try:
        counts = [int(each or 0) for each in server.rows(statement_text)[0]]
    except ServerError as error:
        yield _unchecked(patient, query, str(error))
        return
    total = counts.pop(0)
    for index, name in enumerate(names):
        for kind, count in zip((_NOTHING, _EMPTY, _NEWLINE), counts[index * 3 :], strict=False):
            if count:
                yield _finding(patient, query, name, kind, f"{count:,} of {counted(total, 'row')}")


def _finding(patient: Patient, query: Query, name: str, kind: str, proof: str) -> Finding:
    severity = Severity.CRITICAL
    if kind == _NOTHING:
        why = _WHY_NULL + (_WHY_LOGIN if query.service == "credentials" else "")
    elif kind == _NEWLINE:
        why = "smtpd 7.6 and later ends when it gets such an answer: it takes it for two."
    elif query.columns == 1:
        why = "smtpd ends when it gets an empty answer."
    else:
        severity = Severity.WARNING
        why = "smtpd can't use such an answer: it gives a temporary error, again and again."
    return Finding(
        "mysql-values",
        severity,
        f"{query.key} can find {kind}",
        why,
        patient.table,
        f"{patient.conf}:{query.line}",
        f"column {name}: {proof}",
        (
            Step(
                Medium.PERSON,
                "Correct these rows, or have the query leave them out: "
                + (
                    f"AND {name} IS NOT NULL"
                    if kind == _NOTHING
                    else f"AND {name} <> ''"
                    if kind == _EMPTY
                    else f"AND LOCATE(CHAR(10), {name}) = 0"
                ),
            ),
        ),
    )


def _unchecked(patient: Patient, query: Query, reason: str) -> Finding:
    return Finding(
        "mysql-unchecked",
        Severity.NOTE,
        f"What {query.key} can find was not looked at",
        "A NULL, an empty value or one with a line end in it would harm smtpd.",
        patient.table,
        f"{patient.conf}:{query.line}",
        reason,
    )

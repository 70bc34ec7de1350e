"""Values that table-sqlite hands on and smtpd can't use, or that neither survives.

table_sqlite.c does not look whether a column is NULL. It copies one that is the whole answer with
strlcpy(3), which ends it (SIGSEGV, measured with 6.7.1); of several it makes "(null)" by printf(3),
and 0 of a uid.
"""

from __future__ import annotations

from collections.abc import Iterator

from tablewatch.doctor import sql
from tablewatch.doctor.findings import Finding, Severity
from tablewatch.doctor.query_case import person
from tablewatch.doctor.sqlite_case import Case
from tablewatch.doctor.sqlite_session import DatabaseError

MOST_ROWS = 100_000
LONGEST = 2047  # bytes: LINE_MAX of table_stdio, without the NUL; the imsg API has 4096
_NULL, _EMPTY, _NEWLINE, _LONG, _ROOT = (
    "NULL",
    "an empty value",
    "a value with a line end",
    "a value too long",
    "a uid or gid that is no number, or 0",
)
_CONDITIONS = {
    _NULL: "{} IS NULL",
    _EMPTY: "{} = ''",
    _NEWLINE: "instr({}, char(10)) > 0",
    _LONG: f"length(CAST({{}} AS BLOB)) > {LONGEST}",
}
_IDS = 2  # the first two columns of userinfo
_AS_ROOT = "CAST({0} AS INTEGER) = 0 AND {0} <> ''"


def examine_values(case: Case, columns: list[str]) -> Iterator[Finding]:
    """Yield what the rows have that the query can find: counts, and never a value."""
    source = _reachable(case)
    checks = [
        (index, kind, condition.format(f"c{index}"))
        for index in range(len(columns))
        for kind, condition in _conditions(case, index).items()
    ]
    if not source:
        yield _unchecked(case, "it is more than one SELECT with WHERE column = ?")
        return
    names = ", ".join(f"c{index}" for index in range(len(columns)))
    counts = ", ".join(f"sum({condition})" for _, _, condition in checks)
    limited = f"(SELECT * FROM found LIMIT {MOST_ROWS})"  # noqa: S608
    text = f"WITH found({names}) AS ({source}) SELECT count(*), {counts} FROM {limited}"  # noqa: S608
    try:
        ((total, *sums),) = case.database.rows(text)
    except DatabaseError as error:
        yield _unchecked(case, str(error))
        return
    for (index, kind, _), count in zip(checks, sums, strict=True):
        if count:
            proof = f"column {columns[index]}: {count} of {total} rows"
            yield _finding(case, columns[index], kind, proof)


def _conditions(case: Case, index: int) -> dict[str, str]:
    if case.query.service == "userinfo" and index < _IDS:
        return _CONDITIONS | {_ROOT: _AS_ROOT}
    return _CONDITIONS


def _reachable(case: Case) -> str:
    """Return a SELECT of whatever the query can find; "" if that is unclear."""
    if not case.statement.parameters:
        return case.statement.text
    return sql.any_key(case.statement.text.replace("?1", "?"))


def _finding(case: Case, column: str, kind: str, proof: str) -> Finding:
    severity, alone = Severity.CRITICAL, case.query.columns == 1
    condition = _CONDITIONS.get(kind, _AS_ROOT).format(column)
    if kind == _NULL and alone:
        why = "table-sqlite does not look for NULL: it crashes, and smtpd ends with it."
    elif kind == _EMPTY and alone:
        why = "smtpd ends when it gets an empty answer."
    elif kind == _NEWLINE:
        why = "smtpd 7.6 and later ends when it gets such an answer: it takes it for two."
    else:
        severity = Severity.WARNING
        why = _harmful(case, kind)
    if case.patient.watched and severity is Severity.CRITICAL:
        severity = Severity.WARNING
        why += " tablewatch gives a temporary error in its place."
    return case.finding(
        "values",
        severity,
        f"{{}} can find {kind}",
        why,
        proof,
        person(f"Correct these rows, or have the query leave them out: AND NOT ({condition})"),
    )


def _harmful(case: Case, kind: str) -> str:
    if kind == _ROOT:
        return "table-sqlite makes 0 of it, which is root."
    if kind == _NULL and case.query.service == "userinfo":
        return "table-sqlite makes 0 of a uid or gid, which is root, and (null) of a directory."
    if kind == _NULL:
        return "table-sqlite makes (null) of it: no password is right."
    return "smtpd can't use such an answer: it gives a temporary error, again and again."


def _unchecked(case: Case, reason: str) -> Finding:
    return case.unchecked(
        "What {} can find was not looked at",
        "A NULL, an empty value or one with a line end in it would harm smtpd.",
        reason,
    )

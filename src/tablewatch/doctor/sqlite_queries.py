"""The queries of table-sqlite: whether it can use them, and by which index."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tablewatch.doctor import sql
from tablewatch.doctor.findings import Finding, Severity
from tablewatch.doctor.query_case import identifier, person
from tablewatch.doctor.sqlite_case import Case
from tablewatch.doctor.sqlite_session import DatabaseError

_FEW, _MANY = 1000, 10_000  # rows
# `SCAN users`, `SCAN TABLE users AS u USING COVERING INDEX ...` (before 3.36).
_SCAN = re.compile(r"SCAN (?:TABLE )?(\S+)(?: AS (\S+))?(?: USING (?:COVERING )?INDEX \S+)?$")


def unprepared(case: Case, error: DatabaseError) -> Finding:
    """Return what to say of a query that can't be prepared."""
    return case.finding(
        "query",
        Severity.CRITICAL,
        "{} can't be used",
        "table-sqlite prepares all its queries when it starts; if one can't be used it ends, and "
        "smtpd does not start.",
        str(error),
    )


def examine_shape(case: Case, columns: int) -> Iterator[Finding]:
    """Yield what is wrong with the number of parameters or columns."""
    wanted, parameters = case.query.columns, case.statement.parameters
    if columns != wanted:
        yield case.finding(
            "query",
            Severity.CRITICAL,
            "{} can't be used",
            "table-sqlite counts the columns of its queries when it starts; if there are more or "
            "fewer than it expects it ends, and smtpd does not start.",
            f"{_count(wanted, 'column')} expected, it has {_count(columns, 'column')}",
        )
    elif not parameters and case.query.parameters:
        yield case.finding(
            "query",
            Severity.CRITICAL,
            "{} fails for every key",
            "table-sqlite can't give it the key (column index out of range): every lookup gets a "
            "temporary error.",
            "one parameter expected, it has none",
            person("Let it compare a column with the key: WHERE ... = ?"),
        )
    elif parameters > case.query.parameters:
        yield case.finding(
            "query",
            Severity.WARNING,
            "{} gets its key in one place only",
            "table-sqlite gives the key for the first parameter. The others are NULL, and nothing "
            "is equal to that.",
            f"{_count(case.query.parameters, 'parameter')} expected, it has {parameters}",
            person("Write ?1 in every place: then they are one parameter."),
        )


def examine_plan(case: Case) -> Iterator[Finding]:
    """Yield the tables that the query reads whole."""
    try:
        steps = case.database.rows(f"EXPLAIN QUERY PLAN {_without_parameters(case)}")
    except DatabaseError as error:
        yield case.unchecked(
            "How {} is looked up can't be told",
            "Without an index, every lookup reads a whole table.",
            str(error),
        )
        return
    by_alias = {each.alias.lower(): each.name for each in sql.names(case.statement.text).tables}
    for step in steps:
        detail = step[3].decode() if isinstance(step[3], bytes) else str(step[3])
        match = _SCAN.match(detail)
        name = by_alias.get((match[2] or match[1]).lower()) if match else None
        if name:
            yield from _whole(case, name, detail)


def _without_parameters(case: Case) -> str:
    """Return the statement with a text in place of its parameters; for the plan they are alike."""
    return re.sub(r"\?\d+", "'x'", case.statement.text)


def _whole(case: Case, table: str, detail: str) -> Iterator[Finding]:
    try:
        ((rows,),) = case.database.rows(
            f"SELECT count(*) FROM (SELECT 1 FROM {identifier(table)} LIMIT {_MANY})"  # noqa: S608
        )
    except (DatabaseError, ValueError):
        return
    if not isinstance(rows, int) or rows < _FEW:
        return
    column = sql.compared_column(case.statement.text.replace("?1", "?")).rpartition(".")[2]
    name = column.strip('`"[]')
    text = f"CREATE INDEX {identifier(f'{table}_{name}')} ON {identifier(table)} ({column});"
    yield case.finding(
        "index",
        Severity.WARNING if rows >= _MANY else Severity.NOTE,
        f"{{}} reads the whole of {table} for every lookup",
        "The more rows, the longer it takes; smtpd waits for it, and with it every session.",
        f"EXPLAIN QUERY PLAN: {detail}; "
        + (f"{_MANY:,} rows or more" if rows >= _MANY else f"{rows:,} rows"),
        case.sql(text, "nobody can read or write meanwhile: a second or two per million rows")
        if name
        else person("Compare the key with one column by =, so that an index can serve the query."),
    )


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"

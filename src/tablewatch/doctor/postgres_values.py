"""Values that table-postgres hands on and smtpd can't use, or does not survive.

libpq gives a NULL as an empty text (PQgetvalue), and table-postgres does not look for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tablewatch.doctor import sql
from tablewatch.doctor.findings import Finding, Severity, Step
from tablewatch.doctor.postgres_asking import Column, ServerError
from tablewatch.doctor.postgres_case import Case
from tablewatch.doctor.query_case import person

MOST_ROWS = 100_000
LONGEST = 2047  # bytes: LINE_MAX of table_stdio, without the NUL; the imsg API has 4096
_EMPTY, _NEWLINE, _LONG = "an empty value or NULL", "a value with a line end", "a value too long"
# The condition for each, of one column.
_CONDITIONS = {
    _EMPTY: "coalesce({}::text, '') = ''",
    _NEWLINE: "strpos({}::text, chr(10)) > 0",
    _LONG: f"octet_length({{}}::text) > {LONGEST}",
}
_ORIGIN = """
SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname), quote_ident(a.attname), c.relkind
FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = $2::int2
WHERE c.oid = $1::oid
"""
_TABLES = ("r", "p")


def examine_values(case: Case, columns: Sequence[Column]) -> Iterator[Finding]:
    """Yield what the rows have that the query can find: counts, and never a value."""
    used = columns[: case.query.columns]
    source = _reachable(case, len(columns))
    if source:
        yield from _counted(case, used[0], used, source)
        return
    for column in used:
        if (origin := _origin(case, column)) is not None:
            name, attribute, _ = origin
            text = f"(SELECT {attribute} AS c1 FROM {name} LIMIT {MOST_ROWS}) AS looked_at"  # noqa: S608
            yield from _counted(case, used[0], [column], text)


def _reachable(case: Case, columns: int) -> str:
    """Return a subselect of whatever the query can find, as c1, c2 ...; "" if that is unclear."""
    text = case.query.text.strip().removesuffix(";")
    if case.query.parameters:
        text = sql.any_key(text.replace("$1", "?"))
    if not text:
        return ""
    names = ", ".join(f"c{number}" for number in range(1, columns + 1))
    return f"(SELECT * FROM ({text}) AS found({names}) LIMIT {MOST_ROWS}) AS looked_at"  # noqa: S608


def _origin(case: Case, column: Column) -> list[str] | None:
    """Return table and column in SQL, and the kind of table; None for an expression."""
    if not column.table:
        return None
    try:
        rows = case.server.rows(_ORIGIN, str(column.table), str(column.number))
    except ServerError:
        return None
    return rows[0] if rows else None


def _counted(
    case: Case, login: Column, columns: Sequence[Column], source: str
) -> Iterator[Finding]:
    counts = ", ".join(
        f"count(*) FILTER (WHERE {condition.format(f'c{number}')})"
        for number in range(1, len(columns) + 1)
        for condition in _CONDITIONS.values()
    )
    try:
        ((total, *found),) = case.server.rows(f"SELECT count(*), {counts} FROM {source}")  # noqa: S608
    except ServerError as error:
        yield case.unchecked(
            "What {} can find was not looked at",
            "A NULL, an empty value or one with a line end in it would harm smtpd.",
            str(error),
        )
        return
    each = iter(found)
    for column in columns:
        for kind in _CONDITIONS:
            if (count := int(next(each))) > 0:
                proof = f"column {column.name}: {count} of {total} rows"
                yield _finding(case, login, column, kind, proof)


def _finding(case: Case, login: Column, column: Column, kind: str, proof: str) -> Finding:
    severity = Severity.CRITICAL
    if kind == _NEWLINE:
        why = "smtpd 7.6 and later ends when it gets such an answer: it takes it for two."
    elif kind == _EMPTY and case.query.columns == 1:
        why = "smtpd ends when it gets an empty answer."
    else:
        severity = Severity.WARNING
        why = "smtpd can't use such an answer: it gives a temporary error, again and again."
    if severity is Severity.CRITICAL and case.patient.watched:
        severity = Severity.WARNING
        why += " tablewatch gives a temporary error in its place."
    return case.finding(
        "values",
        severity,
        f"{{}} can find {kind}",
        why,
        proof,
        *_repair(case, login, column, kind),
    )


def _repair(case: Case, login: Column, column: Column, kind: str) -> Iterator[Step]:
    """Yield what shows whose rows these are, and what keeps new ones out."""
    origin = _origin(case, column)
    if origin is None or origin[2] not in _TABLES:
        yield person("Correct these rows, or have the query leave them out.")
        return
    table, attribute, _ = origin
    condition = _CONDITIONS[kind].format(attribute)
    first = _origin(case, login)
    shown = f"ctid, {first[1]}" if first is not None and first[0] == table else "ctid"
    yield case.sql(f"SELECT {shown} FROM {table} WHERE {condition};", "to be corrected")  # noqa: S608
    yield case.sql(
        f"ALTER TABLE {table} ADD CHECK (NOT ({condition})) NOT VALID;",
        "then no more of them get in",
    )

"""Whether a lookup finds its row by an index, or reads a whole table."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tablewatch.doctor import sql
from tablewatch.doctor.findings import Finding, Medium, Severity, Step, counted
from tablewatch.doctor.keys import PLAIN
from tablewatch.doctor.mysql_schema import Schema, Table, quoted
from tablewatch.doctor.mysql_session import Server, ServerError
from tablewatch.doctor.patient import Patient, Query

# Fewer rows are read in a millisecond.
_FEW = 1000
_MANY = 10_000
_TEXT_PREFIX = 191


def examine(
    server: Server, schema: Schema, patient: Patient, query: Query, client: str
) -> Iterator[Finding]:
    """Yield the tables that `query` reads whole though it could know better."""
    try:
        plan = _plan(server, query)
    except ServerError as error:
        yield Finding(
            "mysql-unchecked",
            Severity.NOTE,
            f"How {query.key} is looked up can't be told",
            "Without an index, every lookup reads a whole table.",
            patient.table,
            f"{patient.conf}:{query.line}",
            str(error),
        )
        return
    names = sql.names(query.text)
    by_alias = {each.alias.lower(): each for each in names.tables}
    column = sql.compared_column(query.text).rpartition(".")[2].strip("`")
    seen = set()
    for step in plan:
        known = by_alias.get(str(step.get("table") or "").lower())
        whole = str(step.get("type") or "").lower() in ("all", "index")
        if known is None or not whole or step.get("possible_keys"):
            continue
        table = schema.table(known.schema, known.name)
        if table is None or table.view or table.full_name in seen:
            continue
        seen.add(table.full_name)
        direct = names.simple and any(each.name.lower() == column.lower() for each in table.columns)
        if direct or table.rows >= _FEW:
            yield _finding(patient, query, table, column if direct else "", client)


def _plan(server: Server, query: Query) -> list[dict[str, Any]]:
    server.rows("PREPARE tablewatch FROM %s", f"EXPLAIN {query.text}")
    try:
        server.rows("SET @tablewatch = %s", PLAIN.key.decode())
        return server.records("EXECUTE tablewatch" + " USING @tablewatch" * query.parameters)
    finally:
        server.rows("DEALLOCATE PREPARE tablewatch")


def _finding(patient: Patient, query: Query, table: Table, column: str, client: str) -> Finding:
    if column:
        kind = next(each.type for each in table.columns if each.name.lower() == column.lower())
        part = quoted(column)
        part += f"({_TEXT_PREFIX})" if "text" in kind.lower() or "blob" in kind.lower() else ""
        step = Step(
            Medium.SQL,
            f"ALTER TABLE {quoted(table.name)} ADD INDEX ({part});",
            note="lookups and changes go on meanwhile",
            client=client,
        )
    else:
        step = Step(
            Medium.PERSON,
            "An index can't help as long as the key, or the column it is compared with, goes "
            "through a function or a LIKE that begins with %.",
        )
    return Finding(
        "mysql-index",
        Severity.WARNING if table.rows >= _MANY else Severity.NOTE,
        f"{query.key} reads {table.full_name} from beginning to end",
        "smtpd waits for each answer, and with it every session.",
        patient.table,
        f"{patient.conf}:{query.line}",
        f"EXPLAIN: no index can be used; about {counted(table.rows, 'row')}",
        (step,),
    )

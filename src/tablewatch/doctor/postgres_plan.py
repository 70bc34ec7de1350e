"""Whether an index serves a query, as PostgreSQL's planner sees it.

A small table is read whole whatever indexes there are, so the planner is told to avoid that: where
it still does, or walks through a whole index, there is none that could be used.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from tablewatch.doctor.findings import Finding, Severity, Step
from tablewatch.doctor.keys import PLAIN
from tablewatch.doctor.postgres_asking import ServerError
from tablewatch.doctor.postgres_case import Case
from tablewatch.doctor.query_case import identifier, person

_WHOLE = ("Seq Scan", "Sample Scan")
_INDEXED = ("Index Scan", "Index Only Scan", "Bitmap Index Scan")
_MANY = 10_000  # rows; fewer are read in a few milliseconds
_TEXT = ("text", "character varying", "character", "citext")
_KEY = re.escape(PLAIN.key.decode())
_NAME = r'(?:"(?:[^"]|"")+"|\w+)'
# How EXPLAIN writes a comparison: `((u.mail)::text = 'nobody@...'::text)`, `(lower(u.mail) = ...`.
_CAST = r"(?:::[\w ]+)?"
_COLUMN = rf"\(*((?:{_NAME}\.)?{_NAME}){_CAST}\)*{_CAST}"
_SIDE = rf"(?:(lower|upper|btrim)\({_COLUMN}\)|{_COLUMN})"
_COMPARED = (re.compile(rf"\({_SIDE} = '{_KEY}'", re.I), re.compile(rf"'{_KEY}'{_CAST} = {_SIDE}"))


def examine_plan(case: Case) -> Iterator[Finding]:
    """Yield the tables that the query reads whole, or from another server."""
    try:
        case.server.rows("SELECT set_config('enable_seqscan', 'off', true)")
        explain = f"EXPLAIN (FORMAT JSON, VERBOSE) {case.query.text}"
        ((text,),) = case.server.rows(explain, PLAIN.key)
        nodes = list(_nodes(json.loads(text)[0]["Plan"]))
    except (ServerError, ValueError, LookupError) as error:
        yield case.unchecked(
            "How {} is looked up can't be told",
            "Without an index, every lookup reads a whole table.",
            f"EXPLAIN: {error}",
        )
        return
    for node in nodes:
        kind, condition = node.get("Node Type", ""), node.get("Filter", "")
        if "Relation Name" not in node:
            continue
        if kind == "Foreign Scan":
            yield _foreign(case, node)
        elif condition and (kind in _WHOLE or (kind in _INDEXED and "Index Cond" not in node)):
            yield _whole(case, node)


def compared(condition: str) -> list[tuple[str, str]]:
    """Return what a condition of EXPLAIN compares the key with: pairs of a function and a column.

    The function is "" for the bare column.
    """
    found = []
    for pattern in _COMPARED:
        for function, inside, bare in pattern.findall(condition):
            found.append((function.lower(), _last(inside or bare)))
    return list(dict.fromkeys(found))


def _last(name: str) -> str:
    """Return the last of a name's parts, without quotes."""
    part = str(re.findall(_NAME, name)[-1])
    return part[1:-1].replace('""', '"') if part.startswith('"') else part


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for each in plan.get("Plans", ()):
        yield from _nodes(each)


def _whole(case: Case, node: dict[str, Any]) -> Finding:
    schema, relation = node.get("Schema", ""), node["Relation Name"]
    rows, types = _facts(case, schema, relation)
    columns = compared(node["Filter"])
    steps: list[Step] = [
        case.sql(
            f"CREATE INDEX CONCURRENTLY ON {identifier(schema)}.{identifier(relation)} "
            f"({_expression(*each)});",
            "does not lock the table; takes a second or two per million rows",
        )
        for each in columns
        if types.get(each[1]) in _TEXT
    ]
    if not steps or len(steps) < len(columns):
        text = "Compare the key with one column by =, so that an index can serve the query."
        steps = [person(text)]
    many = f"about {rows:,} rows" if rows >= 0 else "it was never counted (ANALYZE)"
    return case.finding(
        "index",
        Severity.WARNING if rows >= _MANY else Severity.NOTE,
        f"{case.query.key} reads the whole of {relation} for every lookup",
        "The more rows, the longer it takes; smtpd waits for it, and with it every session.",
        f"EXPLAIN: no index can be used on {schema}.{relation}; {many}",
        *steps,
    )


def _expression(function: str, column: str) -> str:
    return f"({function}({identifier(column)}))" if function else identifier(column)


def _facts(case: Case, schema: str, relation: str) -> tuple[int, dict[str, str]]:
    """Return the estimate of rows, -1 for none, and the types of the columns."""
    rows = case.server.rows(
        "SELECT c.reltuples::bigint, a.attname, format_type(a.atttypid, NULL) "
        "FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
        "JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped "
        "WHERE n.nspname = $1 AND c.relname = $2",
        schema,
        relation,
    )
    types = {name: kind.rpartition(".")[2] for _, name, kind in rows}
    return int(rows[0][0]) if rows else -1, types


def _foreign(case: Case, node: dict[str, Any]) -> Finding:
    relation = f"{node.get('Schema', '')}.{node['Relation Name']}"
    copy = f"CREATE MATERIALIZED VIEW ... AS TABLE {relation}"
    return case.finding(
        "foreign",
        Severity.NOTE if case.patient.watched else Severity.WARNING,
        "{} asks another server",
        "When that can't be reached the query fails with 08001, and table-postgres takes it for "
        "the loss of its own connection, which is well: it connects anew and asks again, older "
        f"versions thousands of times a second without an end.{case.protected}",
        f"EXPLAIN: {relation} is a foreign table",
        person(f"Have the table watched, or keep a copy that cron refreshes: {copy}"),
    )

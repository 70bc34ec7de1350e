"""Columns that can't hold what a client can send: the cause of the "illegal mix of collations"."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator

from tablewatch.doctor.findings import Finding, Medium, Severity, Step, counted
from tablewatch.doctor.mysql_conversion import CHARSET, COLLATION, costs, obstacles, statement
from tablewatch.doctor.mysql_schema import Schema, Table, quoted
from tablewatch.doctor.mysql_session import Server
from tablewatch.doctor.patient import Patient
from tablewatch.doctor.sql import Names

_OF_SCHEMA = """
SELECT DEFAULT_CHARACTER_SET_NAME FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = %s
"""
_WHY = "Compared with a key that has a character the column can't hold, the query fails; "
_WHY += "table-mysql connects anew and asks again. The key is what anybody sends as a user name "
_WHY += "or an address."


class Charsets:
    """Finds such columns in the tables of one patient; raises ServerError.

    `client` is the command that takes SQL for its database.
    """

    def __init__(self, server: Server, schema: Schema, patient: Patient, client: str) -> None:
        self._server = server
        self._schema = schema
        self._patient = patient
        self._client = client

    def columns(self, uses: Iterable[Names], severity: Severity) -> Iterator[Finding]:
        """Yield one finding for each table of which the queries use such a column.

        It lists all such columns of the table, as all are converted together.
        """
        tables: dict[str, Table] = {}
        guilty: dict[str, Table] = {}
        for names in uses:
            for table in self._schema.tables(names.tables):
                tables[table.full_name] = table
                if any(self._uses(names, each.name) for each in table.lacking):
                    guilty[table.full_name] = table
        collation = _prevailing(tables.values())
        known = any(not table.view for table in guilty.values())
        for table in guilty.values():
            if not table.view:
                yield self._table(table, severity, collation)
            elif not known:
                yield self._view(table, severity)

    def default(self) -> Iterator[Finding]:
        """Yield that new tables will have the same fault, if that is so."""
        schema = self._schema.default
        rows = self._server.rows(_OF_SCHEMA, schema)
        of_schema = str(rows[0][0]) if rows else CHARSET
        of_server = str(self._server.rows("SELECT @@global.character_set_server")[0][0])
        statements, steps = [], []
        if of_schema != CHARSET:
            statements.append(
                f"ALTER DATABASE {quoted(schema)} CHARACTER SET {CHARSET} COLLATE {COLLATION};"
            )
        if of_server != CHARSET:
            statements.append(
                f"SET GLOBAL character_set_server = {CHARSET}, collation_server = {COLLATION};"
            )
            steps.append(
                Step(
                    Medium.FILE,
                    f"[mysqld]\ncharacter_set_server = {CHARSET}\ncollation_server = {COLLATION}",
                    "my.cnf",
                    "so that it stays so when the server is restarted (/etc/my.cnf, or a file in "
                    "/etc/mysql/mariadb.conf.d)",
                )
            )
        if not statements:
            return
        yield Finding(
            "mysql-default-charset",
            Severity.NOTE if of_schema == CHARSET else Severity.WARNING,
            f"New tables are made with a character set other than {CHARSET}",
            "What was repaired comes back with the next table.",
            self._patient.table,
            schema,
            f"database {schema}: {of_schema}\nserver: {of_server}",
            (Step(Medium.SQL, "\n".join(statements), client=self._client), *steps),
        )

    def _uses(self, names: Names, column: str) -> bool:
        return names.everything or column.lower() in names.words

    def _table(self, table: Table, severity: Severity, collation: str) -> Finding:
        texts = [each for each in table.columns if each.charset]
        if all(each.collation.endswith("_bin") for each in texts):
            collation = f"{CHARSET}_bin"
        before = (Step(Medium.PERSON, each) for each in obstacles(self._server, table, collation))
        # With foreign keys in the way there is more to do than to run it.
        client = "" if table.foreign_keys else self._client
        convert = Step(Medium.SQL, statement(table, collation), note=costs(table), client=client)
        many = counted(len(table.lacking), "column")
        return Finding(
            "mysql-charset",
            severity,
            f"{table.full_name}: {many} can't hold every character",
            _WHY,
            self._patient.table,
            table.full_name,
            _listed(table),
            (*before, convert, *_release(self._patient)),
        )

    def _view(self, view: Table, severity: Severity) -> Finding:
        step = Step(
            Medium.PERSON,
            "It is a view, and this account may not see of what: "
            f"SHOW CREATE VIEW {quoted(view.name)} tells its tables; convert those to {CHARSET}.",
        )
        return Finding(
            "mysql-charset",
            severity,
            f"{view.full_name} is made of columns that can't hold every character",
            _WHY,
            self._patient.table,
            view.full_name,
            _listed(view),
            (step, *_release(self._patient)),
        )


def _prevailing(tables: Iterable[Table]) -> str:
    """Return the collation to convert to: that of the columns in utf8mb4, as two do not mix."""
    used = {
        column.collation
        for table in tables
        for column in table.columns
        if column.charset == CHARSET and not column.collation.endswith("_bin")
    }
    return used.pop() if len(used) == 1 else COLLATION


def _listed(table: Table) -> str:
    return "\n".join(
        f"{table.full_name}.{each.name} {each.type} {each.collation}" for each in table.lacking
    )


def _release(patient: Patient) -> tuple[Step, ...]:
    """Return how keys that are refused because of the fault are released, after the repair."""
    if not patient.watched:
        return ()
    name = shlex.quote(patient.table)
    note = f"afterwards, to release the keys that are refused (or tablewatch reset {name})"
    return (Step(Medium.SHELL, f"smtpctl update table {name}", note=note),)

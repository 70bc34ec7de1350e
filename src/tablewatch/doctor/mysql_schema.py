"""What information_schema says of the tables that the queries name; of nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from tablewatch.doctor import sql
from tablewatch.doctor.mysql_session import Server, ServerError
from tablewatch.doctor.sql import TableName

# Those that have every character a client can send; the others lack some, "utf8" those above
# U+FFFF.
HOLDING_ALL = frozenset({"utf8mb4", "utf16", "utf16le", "utf32", "gb18030", "binary"})
_DEEPEST_VIEW = 4

_TABLE = """
SELECT TABLE_SCHEMA, TABLE_NAME, TABLE_TYPE, ENGINE, ROW_FORMAT, TABLE_ROWS, DATA_LENGTH,
       INDEX_LENGTH
FROM information_schema.TABLES WHERE TABLE_SCHEMA = %s AND TABLE_NAME = %s
"""
_COLUMNS = """
SELECT COLUMN_NAME, COLUMN_TYPE, CHARACTER_SET_NAME, COLLATION_NAME
FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = %s AND TABLE_NAME = %s
ORDER BY ORDINAL_POSITION
"""
_INDEXES = """
SELECT INDEX_NAME, NON_UNIQUE, COLUMN_NAME, SUB_PART
FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = %s AND TABLE_NAME = %s
ORDER BY INDEX_NAME, SEQ_IN_INDEX
"""
_REFERENCES = """
SELECT CONSTRAINT_NAME, TABLE_NAME, COLUMN_NAME, REFERENCED_COLUMN_NAME
FROM information_schema.KEY_COLUMN_USAGE
WHERE REFERENCED_TABLE_NAME IS NOT NULL AND TABLE_SCHEMA = %s
  AND (TABLE_NAME = %s OR REFERENCED_TABLE_NAME = %s)
"""
_VIEW = """
SELECT VIEW_DEFINITION FROM information_schema.VIEWS WHERE TABLE_SCHEMA = %s AND TABLE_NAME = %s
"""


@dataclass(frozen=True, slots=True)
class Column:
    """A column; ``charset`` and ``collation`` are "" where it does not hold text."""

    name: str
    type: str
    charset: str
    collation: str

    @property
    def lacks_characters(self) -> bool:
        """Whether there is text that it can't hold."""
        return bool(self.charset) and self.charset not in HOLDING_ALL


@dataclass(frozen=True, slots=True)
class Index:
    """An index; ``parts`` are columns, with how many characters of each, 0 for all."""

    name: str
    unique: bool
    parts: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A table or view. ``rows`` is an estimate, ``data`` and ``index`` are bytes."""

    schema: str
    name: str
    view: bool
    engine: str
    row_format: str
    rows: int
    data: int
    index: int
    columns: tuple[Column, ...]
    indexes: tuple[Index, ...] = ()
    foreign_keys: tuple[str, ...] = ()  # on columns of text, in words: ``fk_1 of table child``

    @property
    def full_name(self) -> str:
        """``schema.table``."""
        return f"{self.schema}.{self.name}"

    @property
    def lacking(self) -> tuple[Column, ...]:
        """Its columns that can't hold everything."""
        return tuple(column for column in self.columns if column.lacks_characters)


class Schema:
    """Tables by name, each asked for once."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self.default = str(server.rows("SELECT DATABASE()")[0][0] or "")
        self._known: dict[tuple[str, str], Table | None] = {}

    def table(self, schema: str, name: str) -> Table | None:
        """Return a table; None if there is none, or none that this account may see."""
        key = (schema or self.default, name)
        if key not in self._known:
            self._known[key] = self._read(*key)
        return self._known[key]

    def tables(self, names: Iterable[TableName], depth: int = 0) -> Iterator[Table]:
        """Yield the tables there are of `names`, and those that views among them are made of."""
        for each in names:
            table = self.table(each.schema, each.name)
            if table is None:
                continue
            yield table
            if table.view and depth < _DEEPEST_VIEW:
                yield from self.tables(self._made_of(table), depth + 1)

    def _made_of(self, view: Table) -> tuple[TableName, ...]:
        """Return the tables of a view; none if the account may not see how it is made."""
        rows = self._server.rows(_VIEW, view.schema, view.name)
        return sql.names(str(rows[0][0] or "")).tables if rows else ()

    def _read(self, schema: str, name: str) -> Table | None:
        rows = self._server.rows(_TABLE, schema, name)
        if not rows:
            return None
        schema, name, kind, engine, row_format, count, data, index = rows[0]
        columns = tuple(
            Column(str(column), str(of), str(charset or ""), str(collation or ""))
            for column, of, charset, collation in self._server.rows(_COLUMNS, schema, name)
        )
        return Table(
            str(schema),
            str(name),
            "VIEW" in str(kind),
            str(engine or ""),
            str(row_format or ""),
            int(count or 0),
            int(data or 0),
            int(index or 0),
            columns,
            tuple(self._indexes(schema, name)),
            tuple(self._foreign_keys(schema, name, columns)),
        )

    def _indexes(self, schema: str, name: str) -> Iterator[Index]:
        parts: dict[tuple[str, bool], list[tuple[str, int]]] = {}
        for index, non_unique, column, length in self._server.rows(_INDEXES, schema, name):
            key = (str(index), not int(non_unique))
            parts.setdefault(key, []).append((str(column or ""), int(length or 0)))
        for (index, unique), columns in parts.items():
            yield Index(index, unique, tuple(columns))

    def _foreign_keys(self, schema: str, name: str, columns: Iterable[Column]) -> Iterator[str]:
        text = {column.name for column in columns if column.charset}
        try:
            rows = self._server.rows(_REFERENCES, schema, name, name)
        except ServerError:
            return
        found = set()
        for constraint, child, column, other_column in rows:
            if (column if child == name else other_column) in text:
                found.add(f"{constraint} of table {child}")
        yield from sorted(found)


def quoted(name: str) -> str:
    """Return a name as it is written in SQL; in backticks where it has to be."""
    if name.isidentifier() and name.isascii():
        return name
    return "`" + name.replace("`", "``") + "`"

"""What it takes to convert a table to utf8mb4: the statement, what it costs, what it trips over."""

from __future__ import annotations

from collections.abc import Iterator

from tablewatch.doctor.findings import counted
from tablewatch.doctor.mysql_schema import Index, Table, quoted
from tablewatch.doctor.mysql_session import Server, ServerError

CHARSET = "utf8mb4"
COLLATION = "utf8mb4_general_ci"
_CHARACTER = 4  # bytes, at most
# The most bytes of one part of an index: InnoDB's by its row format, MyISAM's.
_KEY_BYTES = {"dynamic": 3072, "compressed": 3072, "compact": 767, "redundant": 767}
_OTHER_KEY_BYTES = 1000
_MOST_ROWS = 100_000  # looked at
_RATE = 10 * 1024 * 1024  # bytes a second, of a slow disk

# Values that have bytes beyond ASCII, all of which make valid UTF-8: by chance next to none are.
_GARBLED = """
SELECT COUNT(*) FROM (SELECT CAST({column} AS BINARY) AS raw FROM {table} LIMIT {rows}) looked
WHERE LENGTH(raw) <> CHAR_LENGTH(CONVERT(raw USING utf8mb4))
  AND raw = CAST(CONVERT(raw USING utf8mb4) AS BINARY)
"""
_DOUBLES = """
SELECT COUNT(*) FROM (
  SELECT COUNT(*) FROM (SELECT {column} FROM {table} WHERE {column} IS NOT NULL LIMIT {rows}) looked
  GROUP BY CONVERT({column} USING utf8mb4) COLLATE {collation} HAVING COUNT(*) > 1) doubles
"""


def statement(table: Table, collation: str) -> str:
    """Return the SQL that converts `table`."""
    return (
        f"ALTER TABLE {quoted(table.name)} CONVERT TO CHARACTER SET {CHARSET} COLLATE {collation};"
    )


def costs(table: Table) -> str:
    """Return in words what it costs: time, locks, disk."""
    size = table.data + table.index
    seconds = size / _RATE
    if seconds < 2:
        took = "a second or two"
    elif seconds < 120:
        took = f"up to {max(10, round(seconds, -1)):.0f} s"
    else:
        took = f"up to {seconds / 60:.0f} minutes"
    return (
        f"makes the table anew: about {counted(table.rows, 'row')}, {_bytes(size)}, {took}; "
        "meanwhile lookups go on and changes to it wait; takes that much disk again, or a little "
        "more"
    )


def obstacles(server: Server, table: Table, collation: str) -> Iterator[str]:
    """Yield what has to be known, or done, before `table` is converted. Raises ServerError."""
    for index in table.indexes:
        if size := _too_long(table, index):
            yield (
                f"Index {index.name} would be too long ({size} bytes): an InnoDB table first needs "
                f"ALTER TABLE {quoted(table.name)} ROW_FORMAT=DYNAMIC, any other a shorter index."
            )
    if table.foreign_keys:
        keys = ", ".join(table.foreign_keys)
        yield (
            f"A column can't be converted while a foreign key is on it: {keys}. Drop it, convert "
            "the tables on both its ends, and add it again as SHOW CREATE TABLE had it."
        )
    cased = [each.name for each in table.lacking if each.collation.endswith(("_bin", "_cs"))]
    if cased and not collation.endswith("_bin"):
        yield (
            f"{', '.join(cased)}: capital and small letters are told apart now, and will not be, "
            f"unless the column is given the collation {CHARSET}_bin."
        )
    yield from _garbled(server, table)
    yield from _doubles(server, table, collation)


def _garbled(server: Server, table: Table) -> Iterator[str]:
    """Yield where UTF-8 was stored as if it were latin1: a conversion would make it worse."""
    name = quoted(table.name)
    for each in table.lacking:
        if each.charset != "latin1":
            continue
        column = quoted(each.name)
        if count := _count(server, _GARBLED, table, column):
            bytes_only = "BLOB" if "text" in each.type.lower() else "VARBINARY(1020)"
            yield (
                f"{counted(count, 'value')} of {each.name} looked like UTF-8 that was stored as "
                "latin1. A conversion garbles them for good: look at them, and if they are, "
                "convert the column by way of its bytes instead, with the NOT NULL and DEFAULT "
                f"it has: ALTER TABLE {name} MODIFY {column} {bytes_only}; ALTER TABLE {name} "
                f"MODIFY {column} {each.type} CHARACTER SET {CHARSET} COLLATE {COLLATION};"
            )


def _doubles(server: Server, table: Table, collation: str) -> Iterator[str]:
    """Yield where values that differ now would be the same to a unique index."""
    lacking = {each.name for each in table.lacking}
    for index in table.indexes:
        name = index.parts[0][0]
        if not index.unique or len(index.parts) > 1 or name not in lacking:
            continue
        if count := _count(server, _DOUBLES, table, quoted(name), collation):
            yield (
                f"{counted(count, 'value')} of {name} would be there twice, as more letters with "
                "and without accents are the same afterwards; the statement then fails and "
                "changes nothing. Change these rows first."
            )


def _count(server: Server, form: str, table: Table, column: str, collation: str = "") -> int:
    """Return what a statement counts; 0 if that takes too long."""
    where = f"{quoted(table.schema)}.{quoted(table.name)}"
    text = form.format(table=where, column=column, collation=collation, rows=_MOST_ROWS)
    try:
        return int(server.rows(text)[0][0] or 0)
    except ServerError as error:
        if error.lost:
            raise
        return 0


def _too_long(table: Table, index: Index) -> int:
    """Return the bytes of a part of `index` in utf8mb4, if they are too many; else 0."""
    limit = _OTHER_KEY_BYTES
    if table.engine.lower() == "innodb":
        limit = _KEY_BYTES.get(table.row_format.lower(), 3072)
    columns = {each.name: each for each in table.lacking}
    for name, length in index.parts:
        if name in columns:
            digits = "".join(char for char in columns[name].type if char.isdigit())
            size = _CHARACTER * (length or int(digits or 0))
            if size > limit:
                return size
    return 0


def _bytes(number: int) -> str:
    for unit, factor in (("GB", 2**30), ("MB", 2**20)):
        if number >= factor:
            return f"{number / factor:.1f} {unit}"
    return f"{max(1, number // 1024)} kB"

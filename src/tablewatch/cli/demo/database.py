"""SQLite dressed up as a MySQL server whose tables are latin1.

What MySQL does is done here: a column's character set is latin1 (which MySQL takes for cp1252), a
statement's parameter is utf8mb4, and comparing the two is an error when the parameter can't be
converted. Everything else, rows and errors alike, is what SQLite answers.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from pathlib import Path

# Error 1267 of MySQL and MariaDB, as table-mysql 6.7.1 logs it.
MIXED_COLLATIONS = (
    "Illegal mix of collations (latin1_swedish_ci,IMPLICIT) and "
    "(utf8mb4_general_ci,COERCIBLE) for operation '='"
)

# MySQL's latin1 gives the bytes that cp1252 leaves undefined to the control characters of the
# same number.
_UNDEFINED_IN_CP1252 = dict.fromkeys(map(ord, "\x81\x8d\x8f\x90\x9d"))


class DatabaseError(Exception):
    """A statement or a connection failed; the text is the database's."""


def in_latin1(key: str) -> bool:
    """Return whether MySQL can convert `key` to its latin1."""
    try:
        key.translate(_UNDEFINED_IN_CP1252).encode("cp1252")
    except UnicodeEncodeError:
        return False
    return True


class GeneralLog:
    """What a database server would log: every connection, and every statement it refused.

    One line per event, appended: monotonic seconds, the client's pid, ``connect`` or ``refuse``.
    """

    def __init__(self, path: str) -> None:
        """Raises OSError."""
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def write(self, event: str) -> None:
        """Note that `event` happened now; a full disk is not the client's trouble."""
        with contextlib.suppress(OSError):
            os.write(self._file, b"%.6f %d %b\n" % (time.monotonic(), os.getpid(), event.encode()))

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)


class Database:
    """One connection, with its prepared statements."""

    def __init__(self, path: str, log: GeneralLog | None) -> None:
        """Open the file. Raises DatabaseError."""
        self._log = log
        self._refusal = ""
        self._statements: dict[str, str] = {}
        try:
            # Read-only, so that a missing file is an error, as a missing server would be.
            uri = Path(path).absolute().as_uri() + "?mode=ro"
            self._connection = sqlite3.connect(uri, uri=True, isolation_level=None)
            self._connection.create_collation("latin1_swedish_ci", _compare)
            self._connection.create_function("to_latin1", 1, self._to_latin1)
        except sqlite3.Error as error:
            raise DatabaseError(str(error)) from None
        if log is not None:
            log.write("connect")

    def prepare(self, name: str, query: str, columns: int) -> None:
        """Compile a query of one parameter. Raises DatabaseError."""
        statement = query.strip().rstrip(";").replace("?", "to_latin1(?)")
        try:
            # SQLite has no "prepare" of its own in Python; this compiles all and reads no row.
            # The statement is the operator's own, from the configuration.
            nothing = f"select * from ({statement}) limit 0"  # noqa: S608
            cursor = self._connection.execute(nothing, ("",))
        except sqlite3.Error as error:
            raise DatabaseError(str(error)) from None
        if len(cursor.description) != columns:
            raise DatabaseError("wrong number of columns in resultset")
        self._statements[name] = statement

    def execute(self, name: str, key: bytes) -> list[tuple[str, ...]]:
        """Run a prepared statement; return the rows. Raises DatabaseError."""
        self._refusal = ""
        try:
            parameter: str | bytes = key.decode()
        except UnicodeDecodeError:
            parameter = key
        try:
            return self._connection.execute(self._statements[name], (parameter,)).fetchall()
        except sqlite3.Error as error:
            if self._log is not None:
                self._log.write("refuse")
            raise DatabaseError(self._refusal or str(error)) from None

    def has(self, name: str) -> bool:
        """Return whether there is a prepared statement `name`."""
        return name in self._statements

    def close(self) -> None:
        """Close the connection; may be called twice."""
        self._connection.close()

    def _to_latin1(self, key: object) -> str:
        """SQL function: what MySQL does to a parameter that is compared to a latin1 column."""
        if isinstance(key, str) and in_latin1(key):
            return key
        self._refusal = MIXED_COLLATIONS
        raise ValueError  # SQLite turns it into a failure of the statement


def _compare(left: str, right: str) -> int:
    left, right = left.casefold(), right.casefold()
    return (left > right) - (left < right)

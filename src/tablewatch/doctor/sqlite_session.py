"""An SQLite database, opened so that nothing is changed and nobody has to wait for long.

Its own library, which is Python's, need not be of the release that table-sqlite uses.
"""

from __future__ import annotations

import contextlib
import sqlite3
import time
import urllib.parse
from collections.abc import Iterator
from typing import Protocol, Self

from tablewatch.doctor.account import Account, acting_as
from tablewatch.doctor.sqlite_file import DatabaseFile
from tablewatch.doctor.sqlite_text import Statement
from tablewatch.errors import DoctorError
from tablewatch.knowledge.masking import scrub

STATEMENT_SECONDS = 2.0
_LOCK_SECONDS = 2.0
_STEPS = 10_000  # of SQLite's machine between two looks at the clock: a millisecond or less
_INTERRUPTED = "SQLITE_INTERRUPT"
_LOCKED = ("SQLITE_BUSY", "SQLITE_LOCKED")


class DatabaseError(Exception):
    """An error of SQLite, by the name of its code; caught within this room."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(f"{code}: {text}" if code else text)
        self.code = code
        self.text = text

    @property
    def interrupted(self) -> bool:
        """Whether we ended it, because it took too long."""
        return self.code == _INTERRUPTED

    @property
    def forbidden(self) -> bool:
        """Whether it would have changed something."""
        return self.code.startswith("SQLITE_READONLY")

    @property
    def locked(self) -> bool:
        """Whether somebody else held a lock for too long."""
        return self.code.startswith(_LOCKED)


class Database(Protocol):
    """What of a database the examination uses; tests play one."""

    def rows(self, sql: str) -> list[tuple[object, ...]]:
        """Return the rows of a statement without parameters. Raises DatabaseError."""

    def columns(self, statement: Statement) -> list[str]:
        """Return the names of the columns; none for what is no query. Raises DatabaseError."""

    def found(self, statement: Statement, key: bytes) -> bool:
        """Ask with `key` for the first parameter; tell whether there is a row."""


class Session:
    """A database to ask, by entering the context."""

    def __init__(self, file: DatabaseFile, account: Account | None = None) -> None:
        """`file` is as `account` found it, as whom SQLite is called."""
        self._file = file
        self._account = account
        self._connection: sqlite3.Connection | None = None
        self._deadline = 0.0

    def __enter__(self) -> Self:
        # Where nobody has a write-ahead log open, SQLite would make its files anew, even to read.
        immutable = self._file.wal and not (self._file.log and self._file.index)
        options = "mode=ro&immutable=1" if immutable else "mode=ro"
        uri = f"file:{urllib.parse.quote(self._file.path)}?{options}"
        try:
            with acting_as(self._account):
                self._connection = sqlite3.connect(
                    uri, uri=True, timeout=_LOCK_SECONDS, isolation_level=None
                )
        except sqlite3.Error as error:
            raise DoctorError(f"can't open {self._file.path}: {error}") from None
        self._connection.text_factory = bytes
        self._connection.set_progress_handler(self._too_late, _STEPS)
        return self

    def __exit__(self, *_: object) -> None:
        if self._connection is not None:
            with acting_as(self._account):
                self._connection.close()

    def rows(self, sql: str) -> list[tuple[object, ...]]:
        """Return the rows of a statement without parameters. Raises DatabaseError."""
        with self._asking(()) as connection:
            return connection.execute(sql).fetchall()

    def columns(self, statement: Statement) -> list[str]:
        """Return the names of the columns; none for what is no query. Raises DatabaseError."""
        with self._asking(()) as connection:
            # Preparing is what EXPLAIN does; the columns themselves come with the first step.
            connection.execute(f"EXPLAIN {statement.text}", _values(statement, None)).close()
            cursor = connection.execute(statement.text, _values(statement, None))
            names = [each[0] for each in cursor.description or ()]
            cursor.close()
            return names

    def found(self, statement: Statement, key: bytes) -> bool:
        """Ask with `key` for the first parameter; tell whether there is a row."""
        text, value = _given(statement, key)
        with self._asking((key,)) as connection:
            cursor = connection.execute(text, _values(statement, value))
            row = cursor.fetchone()
            cursor.close()
            return row is not None

    @contextlib.contextmanager
    def _asking(self, keys: tuple[bytes, ...]) -> Iterator[sqlite3.Connection]:
        assert self._connection is not None
        self._deadline = time.monotonic() + STATEMENT_SECONDS
        try:
            with acting_as(self._account):
                yield self._connection
        except sqlite3.Error as error:
            code = str(getattr(error, "sqlite_errorname", ""))
            raise DatabaseError(code, scrub(" ".join(str(error).split()), keys)) from None
        except sqlite3.Warning as error:
            raise DatabaseError("", str(error)) from None

    def _too_late(self) -> bool:
        return time.monotonic() > self._deadline


def _given(statement: Statement, key: bytes) -> tuple[str, str | bytes]:
    try:
        return statement.text, key.decode()
    except UnicodeDecodeError:
        return statement.as_bytes, key


def _values(statement: Statement, value: str | bytes | None) -> tuple[str | bytes | None, ...]:
    """Return what is bound: to the first parameter, and NULL to all others."""
    return (value, *[None] * (statement.parameters - 1))[: statement.parameters]

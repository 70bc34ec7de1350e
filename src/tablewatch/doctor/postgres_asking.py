"""What the examination asks a PostgreSQL server, and gets to hear."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import NamedTuple, Protocol


class ServerError(Exception):
    """An error of the server; caught within this room.

    ``code`` is the SQLSTATE, "" where there is none; ``text`` the primary message, scrubbed.
    ``lost`` says that the connection is gone with it.
    """

    def __init__(self, code: str, text: str, *, lost: bool = False) -> None:
        super().__init__(f"{code}: {text}" if code else text)
        self.code = code
        self.text = text
        self.lost = lost


class Column(NamedTuple):
    """A column of a result; ``table`` and ``number`` are 0 where it comes from no table's."""

    name: str
    table: int = 0  # its oid
    number: int = 0


@dataclass(frozen=True, slots=True)
class Prepared:
    """What the server says of a statement."""

    parameters: int
    columns: tuple[Column, ...]


class Server(Protocol):
    """What of a connection the examination uses; tests play one."""

    def reading(self) -> contextlib.AbstractContextManager[object]:
        """A transaction for the others; errors in it end nothing but themselves."""

    def rows(self, sql: str, *values: str | bytes) -> list[list[str]]:
        """Return the rows of a statement with ``$1``; NULL is "". Raises ServerError."""

    def prepare(self, sql: str) -> Prepared:
        """Prepare a statement in place of the one before. Raises ServerError."""

    def found(self, key: bytes | None) -> bool:
        """Ask it with `key`, or with nothing; tell whether there is a row. Raises ServerError."""

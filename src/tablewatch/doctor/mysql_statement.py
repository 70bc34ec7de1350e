"""Prepared statements in MySQL's binary protocol, which is how table-mysql asks.

SQL's own PREPARE would not do: a value gets into a user variable only as valid text, while
table-mysql hands over whatever bytes a client has sent; and it tells neither how many parameters
a statement has nor which columns its results come from.

PyMySQL speaks the protocol but has no prepared statements; what is used here of its inside is the
same in all releases from 1.0 to 1.2.
"""

from __future__ import annotations

import struct
from typing import Any, NamedTuple

# Commands and the parameter's type: "Command Phase", MySQL's and MariaDB's protocol documents.
_PREPARE, _EXECUTE, _CLOSE = 0x16, 0x17, 0x19
_STRING = 0xFE  # MYSQL_TYPE_STRING, as table_mysql.c binds it


class Origin(NamedTuple):
    """A column of a result, and the one it comes from; the latter "" for an expression."""

    name: str
    schema: str
    table: str
    column: str


class Statement:
    """A statement that the server has prepared, until it is closed.

    `connection` is one of PyMySQL. What it raises comes through: ``pymysql.Error``.
    """

    def __init__(self, connection: Any, text: str) -> None:  # noqa: ANN401 (there are no types)
        self._connection = connection
        connection._execute_command(_PREPARE, text.encode("utf-8", "surrogateescape"))
        head = connection._read_packet().get_all_data()
        self._id, columns, self.parameters = struct.unpack_from("<IHH", head, 1)
        if self.parameters:
            self._read_columns(self.parameters)
        self.columns = tuple(self._read_columns(columns)) if columns else ()

    def close(self) -> None:
        """Have the server forget it; there is no answer to that."""
        if self._connection.open:
            self._connection._execute_command(_CLOSE, struct.pack("<I", self._id))

    def execute(self, key: bytes) -> int:
        """Run it with `key` for every parameter; return how many rows there are, unread."""
        count = self.parameters
        body = struct.pack("<IBI", self._id, 0, 1)
        if count:
            body += bytes((count + 7) // 8) + b"\1"
            body += struct.pack("<H", _STRING) * count + (_length(len(key)) + key) * count
        self._connection._execute_command(_EXECUTE, body)
        first = self._connection._read_packet()
        if first.is_ok_packet():
            return 0
        self._read_columns(first.read_length_encoded_integer())
        rows = 0
        while not self._connection._read_packet().is_eof_packet():
            rows += 1
        return rows

    def _read_columns(self, count: int) -> list[Origin]:
        """Read the descriptions of columns or parameters, and what ends them."""
        found = []
        for _ in range(count):
            packet = self._connection._read_packet()
            # catalogue, schema, table, original table, name, original name
            parts = [packet.read_length_coded_string() or b"" for _ in range(6)]
            _, schema, _, table, name, column = (part.decode("utf-8", "replace") for part in parts)
            found.append(Origin(name, schema, table, column))
        self._connection._read_packet()
        return found


def _length(number: int) -> bytes:
    """Return a length-encoded integer, of one below 65,536."""
    if number < 251:
        return bytes([number])
    return b"\xfc" + struct.pack("<H", number)

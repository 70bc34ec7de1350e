"""The bytes of the binary protocol, as MySQL's protocol documents have them."""

import struct
from types import SimpleNamespace

import pytest

from tablewatch.doctor.mysql_statement import Origin, Statement


class Packet:
    def __init__(self, data):
        self._data = data
        self._position = 0

    def get_all_data(self):
        return self._data

    def is_ok_packet(self):
        return self._data[:1] == b"\0"

    def is_eof_packet(self):
        return self._data[:1] == b"\xfe"

    def read_length_encoded_integer(self):
        self._position += 1
        return self._data[self._position - 1]

    def read_length_coded_string(self):
        length = self.read_length_encoded_integer()
        self._position += length
        return self._data[self._position - length : self._position]


EOF = b"\xfe\0\0\0\0"


def column(*parts):
    return b"".join(bytes([len(part)]) + part for part in parts) + b"\x0c" + bytes(12)


MAIL = column(b"def", b"mail", b"u", b"vusers", b"address", b"mail")


def connection(*packets):
    waiting = [Packet(data) for data in packets]
    sent = []
    return SimpleNamespace(
        open=True,
        sent=sent,
        _execute_command=lambda command, data: sent.append((command, data)),
        _read_packet=lambda: waiting.pop(0),
    )


def prepared(*more, columns=1, parameters=1):
    head = struct.pack("<BIHHBH", 0, 7, columns, parameters, 0, 0)
    lists = [column(b"def", b"", b"", b"", b"?", b"")] * parameters + [EOF] * bool(parameters)
    lists += [MAIL] * columns + [EOF] * bool(columns)
    return connection(head, *lists, *more)


def test_what_the_server_tells_of_a_statement():
    one = prepared()
    statement = Statement(one, "select m\udcff")
    assert one.sent == [(0x16, b"select m\xff")]
    assert statement.parameters == 1
    assert statement.columns == (Origin("address", "mail", "vusers", "mail"),)


@pytest.mark.parametrize(
    ("key", "length"), [(b"a", b"\1"), (b"", b"\0"), (b"a" * 2000, b"\xfc\xd0\7")]
)
def test_a_key_is_sent_as_it_is(key, length):
    one = prepared(b"\1", MAIL, EOF, b"\0row", b"\0row", EOF)
    assert Statement(one, "q").execute(key) == 2
    command, data = one.sent[1]
    assert command == 0x17
    assert data == struct.pack("<IBI", 7, 0, 1) + b"\0\1\xfe\0" + length + key


def test_without_parameters_none_are_sent():
    one = prepared(b"\0\0\0\2\0\0\0", columns=0, parameters=0)
    statement = Statement(one, "q")
    assert statement.columns == ()
    assert statement.execute(b"key") == 0
    assert one.sent[1] == (0x17, struct.pack("<IBI", 7, 0, 1))


def test_it_is_forgotten_unless_the_connection_is_gone():
    one = prepared()
    statement = Statement(one, "q")
    statement.close()
    assert one.sent[-1] == (0x19, struct.pack("<I", 7))
    one.open = False
    statement.close()
    assert len(one.sent) == 2

"""A server that wants more of the doctor than its questions."""

import contextlib
import socket
import threading

import pytest
from tests.support.smtpd import PATIENCE

from tablewatch.doctor import mysql_session
from tablewatch.doctor.mysql_session import ServerError, Session

SECRET = "for the doctor's eyes alone"


def packet(number, payload):
    return len(payload).to_bytes(3, "little") + bytes([number]) + payload


GREETING = packet(
    0,
    b"\x0a8.0.0\0" + bytes(4) + b"s" * 8 + b"\0"  # version, thread, salt
    b"\xff\xf7\x2d\x02\x00\xff\xdf\x15" + bytes(10)  # able to do everything but TLS
    + b"s" * 12 + b"\0mysql_native_password\0",
)  # fmt: skip
OK = packet(2, bytes(7))


class Thief:
    """Lets everybody in and answers each question with: send me this file."""

    def __init__(self, file):
        self.got = b""
        self.asked = 0
        self._wanted = packet(1, b"\xfb" + str(file).encode())
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                connection.settimeout(PATIENCE)
                with connection:
                    self._talk(connection)

    def _talk(self, connection):
        connection.sendall(GREETING)
        self.got += connection.recv(65536)
        connection.sendall(OK)
        while data := connection.recv(65536):
            self.got += data
            if data[4:5] == b"\x03":  # a question
                self.asked += 1
                connection.sendall(self._wanted)

    def close(self):
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(PATIENCE)


def test_a_mysql_server_gets_no_file_of_the_doctors(tmp_path, monkeypatch):
    pytest.importorskip("pymysql")
    file = tmp_path / "secret"
    file.write_text(SECRET)
    file.chmod(0o644)
    tmp_path.chmod(0o755)
    thief = Thief(file)
    monkeypatch.setattr(mysql_session, "PORT", thief.port)
    try:
        options = {"host": "127.0.0.1", "username": "u", "password": "p", "database": "mail"}
        with Session(options) as session, pytest.raises(ServerError):
            session.rows("SELECT 1")
    finally:
        thief.close()
    assert thief.asked > 1
    assert SECRET.encode() not in thief.got

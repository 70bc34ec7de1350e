import sys
from types import SimpleNamespace

import pytest

from tablewatch.doctor import mysql_session
from tablewatch.doctor.mysql_session import ServerError, Session, local, shown_host
from tablewatch.errors import DoctorError

OPTIONS = {"host": "db.example.org", "username": "smtpd", "password": "s\u00e9cret-\udcff"}


class Broken(Exception):
    """The driver's class of errors."""


class Cursor:
    description = (("Answer", None),)

    def __init__(self, connection):
        self.connection = connection

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def execute(self, sql, values):
        self.connection.asked.append((sql, values))
        outcome = self.connection.outcomes.get(sql)
        if isinstance(outcome, Exception):
            if getattr(outcome, "ends", False):
                self.connection.open = False
            raise outcome

    def fetchall(self):
        return [(42,)]


class Driver:
    """Plays PyMySQL: what it is told, and what becomes of it."""

    Error = Broken

    def __init__(self):
        self.told = []
        self.outcomes = {}
        self.refusal = None
        self.connections = []

    def connect(self, **told):
        self.told.append(told)
        if self.refusal:
            raise self.refusal
        connection = SimpleNamespace(
            open=True, asked=[], outcomes=self.outcomes, Error=Broken, close=lambda: None
        )
        connection.cursor = lambda: Cursor(connection)
        self.connections.append(connection)
        return connection


@pytest.fixture
def driver(monkeypatch):
    played = Driver()
    monkeypatch.setitem(sys.modules, "pymysql", played)
    return played


def test_it_connects_as_the_backend_does(driver):
    with Session(OPTIONS):
        pass
    (told,) = driver.told
    assert (told["host"], told["port"], told["charset"]) == ("db.example.org", 3306, "utf8mb4")
    assert (told["user"], told["password"]) == (b"smtpd", b"s\xc3\xa9cret-\xff")
    assert told["connect_timeout"]
    assert told["read_timeout"]


def test_it_may_neither_write_nor_take_long(driver):
    driver.outcomes["SET SESSION max_execution_time = 2000"] = Broken(1193, "Unknown variable")
    with Session(OPTIONS):
        asked = [sql for sql, _ in driver.connections[0].asked]
    assert "SET SESSION TRANSACTION READ ONLY" in asked
    assert "SET SESSION max_statement_time = 2" in asked


@pytest.mark.parametrize("host", [{}, {"host": "localhost"}])
def test_the_local_server_is_asked_over_its_socket(driver, monkeypatch, tmp_path, host):
    socket = tmp_path / "mysqld.sock"
    socket.touch()
    monkeypatch.setattr(mysql_session, "SOCKETS", (str(tmp_path / "none"), str(socket)))
    monkeypatch.delenv("MYSQL_UNIX_PORT", raising=False)
    with Session(host):
        pass
    assert driver.told[0]["unix_socket"] == str(socket)
    assert "password" not in driver.told[0]
    assert driver.told[0]["user"]  # that of whoever runs it
    socket.unlink()
    with pytest.raises(DoctorError, match="is not running on this host"):
        Session(host).__enter__()


def test_without_the_driver_it_says_which_package_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "pymysql", None)
    with pytest.raises(DoctorError, match="apt install python3-pymysql"):
        Session(OPTIONS).__enter__()


@pytest.mark.parametrize(
    ("refusal", "told"),
    [
        (Broken(1045, "Access denied for user 'smtpd'@'mx' (using password: YES)"), "Can the back"),
        (Broken(2003, "Can't connect to MySQL server"), "is it running?"),
        (RuntimeError("'cryptography' package is required"), "cryptography"),
        (Broken(), "Broken"),
    ],
)
def test_a_server_that_does_not_let_us_in(driver, refusal, told):
    driver.refusal = refusal
    with pytest.raises(DoctorError, match=told) as caught:
        Session(OPTIONS).__enter__()
    assert "cret" not in str(caught.value)
    assert "db.example.org" in str(caught.value)


def test_errors_are_one_line_without_secrets(driver):
    hash_ = "$6$abcdefgh$" + "x" * 40
    driver.outcomes["SELECT 1"] = Broken(1062, f"Duplicate entry\n'{hash_}' for key")
    with Session(OPTIONS) as session, pytest.raises(ServerError) as caught:
        session.rows("SELECT 1")
    assert caught.value.number == 1062
    assert "\n" not in str(caught.value)
    assert "$6$" not in str(caught.value)


def test_values_are_passed_on_and_rows_come_by_name(driver):
    with Session(OPTIONS) as session:
        assert session.records("SELECT %s", "%") == [{"answer": 42}]
        assert session.rows("SELECT '%'") == [(42,)]
    assert driver.connections[0].asked[-2:] == [("SELECT %s", ("%",)), ("SELECT '%'", None)]


def test_a_lost_connection_is_made_again_but_not_for_ever(driver):
    lost = Broken(2013, "Lost connection")
    lost.ends = True
    driver.outcomes["SELECT 1"] = lost
    with Session(OPTIONS) as session:
        for _ in range(6):
            with pytest.raises(ServerError) as caught:
                session.rows("SELECT 1")
            assert caught.value.lost
        with pytest.raises(DoctorError, match="again and again"):
            session.rows("SELECT 1")
    assert len(driver.connections) == 6


@pytest.mark.parametrize("confused", [IndexError("x"), AssertionError("x"), UnicodeError("x")])
def test_an_answer_that_can_not_be_understood_is_an_error_of_the_server(driver, confused):
    driver.outcomes["SELECT 1"] = confused
    with Session(OPTIONS) as session, pytest.raises(ServerError, match="can't be understood"):
        session.rows("SELECT 1")


@pytest.mark.parametrize(
    ("host", "here"),
    [(None, True), ("localhost", True), ("127.0.0.1", True), ("db.example.org", False)],
)
def test_where_the_server_is(host, here):
    options = {} if host is None else {"host": host}
    assert local(options) is here
    assert shown_host(options) == (host or "localhost")

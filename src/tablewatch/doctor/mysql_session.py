"""A connection to MariaDB or MySQL that changes nothing there, and costs little.

Connects as table-mysql does: the same account, and utf8mb4, which is the client library's own
character set since Connector/C 3.2 and libmysqlclient 8.0 (it was latin1 before).
"""

from __future__ import annotations

import contextlib
import importlib
import os
import struct
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Any, Protocol, Self

from tablewatch.doctor.account import acting_as, acting_name, smtpd_account
from tablewatch.doctor.mysql_statement import Origin, Statement
from tablewatch.errors import DoctorError
from tablewatch.knowledge.masking import scrub

# table-mysql has no setting for the socket or the port; these are the libraries' own.
SOCKETS = ("/run/mysqld/mysqld.sock", "/var/run/mysql/mysql.sock", "/tmp/mysql.sock")  # noqa: S108
PORT = 3306
_CONNECT_SECONDS = 5
STATEMENT_SECONDS = 2
# A server that does not keep to its own limit is given up.
_ANSWER_SECONDS = 15
# Each on its own: MariaDB knows the first, MySQL the second, and old ones neither.
_LIMITS = (
    f"SET SESSION max_statement_time = {STATEMENT_SECONDS}",
    f"SET SESSION max_execution_time = {STATEMENT_SECONDS * 1000}",
    "SET SESSION lock_wait_timeout = 2",
    "SET SESSION innodb_lock_wait_timeout = 2",
    "SET SESSION sql_select_limit = 100",
    "SET SESSION TRANSACTION READ ONLY",
)
_LOST = (0, 2006, 2013, 4031)
_MOST_RECONNECTS = 5
NO_DRIVER = (
    "the Python driver PyMySQL is not installed: apt install python3-pymysql (Debian), "
    "pkg_add py3-pymysql (OpenBSD), or pip install 'tablewatch[mysql]'"
)
_REFUSED = (1044, 1045, 1698, 1130)


class ServerError(Exception):
    """An error of the server, by its number; 0 where it has none. Caught within this room."""

    def __init__(self, number: int, text: str) -> None:
        super().__init__(f"error {number}: {text}" if number else text)
        self.number = number
        self.text = text

    @property
    def lost(self) -> bool:
        """Whether the connection is gone with it."""
        return self.number in _LOST


class Prepared(Protocol):
    """What of a prepared statement the examination uses."""

    parameters: int
    columns: tuple[Origin, ...]

    def execute(self, key: bytes) -> int:
        """Run it; return how many rows there are. Raises ServerError."""


class Server(Protocol):
    """What of a connection the examination uses; tests play one."""

    def rows(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """Return the rows of a statement with ``%s`` for values. Raises ServerError."""

    def records(self, sql: str, *values: object) -> list[dict[str, Any]]:
        """Return the same, by the names of the columns in lower case. Raises ServerError."""

    def prepared(self, text: str) -> contextlib.AbstractContextManager[Prepared]:
        """Prepare a statement as a backend does. Raises ServerError."""


class Session:
    """A server to ask, by entering the context; connects again when the connection was lost."""

    def __init__(self, options: Mapping[str, str]) -> None:
        """`options` are those of table-mysql's configuration."""
        self._options = options
        self._connection: Any = None
        self._reconnects = -1

    def __enter__(self) -> Self:
        self._connect()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._connection is not None and self._connection.open:
            with contextlib.suppress(Exception):  # it is over, one way or the other
                self._connection.close()

    def rows(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """Return the rows of a statement with ``%s`` for values. Raises ServerError."""
        return self._asked(sql, values)[0]

    def records(self, sql: str, *values: object) -> list[dict[str, Any]]:
        """Return the same, by the names of the columns in lower case. Raises ServerError."""
        rows, names = self._asked(sql, values)
        return [dict(zip(names, row, strict=True)) for row in rows]

    @contextlib.contextmanager
    def prepared(self, text: str) -> Iterator[Prepared]:
        """Prepare a statement as a backend does. Raises ServerError."""
        with self._telling() as connection:
            statement = Statement(connection, text)
        try:
            yield _Telling(self, statement)
        finally:
            with contextlib.suppress(ServerError), self._telling(reconnect=False):
                statement.close()

    def _asked(
        self, sql: str, values: tuple[object, ...]
    ) -> tuple[list[tuple[Any, ...]], list[str]]:
        with self._telling() as connection, connection.cursor() as cursor:
            cursor.execute(sql, values or None)
            return list(cursor.fetchall()), [each[0].lower() for each in cursor.description or ()]

    @contextlib.contextmanager
    def _telling(self, *, reconnect: bool = True) -> Iterator[Any]:
        """The driver's connection; what it raises becomes a ServerError."""
        if reconnect and not self._connection.open:
            self._connect()
        try:
            yield self._connection
        except self._connection.Error as error:
            raise _server_error(error) from None
        except (struct.error, LookupError, AssertionError, UnicodeError, RuntimeError) as error:
            # RuntimeError: it asked for a file of ours (LOAD DATA LOCAL), and gets none.
            raise ServerError(0, f"its answer can't be understood ({error})") from None

    def _connect(self) -> None:
        self._reconnects += 1
        if self._reconnects > _MOST_RECONNECTS:
            raise DoctorError("the server closed the connection again and again; see its log")
        try:
            driver = importlib.import_module("pymysql")
        except ImportError:
            raise DoctorError(NO_DRIVER) from None
        where = f"the database server at {shown_host(self._options)}"
        address = _address(self._options)
        user = smtpd_account()
        account = _account(self._options, acting_name(user))
        "".encode("idna")  # loads what the resolver wants, while we may still read it
        try:
            # As smtpd's user, whom the server may know by the socket.
            with acting_as(user):
                self._connection = driver.connect(
                    **address,
                    **account,
                    charset="utf8mb4",
                    autocommit=True,
                    connect_timeout=_CONNECT_SECONDS,
                    read_timeout=_ANSWER_SECONDS,
                    write_timeout=_ANSWER_SECONDS,
                )
        except driver.Error as error:
            raise _no_connection(where, _server_error(error)) from None
        except (RuntimeError, OSError, ValueError) as error:  # a way of login that needs more
            raise DoctorError(f"can't log in to {where}: {error}") from None
        for limit in _LIMITS:
            with contextlib.suppress(ServerError):
                self.rows(limit)


class _Telling:
    """A statement whose errors are ServerErrors."""

    def __init__(self, session: Session, statement: Statement) -> None:
        self._session = session
        self._statement = statement
        self.parameters = statement.parameters
        self.columns = statement.columns

    def execute(self, key: bytes) -> int:
        with self._session._telling(reconnect=False):
            return self._statement.execute(key)


def local(options: Mapping[str, str]) -> bool:
    """Return whether the server is on this host, as far as its name says so."""
    host = options.get("host", "localhost")
    return host in ("localhost", "::1") or host.startswith("127.")


def shown_host(options: Mapping[str, str]) -> str:
    """Return the host of the configuration as it may be shown."""
    return scrub(options.get("host", "localhost"), ())


def _address(options: Mapping[str, str]) -> dict[str, Any]:
    host = options.get("host", "localhost")
    if host != "localhost":  # by TCP; "localhost" is the socket for the client libraries
        return {"host": host, "port": PORT}
    candidates = [os.environ.get("MYSQL_UNIX_PORT", ""), *SOCKETS]
    path = next((each for each in candidates if each and os.path.exists(each)), None)
    if path is None:
        raise DoctorError(
            "the database server is not running on this host: there is none of "
            + ", ".join(SOCKETS)
        )
    return {"unix_socket": path}


def _account(options: Mapping[str, str], who: str) -> dict[str, bytes]:
    """Return the account in bytes: the driver would write a password in latin1.

    Without a user name the client library takes that of `who` runs it.
    """
    wanted = {"user": "username", "password": "password", "database": "database"}
    known = {"username": who, **options}
    return {
        name: known[key].encode("utf-8", "surrogateescape")
        for name, key in wanted.items()
        if key in known
    }


def _server_error(error: Exception) -> ServerError:
    number, text = 0, ""
    match error.args:
        case (int() as number, text, *_):
            pass
        case (text, *_):
            pass
    lines = " ".join(str(text).split()) or type(error).__name__
    return ServerError(number, scrub(lines, ()))


def _no_connection(where: str, error: ServerError) -> DoctorError:
    hint = ""
    if error.number in _REFUSED:
        hint = "; that is the account of the backend's configuration. Can the backend log in?"
        if os.geteuid() != 0:
            hint += " If the server knows it by the user of the system, run the doctor as root"
    elif error.number in (2002, 2003):
        hint = "; is it running?"
    return DoctorError(f"can't log in to {where}: {error.text}{hint}")

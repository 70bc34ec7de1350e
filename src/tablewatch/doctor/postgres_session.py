"""A connection to PostgreSQL that changes nothing there, and costs little.

Asks as table-postgres does, through libpq: statements are prepared, and a key goes to the server
as the bytes it is. Whatever is asked runs in a transaction that only reads, with short limits of
its own, and is rolled back. So it may as well be behind a pooler.
"""

from __future__ import annotations

import contextlib
import re
import secrets
import select
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from tablewatch.doctor import postgres_conninfo as conninfo
from tablewatch.doctor.account import (
    acting_as,
    acting_name,
    smtpd_account,
    without_environment,
)
from tablewatch.doctor.postgres_asking import Column, Prepared, ServerError
from tablewatch.errors import DoctorError
from tablewatch.knowledge.masking import scrub

STATEMENT_SECONDS = 2
_CONNECT_SECONDS = 5
_PATIENCE = 15.0  # seconds; a server that does not keep to its own limit is given up
_MOST_ROWS = 500  # of the catalogue
_MOST_RECONNECTS = 5
_LIMITS = (
    "BEGIN TRANSACTION READ ONLY",
    f"SET LOCAL statement_timeout = {STATEMENT_SECONDS * 1000}",
    "SET LOCAL lock_timeout = 1000",
    "SET LOCAL idle_in_transaction_session_timeout = 60000",
    # Compiling a statement of which a row is wanted costs the server more than the row does.
    # PostgreSQL 10 has no such setting.
    "SELECT set_config(name, 'off', true) FROM pg_settings WHERE name = 'jit'",
)
_FURTHER = re.compile(r" (?:DETAIL|HINT|CONTEXT|QUERY|STATEMENT): ")
_LOST = "the server closed the connection"
_SILENT = "the server does not answer: it hangs, or is stopped"


@dataclass
class _Answer:
    rows: list[list[bytes | None]] = field(default_factory=list)
    parameters: int = 0
    columns: tuple[Column, ...] = ()
    error: ServerError | None = None


class Session:
    """A server to ask, by entering the context; connects again when the connection was lost."""

    def __init__(self, text: str, patience: float = _PATIENCE) -> None:
        """Take the conninfo from table-postgres's configuration; `patience`: seconds, per answer.

        Raises DoctorError if it can't be used, or if there is no driver.
        """
        self.words = conninfo.words(text)
        self.statement = f"tablewatch_doctor_{secrets.token_hex(4)}"
        self._patience = patience
        self._pq = conninfo.driver("psycopg.pq")
        self._driver_error: type[Exception] = conninfo.driver("psycopg").Error
        self._connection: Any = None
        self._reconnects = -1
        self._prepared = False
        self._inside = False

    def __enter__(self) -> Self:
        self._connect()
        return self

    def __exit__(self, *_: object) -> None:
        if self._connection is not None:
            self._connection.finish()

    @property
    def host(self) -> str:
        """What the connection was made to: a name, an address, or a socket's directory."""
        return str(self._connection.host.decode("utf-8", "replace"))

    @property
    def port(self) -> str:
        """The port, of a socket's name too."""
        return str(self._connection.port.decode("ascii", "replace"))

    @property
    def key_pid(self) -> int:
        """The process that we were told we are served by."""
        return int(self._connection.backend_pid)

    @contextlib.contextmanager
    def reading(self) -> Iterator[Self]:
        """A transaction that reads; errors in it end nothing but themselves."""
        if self._bad():
            self._connect()
        try:
            for each in _LIMITS:
                self._plain(each)
            self._inside = True
            yield self
        finally:
            self._inside = False
            with contextlib.suppress(ServerError):
                self._deallocate()
                self._plain("ROLLBACK")

    def rows(self, sql: str, *values: str | bytes) -> list[list[str]]:
        """Return the rows of a statement with ``$1``; NULL is "". Raises ServerError."""
        given = [each.encode() if isinstance(each, str) else each for each in values]
        answer = self._safely(
            lambda: self._connection.send_query_params(_bytes(sql), given), _MOST_ROWS
        )
        return [[(each or b"").decode("utf-8", "replace") for each in row] for row in answer.rows]

    def prepare(self, sql: str) -> Prepared:
        """Prepare a statement in place of the one before. Raises ServerError."""
        self._deallocate()
        name = self.statement.encode()
        self._safely(lambda: self._connection.send_prepare(name, _bytes(sql)))
        self._prepared = True
        told = self._ask(lambda: self._connection.send_describe_prepared(name))
        return Prepared(told.parameters, told.columns)

    def found(self, key: bytes | None) -> bool:
        """Ask it with `key`, or with nothing; tell whether there is a row. Raises ServerError."""
        name, keys = self.statement.encode(), [] if key is None else [key]
        return bool(
            self._safely(lambda: self._connection.send_query_prepared(name, keys), 1, keys).rows
        )

    def forget(self, statement: str) -> None:
        """Have the server forget a statement that another session left with it."""
        if self.rows("SELECT 1 FROM pg_prepared_statements WHERE name = $1", statement):
            self._plain(f"DEALLOCATE {statement}")

    def _deallocate(self) -> None:
        if self._prepared:
            self._prepared = False
            self._plain(f"DEALLOCATE {self.statement}")

    def _plain(self, sql: str) -> None:
        self._ask(lambda: self._connection.send_query(sql.encode()))

    def _safely(
        self, send: Callable[[], None], most: int = 0, keys: Sequence[bytes] = ()
    ) -> _Answer:
        """Ask within a savepoint of its own, if there is a transaction."""
        if not self._inside:
            return self._ask(send, most, keys)
        self._plain("SAVEPOINT tablewatch")
        try:
            answer = self._ask(send, most, keys)
        except ServerError:
            if not self._bad():
                self._plain("ROLLBACK TO SAVEPOINT tablewatch")
            raise
        # One that was stopped, as it had rows enough, has failed as well.
        self._plain(
            "ROLLBACK TO SAVEPOINT tablewatch" if answer.error else "RELEASE SAVEPOINT tablewatch"
        )
        return answer

    def _ask(self, send: Callable[[], None], most: int = 0, keys: Sequence[bytes] = ()) -> _Answer:
        """Send something and take the answer, with `most` rows of it. Raises ServerError."""
        answer = _Answer()
        try:
            send()
            if most:
                self._connection.set_single_row_mode()
            enough = self._take(answer, most, keys)
        except self._driver_error as error:
            raise ServerError("", _line(str(error), keys), lost=self._bad()) from None
        if self._bad():
            raise answer.error or ServerError("", _LOST, lost=True)
        if answer.error is not None and not enough:
            raise answer.error
        return answer

    def _take(self, answer: _Answer, most: int, keys: Sequence[bytes]) -> bool:
        """Take what comes; return whether there were more rows, and the server was stopped."""
        deadline = time.monotonic() + self._patience
        enough = False
        while (result := self._next(deadline)) is not None:
            answer.error = answer.error or self._error(result, keys)
            answer.parameters = max(answer.parameters, result.nparams)
            answer.columns = answer.columns or _columns(result)
            if len(answer.rows) < most:
                answer.rows += _rows(result)
            elif most and result.ntuples and not enough:
                enough = True
                self._connection.get_cancel().cancel()
        return enough

    def _next(self, deadline: float) -> Any:  # noqa: ANN401 (psycopg's PGresult, or None)
        connection = self._connection
        while connection.flush():
            self._wait(select.POLLIN | select.POLLOUT, deadline)
            connection.consume_input()
        while connection.is_busy():
            self._wait(select.POLLIN, deadline)
            connection.consume_input()
        return connection.get_result()

    def _wait(self, events: int, deadline: float) -> None:
        poll = select.poll()
        poll.register(self._connection.socket, events)
        if not poll.poll(max(0.0, deadline - time.monotonic()) * 1000):
            self._connection.finish()
            raise ServerError("", _SILENT, lost=True)

    def _error(self, result: Any, keys: Sequence[bytes]) -> ServerError | None:  # noqa: ANN401
        if result.status not in (self._pq.ExecStatus.FATAL_ERROR, self._pq.ExecStatus.BAD_RESPONSE):
            return None
        fields = self._pq.DiagnosticField
        code = result.error_field(fields.SQLSTATE) or b""
        text = result.error_field(fields.MESSAGE_PRIMARY) or result.error_message or b""
        line = _line(text.decode("utf-8", "replace"), keys)
        return ServerError(code.decode("ascii", "replace"), line, lost=self._bad())

    def _bad(self) -> bool:
        return bool(self._connection.status != self._pq.ConnStatus.OK)

    def _connect(self) -> None:
        self._reconnects += 1
        if self._reconnects > _MOST_RECONNECTS:
            raise DoctorError("the server closed the connection again and again; see its log")
        ours = {"connect_timeout": str(_CONNECT_SECONDS), "application_name": "tablewatch doctor"}
        text, user = conninfo.written(self.words | ours), smtpd_account()
        with acting_as(user), without_environment("PG"):
            connection = self._pq.PGconn.connect(text)
        if connection.status != self._pq.ConnStatus.OK:
            why = _line(connection.error_message.decode("utf-8", "replace"), ())
            connection.finish()
            raise DoctorError(
                f"as {acting_name(user)}: can't log in to the database of the conninfo: {why}"
            )
        connection.nonblocking = 1
        self._connection = connection
        self._prepared = False


def _bytes(sql: str) -> bytes:
    return sql.encode("utf-8", "surrogateescape")


def _line(text: str, keys: Sequence[bytes]) -> str:
    """Return the message itself; what follows it may hold anything."""
    line = " ".join(text.removeprefix("consuming input failed: ").split())
    return scrub(_FURTHER.split(line, maxsplit=1)[0], keys)


def _columns(result: Any) -> tuple[Column, ...]:  # noqa: ANN401
    return tuple(
        Column(
            (result.fname(index) or b"").decode("utf-8", "replace"),
            result.ftable(index),
            result.ftablecol(index),
        )
        for index in range(result.nfields)
    )


def _rows(result: Any) -> list[list[bytes | None]]:  # noqa: ANN401
    return [
        [result.get_value(row, column) for column in range(result.nfields)]
        for row in range(result.ntuples)
    ]

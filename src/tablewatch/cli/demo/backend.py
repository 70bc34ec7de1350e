"""The demo's table backend: ``table-demo CONF`` does what table-mysql 6.7.1 does, on SQLite.

That version takes *every* failed statement for a lost connection: it logs the error, closes and
opens the connection, prepares all statements and tries again, without counting. As long as
connecting works and the statement fails, that never ends (``table_mysql_query()`` in
opensmtpd-extras 6.7.1). The file CONF has table-mysql's format (``key value`` per line):
``database``, the path of an SQLite file; ``query_alias``, ``query_credentials`` and so on; and
``general_log``, a file that gets a line for every connection and every refused statement.

Like a C program's, its lines on stderr go out one by one, and it does not care if nobody reads
them. It supports no fetch.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from typing import NoReturn

from tablewatch.cli.demo.database import Database, DatabaseError, GeneralLog
from tablewatch.protocol import SmtpdCodec
from tablewatch.protocol.detect import dialect_of
from tablewatch.protocol.messages import (
    Answer,
    Close,
    Damage,
    Hello,
    Operation,
    Refusal,
    Request,
    Verdict,
)

# Per service, the columns its query must return; those of table-mysql(5).
COLUMNS = {
    "alias": 1,
    "domain": 1,
    "credentials": 2,
    "netaddr": 1,
    "userinfo": 3,
    "source": 1,
    "mailaddr": 1,
    "addrname": 1,
    "mailaddrmap": 1,
}
KEY_LIMIT = 2048  # LINE_MAX
_CHUNK = 65536
_LISTS = ("alias", "mailaddrmap")  # all rows, joined

_ERROR = Answer(Verdict.ERROR)
_NOT_FOUND = Answer(Verdict.NOT_FOUND)


class Log:
    """``NAME[PID]: TEXT`` on stderr. The name is smtpd's argv[0]: the table's."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, text: str) -> None:
        """Write one line now."""
        line = f"{self.name}[{os.getpid()}]: {text}\n"
        with contextlib.suppress(OSError):
            os.write(2, line.encode(errors="backslashreplace"))

    def fatal(self, text: str) -> NoReturn:
        """Write a last line and exit."""
        self(f"fatal: {text}")
        sys.exit(1)


class Backend:
    """The table: a configuration, a database connection, and how a question is answered."""

    def __init__(self, conffile: str, log: Log) -> None:
        """Read the configuration and connect; exits if either fails."""
        self._conffile = conffile
        self._log = log
        self._database: Database | None = None
        self._conf: dict[str, str] = {}
        self._journal: GeneralLog | None = None
        if not self._load():
            log.fatal("error parsing config file")
        if not self._connect():
            log.fatal("could not connect")

    def answer(self, request: Request) -> Answer:
        """Answer one request, if it takes for ever."""
        if request.operation is Operation.UPDATE:
            return self._update()
        if request.service is None or request.key is None or request.operation is Operation.FETCH:
            return _ERROR
        rows = self._query(request.service, request.key)
        if rows is None:
            return _ERROR
        if not rows:
            return _NOT_FOUND
        if request.operation is Operation.CHECK:
            return Answer(Verdict.FOUND)
        if request.service in _LISTS:
            value = ", ".join(row[0] for row in rows)
        else:
            value = ":".join(rows[0])
        return Answer(Verdict.FOUND, value.encode())

    def _query(self, service: str, key: bytes) -> list[tuple[str, ...]] | None:
        """Return the rows for `key`, None for an error: the loop that has no bound."""
        if self._database is None and not self._connect():
            return None
        while True:
            database = self._database
            assert database is not None
            if not database.has(service):
                return None
            if len(key) >= KEY_LIMIT:
                self._log("warn: key too long")
                return None
            try:
                return database.execute(service, key)
            except DatabaseError as error:
                self._log(f"warn: trying to reconnect after error: {error}")
            if not self._connect():
                return None

    def _connect(self) -> bool:
        self._log("debug: (re)connecting")
        if self._database is not None:
            self._database.close()
            self._database = None
        database = None
        try:
            database = Database(self._conf.get("database", ""), self._journal)
            for service, columns in COLUMNS.items():
                query = self._conf.get(f"query_{service}")
                if query:
                    database.prepare(service, query, columns)
        except DatabaseError as error:
            self._log(f"warn: {error}")
            if database is not None:
                database.close()
            return False
        self._database = database
        self._log("debug: connected")
        return True

    def _update(self) -> Answer:
        """Read the configuration again and reconnect; if it can't be read, nothing changes."""
        return Answer(Verdict.FOUND) if self._load() and self._connect() else _ERROR

    def _load(self) -> bool:
        """Read the configuration file; if it is no good, say so on stderr."""
        conf: dict[str, str] = {}
        try:
            with open(self._conffile, encoding="utf-8") as file:
                lines = file.read().splitlines()
            for line in lines:
                words = line.split(None, 1)
                if words and not words[0].startswith("#"):
                    key = words[0].rstrip(":")
                    if len(words) < 2:
                        raise ValueError(f"missing value for key {key}")
                    if key in conf:
                        raise ValueError(f"duplicate key {key}")
                    conf[key] = words[1].strip()
            journal = GeneralLog(conf["general_log"]) if "general_log" in conf else None
        except (OSError, ValueError) as error:
            self._log(f"warn: {error}")
            return False
        if self._journal is not None:
            self._journal.close()
        self._conf, self._journal = conf, journal
        return True


def main() -> int:
    """Serve whoever started us until it closes its end."""
    log = Log("table-demo")
    if len(sys.argv) != 2:
        log.fatal("bogus argument(s)")
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # end as a C program does, without a traceback
    backend = Backend(sys.argv[1], log)
    first = os.read(0, _CHUNK)
    dialect = dialect_of(first)
    if dialect is None:
        if first:
            log.fatal("unexpected config line")
        return 0
    codec = dialect.smtpd_codec()
    output = 1 if dialect.has_services else 0
    data = first
    while data and _serve(backend, codec, data, output, log):
        data = os.read(0, _CHUNK)
    return 0


def _serve(backend: Backend, codec: SmtpdCodec, data: bytes, output: int, log: Log) -> bool:
    """Answer what `data` completes; return whether to go on."""
    for event in codec.receive(data):
        if isinstance(event, Close):
            return False
        if isinstance(event, Damage):
            log.fatal("malformed line")
        if isinstance(event, Hello):
            log.name = event.table
            reply = codec.welcome(())
        elif isinstance(event, Refusal):
            reply = codec.answer(event.request, _ERROR)
        else:
            reply = codec.answer(event, backend.answer(event))
        try:
            while reply:
                reply = reply[os.write(output, reply) :]
        except OSError as error:
            log.fatal(f"fflush: {error.strerror}")
    return True


if __name__ == "__main__":
    sys.exit(main())

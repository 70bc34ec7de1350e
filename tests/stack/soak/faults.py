"""What is done to the database, to tablewatchd, to syslogd, and by the operator."""

from __future__ import annotations

import contextlib
import random
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from ..mariadb import DATABASE as MAIL
from ..mariadb import USER, MariaDB
from ..world import StackError, wait_until
from .bed import TABLES, Bed

DATABASE, BACKEND, SUPERVISOR = "database", "backends", "supervisors"
DAEMON, SYSLOG, OPERATOR = "tablewatchd", "syslogd", "operator"
LANES = (DATABASE, BACKEND, SUPERVISOR, DAEMON, SYSLOG, OPERATOR)


@dataclass(frozen=True)
class Stage:
    """What a fault is done to: the database of all mail servers, or one of these."""

    database: MariaDB
    bed: Bed
    random: random.Random

    def table(self) -> str:
        """One of them."""
        return self.random.choice(TABLES)


Act = Callable[[Stage], contextlib.AbstractContextManager[None]]


class Fault(NamedTuple):
    """Something done by entering ``act`` and undone by leaving it, ``least`` to ``most`` s later.

    ``ends_daemon`` is of those after which tablewatchd is another process.
    """

    name: str
    lane: str
    act: Act
    least: float = 0.0
    most: float = 0.0
    ends_daemon: bool = False


@contextlib.contextmanager
def _stopped(stage: Stage) -> Iterator[None]:
    with stage.database.stopped():
        yield


@contextlib.contextmanager
def _crashed(stage: Stage) -> Iterator[None]:
    stage.database.kill()
    try:
        yield
    finally:
        stage.database.start()


@contextlib.contextmanager
def _frozen(stage: Stage) -> Iterator[None]:
    with stage.database.frozen():
        yield


@contextlib.contextmanager
def _restarted(stage: Stage) -> Iterator[None]:
    stage.database.restart()
    yield


@contextlib.contextmanager
def _connections_killed(stage: Stage) -> Iterator[None]:
    _kill_all(stage.database)
    yield


def _kill_all(database: MariaDB) -> None:
    database.execute(f"KILL USER {USER}")


@contextlib.contextmanager
def _login_refused(stage: Stage) -> Iterator[None]:
    account = f"ALTER USER '{USER}'@'%' ACCOUNT"
    with stage.database.altered(f"{account} LOCK", f"{account} UNLOCK"):
        _kill_all(stage.database)
        yield


@contextlib.contextmanager
def _full(stage: Stage) -> Iterator[None]:
    # In one session: those of the backends are more than that, and there would be no other.
    stage.database.execute(f"SET GLOBAL max_connections = 10; KILL USER {USER}")
    try:
        yield
    finally:
        # One more is let in for the administrator, if nobody is just being refused there.
        wait_until(lambda: _is_done(stage.database, "SET GLOBAL max_connections = 400"), "room")


def _is_done(database: MariaDB, sql: str) -> bool:
    try:
        database.execute(sql)
    except StackError:
        return False
    return True


@contextlib.contextmanager
def _column_renamed(stage: Stage) -> Iterator[None]:
    rename = "ALTER TABLE vusers RENAME COLUMN"
    with stage.database.altered(f"{rename} c_password TO c_pass", f"{rename} c_pass TO c_password"):
        yield


@contextlib.contextmanager
def _rights_taken(stage: Stage) -> Iterator[None]:
    rights, who = f"SELECT ON {MAIL}.*", f"'{USER}'@'%'"
    with stage.database.altered(f"REVOKE {rights} FROM {who}", f"GRANT {rights} TO {who}"):
        _kill_all(stage.database)
        yield


@contextlib.contextmanager
def _daemon_killed(stage: Stage) -> Iterator[None]:
    stage.bed.daemon.end(signal.SIGKILL)
    try:
        yield
    finally:
        stage.bed.daemon.start()


@contextlib.contextmanager
def _daemon_frozen(stage: Stage) -> Iterator[None]:
    stage.bed.daemon.signal(signal.SIGSTOP)
    try:
        yield
    finally:
        stage.bed.daemon.signal(signal.SIGCONT)


@contextlib.contextmanager
def _daemon_restarted(stage: Stage) -> Iterator[None]:
    stage.bed.daemon.end_and_start()
    yield


@contextlib.contextmanager
def _syslogd_hung(stage: Stage) -> Iterator[None]:
    stage.bed.syslog.stall()
    try:
        yield
    finally:
        stage.bed.syslog.go_on()


@contextlib.contextmanager
def _paused(stage: Stage) -> Iterator[None]:
    table = stage.table()
    stage.bed.tool("tablewatch", "pause", table, "--for", "1m")
    try:
        yield
    finally:
        stage.bed.tool("tablewatch", "resume", table)


@contextlib.contextmanager
def _updated(stage: Stage) -> Iterator[None]:
    for table in TABLES:
        stage.bed.server.update_table(table, seconds=90)
    yield


@contextlib.contextmanager
def _released(stage: Stage) -> Iterator[None]:
    for table in TABLES:
        stage.bed.tool("tablewatch", "quarantine", "release", table, "--all")
    stage.bed.tool("tablewatch", "reload")
    yield


FAULTS = (
    Fault("stopped", DATABASE, _stopped, 2, 10),
    Fault("killed", DATABASE, _crashed, 1, 6),
    Fault("frozen", DATABASE, _frozen, 2, 12),
    Fault("restarted", DATABASE, _restarted),
    Fault("all connections killed", DATABASE, _connections_killed),
    Fault("refuses the login", DATABASE, _login_refused, 2, 8),
    Fault("too many connections", DATABASE, _full, 2, 8),
    Fault("a column renamed", DATABASE, _column_renamed, 2, 8),
    Fault("right to read taken away", DATABASE, _rights_taken, 2, 8),
    Fault("killed (`kill -9`)", DAEMON, _daemon_killed, 2, 8, True),
    Fault("frozen (`kill -STOP`)", DAEMON, _daemon_frozen, 2, 12),
    Fault("restarted", DAEMON, _daemon_restarted, 0, 0, True),
    Fault("hangs", SYSLOG, _syslogd_hung, 3, 10),
    Fault("pauses a table", OPERATOR, _paused, 2, 6),
    Fault("`smtpctl update table`, every table", OPERATOR, _updated),
    Fault("releases all keys, reloads", OPERATOR, _released),
)

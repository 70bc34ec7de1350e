"""Faults of the database, as seen by the backends."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator

from ..acts import MySQLActs
from ..mariadb import PASSWORD, PORT, USER, MariaDB
from ..provoking import beside
from ..world import StackError, wait_until
from .fault import HANG, Act, Fault, Stage

SLOW = 10  # seconds that a lookup takes
PAUSE = 0.5  # seconds between two times that connections are cut
FEWEST = 10  # connections, the least that MariaDB can be limited to


def cut(database: MariaDB) -> None:
    """End the backends' connections; who is connected otherwise stays so, whatever is changed."""
    with contextlib.suppress(StackError):  # nobody of that name is connected
        database.execute(f"KILL USER '{USER}'", database="")


@contextlib.contextmanager
def stopped(stage: Stage) -> Iterator[None]:
    """It is not there."""
    with stage.database.stopped():
        yield


@contextlib.contextmanager
def frozen(stage: Stage) -> Iterator[None]:
    """It is there and does nothing."""
    with stage.database.frozen():
        yield


@contextlib.contextmanager
def restarted(stage: Stage) -> Iterator[None]:
    """It is stopped and started once, in an orderly way."""
    stage.database.restart()
    yield


@contextlib.contextmanager
def crashed(stage: Stage) -> Iterator[None]:
    """It is killed, and started at once as by its own supervisor."""
    stage.database.kill()
    stage.database.start()
    yield


@contextlib.contextmanager
def cut_on(stage: Stage) -> Iterator[None]:
    """Connections don't last, as behind a firewall that forgets them."""

    def cut_again(over: threading.Event) -> None:
        while not over.wait(PAUSE):
            cut(stage.database)

    with beside(cut_again):
        yield


def changed(begin: str, end: str) -> Act:
    """Statements of the administrator, after which everybody has to connect anew."""

    @contextlib.contextmanager
    def act(stage: Stage) -> Iterator[None]:
        with stage.database.altered(begin, end):
            cut(stage.database)
            yield

    return act


def altered(begin: str, end: str) -> Act:
    """Statements of the administrator, seen by everybody who is connected."""

    @contextlib.contextmanager
    def act(stage: Stage) -> Iterator[None]:
        with stage.database.altered(begin, end):
            yield

    return act


@contextlib.contextmanager
def crowded(stage: Stage) -> Iterator[None]:
    """Somebody has taken every connection that the database gives out."""
    database = stage.database
    taken: list[socket.socket] = []

    def take() -> None:
        """Connect until somebody says no; that nobody has logged in does not matter."""
        while len(taken) < 10 * FEWEST:
            connection = socket.create_connection((database.address, PORT), timeout=2)
            taken.append(connection)
            if b"Too many" in connection.recv(200):
                return

    def keep_taking(over: threading.Event) -> None:
        while not over.wait(PAUSE):
            with contextlib.suppress(OSError):
                take()

    limits = f"max_connections = {FEWEST}, GLOBAL connect_timeout = 3600"
    database.execute(f"SET GLOBAL {limits}", database="")
    try:
        cut(database)
        take()
        cut(database)  # whoever of the backends was faster
        with beside(keep_taking):
            yield
    finally:
        for each in taken:
            each.close()
        wait_until(lambda: _limited(database), "MariaDB to let the administrator in")


def _limited(database: MariaDB) -> bool:
    """Limits as they were; False while it has not noticed that the others have gone."""
    try:
        limits = "max_connections = 400, GLOBAL connect_timeout = 10"
        database.execute(f"SET GLOBAL {limits}", database="")
    except StackError:
        return False
    return True


@contextlib.contextmanager
def locked(stage: Stage) -> Iterator[None]:
    """Somebody holds the table of users, as a backup or an ALTER TABLE does."""
    acts = MySQLActs(stage.database)
    with acts.act("lock"):
        acts.meanwhile()
        yield


# The limit has the whole table read before a key is looked for in it; there are two rows.
SLOW_ALL = f"CREATE VIEW {{0}} AS SELECT * FROM {{0}}_real WHERE SLEEP({SLOW / 2:g}) = 0 LIMIT 1000"
SLOW_FOUND = f"CREATE VIEW {{0}} AS SELECT * FROM {{0}}_real WHERE SLEEP({SLOW}) = 0"


def slow(view: str) -> Act:
    """The tables of users and domains are views that sleep."""
    return altered(
        "RENAME TABLE vusers TO vusers_real, vdomains TO vdomains_real; "
        f"{view.format('vusers')}; {view.format('vdomains')}",
        "DROP VIEW vusers, vdomains; RENAME TABLE vusers_real TO vusers, vdomains_real TO vdomains",
    )


FAULTS: tuple[Fault, ...] = (
    Fault("database stopped", "MariaDB is stopped, and started again 8 s later.", stopped),
    Fault(
        "database frozen",
        f"MariaDB gets SIGSTOP, and SIGCONT {HANG:g} s later: the kernel accepts connections, and "
        "nothing is answered. So looks a host that hangs.",
        frozen,
        seconds=HANG,
    ),
    Fault(
        "database restarted", "MariaDB is stopped and started once, as for an upgrade.", restarted
    ),
    Fault("database crashes", "MariaDB gets SIGKILL and is started at once.", crashed),
    Fault(
        "connections cut",
        f"Every {PAUSE:g} s the connections of all backends are closed by the database.",
        cut_on,
    ),
    Fault(
        "database down at boot",
        "MariaDB is not running when smtpd starts, and is started 8 s later.",
        stopped,
        at_boot=True,
    ),
    Fault(
        "database frozen at boot",
        f"MariaDB stands still (SIGSTOP) when smtpd starts, and goes on {HANG:g} s later.",
        frozen,
        seconds=HANG,
        remark="smtpd 7.6 wants to know of each table what it can do before it serves anybody. "
        "tablewatch answers for a backend that does not say so within `register_wait: 5s`; three "
        "tables one after another take three times that.",
        at_boot=True,
    ),
    Fault(
        "password changed",
        "The password of the backends' user is another one, and they have to connect anew.",
        changed(
            f"ALTER USER '{USER}'@'%' IDENTIFIED BY 'another password'",
            f"ALTER USER '{USER}'@'%' IDENTIFIED BY '{PASSWORD}'",
        ),
    ),
    Fault(
        "account locked",
        "The backends' user is locked (`ACCOUNT LOCK`), and they have to connect anew.",
        changed(f"ALTER USER '{USER}'@'%' ACCOUNT LOCK", f"ALTER USER '{USER}'@'%' ACCOUNT UNLOCK"),
    ),
    Fault(
        "too many connections",
        "Somebody has taken every connection that MariaDB gives out.",
        crowded,
    ),
    Fault(
        "answers after 10 s",
        f"Every lookup of a user or a domain takes {SLOW} s (the tables are views that sleep).",
        slow(SLOW_ALL),
        seconds=20.0,
        remark="every lookup is given up after 5 s, but smtpd does one thing at a time: until "
        "the breakers of both tables are open, who comes last waits for everybody before him.",
    ),
    Fault(
        "found after 10 s",
        f"Lookups that find somebody take {SLOW} s, those that find nobody are answered at once.",
        slow(SLOW_FOUND),
        seconds=20.0,
        remark="where some keys hang again and again while others are answered, the keys are taken "
        "to be at fault, and each is refused for an hour once it has hung twice in a row: with "
        "temporary errors, until then or until `smtpctl update table`. A slow database looks like "
        "that only if it is slow for these keys alone.",
    ),
    Fault(
        "table locked",
        "Another session holds the table of users with `LOCK TABLES vusers WRITE`.",
        locked,
        seconds=HANG,
    ),
    Fault(
        "column renamed",
        "The column of the passwords is renamed, and gets its name back.",
        altered(
            "ALTER TABLE vusers RENAME COLUMN c_password TO c_pass",
            "ALTER TABLE vusers RENAME COLUMN c_pass TO c_password",
        ),
    ),
    Fault(
        "tables dropped",
        "The tables of users and domains are gone (renamed), and come back.",
        altered(
            "RENAME TABLE vusers TO vusers_away, vdomains TO vdomains_away",
            "RENAME TABLE vusers_away TO vusers, vdomains_away TO vdomains",
        ),
    ),
)

"""The same misfortunes for every mail server, and what became of it and of its users."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from .client import NoAnswer, plain
from .load import Load, Outcome, ends_in, login, other_login, other_recipient, recipient
from .mariadb import MariaDB
from .schema import LOGIN_PASSWORD, POISON
from .smtpd import Smtpd
from .world import StackError, wait_until

ENDLESS = 20.0  # connections per second after the answer is due, by nobody's wish
FAULTY = ("creds", "domains", "sndrs")  # the tables whose backends are killed

# So many losses in a row would bring pauses of up to a minute between the starts.
RESTART = "{burst: 100, min_delay: 10ms, max_delay: 200ms}"

Start = Callable[[str, bool], contextlib.AbstractContextManager[Smtpd]]


@dataclass(frozen=True)
class Extent:
    """How much is done, and for how long an answer is waited for (seconds)."""

    patience: float
    poisons: int
    kills: int
    deadline: str = "5s"  # tablewatch's default

    def patience_with(self, found: Measured) -> float:
        """For how long this mail server's answers are waited for."""
        return max(PROMISED, self.patience) if found.supervised else self.patience


FULL = Extent(patience=10.0, poisons=11, kills=100)
SHORT = Extent(patience=2.0, poisons=3, kills=10, deadline="500ms")
# Where an answer is promised it is waited for: its time is shown, not cut off.
PROMISED = 20.0


@dataclass
class Measured:
    """What was seen of one mail server. A code of 0 is no answer; None: could not be measured."""

    flavour: str
    supervised: bool
    poisoned: int = 0
    next_login: int = 0
    other_login: int = 0
    connections: int | None = None  # for the first poisoned login
    repeated: int | None = None  # for its repetition
    rate: float = 0.0  # connections per second afterwards
    poison_seconds: list[float] = field(default_factory=list)  # of distinct poisoned logins
    frozen: list[Outcome] = field(default_factory=list)
    kills: int = 0
    survived: bool = False  # whether smtpd was there after them
    load: list[Outcome] = field(default_factory=list)  # sessions meanwhile
    left: int = 0  # processes a second after smtpd's end
    left_rate: float = 0.0  # their connections per second

    @property
    def endless(self) -> bool:
        """Whether the backend goes on after a poisoned login."""
        return self.rate > ENDLESS


def measure(
    found: Measured, start: Start, database: MariaDB, extent: Extent, say: Callable[[str], None]
) -> Measured:
    """Do everything to mail servers made by ``start(settings, mute)``; return ``found``, filled."""
    defaults = f"deadline: {extent.deadline}"
    # Without learning each poisoned login reaches the database, which is what is measured.
    steadfast = f"defaults: {{{defaults}, restart: {RESTART}, quarantine: {{learn: no}}}}\n"
    say("one poisoned login")
    with start(f"defaults: {{{defaults}}}\n", False) as server:
        _poison(found, server, database, extent)
    if not found.endless:
        say(f"{extent.poisons} different ones, one after another")
        with start(steadfast, False) as server:
            _poison_on(found, server, extent)
    say("the database frozen")
    with start(f"defaults: {{{defaults}}}\n", False) as server:
        _freeze(found, server, database, extent)
    say(f"kill -9 of backends, {extent.kills} times, under load")
    with start(steadfast, False) as server:
        _kill(found, server, extent)
    say("smtpd killed in the middle of a loop")
    with start("defaults: {deadline: 1m}\n", True) as server:
        _end(found, server, database)
    return found


def _poison(found: Measured, server: Smtpd, database: MariaDB, extent: Extent) -> None:
    before = database.settled_connections()
    with server.connect(server.submission) as attacker:
        attacker.send(b"AUTH PLAIN " + plain(POISON, LOGIN_PASSWORD))
        found.other_login = other_login(server)(extent.patience_with(found)).code
        try:
            found.poisoned = attacker.wait(seconds=extent.patience_with(found)).code
        except NoAnswer:
            found.poisoned = 0
    found.next_login = login(server)(extent.patience_with(found)).code
    found.rate = database.connection_rate()
    if not found.endless:
        found.connections = database.settled_connections() - before
        again = login(server, POISON)(extent.patience_with(found))
        if again.code != found.poisoned:
            raise StackError(f"{found.poisoned} for a poisoned login, {again} for its repetition")
        found.repeated = database.settled_connections() - before - found.connections


def _poison_on(found: Measured, server: Smtpd, extent: Extent) -> None:
    for number in range(extent.poisons):
        with server.connect(server.submission, seconds=extent.patience_with(found)) as attacker:
            reply = attacker.auth_plain(f"ał{number}@example.org", LOGIN_PASSWORD)
        good = login(server)(extent.patience_with(found))
        if (reply.code, good.code) != (421, 235):
            raise StackError(f"{reply} for a poisoned login, {good} for the next good one")
        found.poison_seconds.append(reply.seconds)


def _freeze(found: Measured, server: Smtpd, database: MariaDB, extent: Extent) -> None:
    with database.frozen():
        found.frozen = [
            session(server)(extent.patience_with(found))
            for session in (login, recipient, other_login, other_recipient)
        ]


def kill_backends(server: Smtpd, count: int) -> int:
    """``kill -9`` so many backends one after another, or until smtpd is gone; how many it was."""
    killed: set[int] = set()

    def kill_one() -> bool:
        table = FAULTY[len(killed) % len(FAULTY)]
        for each in server.backends(table):
            if each.pid not in killed:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(each.pid, signal.SIGKILL)
                    killed.add(each.pid)
                    return True
        return False

    while len(killed) < count and server.alive():
        wait_until(lambda: kill_one() or not server.alive(), "a backend to kill", pause=0.01)
    return len(killed)


def _kill(found: Measured, server: Smtpd, extent: Extent) -> None:
    sessions = (login(server), other_login(server), recipient(server))
    with Load(*sessions, patience=extent.patience_with(found)) as load:
        found.kills = kill_backends(server, extent.kills)
    found.load = load.outcomes
    found.survived = server.alive()
    if found.survived:
        wait_until(ends_in(login(server), 235), "a good login")


def _end(found: Measured, server: Smtpd, database: MariaDB) -> None:
    before = database.settled_connections()
    with server.connect(server.submission) as attacker:
        attacker.send(b"AUTH PLAIN " + plain(POISON, LOGIN_PASSWORD))
        wait_until(lambda: database.connections() > before, "the poison to work")
        server.kill()
    time.sleep(1.0)  # what tablewatch promises
    found.left = len(server.table_processes())
    found.left_rate = database.connection_rate()

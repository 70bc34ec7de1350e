"""Who waits, and for how long, when a backend is lost."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable, Iterator

import psutil
import pytest

from .conftest import StartSmtpd
from .install import link_backend
from .load import Outcome, login, recipient
from .mariadb import USER, MariaDB
from .marks import imsg_only
from .schema import POISON
from .smtpd import LIBEXEC, Smtpd
from .world import World, wait_until

PATIENCE = 20.0
# A backend that takes long to start; whoever is answered sooner had a spare.
SLOW_START = 2.0
SLOW = f"{LIBEXEC}/table-slowmysql"
SLOW_TEXT = f'#!/bin/sh\nsleep {SLOW_START}\nexec {LIBEXEC}/table-mysql "$@"\n'
SLOW_SETTINGS = "defaults: {{deadline: 15s, start_grace: 15s, register_wait: 15s, spares: {}}}\n"
spares = pytest.mark.parametrize("count", [1, 0])


def start_slow(start: StartSmtpd, count: int) -> Smtpd:
    """A mail server with such backends, ready."""

    def prepare(world: World) -> None:
        world.run(["chmod", "755", SLOW])
        link_backend(world, "slowmysql")

    settings = {"/etc/tablewatch.yml": SLOW_SETTINGS.format(count), SLOW: SLOW_TEXT}
    server = start(backend="watch-slowmysql", prepare=prepare, files=settings)
    assert login(server)(PATIENCE).code == 235
    if count:
        server.syslog.wait_for("table creds: spare is ready")
    return server


def active(server: Smtpd, table: str) -> int:
    """The pid of the backend in use, which is older than its spare."""
    pids = [each.pid for each in server.backends(table)]
    return min(pids, key=lambda pid: psutil.Process(pid).create_time())


def kill_active(server: Smtpd, table: str = "creds") -> None:
    pid = active(server, table)
    os.kill(pid, signal.SIGKILL)
    # Not only dead: until its supervisor knows, what is asked of it is lost with it.
    wait_until(lambda: not psutil.pid_exists(pid), "the killed backend to be gone", pause=0.001)


def waited(outcome: Outcome) -> bool:
    """Whether a good login waited for a backend to start."""
    assert outcome.code == 235
    return outcome.seconds > 0.75 * SLOW_START


@spares
def test_after_a_death_nobody_waits_where_there_is_a_spare(
    start_watched: StartSmtpd, count: int
) -> None:
    server = start_slow(start_watched, count)
    kill_active(server)
    assert waited(login(server)(PATIENCE)) is (count == 0)
    assert not waited(login(server)(PATIENCE))


@imsg_only
@spares
def test_after_a_poisoned_login_nobody_waits_where_there_is_a_spare(
    start_watched: StartSmtpd, count: int
) -> None:
    server = start_slow(start_watched, count)
    assert login(server, POISON)(PATIENCE).code == 421
    assert waited(login(server)(PATIENCE)) is (count == 0)
    assert not waited(login(server)(PATIENCE))


def test_it_works_without_spares(start_watched: StartSmtpd) -> None:
    server = start_watched(settings="defaults: {spares: 0}\n")
    assert login(server)(PATIENCE).code == 235
    assert len(server.backends("creds")) == 1
    for _ in range(3):
        kill_active(server)
        assert login(server)(PATIENCE).code == 235
        assert recipient(server)(PATIENCE).code == 250
    assert login(server, POISON)(PATIENCE).code == 421
    assert login(server)(PATIENCE).code == 235
    assert len(server.backends("creds")) == 1


@contextlib.contextmanager
def short_timeout(mariadb: MariaDB, seconds: int) -> Iterator[Callable[[], int]]:
    """Connections made from now on are closed after idling for so long; how many are open."""

    def opened() -> int:
        count = f"SELECT COUNT(*) FROM information_schema.processlist WHERE user = '{USER}'"
        return int(mariadb.execute(count)[0][0])

    mariadb.execute(f"SET GLOBAL wait_timeout = {seconds}")
    try:
        yield opened
    finally:
        mariadb.execute("SET GLOBAL wait_timeout = DEFAULT")


def test_a_spare_whose_connection_was_closed_costs_nobody_an_error(
    start_watched: StartSmtpd, mariadb: MariaDB
) -> None:
    with short_timeout(mariadb, 2) as opened:
        server = start_watched()
        server.syslog.wait_for("table creds: spare is ready")
        wait_until(lambda: opened() == 0, "the database to close every idle connection")
        kill_active(server)  # what takes over has long lost its connection
        assert login(server)(PATIENCE).code == 235
        wait_until(lambda: opened() == 0, "the database to close every idle connection")
        assert login(server)(PATIENCE).code == 235
        assert recipient(server)(PATIENCE).code == 250
    assert not server.syslog.having("quarantined")
    assert not server.syslog.having("answered error")


@imsg_only
def test_a_spare_is_replaced_before_it_is_old(start_watched: StartSmtpd) -> None:
    """10 s is the shortest that can be set."""
    server = start_watched(settings="defaults: {spare_max_age: 10s}\n")
    server.syslog.wait_for("table creds: spare is ready")
    in_use = active(server, "creds")
    before = {each.pid for each in server.backends("creds")}
    assert len(before) == 2

    def refreshed() -> bool:
        now = {each.pid for each in server.backends("creds")}
        return len(now) == 2 and now != before

    wait_until(refreshed, "another spare", seconds=30)
    assert active(server, "creds") == in_use
    assert not server.syslog.having("replaced")  # said nothing about it
    kill_active(server)
    assert login(server)(PATIENCE).code == 235

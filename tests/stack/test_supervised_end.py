"""The end of smtpd is the end of everything it started, whatever that was doing."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable

import psutil

from .client import plain
from .conftest import StartSmtpd
from .mariadb import MariaDB
from .marks import imsg_only
from .schema import ALICE, LOGIN_PASSWORD, POISON
from .smtpd import Smtpd
from .world import running, wait_until

WATCHED = ("creds", "domains", "sndrs")
# Gone "within a second", plus what a busy machine takes.
SOON = 3.0
# Nothing but the end of smtpd ends what a backend is doing.
PATIENT = "defaults: {deadline: 4m, max_retries: 100, restart: {burst: 100}}\n"


def expect_all_gone(server: Smtpd, end: Callable[[], None]) -> None:
    """End smtpd; everything else must follow."""
    supervisors = [server.supervisors(table) for table in WATCHED]
    assert all(supervisors)
    end()
    began = time.monotonic()
    wait_until(
        lambda: not server.table_processes(), "supervisors and backends to end", seconds=SOON
    )
    assert time.monotonic() - began < SOON


@imsg_only
def test_a_loop_ends_with_smtpd(start_watched: StartSmtpd, mariadb: MariaDB) -> None:
    """The bare backend goes on for ever: see test_bare."""
    server = start_watched(settings=PATIENT, mute=True)
    with server.connect(server.submission) as attacker:
        attacker.send(b"AUTH PLAIN " + plain(POISON, "any"))
        wait_until(lambda: mariadb.connection_rate(seconds=0.3) > 100, "the backend to loop")
        expect_all_gone(server, server.kill)
    assert mariadb.connection_rate() == 0


@imsg_only
def test_a_loop_without_a_word_ends_at_the_deadline(
    start_watched: StartSmtpd, mariadb: MariaDB
) -> None:
    server = start_watched(settings="defaults: {deadline: 1s}\n", mute=True)
    with server.connect(server.submission) as attacker:
        reply = attacker.auth_plain(POISON, "any")
    assert reply.code == 421
    with server.connect(server.submission) as client:
        assert client.auth_plain(ALICE, LOGIN_PASSWORD).code == 235
    mariadb.settled_connections()


def test_a_loop_that_is_being_counted_ends_with_smtpd(
    start_watched: StartSmtpd, mariadb: MariaDB
) -> None:
    server = start_watched(settings=PATIENT)
    before = mariadb.settled_connections()
    with server.connect(server.submission) as attacker:
        attacker.send(b"AUTH PLAIN " + plain(POISON, "any"))
        wait_until(lambda: mariadb.connections() > before, "a reconnect", pause=0.0)
        expect_all_gone(server, server.kill)
    assert mariadb.connection_rate() == 0


def test_a_lookup_that_waits_for_the_database_ends_with_smtpd(
    start_watched: StartSmtpd, mariadb: MariaDB
) -> None:
    server = start_watched(settings=PATIENT)
    with server.connect(server.submission) as user, mariadb.frozen():
        user.send(b"AUTH PLAIN " + plain(ALICE, LOGIN_PASSWORD))
        expect_all_gone(server, server.kill)
    assert mariadb.connection_rate() == 0


def test_everything_ends_with_an_orderly_stop(smtpd_watched: Smtpd) -> None:
    expect_all_gone(smtpd_watched, smtpd_watched.stop)


def test_stopped_backends_end_with_smtpd(start_watched: StartSmtpd) -> None:
    server = start_watched(settings=PATIENT)
    for table in WATCHED:
        os.kill(server.backends(table)[0].pid, signal.SIGSTOP)
    expect_all_gone(server, server.kill)


def test_a_stopped_backend_does_not_survive_its_killed_supervisor(
    start_watched: StartSmtpd,
) -> None:
    server = start_watched()
    (supervisor,) = server.supervisors("creds")
    backend = server.backends("creds")[0]  # the other one is its spare
    os.kill(backend.pid, signal.SIGSTOP)
    stopped = psutil.Process(backend.pid)
    wait_until(lambda: stopped.status() == psutil.STATUS_STOPPED, "the backend to stop")
    os.kill(supervisor.pid, signal.SIGKILL)
    wait_until(lambda: not running(backend.pid), "the backend to end", seconds=SOON)
    wait_until(lambda: not server.backends("creds"), "its spare to end", seconds=SOON)

"""Whatever becomes of tablewatchd, no lookup notices."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

import pytest

from .conftest import StartSmtpd
from .load import Load, login
from .schema import JOSE
from .smtpd import Smtpd
from .watching import Tablewatchd, free_address, settings
from .world import wait_until

TABLES = ("creds", "domains", "sndrs")
ENOUGH = 15  # logins of each user, after what was done


def killed(daemon: Tablewatchd) -> None:
    daemon.end(signal.SIGKILL)


def stopped_for_good(daemon: Tablewatchd) -> None:
    daemon.end(signal.SIGTERM)


def frozen(daemon: Tablewatchd) -> None:
    daemon.signal(signal.SIGSTOP)


def restarted(daemon: Tablewatchd) -> None:
    daemon.end(signal.SIGTERM)
    daemon.start()


def killed_and_started(daemon: Tablewatchd) -> None:
    daemon.end(signal.SIGKILL)
    daemon.start()


def crowded_out(daemon: Tablewatchd) -> None:
    """Its directory is taken away under it."""
    daemon.server.world.run(["rm", "-rf", "/run/tablewatch"])


@pytest.mark.parametrize(
    "fate", [killed, stopped_for_good, frozen, restarted, killed_and_started, crowded_out]
)
def test_no_login_notices(start_watched: StartSmtpd, fate: Callable[[Tablewatchd], None]) -> None:
    address = free_address()
    server = start_watched(settings=settings(address))
    with Tablewatchd(server, address) as daemon:
        daemon.await_tables(*TABLES)
        with Load(login(server), login(server, JOSE)) as load:
            fate(daemon)
            before = len(load.outcomes)
            wait_until(lambda: len(load.outcomes) >= before + 2 * ENOUGH, "logins", seconds=120)
    assert set(load.codes()["login"]) == {235}
    assert all(server.supervisors(table) for table in TABLES)


def test_the_supervisors_come_back_to_a_restarted_daemon(start_watched: StartSmtpd) -> None:
    address = free_address()
    server = start_watched(settings=settings(address))
    with Tablewatchd(server, address) as daemon:
        daemon.await_tables(*TABLES)
        pids = table_pids(server)
        killed_and_started(daemon)
        daemon.await_tables(*TABLES)
        assert table_pids(server) == pids


def test_a_daemon_may_come_long_after_the_tables(start_watched: StartSmtpd) -> None:
    address = free_address()
    server = start_watched(settings=settings(address))
    assert login(server)(20.0).code == 235
    with Tablewatchd(server, address) as daemon:
        daemon.await_tables(*TABLES)
        report = daemon.table("creds")
        assert report is not None
        assert report.status is not None
        assert sum(report.status.requests["lookup"].values()) >= 1


def test_a_supervisor_that_hangs_is_seen_and_the_others_are_not_harmed(
    start_watched: StartSmtpd,
) -> None:
    address = free_address()
    text = settings(address).replace("daemon:\n", "daemon:\n  timeout: 1s\n")
    server = start_watched(settings=text)
    with Tablewatchd(server, address) as daemon:
        daemon.await_tables(*TABLES)
        (pid,) = (each.pid for each in server.supervisors("sndrs"))
        os.kill(pid, signal.SIGSTOP)
        try:
            daemon.await_level("sndrs", "unknown")
            assert daemon.level("creds") == "ok"
            assert 'tablewatch_up{table="sndrs"} 0.0' in daemon.get("/metrics")
            assert 'tablewatch_up{table="creds"} 1.0' in daemon.get("/metrics")
        finally:
            os.kill(pid, signal.SIGCONT)
        daemon.await_level("sndrs", "ok")


def test_smtpd_gone_is_seen(start_watched: StartSmtpd) -> None:
    address = free_address()
    server = start_watched(settings=settings(address))
    with Tablewatchd(server, address) as daemon:
        daemon.await_tables(*TABLES)
        server.kill()
        daemon.await_level("creds", "unknown")
        report = daemon.table("creds")
        assert report is not None
        assert not report.connected
        server.start()
        daemon.await_level("creds", "ok")


def table_pids(server: Smtpd) -> set[int]:
    """The pids of all supervisors."""
    return {each.pid for table in TABLES for each in server.supervisors(table)}

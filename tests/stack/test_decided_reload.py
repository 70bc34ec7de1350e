"""A running supervisor that is given other settings."""

from __future__ import annotations

import os
import signal
from functools import partial

from tablewatch.config.settings import DEFAULT_CONFIG

from .conftest import StartSmtpd
from .load import login
from .mariadb import MariaDB
from .schema import JOSE, POISON
from .smtpd import Smtpd
from .syslogd import Line
from .world import wait_until

PATIENCE = 20.0
ASCII = "tables: {creds: {filter: {charset: ascii}}}\n"


def reload(server: Smtpd, text: str) -> list[Line]:
    """Write tablewatch.yml and send SIGHUP, as an administrator does; what was said about it."""
    server.world.path(DEFAULT_CONFIG).write_text(text, encoding="utf-8")
    (supervisor,) = server.supervisors("creds")
    before = len(server.syslog.datagrams)
    os.kill(supervisor.pid, signal.SIGHUP)

    def told() -> list[Line]:
        lines = server.syslog.lines()[before:]
        return [line for line in lines if "onfiguration" in line.text or ".yml" in line.text]

    wait_until(told, "a word about the new configuration")
    return told()


def has_backends(server: Smtpd, count: int) -> bool:
    """A condition, of the table creds."""
    return len(server.backends("creds")) == count


def test_what_is_new_is_in_force_and_what_is_broken_is_not(start_watched: StartSmtpd) -> None:
    # With the shortest interval, so that the same line is written more than once.
    interval = "defaults: {log: {interval: 100ms}}\n"
    server = start_watched(settings=interval)
    processes = server.supervisors("creds")
    assert login(server, JOSE)(PATIENCE).code == 235

    (told,) = reload(server, interval + ASCII)
    assert "configuration read anew" in told.text
    assert login(server, JOSE)(PATIENCE).code == 421
    assert login(server)(PATIENCE).code == 235

    for broken in ("tables: {creds: {filter: {charset: latin}}}\n", "tables: [\n", "\0"):
        told_all = reload(server, broken)
        assert told_all[0].severity <= 3  # error
        assert DEFAULT_CONFIG in told_all[0].text
        assert not any("read anew" in line.text for line in told_all)
        assert login(server, JOSE)(PATIENCE).code == 421
        assert login(server)(PATIENCE).code == 235

    reload(server, interval)
    assert login(server, JOSE)(PATIENCE).code == 235
    assert server.supervisors("creds") == processes


def test_what_is_known_of_keys_stays_known(start_watched: StartSmtpd, mariadb: MariaDB) -> None:
    server = start_watched()
    assert login(server, POISON)(PATIENCE).code == 421
    server.syslog.wait_for("quarantined")
    before = mariadb.settled_connections()
    reload(server, "defaults: {deadline: 4s}\n")
    assert login(server, POISON)(PATIENCE).code == 421
    assert mariadb.settled_connections() == before


def test_the_mode_can_be_changed(start_watched: StartSmtpd) -> None:
    server = start_watched(settings=ASCII)
    assert login(server, JOSE)(PATIENCE).code == 421
    reload(server, "defaults: {mode: observe}\n" + ASCII)
    assert login(server, JOSE)(PATIENCE).code == 235
    server.syslog.wait_for("would have")
    reload(server, ASCII)
    assert login(server, JOSE)(PATIENCE).code == 421


def test_spares_come_and_go(start_watched: StartSmtpd) -> None:
    server = start_watched(settings="defaults: {spares: 0}\n")
    assert login(server)(PATIENCE).code == 235
    (in_use,) = server.backends("creds")
    for count in (2, 0, 1):
        reload(server, f"defaults: {{spares: {count}, log: {{interval: 100ms}}}}\n")
        wait_until(partial(has_backends, server, 1 + count), f"{count} spares")
    assert in_use in server.backends("creds")


def test_without_a_file_the_defaults_are_in_force_again(start_watched: StartSmtpd) -> None:
    server = start_watched(settings=ASCII)
    assert login(server, JOSE)(PATIENCE).code == 421
    server.world.run(["rm", DEFAULT_CONFIG])
    (supervisor,) = server.supervisors("creds")
    os.kill(supervisor.pid, signal.SIGHUP)
    server.syslog.wait_for("configuration read anew")
    assert login(server, JOSE)(PATIENCE).code == 235

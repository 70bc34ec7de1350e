"""What the administrator gets to read, and what nobody does."""

from __future__ import annotations

import os
import re
import signal

from .conftest import StartSmtpd
from .load import login, recipient
from .mariadb import PASSWORD, MariaDB
from .schema import ALICE, JOSE, LOGIN_PASSWORD, POISON
from .smtpd import Smtpd
from .syslogd import LOG_MAIL
from .world import wait_until

PATIENCE = 20.0
ATTEMPT = "a password nobody has"
MANY = "defaults: {max_retries: 100, restart: {burst: 100}, log: {interval: 1s}}\n"


def own_lines(server: Smtpd) -> list[str]:
    """What supervisors wrote to smtpd's own stderr; smtpd's lines are not ours to judge."""
    return [line for line in server.log_text().splitlines() if line.startswith("tablewatch[")]


def test_the_incident_can_be_read_in_the_mail_log(smtpd_watched: Smtpd) -> None:
    (supervisor,) = smtpd_watched.supervisors("creds")
    assert login(smtpd_watched, POISON)(PATIENCE).code == 421
    cause = smtpd_watched.syslog.wait_for("trying to reconnect", "Illegal mix of collations")
    quarantine = smtpd_watched.syslog.wait_for("quarantined", "U+0142")
    for line in (cause, quarantine):
        assert line.facility == LOG_MAIL
        assert line.program == "tablewatch"
        assert line.pid == supervisor.pid
        assert line.text.startswith("table creds: ")
        assert line.severity <= 4  # warning
    assert "a***@example.org" in quarantine.text
    wait_until(
        lambda: f"tablewatch[{supervisor.pid}]: {quarantine.text}" in own_lines(smtpd_watched),
        "the same on stderr",
    )


def test_every_line_names_program_facility_and_table(smtpd_watched: Smtpd) -> None:
    assert login(smtpd_watched)(PATIENCE).code == 235
    assert recipient(smtpd_watched)(PATIENCE).code == 250
    tables = ("creds", "domains", "sndrs")
    for table in tables:
        smtpd_watched.syslog.wait_for(f"table {table}: backend is ready")
    lines = smtpd_watched.syslog.lines()
    assert {(line.facility, line.program) for line in lines} == {(LOG_MAIL, "tablewatch")}
    assert {line.text.split(": ")[0] for line in lines} == {f"table {each}" for each in tables}


def test_a_flood_becomes_a_line_and_a_number(start_watched: StartSmtpd) -> None:
    server = start_watched(settings=MANY)
    for number in range(6):
        assert login(server, f"ał{number}@example.org")(PATIENCE).code == 421
    told = server.syslog.wait_for("repeated", "trying to reconnect")
    match = re.search(r"repeated (\d+) times in [\d.]+ s: backend: warn: trying", told.text)
    assert match is not None
    assert int(match[1]) >= 5
    # Each of them made a retry line or a hundred.
    told_of_retries = server.syslog.having("trying to reconnect")
    assert len(told_of_retries) <= 12


def test_no_secret_is_logged(start_watched: StartSmtpd, mariadb: MariaDB) -> None:
    server = start_watched(settings="defaults: {deadline: 1s}\n")
    for user in (ALICE, JOSE, POISON, b"secret\xff\xfe@example.org"):
        login(server, user)(PATIENCE)
        login(server, user, ATTEMPT)(PATIENCE)
    login(server, ATTEMPT, ATTEMPT)(PATIENCE)  # typed into the wrong field
    login(server, ATTEMPT + "ł", ATTEMPT)(PATIENCE)
    wait_until(lambda: server.backends("creds"), "a backend")
    os.kill(server.backends("creds")[0].pid, signal.SIGSTOP)
    login(server)(PATIENCE)
    mariadb.execute("RENAME TABLE vusers TO hidden")
    try:
        login(server)(PATIENCE)
    finally:
        mariadb.execute("RENAME TABLE hidden TO vusers")
    mariadb.stop()
    login(server)(PATIENCE)
    mariadb.start()
    server.kill()
    server.syslog.wait_for("smtpd is gone")
    written = b"\n".join(server.syslog.datagrams) + "\n".join(own_lines(server)).encode()
    assert written.count(b"***") >= 3  # there were keys to mask
    for secret in (LOGIN_PASSWORD, PASSWORD, ATTEMPT, "$6$", "alice", "ałice", "jos", "secret"):
        assert secret.encode() not in written
    assert b"\\xc5\\x82" not in written.lower()


def test_a_syslogd_that_hangs_holds_up_nobody(start_watched: StartSmtpd) -> None:
    # With no interval every line is written, and the socket of a syslogd takes no more than a few.
    server = start_watched(settings="defaults: {restart: {burst: 100}, log: {interval: 100ms}}\n")
    server.syslog.stall()
    for number in range(20):
        assert login(server, f"ał{number}@example.org")(PATIENCE).code == 421
        assert login(server)(PATIENCE).code == 235
    received = len(server.syslog.datagrams)
    server.kill()
    wait_until(lambda: not server.table_processes(), "everything to end", seconds=3)
    assert len(server.syslog.datagrams) == received


def test_a_broken_configuration_is_told_and_does_no_harm(start_watched: StartSmtpd) -> None:
    server = start_watched(settings="defaults: {dedline: 5s}\n")
    line = server.syslog.wait_for("/etc/tablewatch.yml:1", "dedline", "deadline")
    assert line.severity <= 3  # error
    server.syslog.wait_for("built-in defaults")
    assert login(server)(PATIENCE).code == 235
    assert login(server, POISON)(PATIENCE).code == 421
    assert login(server)(PATIENCE).code == 235

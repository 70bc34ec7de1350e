"""Every command of an operator, on a real mail server, as root and as others."""

from __future__ import annotations

import json
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tablewatch.config.settings import DEFAULT_CONFIG
from tablewatch.control.records import from_plain
from tablewatch.control.status import HostStatus

from .conftest import _watched_starter
from .install import PREFIX
from .load import at_once, ends_in, login, recipient
from .mariadb import MariaDB
from .marks import text_only
from .schema import ALICE, JOSE, POISON
from .smtpd import Smtpd
from .terminal import on_terminal
from .watching import TABLES_USER, Tablewatchd, free_address, settings
from .world import wait_until

TABLES = {"creds", "domains", "sndrs"}
PATIENCE = 20.0
NOBODY = "nobody"
QUICK = "incidents: {quiet: 4s}"
# Of a breaker that rests for longer than any test takes.
RESTS = "incidents: {quiet: 4s}, breaker: {threshold: 1, min_open: 10m, max_open: 10m}"


class Host:
    """A mail server, its tablewatchd, and somebody at its keyboard."""

    def __init__(self, server: Smtpd, daemon: Tablewatchd) -> None:
        self.server = server
        self.daemon = daemon

    def do(self, *arguments: str, user: str = "") -> subprocess.CompletedProcess[str]:
        """Run ``tablewatch ARGUMENTS`` as root, or as a user."""
        return self.run("tablewatch", *arguments, user=user)

    def run(
        self, program: str, *arguments: str, user: str = ""
    ) -> subprocess.CompletedProcess[str]:
        """Run one of the installed programs."""
        become = ["setpriv", f"--reuid={user}", "--regid=nogroup", "--clear-groups", "--"]
        command = [f"{PREFIX}/bin/{program}", *arguments]
        return self.server.world.run([*(become if user else []), *command], check=False)

    def done(self, *arguments: str) -> str:
        """Run a command that has to succeed; what it printed."""
        told = self.do(*arguments)
        assert (told.returncode, told.stderr) == (0, ""), told
        return told.stdout

    def code(self, user: str = ALICE) -> int:
        """What somebody who logs in is answered."""
        return login(self.server, user)(PATIENCE).code

    def entries(self) -> list[dict[str, Any]]:
        """The refused keys of creds."""
        listed = json.loads(self.done("quarantine", "list", "creds", "--json"))
        return list(listed["tables"]["creds"]["entries"])

    def configure(self, text: str) -> None:
        """Write tablewatch.yml anew, and have nobody read it yet."""
        self.server.world.path(DEFAULT_CONFIG).write_text(text, encoding="utf-8")


@pytest.fixture(scope="module")
def shared_host(
    flavour: str,
    tables: MariaDB,
    stack_directory: Path,
    prefix: Path,
    _numbers: Iterator[int],
) -> Iterator[Host]:
    address = free_address()
    with (
        _watched_starter(flavour, stack_directory, tables, prefix, _numbers) as start,
        ExitStack() as stack,
    ):
        server = start(settings=settings(address, QUICK))
        daemon = stack.enter_context(Tablewatchd(server, address))
        daemon.await_tables(*TABLES)
        yield Host(server, daemon)


@pytest.fixture
def host(shared_host: Host, mariadb: MariaDB) -> Iterator[Host]:
    """A host that is well, whatever the test before did to it."""
    wait_until(ends_in(login(shared_host.server), 235), "a good login")
    yield shared_host
    shared_host.configure(settings(shared_host.daemon.address, QUICK))
    for command in ("reload", "resume", "reset"):
        shared_host.do(command, "--all")


def test_status_says_at_a_terminal_what_is_wrong_and_what_to_do(host: Host) -> None:
    host.daemon.await_level("creds", "ok")
    program = f"{PREFIX}/bin/tablewatch"
    status, shown = on_terminal(host.server.world, [program, "status"])
    assert status == 0
    assert {line.split()[0] for line in shown.splitlines()[3:6]} == TABLES
    poisoned(host)
    status, shown = on_terminal(host.server.world, [program, "status"])
    assert status == 1
    assert shown.splitlines()[3].split()[:2] == ["creds", "warning"]  # the worst comes first
    assert "why" in shown
    assert "character" in shown
    assert "utf8mb4" in shown
    assert max(map(len, shown.splitlines())) <= 80
    only_one = host.do("status", "domains")
    assert only_one.returncode == 0
    assert "creds" not in only_one.stdout


@text_only
def test_status_follows_what_happens(host: Host) -> None:
    host.daemon.await_level("creds", "ok")
    poisoned(host)
    assert host.do("status", "creds").returncode == 1
    wait_until(lambda: host.do("status", "creds").returncode == 0, "the incident to be over")


@text_only
def test_status_json_is_what_the_api_says(host: Host) -> None:
    poisoned(host)
    told = host.do("status", "--json")
    assert told.returncode == 1
    data = json.loads(told.stdout)
    assert data["level"] == "warning"
    shown, by_api = from_plain(HostStatus, data), host.daemon.status()
    assert {each.table for each in shown.tables} == TABLES
    for one, other in zip(shown.tables, by_api.tables, strict=True):
        assert one.status is not None
        assert other.status is not None
        assert (one.table, one.status.pid) == (other.table, other.status.pid)
        assert one.status.quarantine == other.status.quarantine


def test_a_refused_key_is_listed_and_released_by_its_id(host: Host, mariadb: MariaDB) -> None:
    assert host.code(POISON) == 421
    (entry,) = host.entries()
    listed = host.done("quarantine", "list")
    assert entry["id"] in listed
    assert POISON not in listed
    assert POISON.partition("@")[0] not in listed
    before = mariadb.settled_connections()
    assert host.code(POISON) == 421
    assert mariadb.settled_connections() == before
    assert "1 key released" in host.done("quarantine", "release", "creds", entry["id"])
    assert host.entries() == []
    assert host.code(POISON) == 421
    assert mariadb.settled_connections() > before  # it was asked
    assert [each["id"] for each in host.entries()] == [entry["id"]]
    unknown = host.do("quarantine", "release", "creds", "nonsense")
    assert unknown.returncode == 1
    assert "tablewatch quarantine list" in unknown.stderr


@text_only
def test_a_refused_key_is_released_by_itself(host: Host) -> None:
    assert host.code(POISON) == 421
    assert "1 key released" in host.done(
        "quarantine", "release", "creds", "--key", "credentials", POISON
    )
    assert host.entries() == []
    missed = host.do("quarantine", "release", "creds", "--key", "credentials", ALICE)
    assert missed.returncode == 1
    assert ALICE not in missed.stdout + missed.stderr


def test_a_key_that_an_operator_refuses_does_not_reach_the_database(
    host: Host, mariadb: MariaDB
) -> None:
    assert host.code(JOSE) == 235
    host.done("quarantine", "add", "creds", "credentials", JOSE, "--for", "10m")
    with mariadb.statements() as told:
        assert host.code(JOSE) == 421
        assert b"vusers" not in told()
        assert host.code(ALICE) == 235
        wait_until(lambda: b"vusers" in told(), "her lookup in the log")
    (entry,) = host.entries()
    assert entry["by_operator"]
    assert entry["hits"] >= 1
    host.done("quarantine", "release", "creds", entry["id"])
    assert host.code(JOSE) == 235


@text_only
def test_all_keys_are_released(host: Host) -> None:
    for number in range(3):
        assert host.code(f"ał{number}@example.org") == 421
    assert len(host.entries()) == 3
    assert "3 keys released" in host.done("quarantine", "release", "creds", "--all")
    assert host.entries() == []


def test_a_pause_leaves_the_database_alone(host: Host, mariadb: MariaDB) -> None:
    told = host.done("pause", "creds", "--for", "10m")
    assert "10m" in told
    before = mariadb.settled_connections()
    with mariadb.statements() as statements:
        # As many as would have opened the breaker, if they had got anywhere.
        answers = at_once([login(host.server) for _ in range(12)])
        assert {each.code for each in answers} == {421}
        assert recipient(host.server)(PATIENCE).code == 250  # another table
        assert b"vusers" not in statements()
        assert b"vdomains" in statements()
    assert mariadb.settled_connections() == before
    shown = host.do("status", "creds")
    assert "paused" in shown.stdout
    # What a pause is for.
    mariadb.restart()
    assert host.code() == 421
    assert "creds" in host.done("resume", "creds")
    wait_until(ends_in(login(host.server), 235), "a good login")
    report = host.daemon.table("creds")
    assert report is not None
    assert report.status is not None
    assert report.status.breaker.state == "closed"
    assert report.status.pause is None
    assert report.status.tempfails["paused"] >= 13


@text_only
def test_a_pause_of_all_tables_ends_by_itself(host: Host) -> None:
    told = host.done("pause", "--all", "--for", "2s")
    assert all(table in told for table in TABLES)
    assert host.code() == 421
    wait_until(ends_in(login(host.server), 235), "the pause to be over")
    assert recipient(host.server)(PATIENCE).code == 250


def test_reset_closes_the_breaker_after_an_outage(host: Host, mariadb: MariaDB) -> None:
    host.configure(settings(host.daemon.address, RESTS))
    host.done("reload")
    mariadb.stop()

    def opened() -> bool:
        host.code()
        report = host.daemon.table("creds")
        assert report is not None
        return report.status is not None and report.status.breaker.state == "open"

    wait_until(opened, "the breaker to open", seconds=60)
    mariadb.start()
    assert host.code() == 421  # for the next ten minutes, that is
    status = host.do("status", "creds")
    assert status.returncode == 2
    assert "open" in status.stdout
    host.done("reset", "creds")
    wait_until(ends_in(login(host.server), 235), "a good login")
    host.daemon.await_level("creds", "ok")


def test_reload_takes_a_good_file_and_refuses_a_broken_one(host: Host) -> None:
    address = host.daemon.address
    host.configure(settings(address, QUICK) + "tables: {creds: {mode: observe}}\n")
    assert modes(host)["creds"] == "enforce"
    told = host.done("reload")
    assert all(table in told for table in TABLES)
    assert modes(host) == {"creds": "observe", "domains": "enforce", "sndrs": "enforce"}

    host.configure(settings(address, QUICK) + "tables: {creds: {mode: enforze}}\n")
    refused = host.do("reload", "creds")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "mode" in refused.stderr
    assert "enforce" in refused.stderr  # how it is written
    assert modes(host)["creds"] == "observe"
    assert host.code() == 235
    shown = host.do("status", "creds")
    assert "only observed" in shown.stdout.lower()

    host.configure(settings(address, QUICK))
    host.done("reload", "creds")
    assert modes(host)["creds"] == "enforce"


def test_everybody_may_look_and_operators_may_act(host: Host) -> None:
    for user in (NOBODY, TABLES_USER):
        seen = host.do("status", user=user)
        assert seen.returncode in {0, 1}, seen
        assert all(table in seen.stdout for table in TABLES)
        for command in (
            ("pause", "--all"),
            ("reset", "--all"),
            ("reload",),
            ("quarantine", "add", "creds", "credentials", ALICE),
            ("quarantine", "release", "creds", "--all"),
            ("quarantine", "list"),
        ):
            refused = host.do(*command, user=user)
            assert (refused.returncode, refused.stdout) == (1, ""), command
            assert "daemon.operators" in refused.stderr
    assert host.code() == 235
    allowed = host.do("pause", "creds", "--for", "1m", user="_tablewatch")
    assert allowed.returncode == 0
    assert host.code() == 421


@text_only
def test_an_operator_of_the_configuration_may_act(host: Host) -> None:
    text = settings(host.daemon.address, QUICK)
    host.configure(text.replace("daemon:\n", f"daemon:\n  operators: [{NOBODY}]\n"))
    host.daemon.signal(signal.SIGHUP)
    wait_until(
        lambda: host.do("quarantine", "list", user=NOBODY).returncode == 0,
        "tablewatchd to have read its configuration",
    )
    host.configure(text)
    host.daemon.signal(signal.SIGHUP)
    wait_until(
        lambda: host.do("quarantine", "list", user=NOBODY).returncode == 1,
        "tablewatchd to have read its configuration",
    )


@pytest.mark.parametrize("name", ["query", "creds"])
def test_a_query_is_no_table_of_the_mail_server(host: Host, name: str) -> None:
    before = host.daemon.status().daemon
    target = "watch-mysql:/srv/creds.conf"
    found = host.do("query", "--table", name, target, "credentials", ALICE)
    assert found.returncode == 0
    assert found.stdout.startswith(ALICE)
    after = host.daemon.status()
    assert {each.table for each in after.tables} == TABLES
    assert after.daemon.supervisors == before.supervisors == 3
    assert after.daemon.refused_links == before.refused_links
    assert "refused" not in host.daemon.log()


def test_the_check_goes_with_the_incident(host: Host, mariadb: MariaDB) -> None:
    """As Nagios' own user, who may do no more than anybody else."""

    def check(*arguments: str) -> tuple[int, str]:
        told = host.run("check_tablewatch", *arguments, user=NOBODY)
        assert told.stderr == ""
        first, *_ = told.stdout.splitlines()
        return told.returncode, first

    host.daemon.await_level("creds", "ok")
    status, line = check()
    assert status == 0
    assert line.startswith("TABLEWATCH OK: 3 tables are well | 'ok'=3")

    poisoned(host)
    status, line = check()
    assert status == 1
    assert re.match("TABLEWATCH WARNING: creds: the key has characters .* | ", line)
    assert "'warning'=1;;;0;3" in line
    assert check("--table", "domains")[0] == 0

    mariadb.stop()

    def critical() -> bool:
        host.code()
        return check()[0] == 2

    wait_until(critical, "the check to be critical", seconds=60)
    assert re.match("TABLEWATCH CRITICAL: creds: .* | ", check()[1])
    mariadb.start()
    wait_until(ends_in(login(host.server), 235), "a good login", seconds=60)
    wait_until(lambda: check()[0] == 0, "the check to be content", seconds=60)


@text_only
def test_without_a_daemon_the_tools_say_what_to_start(host: Host) -> None:
    host.daemon.end(signal.SIGKILL)
    try:
        for arguments in (["status"], ["pause", "creds"], ["quarantine", "list"], ["reload"]):
            told = host.do(*arguments)
            assert (told.returncode, told.stdout) == (3, ""), arguments
            assert "start tablewatchd" in told.stderr
        checked = host.run("check_tablewatch", user=NOBODY)
        assert checked.returncode == 2
        assert "start tablewatchd" in checked.stdout
        assert host.code() == 235
    finally:
        host.daemon.start()
        host.daemon.await_tables(*TABLES)


def poisoned(host: Host) -> None:
    """A key that the table can't hold was asked for, and tablewatchd has heard of it."""
    assert host.code(POISON) == 421
    host.daemon.await_level("creds", "warning")


def modes(host: Host) -> dict[str, str]:
    """Enforce or observe, of each table."""
    return {each.table: each.status.mode for each in host.daemon.status().tables if each.status}

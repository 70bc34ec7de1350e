"""The real table-mysql in its loop, looked at by the real strace, and nobody waits for that."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psutil
from tests.support.programs import need

from .conftest import StartSmtpd
from .mariadb import PASSWORD, MariaDB
from .marks import imsg_only
from .schema import ALICE, LOGIN_PASSWORD, POISON
from .smtpd import Smtpd
from .watching import PATIENCE, Tablewatchd, free_address, settings
from .world import running, wait_until


def login(server: Smtpd, user: str) -> int:
    """The reply's code."""
    with server.connect(server.submission) as client:
        return client.auth_plain(user, LOGIN_PASSWORD).code


def tracers(server: Smtpd) -> list[int]:
    """The pids of strace."""
    return [each.pid for each in server.table_processes() if each.program == "strace"]


def tracer_of(pid: int) -> int:
    """Who traces this process, 0 for nobody."""
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        (line,) = [each for each in file if each.startswith("TracerPid:")]
    return int(line.split()[1])


def incidents(daemon: Tablewatchd) -> list[dict[str, Any]]:
    """Every incident in full, as the tool shows it."""
    listed = json.loads(daemon.tool("tablewatch", "incidents", "list", "--json").stdout)
    shown = [
        daemon.tool("tablewatch", "incidents", "show", each["id"], "--json").stdout
        for each in listed["incidents"]
    ]
    return [json.loads(each)["incident"]["report"] for each in shown]


def await_trace(daemon: Tablewatchd) -> dict[str, Any]:
    """The one incident, when its trace has been told."""
    found: list[dict[str, Any]] = []

    def told() -> bool:
        found[:] = [each for each in incidents(daemon) if each["trace"]]
        return bool(found)

    wait_until(told, "an incident with a trace", seconds=PATIENCE)
    (incident,) = found
    return incident


def await_none_left(server: Smtpd, *pids: int) -> None:
    """Wait until strace and these are gone, and one backend and one spare are there."""
    wait_until(
        lambda: not tracers(server) and not any(running(pid) for pid in pids),
        "everything of the trace to be gone",
        seconds=PATIENCE,
    )
    assert all(tracer_of(each.pid) == 0 for each in server.backends("creds"))


@contextmanager
def watched(start: StartSmtpd, defaults: str) -> Iterator[tuple[Smtpd, Tablewatchd]]:
    """A mail server with its tablewatchd; its tables have a spare."""
    need("strace")
    address = free_address()
    server = start(settings=settings(address, defaults))
    with Tablewatchd(server, address) as daemon:
        daemon.await_tables("creds", "domains", "sndrs")
        assert login(server, ALICE) == 235
        wait_until(lambda: "spare is ready" in server.log_text(), "a spare", seconds=PATIENCE)
        yield server, daemon


@imsg_only
def test_the_loop_is_seen_for_what_it_is(start_watched: StartSmtpd, mariadb: MariaDB) -> None:
    with watched(start_watched, "trace: {enabled: yes, seconds: 5s}") as (server, daemon):
        before = {each.pid for each in server.backends("creds")}
        assert login(server, POISON) == 421
        assert login(server, ALICE) == 235
        incident = await_trace(daemon)
        assert incident["error_class"] == "query"
        calls, target, answer, *more = incident["trace"].splitlines()
        assert " system calls in " in calls
        place, _, often = target.removeprefix("connects to ").partition(": ")
        assert place == f"{mariadb.address}:3306"
        assert often.endswith(" a second")
        assert int(often.split()[0]) > 1
        assert answer.startswith("is answered: error 1267 (HY000): Illegal mix of collations")
        assert more == []
        (looped,) = before - {each.pid for each in server.backends("creds")}
        await_none_left(server, looped)
        expect_no_secret(daemon, incident)

        # It is known now: the next one is just ended.
        assert login(server, "bołesław@example.org") == 421
        assert login(server, ALICE) == 235
        assert await_trace(daemon)["trace"] == incident["trace"]


def expect_no_secret(daemon: Tablewatchd, incident: dict[str, Any]) -> None:
    """Neither the incident nor what is shown of it holds a key, a password or a hash."""
    shown = daemon.tool("tablewatch", "incidents", "show", incident["id"]).stdout
    assert "Illegal mix" in shown
    shown += json.dumps(incident, ensure_ascii=False) + daemon.log()
    for secret in (POISON, POISON.partition("@")[0], LOGIN_PASSWORD, PASSWORD, "$6$"):
        assert secret not in shown


@imsg_only
def test_while_one_is_looked_at_logins_are_answered_by_the_spare(
    start_watched: StartSmtpd, mariadb: MariaDB
) -> None:
    """One that waits for its database is looked at for as long as it may be."""
    defaults = "deadline: 2s, trace: {enabled: yes, seconds: 10s}"
    with watched(start_watched, defaults) as (server, daemon):
        with mariadb.frozen():
            assert login(server, ALICE) == 421
            wait_until(lambda: tracers(server), "strace to run", seconds=PATIENCE)
        (strace,) = tracers(server)
        for _ in range(5):
            assert login(server, ALICE) == 235
        assert running(strace)
        (traced,) = [each.pid for each in server.backends("creds") if tracer_of(each.pid) == strace]
        assert psutil.Process(traced).ppid() == psutil.Process(strace).ppid()
        trace = await_trace(daemon)["trace"]
        assert " system call" in trace
        await_none_left(server, traced)
        assert login(server, ALICE) == 235


@imsg_only
def test_when_smtpd_ends_meanwhile_nothing_is_left(
    start_watched: StartSmtpd, mariadb: MariaDB
) -> None:
    defaults = "deadline: 2s, trace: {enabled: yes, seconds: 10s}"
    with watched(start_watched, defaults) as (server, _), mariadb.frozen():
        assert login(server, ALICE) == 421
        wait_until(lambda: tracers(server), "strace to run", seconds=PATIENCE)
        server.kill()
        wait_until(
            lambda: not tracers(server) and not server.backends("creds"),
            "strace and the backends to be gone",
            seconds=8,
        )

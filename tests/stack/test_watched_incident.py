"""The whole way: real tables, a real tablewatchd, a real Prometheus, through the incident."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from tests.grafana import queries

from .conftest import StartSmtpd
from .mariadb import PASSWORD, MariaDB
from .prometheus import Prometheus
from .requirements import need_programs
from .schema import ALICE, LOGIN_PASSWORD, POISON
from .smtpd import Smtpd
from .watching import Tablewatchd, free_address, settings
from .world import wait_until

QUICK = "incidents: {quiet: 10s}, breaker: {max_open: 2s}"


class Watched:
    """A mail server, its tablewatchd, and a Prometheus that scrapes it."""

    def __init__(self, server: Smtpd, daemon: Tablewatchd, prometheus: Prometheus) -> None:
        self.server = server
        self.daemon = daemon
        self.prometheus = prometheus

    def login(self, user: str) -> int:
        """The reply's code."""
        with self.server.connect(self.server.submission) as client:
            return client.auth_plain(user, LOGIN_PASSWORD).code

    def check(self, *arguments: str) -> int:
        """The exit status of check_tablewatch."""
        return self.daemon.tool("check_tablewatch", *arguments).returncode


@pytest.fixture
def watched(start_watched: StartSmtpd, stack_directory: Path, flavour: str) -> Iterator[Watched]:
    need_programs("prometheus", "promtool")
    address = free_address()
    server = start_watched(settings=settings(address, QUICK))
    directory = stack_directory / f"prometheus-{flavour}-{address}"
    with ExitStack() as stack:
        daemon = stack.enter_context(Tablewatchd(server, address))
        daemon.await_tables("creds", "domains", "sndrs")
        prometheus = stack.enter_context(Prometheus(directory, address))
        yield Watched(server, daemon, prometheus)


def test_an_incident_is_seen_everywhere_and_over_everywhere(
    watched: Watched, mariadb: MariaDB
) -> None:
    daemon, prometheus = watched.daemon, watched.prometheus
    assert watched.login(ALICE) == 235
    daemon.await_level("creds", "ok")
    assert watched.check() == 0
    before = time.monotonic()
    prometheus.await_scrapes()

    # A poisoned key: users are served, and there is something to repair.
    assert watched.login(POISON) == 421
    daemon.await_level("creds", "warning")
    report = daemon.table("creds")
    assert report is not None
    assert "character" in report.condition.why
    assert "utf8mb4" in report.condition.todo
    assert watched.check("--table", "creds") == 1
    assert watched.login(POISON) == 421
    assert watched.login(ALICE) == 235

    # A backend dies.
    for each in watched.server.backends("creds"):
        os.kill(each.pid, signal.SIGKILL)
    wait_until(lambda: watched.login(ALICE) == 235, "another backend", seconds=60)

    # The database is gone: nobody can log in.
    mariadb.stop()
    wait_until(
        lambda: watched.login(ALICE) == 421 and daemon.level("creds") == "critical",
        "the table to be critical",
        seconds=60,
    )
    assert watched.check("--table", "creds") == 2
    prometheus.await_alert("TablewatchTableCritical", fires=True)

    mariadb.start()
    wait_until(lambda: watched.login(ALICE) == 235, "logins to work again", seconds=60)
    prometheus.await_alert("TablewatchTableCritical", fires=False)
    daemon.await_level("creds", "ok")
    assert watched.check() == 0
    expect_every_query_answered(prometheus, seconds=time.monotonic() - before + 10)
    expect_no_secret(daemon)


def expect_every_query_answered(prometheus: Prometheus, *, seconds: float) -> None:
    """Every query of the dashboard has something to show of what just happened.

    At some moment of it: a rate is only there while something happens.
    """
    span = f"{int(seconds) + 1}s"
    empty = [
        f"{query.where} {query.ref}: {query.expr}"
        for query in queries.queries(interval="5s", span=span)
        if not query.may_be_empty and not prometheus.history(query.expr, seconds=seconds)
    ]
    assert not empty, "\n".join(empty)


def expect_no_secret(daemon: Tablewatchd) -> None:
    """Nothing that anybody can read from outside holds a key, a password or a hash."""
    shown = "".join(daemon.get(path) for path in ("/", "/metrics", "/api/v1/status"))
    shown += daemon.tool("tablewatch", "status", "--json").stdout
    shown += daemon.tool("tablewatch", "quarantine", "list").stdout
    shown += daemon.tool("check_tablewatch", "-vvv").stdout
    shown += daemon.log()
    assert "utf8mb4" in shown  # the incident is told of
    for secret in (POISON, POISON.partition("@")[0], LOGIN_PASSWORD, PASSWORD, "$6$"):
        assert secret not in shown


def test_what_is_scraped_is_clean(watched: Watched) -> None:
    assert watched.login(POISON) == 421
    done = subprocess.run(
        ["promtool", "check", "metrics"],
        input=watched.daemon.get("/metrics"),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")

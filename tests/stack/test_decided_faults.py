"""A database that can't answer, under load: nobody's key is blamed, and nobody need be called."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from .attack import resting
from .conftest import StartSmtpd
from .load import Load, ends_in, login, other_login, recipient
from .mariadb import PASSWORD, USER, MariaDB
from .schema import ALICE, JOSE
from .smtpd import Smtpd
from .world import wait_until

PATIENCE = 20.0
# Short rests, so that no test waits long; otherwise the defaults.
PROMPT = "max_open: 2s"
PROBE = "probe: credentials postmaster@example.org"


def closed_again(server: Smtpd, table: str) -> Callable[[], bool]:
    """A condition: the table's breaker was closed after it had opened for the last time."""

    def condition() -> bool:
        words = f"table {table}: breaker "
        told = [line.text for line in server.syslog.having(words)]
        return bool(told) and told[-1].startswith(words + "closed")

    return condition


def expect_outage(
    server: Smtpd, mariadb: MariaDB, begin: Callable[[], object], end: Callable[[], object]
) -> str:
    """Have an outage of the table creds under load; the breaker's words about it."""
    supervisors = server.supervisors("creds")
    people = [login(server), login(server, JOSE), login(server, ALICE, "wrong")]
    people += [recipient(server), other_login(server)]
    with Load(*map(resting, people)) as load:
        begin()
        try:
            opened = server.syslog.wait_for("table creds: breaker open").text
            before = len(load.outcomes) + len(people)  # who is being answered is
            wait_until(lambda: len(load.outcomes) > before + 20, "more people during the outage")
            during = load.outcomes[before : before + 20]
        finally:
            end()
        wait_until(ends_in(login(server), 235), "a good login", pause=0.1, seconds=60)
    # smtpd holds back its 535 for a moment, so some are from before.
    assert 421 in {each.code for each in during if each.who == "login"}
    assert 235 not in {each.code for each in during if each.who == "login"}
    codes = load.codes()
    assert set(codes["login"]) == {235, 421, 535}
    assert set(codes["recipient"]) <= {250, 451}
    assert set(codes["other login"]) == {235}
    for user in (ALICE, JOSE):
        assert login(server, user)(PATIENCE).code == 235
    wait_until(closed_again(server, "creds"), "the breaker to be closed")
    assert not server.syslog.having("quarantined")
    assert not server.syslog.having("all of them refused")
    assert server.supervisors("creds") == supervisors
    assert mariadb.alive()
    return opened


@pytest.mark.parametrize("breaker", [PROMPT, f"{PROMPT}, {PROBE}"], ids=["trial", "probe"])
def test_an_outage_blames_nobody_and_ends_by_itself(
    start_watched: StartSmtpd, mariadb: MariaDB, breaker: str
) -> None:
    server = start_watched(settings=f"defaults: {{breaker: {{{breaker}}}}}\n")
    opened = expect_outage(server, mariadb, mariadb.stop, mariadb.start)
    assert "does not accept connections" in opened


def test_a_probe_finds_the_database_back_without_a_user(
    start_watched: StartSmtpd, mariadb: MariaDB
) -> None:
    settings = f"defaults: {{breaker: {{{PROMPT}, {PROBE}}}}}\n"
    server = start_watched(settings=settings)
    mariadb.stop()
    while not server.syslog.having("table creds: breaker open"):
        assert login(server)(PATIENCE).code == 421
    mariadb.start()
    wait_until(closed_again(server, "creds"), "the breaker to be closed", seconds=60)
    assert login(server)(PATIENCE).code == 235


@pytest.mark.parametrize("thing", ["column", "table"])
def test_broken_sql_blames_nobody_and_is_named(
    start_watched: StartSmtpd, mariadb: MariaDB, thing: str
) -> None:
    rename = {
        "column": "ALTER TABLE vusers RENAME COLUMN {} TO {}",
        "table": "RENAME TABLE {} TO {}",
    }[thing]
    names = {"column": ("c_password", "c_pass"), "table": ("vusers", "vpeople")}[thing]
    server = start_watched(settings=f"defaults: {{breaker: {{{PROMPT}}}}}\n")
    opened = expect_outage(
        server,
        mariadb,
        lambda: mariadb.execute(rename.format(*names)),
        lambda: mariadb.execute(rename.format(*reversed(names))),
    )
    assert "names something that does not exist" in opened
    server.syslog.wait_for("table creds: backend", names[0])


def test_a_changed_password_blames_nobody_and_is_named(
    start_watched: StartSmtpd, mariadb: MariaDB
) -> None:
    def change(password: str) -> None:
        mariadb.execute(f"ALTER USER '{USER}'@'%' IDENTIFIED BY '{password}'")
        mariadb.execute(f"KILL USER '{USER}'")  # who is connected stays so otherwise

    server = start_watched(settings=f"defaults: {{breaker: {{{PROMPT}}}}}\n")
    opened = expect_outage(
        server, mariadb, lambda: change("another password"), lambda: change(PASSWORD)
    )
    assert "refuses this user, password" in opened
    server.syslog.wait_for("table creds: backend", "Access denied")


def test_update_closes_the_breaker(start_watched: StartSmtpd, mariadb: MariaDB) -> None:
    server = start_watched(settings="defaults: {breaker: {min_open: 1h, max_open: 1h}}\n")
    mariadb.stop()
    while not server.syslog.having("table creds: breaker open"):
        assert login(server)(PATIENCE).code == 421
    mariadb.start()
    assert login(server)(PATIENCE).code == 421  # for an hour
    server.update_table("creds")
    server.syslog.wait_for("table creds: update:", "breaker closed")
    assert login(server)(PATIENCE).code == 235

"""Logins that no backend survives, or that none must see."""

from __future__ import annotations

import pytest

from .client import Reply
from .conftest import StartSmtpd
from .load import Load, other_login, recipient
from .mariadb import MariaDB
from .marks import imsg_only, text_only
from .schema import ALICE, JOSE, LOGIN_PASSWORD, POISON
from .smtpd import Smtpd
from .world import wait_until

PATIENCE = 20.0
# Each makes the statement fail, in its own way.
POISONS = {
    "not in latin1": POISON.encode(),
    "four bytes": "al\U0001f600ice@example.org".encode(),
    "invalid": b"al\xff\xfeice@example.org",
    "torn": b"al\xc3",
}
every_poison = pytest.mark.parametrize("poison", POISONS.values(), ids=POISONS)
# table-mysql of either version spends at most this on one; without a supervisor the older spends
# that many in 10 ms, and goes on.
MOST_CONNECTIONS = 10


def auth(server: Smtpd, user: str | bytes, password: str = LOGIN_PASSWORD) -> Reply:
    with server.connect(server.submission, seconds=PATIENCE) as client:
        return client.auth_plain(user, password)


@every_poison
def test_a_poisoned_login_costs_only_itself(
    smtpd_watched: Smtpd, mariadb: MariaDB, poison: bytes
) -> None:
    before = mariadb.settled_connections()
    assert auth(smtpd_watched, poison).code == 421
    assert auth(smtpd_watched, ALICE).code == 235
    assert auth(smtpd_watched, JOSE).code == 235
    first = mariadb.settled_connections() - before
    assert 1 <= first <= MOST_CONNECTIONS

    assert auth(smtpd_watched, poison).code == 421
    assert auth(smtpd_watched, poison).code == 421
    assert auth(smtpd_watched, ALICE).code == 235
    assert mariadb.settled_connections() - before == first


def test_everybody_else_is_answered_during_an_attack(start_watched: StartSmtpd) -> None:
    # So many distinct keys in a row are more losses than the default lets pass without a pause.
    server = start_watched(settings="defaults: {restart: {burst: 100}}\n")
    with Load(other_login(server), recipient(server)) as others:
        for number in range(12):
            assert auth(server, f"ał{number}@example.org").code == 421
            assert auth(server, ALICE).code == 235
        assert auth(server, ALICE, "wrong").code == 535
    codes = others.codes()
    assert set(codes["other login"]) == {235}
    assert set(codes["recipient"]) == {250}


def test_other_sessions_open_during_the_poisoned_login_go_on(smtpd_watched: Smtpd) -> None:
    with (
        smtpd_watched.connect(smtpd_watched.submission, seconds=PATIENCE) as early,
        smtpd_watched.connect(smtpd_watched.submission, seconds=PATIENCE) as sender,
    ):
        assert sender.auth_plain(ALICE, LOGIN_PASSWORD).code == 235
        assert auth(smtpd_watched, POISON).code == 421
        assert early.auth_plain(JOSE, LOGIN_PASSWORD).code == 235
        assert sender.mail_from(ALICE).code == 250


def test_a_poisoned_sender_is_answered(smtpd_watched: Smtpd) -> None:
    """The same failure, in another table and with the query of two regular expressions."""
    with smtpd_watched.connect(smtpd_watched.submission, seconds=PATIENCE) as client:
        assert client.auth_plain(ALICE, LOGIN_PASSWORD).code == 235
        assert client.mail_from(POISON).code in range(400, 600)
        assert client.mail_from(ALICE).code == 250
    assert smtpd_watched.alive()


def test_update_releases_the_key_once_the_columns_are_repaired(
    smtpd_watched: Smtpd, mariadb: MariaDB
) -> None:
    assert auth(smtpd_watched, POISON, "any").code == 421
    convert = "ALTER TABLE vusers CONVERT TO CHARACTER SET {}"
    mariadb.execute(convert.format("utf8mb4 COLLATE utf8mb4_general_ci"))
    try:
        assert auth(smtpd_watched, POISON, "any").code == 421
        smtpd_watched.update_table("creds")
        assert auth(smtpd_watched, POISON, "any").code == 535
        assert auth(smtpd_watched, JOSE).code == 235
    finally:
        mariadb.execute(convert.format("latin1 COLLATE latin1_swedish_ci"))


@text_only
@pytest.mark.parametrize(
    "tail",
    [
        "tail@example.org",
        "table|0.1|1.000000|creds|lookup|credentials|0badcafe|tail@example.org",
        "config|ready",
        "",
    ],
)
def test_nothing_behind_a_newline_reaches_the_backend(
    smtpd_watched: Smtpd, mariadb: MariaDB, tail: str
) -> None:
    wait_until(lambda: len(smtpd_watched.backends("creds")) == 2, "the spare")
    backends = smtpd_watched.backends("creds")
    with mariadb.statements() as statements:
        assert auth(smtpd_watched, f"head@example.org\n{tail}").code in (421, 535)
        assert auth(smtpd_watched, ALICE).code == 235
        asked = statements()
    assert asked.count(b"Execute") == 1  # the good login's
    assert smtpd_watched.alive()
    assert smtpd_watched.backends("creds") == backends


@imsg_only
def test_a_newline_is_as_good_as_any_other_character(smtpd_watched: Smtpd) -> None:
    """In the imsg protocol a key ends with a NUL."""
    assert auth(smtpd_watched, f"head\n{ALICE}").code == 535
    assert auth(smtpd_watched, ALICE).code == 235

"""An attacker who never repeats a key, in a short form, beside the bare mail server."""

from __future__ import annotations

from .attack import attack, poison
from .conftest import StartSmtpd
from .load import login
from .mariadb import MariaDB
from .marks import imsg_only, text_only
from .schema import ALICE, JOSE
from .smtpd import Smtpd

KEYS = 150
RATE = 50.0
PATIENCE = 20.0
LEARNED_FROM = 5  # distinct keys
# table-mysql spends up to four connections on one: it is found out at its third retry, and the
# process is replaced.
MOST_CONNECTIONS = 6 * LEARNED_FROM


def test_a_kind_is_learned_and_no_more_keys_of_it_reach_the_database(
    start_watched: StartSmtpd, mariadb: MariaDB
) -> None:
    """With the defaults; everybody else is answered all the while."""
    with mariadb.statements() as told:
        server = start_watched()
        found = attack(server, mariadb, told, supervised=True, keys=KEYS, rate=RATE)
        assert dict(found.codes) == {421: KEYS}
        assert len(found.reached) == LEARNED_FROM
        assert LEARNED_FROM <= found.connections <= MOST_CONNECTIONS
        assert len(found.good) > 10
        assert set(found.good_codes()) == {235}  # accented ones, too
        server.syslog.wait_for("characters beyond latin1", "all of them refused")
        supervisors = server.supervisors("creds")

        before = found.reached, mariadb.settled_connections()
        again = attack(server, mariadb, told, supervised=True, keys=2 * KEYS, rate=1000.0)
        assert dict(again.codes) == {421: 2 * KEYS}
        assert (again.reached, mariadb.settled_connections()) == before
        assert set(again.good_codes()) == {235}
        assert server.supervisors("creds") == supervisors


def test_update_after_the_repair_ends_what_was_learned(
    start_watched: StartSmtpd, mariadb: MariaDB
) -> None:
    server = start_watched()
    for number in range(LEARNED_FROM):
        assert login(server, poison(number))(PATIENCE).code == 421
    server.syslog.wait_for("all of them refused")
    convert = "ALTER TABLE vusers CONVERT TO CHARACTER SET {}"
    mariadb.execute(convert.format("utf8mb4 COLLATE utf8mb4_general_ci"))
    try:
        assert login(server, poison(99))(PATIENCE).code == 421
        server.update_table("creds")
        server.syslog.wait_for("kinds of keys released")
        for number in (0, 99):
            assert login(server, poison(number))(PATIENCE).code == 535
        for user in (ALICE, JOSE):
            assert login(server, user)(PATIENCE).code == 235
    finally:
        mariadb.execute(convert.format("latin1 COLLATE latin1_swedish_ci"))


def test_with_a_filter_not_one_reaches_the_database(
    start_watched: StartSmtpd, mariadb: MariaDB
) -> None:
    with mariadb.statements() as told:
        server = start_watched(settings="defaults: {filter: {charset: latin1}}\n")
        found = attack(server, mariadb, told, supervised=True, keys=KEYS // 3, rate=RATE)
    assert dict(found.codes) == {421: KEYS // 3}
    assert (found.reached, found.connections) == ([], 0)
    assert set(found.good_codes()) == {235}


@imsg_only
def test_bare_the_first_key_ends_it_all(start_bare: StartSmtpd, mariadb: MariaDB) -> None:
    with mariadb.statements() as told:
        server: Smtpd = start_bare()
        found = attack(server, mariadb, told, supervised=False, keys=8, rate=RATE, patience=2)
    assert set(found.codes) == {0}
    assert len(found.reached) == 1
    assert found.connections > 100 * LEARNED_FROM
    assert found.good_codes()[0] > 0


@text_only
def test_bare_every_key_costs_the_database_a_reconnect(
    start_bare: StartSmtpd, mariadb: MariaDB
) -> None:
    with mariadb.statements() as told:
        server: Smtpd = start_bare()
        found = attack(server, mariadb, told, supervised=False, keys=KEYS // 3, rate=RATE)
    assert dict(found.codes) == {421: KEYS // 3}
    assert len(found.reached) == KEYS // 3
    assert found.connections >= KEYS // 3

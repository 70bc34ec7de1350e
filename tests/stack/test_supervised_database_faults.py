"""A database that is stopped, killed, frozen, restarted, or down when the host boots."""

from __future__ import annotations

import pytest

from .conftest import StartSmtpd
from .load import Outcome, Session, at_once, ends_in, login, other_login, other_recipient, recipient
from .mariadb import MariaDB
from .schema import ALICE
from .smtpd import Smtpd
from .world import wait_until

PATIENCE = 30.0
DEADLINE = 5.0  # the default
GRACE = 1.0  # the default of start_grace
SLACK = 3.0  # for a machine that is busy with something else
# A database that has been away is looked for after pauses. Shorter than the defaults, all of it, so
# that no test waits long.
PROMPT = """
defaults:
  deadline: 1s
  start_grace: 500ms
  register_wait: 1s
  restart: {min_delay: 100ms, max_delay: 500ms}
"""


def heals(server: Smtpd) -> None:
    """Everything works again, and neither smtpd nor a supervisor was started anew for it."""
    wait_until(ends_in(login(server), 235), "a good login", pause=0.1)
    wait_until(ends_in(recipient(server), 250), "a recipient", pause=0.1)
    assert login(server, ALICE, "wrong")(PATIENCE).code == 535
    assert server.alive()


def fails_softly(server: Smtpd) -> None:
    """What needs the database is put off, and all else works."""
    assert login(server)(PATIENCE).code == 421
    assert recipient(server)(PATIENCE).code == 451
    assert other_login(server)(PATIENCE).code == 235
    assert other_recipient(server)(PATIENCE).code == 250


@pytest.mark.parametrize("way", ["stop", "kill"])
def test_a_database_that_is_away_puts_logins_off(
    start_watched: StartSmtpd, mariadb: MariaDB, way: str
) -> None:
    server = start_watched(settings=PROMPT)
    supervisors = server.supervisors("creds")
    assert login(server)(PATIENCE).code == 235
    getattr(mariadb, way)()
    fails_softly(server)
    fails_softly(server)
    mariadb.start()
    heals(server)
    assert server.supervisors("creds") == supervisors


def test_a_restart_between_two_logins_goes_unnoticed(
    smtpd_watched: Smtpd, mariadb: MariaDB
) -> None:
    """The first retry of a backend heals it, and is not taken for a loop."""
    backends = smtpd_watched.backends("creds")
    assert login(smtpd_watched)(PATIENCE).code == 235
    mariadb.restart()
    assert login(smtpd_watched)(PATIENCE).code == 235
    assert recipient(smtpd_watched)(PATIENCE).code == 250
    assert smtpd_watched.backends("creds") == backends


def test_an_outage_puts_no_key_into_quarantine(smtpd_watched: Smtpd, mariadb: MariaDB) -> None:
    mariadb.stop()
    fails_softly(smtpd_watched)
    mariadb.start()
    heals(smtpd_watched)
    assert not smtpd_watched.syslog.having("quarantine")


def test_a_frozen_database_costs_a_session_the_deadline(
    smtpd_watched: Smtpd, mariadb: MariaDB
) -> None:
    """One after another, with the default settings."""
    first: list[Outcome] = []
    second: list[Outcome] = []
    later: list[Outcome] = []
    with mariadb.frozen():
        for outcomes in (first, second, later):
            outcomes += [
                session(smtpd_watched)(PATIENCE)
                for session in (login, recipient, other_login, other_recipient)
            ]
    assert [each.code for each in first + second + later] == [421, 451, 235, 250] * 3
    # The connections of the backend and of its spare have both to be found dead.
    assert max(each.seconds for each in first + second) < DEADLINE + SLACK
    # The backends that replaced them can't connect, and nobody waits long for those.
    assert max(each.seconds for each in later) < GRACE + SLACK
    heals(smtpd_watched)


def test_sessions_that_meet_a_frozen_database_together_are_all_answered(
    start_watched: StartSmtpd, mariadb: MariaDB
) -> None:
    """smtpd asks one table at a time, so they wait for each other, but nobody for ever."""
    server = start_watched(settings=PROMPT)
    kinds = (login, recipient, other_login, other_recipient)
    sessions: list[Session] = [kind(server) for kind in kinds * 3]
    with mariadb.frozen():
        outcomes = at_once(sessions)
    assert [each.code for each in outcomes] == [421, 451, 235, 250] * 3
    assert max(each.seconds for each in outcomes) < 2 * (1.0 + 0.5) + SLACK
    heals(server)


@pytest.mark.parametrize("how", ["stopped", "frozen"])
def test_smtpd_starts_without_its_database(
    start_watched: StartSmtpd, mariadb: MariaDB, how: str
) -> None:
    if how == "stopped":
        mariadb.stop()
    else:
        mariadb.freeze()
    server = start_watched(settings=PROMPT)
    fails_softly(server)
    if how == "stopped":
        mariadb.start()
    else:
        mariadb.thaw()
    heals(server)

"""What the mail server does without a supervisor: the facts that tablewatch exists for.

They also show that this harness sees each failure, so that no test of the supervised mail server
passes because nothing would have happened anyway.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable

import pytest

from .client import NoAnswer
from .conf import BOB
from .load import SENDER
from .mariadb import MariaDB
from .marks import imsg_only, text_only
from .schema import ALICE, LOGIN_PASSWORD, POISON
from .smtpd import Smtpd
from .works import TestWorks  # noqa: F401 - collected here, too
from .world import StackError, running, wait_until

# Generous: a busy two-core machine must keep within it, and what never answers never will.
STALLED = 2.0


@pytest.fixture(scope="module")
def mail_server(shared_bare: Smtpd) -> Smtpd:
    """For TestWorks."""
    return shared_bare


def test_every_table_has_its_process(shared_bare: Smtpd) -> None:
    for table in ("creds", "domains", "sndrs", "others"):
        (process,) = shared_bare.backends(table)
        assert process.name == table
        assert not shared_bare.supervisors(table)


class TestFails:
    """The incident, and its relatives."""

    @imsg_only
    def test_poisoned_login_imsg(self, smtpd_bare: Smtpd, mariadb: MariaDB) -> None:
        with (
            smtpd_bare.connect(smtpd_bare.plain) as bystander,
            smtpd_bare.connect(smtpd_bare.submission) as attacker,
        ):
            assert bystander.mail_from(SENDER).code == 250
            with pytest.raises(NoAnswer, match="no answer"):
                attacker.auth_plain(POISON, "any password", seconds=STALLED)
            with pytest.raises(NoAnswer, match="no answer"):
                bystander.rcpt(BOB, seconds=STALLED)
            with (
                pytest.raises(NoAnswer, match="no answer"),
                smtpd_bare.connect(smtpd_bare.other, seconds=STALLED),
            ):
                pass

        (backend,) = smtpd_bare.backends("creds")
        assert mariadb.connection_rate() > 100
        smtpd_bare.kill()
        assert not smtpd_bare.alive()
        assert [each.pid for each in smtpd_bare.backends("creds")] == [backend.pid]
        assert mariadb.connection_rate() > 100
        assert "trying to reconnect after error: Illegal mix of collations" in log_end(smtpd_bare)

        smtpd_bare.close()
        assert not running(backend.pid)
        assert mariadb.connection_rate() == 0

    @text_only
    def test_poisoned_login_text(self, shared_bare: Smtpd, mariadb: MariaDB) -> None:
        before = mariadb.connections()
        with shared_bare.connect(shared_bare.submission) as attacker:
            assert attacker.auth_plain(POISON, "any password").code == 421
        assert 1 <= mariadb.connections() - before <= 10
        with shared_bare.connect(shared_bare.submission) as client:
            assert client.auth_plain(ALICE, LOGIN_PASSWORD).code == 235

    @text_only
    def test_newline_in_a_user_name_ends_smtpd(self, smtpd_bare: Smtpd) -> None:
        (backend,) = smtpd_bare.backends("creds")
        with (
            contextlib.suppress(NoAnswer),
            smtpd_bare.connect(smtpd_bare.submission) as attacker,
        ):
            attacker.auth_plain(b"alice\n@example.org", "any password")
        wait_until(lambda: not running(backend.pid), "the backend to end")
        expect_end_at_next_lookup(smtpd_bare)

    def test_death_of_a_backend_ends_smtpd(self, smtpd_bare: Smtpd) -> None:
        (backend,) = smtpd_bare.backends("creds")
        os.kill(backend.pid, signal.SIGKILL)
        wait_until(lambda: not running(backend.pid), "the backend to end")
        expect_end_at_next_lookup(smtpd_bare)

    def test_frozen_database_stalls_everybody(self, smtpd_bare: Smtpd, mariadb: MariaDB) -> None:
        with (
            smtpd_bare.connect(smtpd_bare.plain) as bystander,
            smtpd_bare.connect(smtpd_bare.submission) as user,
        ):
            assert bystander.mail_from(SENDER).code == 250
            with mariadb.frozen():
                user.send(b"AUTH PLAIN AGFsaWNlQGV4YW1wbGUub3JnAHdyb25nIHBhc3N3b3Jk")
                with pytest.raises(NoAnswer, match="no answer"):
                    user.wait(seconds=STALLED)
                with pytest.raises(NoAnswer, match="no answer"):
                    bystander.rcpt(BOB, seconds=STALLED)
            assert user.wait().code == 535
            assert bystander.wait().code == 250

    def test_does_not_start_without_the_database(
        self, start_bare: Callable[..., Smtpd], mariadb: MariaDB
    ) -> None:
        mariadb.stop()
        with pytest.raises(StackError, match="could not connect"):
            start_bare()


def expect_end_at_next_lookup(server: Smtpd) -> None:
    """A login, honest as it may be, is the end of the whole mail server."""
    with contextlib.suppress(NoAnswer), server.connect(server.submission) as client:
        client.auth_plain(ALICE, LOGIN_PASSWORD)
    wait_until(lambda: not server.alive(), "smtpd to end")


def log_end(server: Smtpd) -> str:
    """The last lines of a log that may be long."""
    return server.log_text()[-20_000:]

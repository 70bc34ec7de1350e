"""What every mail server must do, whoever serves its tables.

A test module imports TestWorks and has a fixture ``mail_server``, an Smtpd.
"""

from __future__ import annotations

import pytest

from .conf import BOB
from .load import SENDER
from .mariadb import MariaDB
from .schema import ALICE, DOMAIN, JOSE, LOGIN_PASSWORD, SENT_AS
from .smtpd import Smtpd
from .world import wait_until


class TestWorks:
    """The mail server of the harness answers as a mail server should."""

    @pytest.mark.parametrize("user", [ALICE, JOSE])
    def test_good_login(self, mail_server: Smtpd, user: str) -> None:
        with mail_server.connect(mail_server.submission) as client:
            assert client.auth_plain(user, LOGIN_PASSWORD).code == 235

    @pytest.mark.parametrize("user", [ALICE, "nobody@example.org"])
    def test_bad_login(self, mail_server: Smtpd, user: str) -> None:
        with mail_server.connect(mail_server.submission) as client:
            assert client.auth_plain(user, "wrong password").code == 535

    def test_login_on_a_table_without_a_database(self, mail_server: Smtpd) -> None:
        with mail_server.connect(mail_server.other) as client:
            assert client.auth_plain("bob", LOGIN_PASSWORD).code == 235

    @pytest.mark.parametrize(
        ("address", "code"),
        [
            (f"anybody@{DOMAIN}", 250),
            ("anybody@unknown.example", 550),
            (BOB, 250),
            ("nobody@other.example", 550),
        ],
    )
    def test_recipients(self, mail_server: Smtpd, address: str, code: int) -> None:
        with mail_server.connect(mail_server.plain) as client:
            assert client.mail_from(SENDER).code == 250
            assert client.rcpt(address).code == code

    @pytest.mark.parametrize(
        ("address", "code"), [(ALICE, 250), (SENT_AS, 250), (f"boss@{DOMAIN}", 530)]
    )
    def test_senders(self, mail_server: Smtpd, address: str, code: int) -> None:
        with mail_server.connect(mail_server.submission) as client:
            assert client.auth_plain(ALICE, LOGIN_PASSWORD).code == 235
            assert client.mail_from(address).code == code

    def test_update_reaches_the_backend(self, mail_server: Smtpd, mariadb: MariaDB) -> None:
        before = mariadb.connections()
        mail_server.update_table("creds")
        wait_until(lambda: mariadb.connections() > before, "the backend to connect anew")

    def test_mail_is_delivered(self, mail_server: Smtpd) -> None:
        arrived = mail_server.directory / "mail/local/new"
        with mail_server.connect(mail_server.plain) as client:
            client.mail_from(SENDER)
            client.rcpt(f"anybody@{DOMAIN}")
            assert client.data("Subject: a test\n\nIt works.\n").code == 250
        wait_until(lambda: arrived.exists() and any(arrived.iterdir()), "the mail to arrive")

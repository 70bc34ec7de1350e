"""Who comes to the demo's mail server, when, and what each should be told."""

from __future__ import annotations

import contextlib
import enum
import hashlib
import hmac
import sqlite3
from typing import NamedTuple

from tablewatch.protocol.messages import Answer, Verdict

# Keys of table-mysql's configuration file, per table of the demo's smtpd.conf.
QUERIES = {
    "creds": "query_credentials select mail, c_password from vusers where mail = ?",
    "aliases": "query_alias select goto from valiases where addr = ?",
}

# U+0142 is not in latin1, which is all it takes (the login of the incident it happened with).
POISON = "ałice@example.org"
_PASSWORD = "correct horse"  # noqa: S105 - the only one the demo's users have

_USERS = ("alice", "bob", "carol", "dave")
_ALIASES = {"info": "alice", "sales": "bob, carol", "postmaster": "dave"}
_SCHEMA = """\
create table vusers (mail text collate latin1_swedish_ci primary key, c_password text not null);
create table valiases (addr text collate latin1_swedish_ci primary key, goto text not null);
"""
# Real password hashes take long on purpose; these protect nobody.
_ROUNDS = 1000


class Reply(enum.IntEnum):
    """What smtpd tells the client; the texts are :data:`TEXTS`."""

    AUTHENTICATED = 235
    ACCEPTED = 250
    LOGIN_LATER = 421
    MAIL_LATER = 451
    WRONG_LOGIN = 535
    NO_SUCH_USER = 550


TEXTS = {
    Reply.AUTHENTICATED: "ok",
    Reply.ACCEPTED: "ok",
    Reply.LOGIN_LATER: "temporary failure",
    Reply.MAIL_LATER: "temporary failure",
    Reply.WRONG_LOGIN: "wrong password",
    Reply.NO_SUCH_USER: "no such user",
}


class Session(NamedTuple):
    """One client. ``step``: when it comes, counted in steps of the demo's pace."""

    step: int
    table: str
    key: str
    expected: Reply
    password: str = ""

    @property
    def title(self) -> str:
        """What the client wants, in words."""
        return f"{'login' if self.table == 'creds' else 'mail to'} {self.key}"

    @property
    def service(self) -> str:
        """The lookup service that smtpd asks for it."""
        return "credentials" if self.table == "creds" else "alias"

    @property
    def poisoned(self) -> bool:
        """Whether this is the login that makes the backend run away."""
        return self.key == POISON

    def judge(self, answer: Answer) -> Reply:
        """Return what smtpd makes of the table's answer; passwords are checked by smtpd."""
        login = self.table == "creds"
        if answer.verdict is Verdict.ERROR:
            return Reply.LOGIN_LATER if login else Reply.MAIL_LATER
        if not login:
            return Reply.ACCEPTED if answer.verdict is Verdict.FOUND else Reply.NO_SUCH_USER
        stored = answer.value.partition(b":")[2].decode("utf-8", "replace")
        if answer.verdict is Verdict.FOUND and _fits(self.password, stored):
            return Reply.AUTHENTICATED
        return Reply.WRONG_LOGIN


def sessions() -> list[Session]:
    """Return everybody who comes, in order; two of them are the poisoned login."""
    plan = [
        (0, "alice", Reply.AUTHENTICATED),
        (1, "info", Reply.ACCEPTED),
        (2, "bob", Reply.AUTHENTICATED),
        (3, POISON, Reply.LOGIN_LATER),
        (3, "carol", Reply.AUTHENTICATED),  # at the same moment
        (3, "sales", Reply.ACCEPTED),
        (5, "dave", Reply.AUTHENTICATED),
        (6, "nobody", Reply.NO_SUCH_USER),
        (7, "alice", Reply.AUTHENTICATED),
        (8, POISON, Reply.LOGIN_LATER),
        (9, "bob", Reply.AUTHENTICATED),
        (10, "alice", Reply.WRONG_LOGIN),
        (11, "postmaster", Reply.ACCEPTED),
        (12, "carol", Reply.AUTHENTICATED),
    ]
    return [_session(step, name, expected) for step, name, expected in plan]


def _session(step: int, name: str, expected: Reply) -> Session:
    key = name if "@" in name else f"{name}@example.org"
    if expected in (Reply.ACCEPTED, Reply.NO_SUCH_USER):
        return Session(step, "aliases", key, expected)
    password = "wrong" if expected is Reply.WRONG_LOGIN else _PASSWORD
    return Session(step, "creds", key, expected, password)


def create_database(path: str) -> None:
    """Make the SQLite file with the users and aliases that the sessions ask for."""
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        # The collation only has to exist here; comparing is the backend's.
        connection.create_collation("latin1_swedish_ci", lambda a, b: (a > b) - (a < b))
        connection.executescript(_SCHEMA)
        connection.executemany(
            "insert into vusers values (?, ?)",
            [(f"{user}@example.org", _hash(_PASSWORD, user)) for user in _USERS],
        )
        connection.executemany(
            "insert into valiases values (?, ?)",
            [(f"{alias}@example.org", users) for alias, users in _ALIASES.items()],
        )


def _hash(password: str, salt: str) -> str:
    digest = hashlib.pbkdf2_hmac("sha256", password.encode(), salt.encode(), _ROUNDS)
    return f"$demo${salt}${digest.hex()}"


def _fits(password: str, stored: str) -> bool:
    _, _, salt, _ = [*stored.split("$"), "", "", "", ""][:4]
    return hmac.compare_digest(_hash(password, salt).encode(), stored.encode())

"""Observe mode: everything is seen and said, nothing is done, and not a byte is changed."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

import pytest

from tablewatch.config.settings import DEFAULT_CONFIG

from . import recorder
from .client import NoAnswer
from .conftest import StartSmtpd
from .install import PREFIX, link_backend
from .load import login, other_login, recipient
from .mariadb import MariaDB
from .marks import imsg_only, text_only
from .schema import ALICE, DOMAIN, JOSE, LOGIN_PASSWORD, POISON, SENT_AS
from .smtpd import LIBEXEC, Smtpd
from .world import World, wait_until

PATIENCE = 20.0
STALLED = 2.0
OBSERVE = "defaults: {mode: observe}\n"
TABLES = ("creds", "domains", "sndrs")


class Bytes(NamedTuple):
    """What went through one recorder."""

    asked: bytes
    answered: bytes


def recorded(server: Smtpd, name: str, table: str) -> list[Bytes]:
    """What the recorders of this name saw for a table, one for each process it had."""
    found = []
    for path in sorted(server.world.path(recorder.RECORDS).glob(f"{name}.{table}.*")):
        lines = path.read_text(encoding="ascii").splitlines()
        found.append(
            Bytes(
                *(
                    b"".join(bytes.fromhex(each[1:]) for each in lines if each[0] == mark)
                    for mark in "><"
                )
            )
        )
    return found


def install_recorders(world: World) -> None:
    for name in recorder.RECORDERS:
        world.run(["chmod", "755", f"{LIBEXEC}/{name}"])
    link_backend(world, "inner")


def start(start_any: StartSmtpd, backend: str, **files: str) -> Smtpd:
    """A mail server whose tables are served through recorders."""
    text = "#!/usr/bin/python3 -I\n" + Path(recorder.__file__).read_text(encoding="utf-8")
    programs = {f"{LIBEXEC}/{name}": text for name in recorder.RECORDERS}
    return start_any(backend=backend, prepare=install_recorders, files=programs | files)


def talk(server: Smtpd, *, poison: bool) -> list[int]:
    """A bit of everything; the codes of the answers."""
    codes = [
        session(PATIENCE).code
        for session in (
            login(server),
            login(server, JOSE),
            login(server, ALICE, "wrong"),
            login(server, "nobody@example.org"),
            recipient(server),
            recipient(server, "anybody@unknown.example"),
            *([login(server, POISON), login(server, POISON)] if poison else []),
        )
    ]
    for table in TABLES:
        server.update_table(table)
    with server.connect(server.submission, seconds=PATIENCE) as client:
        codes.append(client.auth_plain(ALICE, LOGIN_PASSWORD).code)
        codes += [client.mail_from(SENT_AS).code, client.reset().code]
        codes += [client.mail_from(f"boss@{DOMAIN}").code]
    return codes


def comparable(flavour: str, data: bytes) -> bytes:
    """Without what differs from one run to the next: times and numbers."""
    if flavour == "text":
        # The table's name is followed by the operation; the number comes after the service.
        data = re.sub(rb"(?m)^(table\|0\.1)\|\d+\.\d+\|", rb"\1|TIME|", data)
        return re.sub(rb"\|[0-9a-f]{8,16}(?=[|\n])", b"|ID", data)
    plain, at = b"", 0
    while at < len(data):
        length = int.from_bytes(data[at + 4 : at + 6], "little")
        plain += data[at : at + 8] + data[at + 16 : at + length]  # without peerid and pid
        at += length
    return plain


@pytest.fixture
def bare(start_bare: StartSmtpd, prefix: Path) -> Smtpd:
    """Unsupervised, through a recorder. The link to a supervisor is there and not used."""

    def begin(**options: object) -> Smtpd:
        return start_bare(binds={prefix: PREFIX}, **options)

    return start(begin, "inner")


def test_not_a_byte_is_changed(bare: Smtpd, start_watched: StartSmtpd, flavour: str) -> None:
    observed = start(start_watched, "outer", **{DEFAULT_CONFIG: OBSERVE})
    poison = flavour == "text"  # the other flavour never gets over it
    codes = talk(bare, poison=poison)
    assert {235, 535, 250, 550, 530} <= set(codes)
    assert talk(observed, poison=poison) == codes
    for table in TABLES:
        (before,) = recorded(bare, "table-inner", table)
        (outside,) = recorded(observed, "table-outer", table)
        (inside,) = recorded(observed, "table-inner", table)
        assert outside == inside
        assert len(outside.answered) > 20
        assert comparable(flavour, outside.asked) == comparable(flavour, before.asked)
        assert comparable(flavour, outside.answered) == comparable(flavour, before.answered)
    # What passed is what this is about.
    (creds,) = recorded(observed, "table-outer", "creds")
    assert ALICE.encode() in creds.asked
    assert b"$6$" in creds.answered
    assert (POISON.encode() in creds.asked) is poison
    assert not observed.syslog.having("backend restarts (")


@text_only
def test_it_says_what_it_would_have_done(start_watched: StartSmtpd, mariadb: MariaDB) -> None:
    server = start_watched(settings=OBSERVE)
    server.syslog.wait_for("table creds: observing")
    assert login(server, POISON)(PATIENCE).code == 421
    before = mariadb.settled_connections()
    assert login(server, POISON)(PATIENCE).code == 421
    server.syslog.wait_for("table creds: would have:", "answered error")
    assert mariadb.settled_connections() > before  # but it did not
    assert login(server)(PATIENCE).code == 235
    assert len(server.backends("creds")) == 1  # no spare


@imsg_only
def test_a_poisoned_login_hangs_as_it_does_without_a_supervisor(
    start_watched: StartSmtpd, mariadb: MariaDB
) -> None:
    server = start_watched(settings=OBSERVE)
    with (
        server.connect(server.submission) as attacker,
        pytest.raises(NoAnswer, match="no answer"),
    ):
        attacker.auth_plain(POISON, LOGIN_PASSWORD, seconds=STALLED)
    server.syslog.wait_for("table creds: would have: backend kept reconnecting", "answered error")
    assert other_login(server)(STALLED).code == 0
    assert mariadb.connection_rate() > 100
    server.kill()
    wait_until(lambda: not server.table_processes(), "the loop to end with smtpd", seconds=5)
    assert mariadb.connection_rate() == 0

"""The incident, and how an administrator gets out of it with the doctor, on the real stack."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from . import install, schema
from .conftest import StartSmtpd
from .load import login
from .mariadb import PASSWORD, MariaDB
from .marks import imsg_only
from .requirements import need_driver
from .schema import ALICE, JOSE, LOGIN_PASSWORD, POISON
from .smtpd import Smtpd

PATIENCE = 30.0
NOBODY = "nobody@example.org"
SEVEN = {
    "mail.vdomains.domain",
    "mail.vusers.c_uid",
    "mail.vusers.c_name",
    "mail.vusers.mail",
    "mail.vusers.c_password",
    "mail.valias.alias",
    "mail.valias.addr",
}
OF_CHARACTERS = {"mysql-charset", "mysql-default-charset", "mysql-probe"}
ADMINISTRATOR = {"MARIADB": "mariadb --no-defaults --user=root --socket=/mariadb/socket"}


@pytest.fixture
def server(flavour: str, prefix: Path, stack_directory: Path) -> Iterator[Smtpd]:
    """A watched mail server with a database of its own, set up as in the report."""
    need_driver("pymysql", "python3-pymysql")
    with MariaDB(stack_directory / "story-mariadb") as database:
        schema.load(database)
        options = install.supervised(prefix)
        options["binds"] = {**options["binds"], database.directory: "/mariadb"}
        with Smtpd(flavour, stack_directory / "story-smtpd", database, **options) as server:
            yield server


class Doctor:
    """Runs the installed doctor, and keeps everything it says."""

    def __init__(self, server: Smtpd) -> None:
        self._world = server.world
        self.said = ""

    def text(self, *arguments: str, status: int) -> str:
        """What is printed for people."""
        conf = ("--smtpd-conf", "/srv/smtpd.conf")
        done = install.tablewatch(self._world, "doctor", *conf, *arguments, check=False)
        self.said += done.stdout + done.stderr
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout

    def data(self, *, status: int) -> dict[str, Any]:
        """What is told a program."""
        told: dict[str, Any] = json.loads(self.text("--json", status=status))
        return told


@imsg_only
def test_the_cause_is_found_and_repaired(server: Smtpd) -> None:
    assert login(server, POISON)(PATIENCE).code == 421
    doctor = Doctor(server)

    found = doctor.data(status=2)
    assert [each["examined"] for each in found["tables"]] == [True, True, True, True]
    charset = [each for each in found["findings"] if each["id"] == "mysql-charset"]
    columns = {line.split()[0] for each in charset for line in each["proof"].splitlines()}
    assert columns == SEVEN
    probe = next(each for each in found["findings"] if each["title"].startswith("query_credent"))
    assert "error 1267: Illegal mix of collations" in probe["proof"]
    assert "beyond latin1" in probe["proof"]

    report = doctor.text("--fix-script", "/srv/fix.sh", status=2)
    assert "ALTER TABLE vusers CONVERT TO CHARACTER SET utf8mb4" in report
    assert "character_set_server = utf8mb4" in report
    script = (server.directory / "fix.sh").read_text(encoding="utf-8")
    server.world.run(["sh", "/srv/fix.sh"], environment=ADMINISTRATOR)

    for user, password, code in (
        (POISON, LOGIN_PASSWORD, 535),
        (ALICE, LOGIN_PASSWORD, 235),
        (JOSE, LOGIN_PASSWORD, 235),
        (JOSE, "wrong", 535),
    ):
        assert login(server, user, password)(PATIENCE).code == code

    after = doctor.data(status=1)
    left = {(each["id"], each["severity"]) for each in after["findings"]}
    assert ("unwatched", "warning") in left  # the table without a database
    assert {kind for kind, severity in left if severity != "note"} == {"unwatched"}
    assert not {kind for kind, _ in left} & OF_CHARACTERS
    assert "tablewatch reset creds" in doctor.text(status=1)

    secrets = [PASSWORD, LOGIN_PASSWORD, schema.crypt(LOGIN_PASSWORD), "$6$"]
    for secret in secrets:
        assert secret not in doctor.said + script


def test_a_null_password_is_that_of_the_login_before(
    start_bare: StartSmtpd, mariadb: MariaDB
) -> None:
    """Why the doctor counts NULL among the worst: table-mysql of either version does not look."""
    mariadb.execute("ALTER TABLE vusers MODIFY c_password VARCHAR(255)")
    mariadb.execute(f"INSERT INTO vusers (mail, c_password) VALUES ('{NOBODY}', NULL)")
    try:
        server = start_bare()
        assert login(server, ALICE)(PATIENCE).code == 235
        assert login(server, NOBODY)(PATIENCE).code == 235  # with the password of ALICE
    finally:
        mariadb.execute(f"DELETE FROM vusers WHERE mail = '{NOBODY}'")
        mariadb.execute("ALTER TABLE vusers MODIFY c_password VARCHAR(255) NOT NULL")

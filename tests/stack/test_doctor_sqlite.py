"""What the doctor says of an SQLite database, beside what the real table-sqlite does with it."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tablewatch.doctor import conf, sqlite
from tablewatch.doctor.account import smtpd_account
from tablewatch.doctor.findings import Finding, Severity, most_serious_first
from tablewatch.doctor.patient import Patient
from tablewatch.errors import DoctorError

from .marks import imsg_only
from .requirements import need_stack
from .smtpd import LIBEXEC
from .world import ENVIRONMENT

pytestmark = imsg_only

PROGRAM = f"{LIBEXEC}/table-sqlite"
KEY = "bob@example.org"
CREDENTIALS = "query_credentials SELECT email, password FROM users WHERE email = ?"
DOMAIN = "query_domain SELECT password FROM users WHERE email = ?"
FOUND, NOT_FOUND, NO_ANSWER = 0, 1, 75


@pytest.fixture
def directory(flavour: str) -> Iterator[Path]:
    """A directory that smtpd's user may enter."""
    need_stack(flavour)
    if not Path(PROGRAM).exists():
        reason = f"{PROGRAM} is missing (Debian package opensmtpd-extras)"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
    with tempfile.TemporaryDirectory(prefix="tablewatch-sqlite-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


def make(directory: Path, password: str, *, wal: bool = False, mode: int = 0o640) -> Path:
    """Make a database with one user in it; ``password`` is SQL."""
    path = directory / "mail.sqlite"
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.execute(f"PRAGMA journal_mode = {'WAL' if wal else 'DELETE'}")
        database.executescript(
            "CREATE TABLE users (email TEXT UNIQUE, password TEXT);"
            f"INSERT INTO users VALUES ('{KEY}', {password});"
        )
    account = smtpd_account()
    assert account is not None
    os.chown(path, 0, account.gid)
    path.chmod(mode)
    return path


def write_conf(path: Path, query: str) -> Path:
    """Write table-sqlite's configuration beside the database."""
    file = path.with_name("sqlite.conf")
    file.write_text(f"dbpath {path}\n{query}\n", encoding="utf-8")
    return file


def asked(path: Path, query: str) -> tuple[int, str]:
    """What the real backend, run as smtpd's user, makes of it: exit status, and what was said."""
    account = smtpd_account()
    assert account is not None
    service = query.split(maxsplit=1)[0].removeprefix("query_")
    main = "from tablewatch.cli.main import main; raise SystemExit(main())"
    options = ["--user", account.name, "--protocol", "imsg", "--timeout", "20s"]
    target = f"{PROGRAM}:{write_conf(path, query)}"
    done = subprocess.run(
        [sys.executable, "-c", main, "query", *options, target, service, KEY],
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def examined(path: Path, query: str) -> list[Finding]:
    """What the doctor finds."""
    read = conf.read("sqlite", str(write_conf(path, query)), "creds")
    patient = Patient(
        "creds", "sqlite", str(path.with_name("sqlite.conf")), False, "", read.options, read.queries
    )
    found = most_serious_first(sqlite.examine(patient, lambda _: None))
    return [each for each in found if each.id != "sqlite-journal"]


def test_a_healthy_database(directory: Path) -> None:
    path = make(directory, "'$6$x'")
    assert asked(path, CREDENTIALS)[0] == FOUND
    assert examined(path, CREDENTIALS) == []


@pytest.mark.parametrize(
    ("password", "query", "said", "severity"),
    [
        ("NULL", DOMAIN, "killed by SIGSEGV", Severity.CRITICAL),
        ("''", DOMAIN, "found answer with an empty value", Severity.CRITICAL),
        ("NULL", CREDENTIALS, f"{KEY}:(null)", Severity.WARNING),
        ("''", CREDENTIALS, f"{KEY}:\n", Severity.WARNING),
        ("hex(zeroblob(2100))", DOMAIN, "result too large", Severity.WARNING),
    ],
)
def test_values(directory: Path, password: str, query: str, said: str, severity: Severity) -> None:
    path = make(directory, password)
    assert said in asked(path, query)[1]
    (finding,) = examined(path, query)
    assert (finding.id, finding.severity) == ("sqlite-values", severity)


@pytest.mark.parametrize(
    ("query", "status", "said", "severity"),
    [
        ("SELECT email FROM users WHERE email = ?", NO_ANSWER, "invalid columns", 0),
        ("SELECT email, password FROM x WHERE email = ?", NO_ANSWER, "no such table", 0),
        ("SELECT email, password FROM users", NO_ANSWER, "column index out of range", 0),
        (f"SELECT email, password FROM users WHERE '' = ? OR '{KEY}' = ?", NOT_FOUND, "", 1),
        (f"SELECT email, password FROM users WHERE '' = ?1 OR '{KEY}' = ?1", FOUND, "", None),
    ],
)
def test_queries(directory: Path, query: str, status: int, said: str, severity: int | None) -> None:
    path = make(directory, "'$6$x'")
    told = asked(path, f"query_credentials {query}")
    assert told[0] == status
    assert said in told[1]
    found = examined(path, f"query_credentials {query}")
    wrong = [each.severity for each in found if each.id == "sqlite-query"]
    assert wrong == ([] if severity is None else [Severity(severity)])


def test_a_write_ahead_log_that_nobody_has_open(directory: Path) -> None:
    path = make(directory, "'$6$x'", wal=True)
    status, said = asked(path, CREDENTIALS)
    assert (status, "attempt to write a readonly database" in said) == (NO_ANSWER, True)
    assert examined(path, CREDENTIALS)[0].id == "sqlite-wal"
    with contextlib.closing(sqlite3.connect(path)) as writer:
        writer.execute("SELECT count(*) FROM users").fetchall()
        assert asked(path, CREDENTIALS)[0] == FOUND
        assert examined(path, CREDENTIALS) == []


def test_a_database_that_is_locked(directory: Path) -> None:
    path = make(directory, "'$6$x'")
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as writer:
        writer.execute("BEGIN EXCLUSIVE")
        assert "database is locked" in asked(path, CREDENTIALS)[1]
        assert [each.id for each in examined(path, CREDENTIALS)] == ["sqlite-locked"]


def _remove(path: Path) -> None:
    path.unlink()


def _close(path: Path) -> None:
    path.chmod(0o600)


def _overwrite(path: Path) -> None:
    path.write_bytes(b"no database, but long enough to be one " * 50)


@pytest.mark.parametrize(
    ("harm", "said", "why"),
    [
        (_remove, "unable to open database file", "No such file"),
        (_close, "unable to open database file", "Permission denied"),
        (_overwrite, "file is not a database", "no SQLite database"),
    ],
)
def test_files(directory: Path, harm: Callable[[Path], None], said: str, why: str) -> None:
    path = make(directory, "'$6$x'")
    harm(path)
    status, told = asked(path, CREDENTIALS)
    assert (status, said in told) == (NO_ANSWER, True)
    with pytest.raises(DoctorError, match=why):
        examined(path, CREDENTIALS)

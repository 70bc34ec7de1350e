"""SQLite databases to examine, real ones."""

import contextlib
import os
import pathlib
import sqlite3
import tempfile

from tablewatch.doctor import conf, sqlite
from tablewatch.doctor.account import smtpd_account
from tablewatch.doctor.findings import most_serious_first
from tablewatch.doctor.patient import Patient

CREDENTIALS = "query_credentials SELECT email, password FROM users WHERE email = ?"
SCHEMA = """
CREATE TABLE users (email TEXT UNIQUE, password TEXT, uid INT, gid INT, home TEXT);
INSERT INTO users VALUES ('a@example.org', '$6$x', 1000, 1000, '/home/a');
"""


@contextlib.contextmanager
def open_directory():
    """A directory that smtpd's user may enter, which those of tmp_path are not."""
    with tempfile.TemporaryDirectory(prefix="tablewatch-sqlite-") as name:
        path = pathlib.Path(name)
        path.chmod(0o755)
        yield path


def make(directory, more="", *, wal=False, mode=0o640):
    """Make a database that smtpd's user may read, and nobody else; its path."""
    path = directory / "mail.sqlite"
    with contextlib.closing(sqlite3.connect(path)) as database:
        if wal:
            database.execute("PRAGMA journal_mode = WAL")
        database.executescript(SCHEMA + more)
    account = smtpd_account()
    if os.geteuid() == 0 and account is not None:
        os.chown(path, 0, account.gid)
    path.chmod(mode)
    return path


def patient(path, *queries, watched=False, **more):
    text = "\n".join([f"dbpath {path}", *(queries or (CREDENTIALS,))])
    read = conf.parse("sqlite", "/etc/mail/sqlite.conf", "creds", text)
    return Patient(
        "creds", "sqlite", "/etc/mail/sqlite.conf", watched, "", read.options, read.queries, **more
    )


def examined(path, *queries, **more):
    """What is found, without the note on journals, which is there for most files."""
    found = most_serious_first(sqlite.examine(patient(path, *queries, **more), lambda _: None))
    return [each for each in found if each.id != "sqlite-journal"]

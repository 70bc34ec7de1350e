"""What of the database file is bad for a mail server's tables: its journal, its modes, damage."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from tablewatch.doctor.findings import Finding, Medium, Severity, Step
from tablewatch.doctor.patient import Patient
from tablewatch.doctor.query_case import person, update_table
from tablewatch.doctor.sqlite_case import client
from tablewatch.doctor.sqlite_file import DatabaseFile
from tablewatch.doctor.sqlite_session import Database, DatabaseError

_LARGEST = 64 * 1024 * 1024  # bytes; what is checked in a second or two
_SECRETS = ("credentials", "userinfo")


def unreadable(patient: Patient, file: DatabaseFile, user: str) -> Iterator[Finding]:
    """Yield why SQLite can't read the file although it is readable."""
    if file.readable:
        return
    path, directory = shlex.quote(file.path), shlex.quote(file.path.rpartition("/")[0] or "/")
    yield Finding(
        "sqlite-wal",
        Severity.CRITICAL,
        "table-sqlite can't read this database when it is the first to open it",
        "Its journal is a write-ahead log. To read it SQLite needs the files -wal and -shm beside "
        f"it, which go when the last one closes it, and {user} may not make them: table-sqlite "
        "ends when it starts (attempt to write a readonly database), and smtpd does not start.",
        patient.table,
        file.path,
        f"{user} may not write in {file.path.rpartition('/')[0] or '/'}; -wal is "
        f"{'there' if file.log else 'not there'}, -shm is {'there' if file.index else 'not there'}",
        (
            Step(
                Medium.SQL,
                "PRAGMA journal_mode = DELETE;",
                "",
                "while nobody else has it open; stays so",
                client(file.path),
            ),
            Step(
                Medium.PERSON,
                f"Or let {user} write there, which lets it change passwords: "
                f"chgrp {user} {directory} {path} && chmod g+w {directory} {path}",
            ),
        ),
    )


def examine_store(patient: Patient, file: DatabaseFile, database: Database) -> Iterator[Finding]:
    """Yield what is wrong with a file that can be read."""
    if file.exposed and any(query.service in _SECRETS for query in patient.queries):
        path = shlex.quote(file.path)
        yield Finding(
            "sqlite-exposed",
            Severity.WARNING,
            "Everybody on this host can read the password hashes",
            "Whoever has them can try passwords at leisure.",
            patient.table,
            file.path,
            f"mode {file.mode:04o}",
            (
                Step(
                    Medium.SHELL,
                    f"chmod o-rwx {path}",
                    "",
                    "first see that smtpd's user reads it as its owner or by its group",
                ),
            ),
        )
    yield from _integrity(patient, file, database)
    if not file.wal:
        yield Finding(
            "sqlite-journal",
            Severity.NOTE,
            "While something writes to this database, lookups fail",
            "table-sqlite does not wait for a lock (it sets no busy timeout): a lookup at the "
            "moment of a commit gets a temporary error, and smtpd does not start at one.",
            patient.table,
            file.path,
            "journal_mode is not WAL" + ("; a -journal is there now" if file.journal else ""),
            (
                person(
                    "Keep transactions short; or change a copy, and put it in place with mv, then:"
                ),
                update_table(patient),
            ),
        )


def _integrity(patient: Patient, file: DatabaseFile, database: Database) -> Iterator[Finding]:
    if file.size > _LARGEST:
        return
    try:
        problems = [_text(row[0]) for row in database.rows("PRAGMA quick_check(3)")]
    except DatabaseError as error:
        if error.interrupted or error.locked:
            return
        problems = [str(error)]
    if problems == ["ok"]:
        return
    old, new = shlex.quote(file.path), shlex.quote(file.path + ".recovered")
    yield Finding(
        "sqlite-damaged",
        Severity.CRITICAL,
        "The database is damaged",
        "What is looked up in the damaged parts gets a temporary error, or is not found.",
        patient.table,
        file.path,
        "PRAGMA quick_check: " + "; ".join(problems),
        (
            Step(
                Medium.SHELL,
                f"(umask 077 && sqlite3 {old} .recover | sqlite3 {new})",
                "",
                "saves what can be read; compare it with a backup, then put it in place, with the "
                "owner and mode of the old one",
            ),
            update_table(patient),
        ),
    )


def _text(value: object) -> str:
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    return " ".join(text.split())

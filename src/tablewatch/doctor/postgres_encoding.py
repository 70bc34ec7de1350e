"""Whether what a client can send, which is UTF-8 or worse, gets into the database as what it is.

libpq takes the database's own encoding for the connection's unless it is told otherwise. So in a
LATIN1 database table-postgres passes the bytes of UTF-8 off as LATIN1: "josé" is not found, and
nobody hears of it. With client_encoding=UTF8 it is found, and every character beyond LATIN1 is an
error, 22P05 (measured with PostgreSQL 15).
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from tablewatch.doctor.findings import Finding, Medium, Severity, Step
from tablewatch.doctor.patient import Patient
from tablewatch.doctor.postgres_about import DEFAULT_PORT, About
from tablewatch.doctor.query_case import identifier, update_table

_UTF8 = ("UTF8", "UNICODE")
_NO_ENCODING = "SQL_ASCII"
_ANY_LOCALE = ("C", "POSIX")


def examine_encoding(patient: Patient, about: About) -> Iterator[Finding]:
    """Yield what is wrong with the encodings of the database and the connection."""
    if not about.utf8_database:
        yield _database(patient, about)
    elif not about.utf8_connection:
        yield _connection(patient, about)


def _database(patient: Patient, about: About) -> Finding:
    if about.encoding == _NO_ENCODING:
        title = "The database keeps text of no encoding"
        why = (
            "It takes any bytes, and does not know a letter beyond ASCII: case is not told apart "
            "there, and what is no UTF-8 gets into tables and from there into mail. Nothing can be "
            "dumped and restored any more once two encodings have been mixed in it."
        )
    else:
        title = f"The database can't hold what a client can send: it is {about.encoding}"
        if about.utf8_connection:
            why = (
                f"A login or an address with a character beyond {about.encoding} makes the query "
                "fail (22P05): its sender gets a temporary error instead of a refusal, as often as "
                "they like, and each time the database is asked."
            )
        else:
            why = (
                "table-postgres hands over UTF-8, and the database takes it for "
                f"{about.client_encoding}: a login or an address beyond ASCII is not found "
                "although it is there, or another one is."
            )
    return Finding(
        "postgres-encoding",
        Severity.WARNING,
        title,
        why,
        patient.table,
        about.database,
        f"server_encoding is {about.encoding}, client_encoding {about.client_encoding}",
        (_move(about), *_client_encoding(patient, about), update_table(patient)),
    )


def _connection(patient: Patient, about: About) -> Finding:
    steps: list[Step] = list(_client_encoding(patient, about))
    if not steps:
        role = f"ALTER ROLE {identifier(about.role)} RESET client_encoding;"
        database = f"ALTER DATABASE {identifier(about.database)} RESET client_encoding;"
        steps.append(
            Step(Medium.SQL, f"{role}\n{database}", "", "wherever it is set", about.client)
        )
    return Finding(
        "postgres-encoding",
        Severity.WARNING,
        f"The connection is said to speak {about.client_encoding}, and speaks UTF-8",
        "What a client sends is converted from an encoding it is not in: a login or an address "
        "beyond ASCII is not found although it is there, or the query fails.",
        patient.table,
        about.database,
        f"server_encoding is {about.encoding}, client_encoding {about.client_encoding}",
        (*steps, update_table(patient)),
    )


def _client_encoding(patient: Patient, about: About) -> Iterator[Step]:
    if about.words.get("client_encoding", "UTF8").replace("-", "").upper() not in _UTF8:
        yield Step(
            Medium.FILE,
            "conninfo ... client_encoding='UTF8'",
            patient.conf,
            "in place of the client_encoding in that line",
        )


def _move(about: About) -> Step:
    """Return the commands that move a database to UTF8, as its encoding can't be altered."""
    old = about.database
    new, kept = f"{old}_utf8", f"{old}_{about.encoding.lower()}"
    if about.collate in _ANY_LOCALE and about.ctype in _ANY_LOCALE:
        locale = "--locale=C"
    else:
        locale = "--lc-collate=C --lc-ctype=C.UTF-8"
    # What a database of no encoding holds is checked on its way out.
    encoding = " --encoding=UTF8" if about.encoding == _NO_ENCODING else ""
    others = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = {_text(old)}"  # noqa: S608
    statements = (
        f"ALTER DATABASE {identifier(old)} ALLOW_CONNECTIONS false",
        others,
        f"ALTER DATABASE {identifier(old)} RENAME TO {identifier(kept)}",
        f"ALTER DATABASE {identifier(new)} RENAME TO {identifier(old)}",
    )
    names = [shlex.quote(each) for each in (old, new, about.owner, f"{old}.dump")]
    commands = [
        *_where(about),
        "umask 077",
        f"pg_dump --format=custom{encoding} --file={names[3]} {names[0]}",
        f"createdb --template=template0 --encoding=UTF8 {locale} --owner={names[2]} {names[1]}",
        f"pg_restore --exit-on-error --single-transaction --dbname={names[1]} {names[3]}",
        " \\\n".join(
            [
                "psql --dbname=postgres --set=ON_ERROR_STOP=1",
                *(f"--command={shlex.quote(each)}" for each in statements),
            ]
        ),
    ]
    note = (
        "As the database's administrator (postgres; on OpenBSD _postgresql). "
        f"{about.size} to dump and restore; stop what writes to it until the end. Lookups get "
        f"temporary errors for the moment of the renaming. The old one stays as {kept}; rights and "
        "settings of the database itself (psql -c '\\l', '\\drds') are not carried over"
    )
    if about.encoding == _NO_ENCODING:
        note += (
            ". If pg_dump stops at an invalid byte sequence, that text is in another encoding: "
            "--encoding=LATIN1, or whichever it is, has it converted"
        )
    return Step(Medium.SHELL, "\n".join(["(", "set -e", *commands, ")"]), "", note)


def _where(about: About) -> list[str]:
    words = [] if about.local else [f"PGHOST={shlex.quote(about.host)}"]
    words += [] if about.port == DEFAULT_PORT else [f"PGPORT={about.port}"]
    return [f"export {' '.join(words)}"] if words else []


def _text(value: str) -> str:
    """Return a text of SQL; without quotes of its own, so that the shell's are easy to read."""
    return f"$${value}$$" if "$" not in value else "'" + value.replace("'", "''") + "'"

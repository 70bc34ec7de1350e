"""Everything the knowledge base has, by id: for reports, and for the page that documents it."""

from __future__ import annotations

import functools
from typing import NamedTuple

from tablewatch.knowledge.records import ErrorText, Signature
from tablewatch.knowledge.repair import Repair
from tablewatch.knowledge.repairs.silent import SILENT
from tablewatch.knowledge.signatures import SIGNATURES
from tablewatch.knowledge.texts import ERROR_TEXTS

_MYSQL_SERVER = "https://dev.mysql.com/doc/mysql-errors/8.0/en/server-error-reference.html"
_MYSQL_CLIENT = "https://dev.mysql.com/doc/mysql-errors/8.0/en/client-error-reference.html"
_SQLSTATES = "https://www.postgresql.org/docs/current/errcodes-appendix.html"
_RESULT_CODES = "https://www.sqlite.org/rescode.html"

_MYSQL_4031 = 4031  # which is another error in MariaDB; otherwise 4000 and up are MariaDB's


class Entry(NamedTuple):
    """All that has one id: lines of backends, errors of databases."""

    id: str
    lines: tuple[Signature, ...]
    texts: tuple[ErrorText, ...]


@functools.cache
def entries() -> dict[str, Entry]:
    """Return the knowledge base by id, without what backends do in silence."""
    ids = dict.fromkeys([*(text.id for text in ERROR_TEXTS), *(line.id for line in SIGNATURES)])
    return {
        id_: Entry(
            id_,
            tuple(line for line in SIGNATURES if line.id == id_),
            tuple(text for text in ERROR_TEXTS if text.id == id_),
        )
        for id_ in ids
    }


def repair_of(signature: str) -> Repair | None:
    """Return what is to be done about `signature`, None where there is nothing or it is unknown.

    A :class:`~tablewatch.knowledge.classify.Reading` knows it more exactly: a few ids stand for
    lines with repairs of their own, and here the first is returned.
    """
    if signature in SILENT:
        return SILENT[signature]
    entry = entries().get(signature)
    if entry is None:
        return None
    repairs = [*(text.repair for text in entry.texts), *(line.repair for line in entry.lines)]
    return next(filter(None, repairs), None)


def code_references(signature: str) -> tuple[str, ...]:
    """Return where the databases document the errors of `signature`, by number or SQLSTATE."""
    entry = entries().get(signature)
    found = (_of_code(text) for text in entry.texts) if entry is not None else ()
    return tuple(dict.fromkeys(filter(None, found)))


def _of_code(text: ErrorText) -> str:
    code, family = text.code, text.id.partition("-")[0]
    if not code:
        return ""
    if family in ("postgres", "pgbouncer"):
        return f"PostgreSQL SQLSTATE {code}: {_SQLSTATES}"
    if family == "sqlite":
        return f"SQLite result code {code}: {_RESULT_CODES}"
    if family == "proxysql":
        return f"ProxySQL error {code}"
    number = int(code)
    if 2000 <= number < 3000:
        return f"client error {code}: {_MYSQL_CLIENT}"
    if 3000 <= number < 4000 or number == _MYSQL_4031:
        return f"MySQL error {code}: {_MYSQL_SERVER}"
    return f"MariaDB/MySQL error {code}: https://err.mariadb.com/{code}"

"""A PostgreSQL that is played: it answers as it is told to, and remembers what it was asked."""

import contextlib

from tablewatch.doctor.patient import Patient, Query
from tablewatch.doctor.postgres_about import About
from tablewatch.doctor.postgres_asking import Column, Prepared
from tablewatch.doctor.postgres_case import Case

CONF = "/etc/mail/creds.conf"
CREDENTIALS = Query(
    "credentials", "query_credentials", "SELECT mail, hash FROM users WHERE mail = $1", 2, 1, 2
)
TWO = (Column("mail", 7, 1), Column("hash", 7, 2))
USUAL = Prepared(1, TWO)


class PlayedServer:
    """`answers`: part of a statement to rows or an error; `keys`: key to found or an error.

    What is not told is not there: no rows, not found.
    """

    def __init__(self, answers=None, keys=None, prepared=USUAL):
        self.answers = answers or {}
        self.keys = keys or {}
        self.prepared = prepared
        self.asked = []

    @contextlib.contextmanager
    def reading(self):
        yield self

    def rows(self, sql, *values):
        self.asked.append(sql)
        for part, answer in self.answers.items():
            if part in sql:
                return _given(answer)
        return []

    def prepare(self, sql):
        self.asked.append(sql)
        return _given(self.prepared)

    def found(self, key):
        return _given(self.keys.get(key, False))


def _given(answer):
    if isinstance(answer, Exception):
        raise answer
    return answer


def about(**changes):
    """A server with which nothing is wrong."""
    facts = {
        "words": {"dbname": "mail", "connect_timeout": "3"},
        "host": "127.0.0.1",
        "port": "5432",
        "encoding": "UTF8",
        "client_encoding": "UTF8",
        "messages": "C",
        "statement_timeout": "3000",
        "role": "smtpd",
        "database": "mail",
        "owner": "postgres",
        "collate": "C",
        "ctype": "C",
        "size": "8 MB",
        "slots": 97,
        "taken": 5,
        "role_limit": -1,
        "database_limit": -1,
        "pooled": False,
        "superuser": False,
    }
    return About(**(facts | changes))


def patient(watched=True, queries=(CREDENTIALS,), **more):
    return Patient("creds", "postgres", CONF, watched, queries=queries, **more)


def case(server=None, facts=None, query=CREDENTIALS, **more):
    return Case(patient(**more), query, server or PlayedServer(), facts or about())

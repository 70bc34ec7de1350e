"""What makes table-postgres with PostgreSQL 15 print each line; see provocations.py."""

from __future__ import annotations

from .provoking import Provocation as P
from .schema import POISON

_Q = "query_credentials"
_TOO_SHORT = """
CREATE OR REPLACE FUNCTION short(x text) RETURNS text LANGUAGE plpgsql AS
$$ DECLARE y varchar(5); BEGIN y := x; RETURN y; END $$;
"""
_WRITES = """
CREATE TABLE IF NOT EXISTS notes (n text);
GRANT INSERT ON notes TO smtpd;
CREATE OR REPLACE FUNCTION writes(x text) RETURNS text LANGUAGE plpgsql AS
$$ BEGIN INSERT INTO notes VALUES (x); RETURN x; END $$;
"""
_COMPLAINS = """
CREATE OR REPLACE FUNCTION complains(x text) RETURNS text LANGUAGE plpgsql AS
$$ BEGIN RAISE 'Huh'; END $$;
"""


def _where(condition: str) -> dict[str, str | None]:
    return {_Q: f"SELECT email, password FROM users WHERE {condition}"}


POSTGRES = (
    P("connected", "an ordinary start"),
    P("reconnecting", "an ordinary start"),
    P(
        "postgres-untranslatable",
        "a key beyond latin1, a LATIN1 database",
        {"conninfo": "dbname=latin1 client_encoding=UTF8"},
        key=POISON,
    ),
    P("postgres-invalid-bytes", "a key that is no UTF-8", key=b"al\xffice@example.org"),
    P("postgres-invalid-input", "= $1 with an integer column", _where("id = $1")),
    P("postgres-out-of-range", "the key 99999999999", _where("id = $1"), key="99999999999"),
    P(
        "postgres-out-of-range",
        "$1::date, the key 2026-99-99",
        _where("now() < $1::date"),
        key="2026-99-99",
    ),
    P(
        "postgres-too-long",
        "a function with a varchar(5)",
        _where("email = short($1)"),
        before=_TOO_SHORT,
    ),
    P("postgres-regexp", "~ $1 and the key ([", _where("email ~ $1"), key="(["),
    P(
        "postgres-like",
        "LIKE $1 and a key that ends with \\",
        _where("email || '' LIKE $1"),
        key="a\\",
    ),
    P(
        "postgres-subquery-rows",
        "= (SELECT ...) that finds two rows",
        _where("id = (SELECT id FROM users WHERE email LIKE $1)"),
        key="%",
    ),
    P(
        "postgres-statement-timeout",
        "statement_timeout, and a query that sleeps",
        {**_where("pg_sleep(20) IS NULL OR email = $1"), "conninfo": "timeout"},
    ),
    P("postgres-terminated", "the session is terminated", act="terminate"),
    P("postgres-closed", "the server's process is killed", act="kill"),
    P(
        "postgres-canceled",
        "the query is canceled",
        _where("pg_sleep(20) IS NULL OR email = $1"),
        act="cancel",
    ),
    P("connection-refused", "no server at the port", {"conninfo": "port=1"}),
    P("connection-refused", "no socket in the directory", {"conninfo": "host=/nonexistent"}),
    P("postgres-unreachable", "a server that does not answer", act="silence"),
    P("postgres-connect", "a server that answers nonsense", act="nonsense"),
    P("postgres-unknown-host", "a host name that does not exist", {"conninfo": "host=no.invalid"}),
    P("postgres-starting", "a server that is shutting down", act="shutdown", first=True),
    P(
        "postgres-too-many-connections",
        "CONNECTION LIMIT 1 of the role",
        before="ALTER ROLE smtpd CONNECTION LIMIT 1;",
        after="ALTER ROLE smtpd CONNECTION LIMIT -1;",
        first=True,
    ),
    P(
        "postgres-stale-plan",
        "a column's type is altered",
        before="CREATE TABLE altered (a varchar(99), b varchar(99)); "
        "GRANT SELECT ON altered TO smtpd;",
        settings={_Q: "SELECT a, b FROM altered WHERE a = $1"},
        meanwhile="ALTER TABLE altered ALTER a TYPE text;",
        after="DROP TABLE altered;",
    ),
    P("postgres-login", "a wrong password", {"conninfo": "password=wrong"}),
    P("postgres-login", "a user for whom pg_hba.conf has no line", {"conninfo": "user=root"}),
    P("postgres-login", "no password", {"conninfo": "password=''"}),
    P(
        "postgres-login",
        "a role without LOGIN",
        before="ALTER ROLE smtpd NOLOGIN;",
        after="ALTER ROLE smtpd LOGIN;",
    ),
    P(
        "postgres-no-such-role",
        "a role that does not exist, where pg_hba.conf trusts everybody",
        {"conninfo": "user=nobody_knows"},
        act="trust",
    ),
    P(
        "postgres-permission-denied",
        "a table without GRANT",
        {_Q: "SELECT a, b FROM secret WHERE a = $1"},
        before="CREATE TABLE secret (a text, b text);",
        after="DROP TABLE secret;",
    ),
    P(
        "postgres-read-only",
        "a query that writes, default_transaction_read_only",
        {**_where("email = writes($1)"), "conninfo": "read-only"},
        before=_WRITES,
    ),
    P("postgres-no-such-database", "a database that does not exist", {"conninfo": "dbname=nodb"}),
    P(
        "postgres-no-such-table",
        "a table that does not exist",
        {_Q: "SELECT a, b FROM nosuch WHERE a = $1"},
    ),
    P("postgres-no-such-column", "a column that does not exist", _where("nosuch = $1")),
    P("postgres-no-such-function", "a function that does not exist", _where("email = nosuch($1)")),
    P("postgres-no-such-schema", "a schema that does not exist", _where("email = nosuch.f($1)")),
    P("postgres-no-such-type", "a type that does not exist", _where("email = $1::nosuch")),
    P("postgres-no-such-from", "a table that is not in FROM", _where("domains.domain = $1")),
    P("postgres-no-such-operator", "an integer column = $1::text", _where("id = $1::text")),
    P("postgres-parameter-type", "$1 IS NULL", _where("$1 IS NULL")),
    P("postgres-syntax", "SELEC", {_Q: "SELEC email, password FROM users WHERE email = $1"}),
    P("postgres-parameters", "a query without $1", _where("true")),
    P(
        "postgres-several-commands",
        "two statements in one",
        {_Q: "SELECT 1; SELECT email, password FROM users WHERE email = $1"},
    ),
    P(
        "postgres-ambiguous-column",
        "a column of two tables",
        {_Q: "SELECT id, email FROM users, domains WHERE email = $1"},
    ),
    P(
        "postgres-group-by",
        "a column that is not in GROUP BY",
        {_Q: "SELECT email, password FROM users WHERE email = $1 GROUP BY email"},
    ),
    P(
        "postgres-union",
        "UNION of one column and two",
        {_Q: "SELECT email, password FROM users WHERE email = $1 UNION SELECT '1'"},
    ),
    P(
        "postgres-union",
        "UNION of a text and a number",
        {_Q: "SELECT email, password FROM users WHERE email = $1 UNION SELECT 1, 2"},
    ),
    P(
        "postgres-subquery-columns",
        "= (SELECT two columns)",
        _where("email = (SELECT email, id FROM users WHERE email = $1)"),
    ),
    P(
        "postgres-subquery-columns",
        "IN (SELECT two columns)",
        _where("email IN (SELECT email, id FROM users WHERE email = $1)"),
    ),
    P(
        "postgres-collation",
        "a collation that does not exist",
        _where('email COLLATE "xx_YY" = $1'),
    ),
    P(
        "postgres-collation",
        "two collations",
        _where('email COLLATE "C" = $1 COLLATE "POSIX"'),
    ),
    P("postgres-conninfo", "conninfo garbage", {"conninfo": "=garbage"}),
    P("postgres-conninfo", "conninfo hots=...", {"conninfo": "hots=localhost"}),
    P("postgres-conninfo", "conninfo with an open quote", {"conninfo": "=host='x"}),
    P("postgres-conninfo", "port=x", {"conninfo": "port=x"}),
    P("postgres-conninfo", "connect_timeout=x", {"conninfo": "connect_timeout=x"}),
    P("postgres-conninfo", "sslmode=yes", {"conninfo": "sslmode=yes"}),
    P("postgres-conninfo", "no conninfo", {"conninfo": None}),
    P("postgres-tls", "sslmode=require, a server without TLS", {"conninfo": "sslmode=require"}),
    P(
        "postgres-storage",
        "a table whose file is gone",
        {_Q: "SELECT a, b FROM damaged WHERE a = $1"},
        before="CREATE TABLE damaged (a text, b text); GRANT SELECT ON damaged TO smtpd; "
        "INSERT INTO damaged VALUES ('alice@example.org', 'x'); CHECKPOINT;",
        act="damage",
    ),
    P(
        "postgres-execute",
        "a function that raises an error of its own",
        _where("email = complains($1)"),
        before=_COMPLAINS,
    ),
    P("postgres-detail", "SELEC", {_Q: "SELEC email, password FROM users WHERE email = $1"}),
    P("could-not-connect", "a start with a wrong password", {"conninfo": "password=wrong"}),
    P("config-no-value", "a key without a value", {"query_alias": ""}),
    P("config-duplicate", "a key that stands twice", {"query_alias": "x\nquery_alias x"}),
    P("config-bad-value", "fetch_source_expire x", {"fetch_source_expire": "x"}),
    P("config-broken", "a key without a value", {"query_alias": ""}),
    P(
        "result-too-large",
        "a value of 20000 characters",
        {_Q: "SELECT repeat('a', 20000), email FROM users WHERE email = $1"},
    ),
    P(
        "postgres-stale-statement",
        "PgBouncer in transaction mode, its server connection replaced",
        act="pooler",
    ),
    P(
        "pgbouncer-no-such-database",
        "a database PgBouncer does not have",
        {"conninfo": "dbname=nodb"},
        act="pooler",
    ),
    P("pgbouncer-busy", "max_client_conn = 1", act="pooler-full", first=True),
)
# What stands for a connection string in the settings above: parts laid over the ordinary ones.
CONNINFO = {
    "timeout": {"options": "-c statement_timeout=300"},
    "read-only": {"options": "-c default_transaction_read_only=on"},
}

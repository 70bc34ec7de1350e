"""What makes the other table backends print each line; see provocations.py."""

from __future__ import annotations

from .provoking import Provocation as P

_Q = "query_credentials"


def _sql(text: str) -> dict[str, str | None]:
    return {_Q: text}


# table-sqlite asks a file with the table users (mail, password), docs (full text), and more.
SQLITE = (
    P("sqlite-too-big", "a value of 2 GB", _sql("select zeroblob(2147483647), ?")),
    P("sqlite-mismatch", "LIMIT ?", _sql("select mail, password from users limit ?")),
    P("sqlite-invalid-json", "json_extract(?, '$')", _sql("select json_extract(?, '$'), 'x'")),
    P(
        "sqlite-match",
        "MATCH ?",
        _sql("select mail, mail from docs where docs match ?"),
        key="alice@",
    ),
    P("sqlite-locked", "somebody else holds the file", act="lock"),
    P("sqlite-no-such-table", "a table that does not exist", _sql("select a, b from no where a=?")),
    P(
        "sqlite-no-such-column",
        "a column that does not exist",
        _sql("select mail, pw from users where mail = ?"),
    ),
    P(
        "sqlite-no-such-function",
        "a function that does not exist",
        _sql("select mail, nosuch(password) from users where mail = ?"),
    ),
    P(
        "sqlite-no-such-collation",
        "a collation that does not exist",
        _sql("select mail, password from users where mail = ? collate german"),
    ),
    P("sqlite-syntax", "selec", _sql("selec mail, password from users where mail = ?")),
    P("sqlite-syntax", "half a query", _sql("select mail, password from")),
    P("sqlite-syntax", "an open quote", _sql("select mail, 'x from users where mail = ?")),
    P("sqlite-parameters", "a query without ?", _sql("select mail, password from users")),
    P(
        "sqlite-ambiguous-column",
        "a column of two tables",
        _sql("select mail, password from users, others where mail = ?"),
    ),
    P("sqlite-arguments", "lower()", _sql("select mail, lower() from users where mail = ?")),
    P(
        "sqlite-union",
        "UNION of two columns and one",
        _sql("select mail, password from users where mail = ? union select 1"),
    ),
    P("sqlite-cannot-open", "a directory that does not exist", {"dbpath": "/nonexistent/db"}),
    P(
        "sqlite-read-only",
        "a query that writes, a file smtpd's user may not write",
        _sql("insert into users values (?, 'x') returning mail, password"),
    ),
    P("sqlite-cannot-open", "a file smtpd's user may not read", act="closed"),
    P("sqlite-not-a-database", "a file of text", act="text"),
    P("sqlite-damaged", "a file with an overwritten page", act="damage"),
    P("sqlite-damaged", "a schema that was edited", act="schema"),
    P(
        "sqlite-columns",
        "a query for one column",
        _sql("select mail from users where mail = ?"),
    ),
    P(
        "result-too-large",
        "a value of 20000 characters",
        _sql("select hex(zeroblob(10000)), mail from users where mail = ?"),
    ),
    P("config-bad-key", "a key that is not known", {"query_credential": "select 1"}),
    P("config-no-value", "a key without a value", {"query_alias": ""}),
    P("config-duplicate", "a key that stands twice", {"query_alias": "x\nquery_alias x"}),
    P("config-bad-value", "fetch_source_expire x", {"fetch_source_expire": "x"}),
    P("config-broken", "half a query", _sql("select mail, password from")),
    P("config-unreadable", "no file", act="no-file"),
)

# Its file is the table itself: ``settings`` holds the whole text.
PASSWD = (
    P("passwd-entry", "a line with one field", {"alice": ""}),
    P("passwd-entry", "a line of 3000 characters", {"alice:" + "x" * 3000: ""}),
    P("config-broken", "a line with one field", {"alice": ""}),
    P(
        "unknown-service",
        "a domain is asked for",
        {"alice@example.org:x:1:1::/:": ""},
        service="domain",
    ),
    P("config-unreadable", "no file", act="no-file"),
)

# What it is given is the path of a socket.
SOCKETMAP = (
    P("connection-refused", "no socket", act="nobody"),
    P("could-not-connect", "no socket", act="nobody"),
    P("socketmap-path", "a path of 200 characters", act="long"),
    P("socketmap-lost", "the server leaves", act="leaves"),
    P("socketmap-reply", "a reply that begins with HELLO", act="HELLO "),
    P("result-too-large", "a reply of 5000 characters", act="OK " + "x" * 5000),
    P("warning", "a reply that begins with TEMP", act="TEMP the server is at lunch"),
    P("unknown-service", "a service it does not know", act="OK x", service="mailaddrmap"),
    P("permission-denied", "a socket smtpd's user may not reach", act="closed"),
)

# table-redis 6.7.1 does not read its file: 127.0.0.1, port 6379.
REDIS = (
    P("connected", "an ordinary start", act="redis"),
    P("reconnecting", "an ordinary start", act="redis"),
    P("redis-connect", "no server", act="nobody"),
    P("could-not-connect", "no server", act="nobody"),
    P("redis-closed", "the server is restarted", act="restart"),
    P("connection-reset", "the server resets the connection", act="reset"),
    P("redis-protocol", "a server that speaks HTTP", act="http"),
    P("result-too-large", "a value of 20000 characters", key="large@example.org", act="redis"),
    P("gave-up", "a server that leaves again and again", act="leaves"),
)

LDAP = (
    P("connected", "an ordinary start"),
    P("ldap-connect", "no server at the port", {"url": "ldap://127.0.0.1:1"}),
    P("could-not-connect", "no server at the port", {"url": "ldap://127.0.0.1:1"}),
    P("ldap-login", "a wrong password", {"password": "wrong"}),
    P("ldap-login", "a user name that is no DN", {"username": "admin"}),
    P("ldap-bind", "a server that leaves", act="leaves"),
    P("ldap-bind", "a server that speaks HTTP", act="http"),
    P("ldap-url", "url http://...", {"url": "http://127.0.0.1"}),
    P("ldap-url", "url ldapi://...", {"url": "ldapi:///"}),
    P("ldap-url", "url ldaps://..., which 6.7.1 does not know", act="tls"),
    P("ldap-result", "an entry of 5000 characters", key="large"),
    P("reconnecting", "a service without a filter", service="domain"),
    P("config-bad-key", "a key that is not known", {"urll": "x"}),
    P("config-no-value", "a key without a value", {"ca_file": ""}),
    P("config-duplicate", "a key that stands twice", {"basedn": "dc=x\nbasedn dc=x"}),
    P("config-unreadable", "no file", act="no-file"),
    P("config-broken", "no file", act="no-file"),
)

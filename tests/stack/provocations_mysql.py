"""What makes table-mysql with MariaDB 10.11 print each line; see provocations.py."""

from __future__ import annotations

from .provoking import Provocation as P
from .schema import POISON

_Q = "query_credentials"
_FUNCTIONS = (
    "CREATE OR REPLACE FUNCTION takes_{name}(x {type}) RETURNS VARCHAR(255) {how} "
    "RETURN 'x'; GRANT EXECUTE ON FUNCTION takes_{name} TO smtpd@'%';"
)


def _function(name: str, kind: str) -> str:
    return _FUNCTIONS.format(name=name, type=kind, how="DETERMINISTIC NO SQL")


_COMPLAINS = (
    "DELIMITER //\nCREATE OR REPLACE FUNCTION complains(x VARCHAR(255)) RETURNS VARCHAR(9)\n"
    "DETERMINISTIC NO SQL BEGIN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'Huh'; RETURN 'x';\n"
    "END//\nDELIMITER ;\nGRANT EXECUTE ON FUNCTION complains TO smtpd@'%';"
)


def _where(function: str) -> str:
    return f"select mail, c_password from vusers where {function}(?) = 'y' order by mail"


_WRITES = (
    "CREATE TABLE IF NOT EXISTS notes (n INT) ENGINE=InnoDB;\nDELIMITER //\n"
    "CREATE OR REPLACE FUNCTION writes(x VARCHAR(255)) RETURNS INT MODIFIES SQL DATA\n"
    "BEGIN INSERT INTO notes VALUES (1); RETURN 1; END//\nDELIMITER ;\n"
    "GRANT EXECUTE ON FUNCTION writes TO smtpd@'%';"
)

MYSQL = (
    P("connected", "an ordinary start"),
    P("reconnecting", "an ordinary start"),
    P("mysql-illegal-mix-of-collations", "a key beyond latin1, latin1 columns", key=POISON),
    P(
        "mysql-incorrect-string-value",
        "a key beyond latin1 for a function with a latin1 parameter",
        {_Q: _where("takes_latin1")},
        key=POISON,
        before=_function("latin1", "VARCHAR(255) CHARACTER SET latin1"),
    ),
    P(
        "mysql-incorrect-value",
        "a function with an INT parameter",
        {_Q: _where("takes_int")},
        before=_function("int", "INT"),
    ),
    P(
        "mysql-data-too-long",
        "a function with a VARCHAR(5) parameter",
        {_Q: _where("takes_five")},
        before=_function("five", "VARCHAR(5)"),
    ),
    P(
        "mysql-out-of-range",
        "a function with a TINYINT parameter, the key 99999",
        {_Q: _where("takes_tiny")},
        key="99999",
        before=_function("tiny", "TINYINT"),
    ),
    P(
        "mysql-illegal-mix-of-collations",
        "a key that is no UTF-8",
        key=b"al\xffice@example.org",
    ),
    P(
        "mysql-regexp",
        "REGEXP ? and the key ([",
        {_Q: "select mail, c_password from vusers where mail regexp ? order by mail"},
        key="([",
    ),
    P(
        "mysql-subquery-rows",
        "= (SELECT ...) that finds two rows",
        {
            _Q: "select mail, c_password from vusers where id = "
            "(select id from vusers where mail like ?) order by c_password"
        },
        key="%",
    ),
    P(
        "mysql-fetch",
        "= (SELECT ...) that finds two rows, the first row being asked for",
        {_Q: "select mail, (select id from vusers where mail like ?) from vusers limit 1"},
        key="%",
    ),
    P(
        "mysql-statement-timeout",
        "max_statement_time, while somebody else holds the table",
        before="SET GLOBAL max_statement_time = 0.3;",
        after="SET GLOBAL max_statement_time = 0;",
        act="lock",
    ),
    P("mysql-stale-statement", "the connection is killed, the client reconnects", act="kill"),
    P("mysql-unreachable", "the database is stopped", act="stop"),
    P(
        "mysql-lost-connection",
        "the database is killed during a query",
        {_Q: "select max(mail), max(c_password) from vusers where sleep(20) = 0 or mail = ?"},
        act="crash",
    ),
    P(
        "mysql-interrupted",
        "KILL QUERY while somebody else holds the table",
        act="interrupt",
    ),
    P("mysql-connect", "a server that greets with an error nobody knows", act="strange"),
    P("mysql-unreachable", "no server at the address", {"host": "127.77.0.1"}),
    P("mysql-unknown-host", "a host name that does not exist", {"host": "nosuchhost.invalid"}),
    P("mysql-handshake", "a server that greets with Bad handshake", act="bad-handshake"),
    P("mysql-plugin", "a server that greets as before 4.1 did", act="ancient", only="1.2.1"),
    P(
        "mysql-too-many-connections",
        "max_connections = 10, all taken",
        before="SET GLOBAL max_connections = 10;",
        after="SET GLOBAL max_connections = 400;",
        act="crowd",
    ),
    P(
        "mysql-user-limit",
        "MAX_USER_CONNECTIONS of the user",
        before="ALTER USER smtpd@'%' WITH MAX_USER_CONNECTIONS 1;",
        after="ALTER USER smtpd@'%' WITH MAX_USER_CONNECTIONS 0;",
        first=True,
    ),
    P(
        "mysql-too-many-statements",
        "max_prepared_stmt_count = 0",
        before="SET GLOBAL max_prepared_stmt_count = 0;",
        after="SET GLOBAL max_prepared_stmt_count = 16382;",
    ),
    P(
        "mysql-lock-wait",
        "LOCK TABLES ... WRITE by somebody else, lock_wait_timeout = 1",
        before="SET GLOBAL lock_wait_timeout = 1;",
        after="SET GLOBAL lock_wait_timeout = 86400;",
        act="lock",
    ),
    P("mysql-access-denied", "a wrong password", {"password": "wrong"}),
    P(
        "mysql-account-locked",
        "ACCOUNT LOCK",
        before="ALTER USER smtpd@'%' ACCOUNT LOCK;",
        after="ALTER USER smtpd@'%' ACCOUNT UNLOCK;",
    ),
    P(
        "mysql-host-not-allowed",
        "no user for the client's address",
        before="RENAME USER smtpd@'%' TO smtpd@'192.0.2.1', root@'127.0.0.1' TO root@'192.0.2.2';"
        "FLUSH PRIVILEGES;",
        after="RENAME USER smtpd@'192.0.2.1' TO smtpd@'%', root@'192.0.2.2' TO root@'127.0.0.1';",
    ),
    P(
        "mysql-password-expired",
        "PASSWORD EXPIRE",
        before="SET GLOBAL disconnect_on_expired_password = ON; "
        "ALTER USER smtpd@'%' PASSWORD EXPIRE;",
        after="ALTER USER smtpd@'%' IDENTIFIED BY 'database-password' PASSWORD EXPIRE NEVER;",
    ),
    P(
        "mysql-access-denied",
        "require_secure_transport, as table-mysql does not do TLS",
        before="SET GLOBAL require_secure_transport = ON;",
        after="SET GLOBAL require_secure_transport = OFF;",
    ),
    P(
        "mysql-database-denied",
        "a database the user may not use",
        {"database": "secret"},
        before="CREATE DATABASE IF NOT EXISTS secret;",
    ),
    P(
        "mysql-command-denied",
        "a table the user may not read",
        {_Q: "select a, b from secret.things where a = ?"},
        before="CREATE DATABASE IF NOT EXISTS secret; "
        "CREATE TABLE IF NOT EXISTS secret.things (a VARCHAR(9), b VARCHAR(9));",
    ),
    P(
        "mysql-command-denied",
        "a function the user may not run",
        {_Q: "select forbidden(?), 'x'"},
        before="CREATE OR REPLACE FUNCTION forbidden(x VARCHAR(99)) RETURNS INT NO SQL RETURN 1;",
    ),
    P(
        "mysql-view-denied",
        "a view whose definer does not exist",
        {_Q: "select mail, c_password from ghosts where mail = ?"},
        before="CREATE OR REPLACE DEFINER = ghost@nowhere VIEW ghosts AS SELECT * FROM vusers;",
        after="DROP VIEW ghosts;",
    ),
    P(
        "mysql-unknown-database",
        "a database that does not exist",
        {"database": "nodb"},
        before="GRANT SELECT ON nodb.* TO smtpd@'%';",
        after="REVOKE SELECT ON nodb.* FROM smtpd@'%';",
    ),
    P("mysql-no-database", "no database in the file", {"database": None}),
    P(
        "mysql-no-such-table",
        "a table that does not exist",
        {_Q: "select a, b from nosuch where a = ?"},
    ),
    P(
        "mysql-unknown-column",
        "a column that does not exist",
        {_Q: "select mail, pw from vusers where mail = ?"},
    ),
    P(
        "mysql-no-such-routine",
        "a function that does not exist",
        {_Q: "select nosuch(?), 'x'"},
        before="GRANT EXECUTE ON mail.* TO smtpd@'%';",
        after="REVOKE EXECUTE ON mail.* FROM smtpd@'%';",
    ),
    P(
        "mysql-view-invalid",
        "a view of a table that is gone",
        {_Q: "select a, b from stale where a = ?"},
        before="CREATE TABLE under (a VARCHAR(9), b VARCHAR(9)); "
        "CREATE VIEW stale AS SELECT * FROM under; DROP TABLE under;",
        after="DROP VIEW stale;",
    ),
    P("mysql-syntax", "selec", {_Q: "selec mail, c_password from vusers where mail = ?"}),
    P(
        "mysql-parameter-count",
        "concat()",
        {_Q: "select concat(), mail from vusers where mail = ?"},
    ),
    P(
        "mysql-ambiguous-column",
        "a column of two tables",
        {_Q: "select id, mail from vusers join vdomains where mail = ?"},
    ),
    P(
        "mysql-union-columns",
        "UNION of one column and two",
        {_Q: "select mail, c_password from vusers where mail = ? union select 1"},
    ),
    P(
        "mysql-parameter-types",
        "= (SELECT two columns)",
        {_Q: "select mail, c_password from vusers where mail = (select ?, 2)"},
    ),
    P(
        "mysql-operand-columns",
        "IN (SELECT two columns)",
        {_Q: "select mail, c_password from vusers where mail in (select ?, 2)"},
    ),
    P(
        "mysql-not-unique-table",
        "the same table twice",
        {_Q: "select 1, 2 from vusers join vusers where 1 = ?"},
    ),
    P(
        "mysql-group-by",
        "ONLY_FULL_GROUP_BY",
        {_Q: "select mail, c_password from vusers where mail = ? group by active"},
        before="SET GLOBAL sql_mode = 'ONLY_FULL_GROUP_BY';",
        after="SET GLOBAL sql_mode = DEFAULT;",
    ),
    P(
        "mysql-unknown-charset",
        "CONVERT(... USING utf9)",
        {_Q: "select mail, c_password from vusers where mail = convert(? using utf9)"},
    ),
    P(
        "mysql-unknown-collation",
        "COLLATE utf9_general_ci",
        {_Q: "select mail, c_password from vusers where mail = ? collate utf9_general_ci"},
    ),
    P(
        "mysql-collation-mismatch",
        "a latin1 column with COLLATE utf8mb4_bin",
        {_Q: "select mail, c_password from vusers where mail collate utf8mb4_bin = ?"},
    ),
    P(
        "mysql-server-option",
        "a query that writes, read_only",
        {_Q: "select mail, writes(?) from vusers limit 1"},
        before=_WRITES + "SET GLOBAL read_only = ON;",
        after="SET GLOBAL read_only = OFF;",
    ),
    P(
        "mysql-read-only",
        "a query that writes, tx_read_only",
        {_Q: "select mail, writes(?) from vusers limit 1"},
        before=_WRITES + "SET GLOBAL tx_read_only = ON;",
        after="SET GLOBAL tx_read_only = OFF;",
    ),
    P(
        "mysql-too-many-rows",
        "max_join_size = 1",
        {_Q: "select mail, c_password from vusers join vdomains where mail > ?"},
        key="a",
        before="SET GLOBAL max_join_size = 1;",
        after="SET GLOBAL max_join_size = DEFAULT;",
    ),
    P(
        "mysql-table-crashed",
        "a MyISAM table with an overwritten index",
        {_Q: "select a, b from damaged where a = ?"},
        act="damage",
        before="CREATE OR REPLACE TABLE damaged (a VARCHAR(99) PRIMARY KEY, b VARCHAR(9)) "
        "ENGINE=MyISAM; INSERT INTO damaged VALUES ('alice@example.org', 'x'); FLUSH TABLES;",
        after="DROP TABLE IF EXISTS damaged;",
    ),
    P(
        "mysql-placeholders",
        "a query without ?",
        {_Q: "select mail, c_password from vusers"},
    ),
    P("mysql-columns", "a query for one column", {_Q: "select mail from vusers where mail = ?"}),
    P(
        "retry",
        "a function that raises an error of its own",
        {_Q: _where("complains")},
        before=_COMPLAINS,
    ),
    P("could-not-connect", "a start with a wrong password", {"password": "wrong"}),
    P("gave-up", "a key beyond latin1", key=POISON, only="1.2.1"),
    P("config-no-value", "a key without a value", {"database": ""}),
    P("config-duplicate", "a key that stands twice", {"host": "127.0.0.1\nhost 127.0.0.1"}),
    P("config-bad-value", "fetch_source_expire x", {"fetch_source_expire": "x"}),
    P("config-broken", "a key without a value", {"database": ""}),
    P(
        "mysql-fetch",
        "a value of 5000 characters",
        {_Q: "select repeat('a', 5000), mail from vusers where mail = ?"},
    ),
    P(
        "result-too-large",
        "an alias to twenty values of 1500 characters",
        {
            "query_alias": "select repeat('a', 1500) from vusers a join vusers b join vusers c "
            "join vusers d join vusers e where a.mail = ?"
        },
        service="alias",
    ),
    P("key-too-long", "a key of 2048 characters", key="a" * 2048, only="6.7.1"),
)

"""What PostgreSQL, libpq and PgBouncer say.

Sources: PostgreSQL 15's messages, ``errcodes.txt`` and libpq, PgBouncer 1.17 and 1.18.
table-postgres logs the message without its SQLSTATE, in the language of the server: translated ones
are not known.
"""

from __future__ import annotations

from tablewatch.knowledge.records import ErrorClass, Fault
from tablewatch.knowledge.repairs import postgres as repair

_QUERY = ErrorClass.QUERY
_CONNECTION = ErrorClass.CONNECTION
_CONFIGURATION = ErrorClass.CONFIGURATION
_UNKNOWN = ErrorClass.UNKNOWN

_NOTHING_LEFT = "the database has no connection or memory left to give"
_REFUSED = "the database refuses this user, password or client host"
_NO_SUCH = "the query names something that does not exist in the database"
_WRONG = "the query itself is wrong"
_POOLED = (
    "the connection was replaced behind the backend's back, as by a pooler in transaction mode"
)

POSTGRES: tuple[Fault, ...] = (
    (
        _QUERY,
        "the key has characters that the character set of the database can't hold",
        repair.UNICODE_DATABASE,
        (
            (
                "postgres-untranslatable",
                "22P05",
                "character with byte sequence ",
                "no equivalent in",
            ),
        ),
    ),
    (
        _QUERY,
        "the key is not valid text in the character set of the connection",
        repair.INVALID_TEXT,
        (("postgres-invalid-bytes", "22021", "invalid byte sequence for encoding"),),
    ),
    (
        _QUERY,
        "the key does not fit the type or size of the column",
        repair.COMPARE_AS_TEXT,
        (
            ("postgres-invalid-input", "22P02", "invalid input syntax for type "),
            ("postgres-out-of-range", "22003", "value ", " is out of range for type "),
            ("postgres-out-of-range", "22008", "date/time field value out of range: "),
            ("postgres-too-long", "22001", "value too long for type "),
        ),
    ),
    (
        _QUERY,
        "the key makes an invalid regular expression",
        repair.PLAIN_COMPARISON,
        (
            ("postgres-regexp", "2201B", "invalid regular expression"),
            ("postgres-regexp", "2201B", "regular expression failed"),
        ),
    ),
    (
        _QUERY,
        "the key makes an invalid pattern for LIKE",
        repair.PLAIN_COMPARISON,
        (
            ("postgres-like", "22025", "LIKE pattern must not end with escape character"),
            ("postgres-like", "22025", "invalid escape string"),
        ),
    ),
    (
        _QUERY,
        "for this key the query finds more than it can handle",
        repair.ONE_ROW,
        (("postgres-subquery-rows", "21000", "more than one row returned by a subquery"),),
    ),
    (
        _UNKNOWN,
        "the query ran longer than the database allows",
        repair.FASTER_QUERY,
        (("postgres-statement-timeout", "57014", "canceling statement due to statement timeout"),),
    ),
    (
        _CONNECTION,
        "the database closed the connection: a restart, an idle timeout or the network",
        repair.CONNECTION_LOST,
        (
            ("postgres-closed", "08006", "server closed the connection unexpectedly"),
            ("postgres-closed", "08006", "SSL connection has been closed unexpectedly"),
            ("postgres-closed", "08006", "SSL SYSCALL error"),
            ("postgres-closed", "08006", "could not receive data from server"),
            ("postgres-closed", "08006", "could not send data to server"),
            ("postgres-closed", "08006", "lost synchronization with server"),
            ("postgres-closed", "08003", "no connection to the server"),
        ),
    ),
    (
        _CONNECTION,
        "the database closed the connection: a restart, an idle timeout or the network",
        repair.ENDED,
        (("postgres-terminated", "57P01", "terminating connection "),),
    ),
    (
        _CONNECTION,
        "somebody or something in the database canceled the query",
        repair.CANCELED,
        (("postgres-canceled", "57014", "canceling statement due to "),),
    ),
    (
        _CONNECTION,
        "the database does not accept connections: it is down, starting or unreachable",
        repair.START,
        (
            ("postgres-unreachable", "08001", "could not connect to server"),
            ("postgres-unreachable", "08001", "timeout expired"),
        ),
    ),
    (
        _CONNECTION,
        "the name of the database's host can't be resolved",
        repair.CORRECT_HOST,
        (("postgres-unknown-host", "08001", "could not translate host name "),),
    ),
    (
        _CONNECTION,
        "the database is starting, recovering or shutting down",
        repair.WAIT_UNTIL_UP,
        (("postgres-starting", "57P03", "the database system is "),),
    ),
    (
        _CONNECTION,
        "the pooler does not reach the database",
        repair.POOLER_BACKEND,
        (
            ("pgbouncer-no-server", "08P01", "pgbouncer cannot connect to server"),
            ("pgbouncer-no-server", "08P01", "server login has been failing"),
            ("pgbouncer-no-server", "08P01", "server conn crashed"),
            ("pgbouncer-no-server", "08P01", "client_login_timeout (server down)"),
        ),
    ),
    (
        _CONNECTION,
        _NOTHING_LEFT,
        repair.MORE_CONNECTIONS,
        (
            ("postgres-too-many-connections", "53300", "sorry, too many clients already"),
            ("postgres-too-many-connections", "53300", "remaining connection slots are reserved"),
            ("postgres-too-many-connections", "53300", "too many connections for "),
        ),
    ),
    (
        _CONNECTION,
        _NOTHING_LEFT,
        repair.MORE_MEMORY,
        (
            ("postgres-out-of-memory", "53200", "out of memory"),
            ("postgres-out-of-memory", "53200", "out of shared memory"),
            ("postgres-out-of-memory", "53100", "could not resize shared memory segment"),
        ),
    ),
    (
        _CONNECTION,
        "the pooler has no connection left to give",
        repair.LARGER_POOL,
        (
            ("pgbouncer-busy", "08P01", "no more connections allowed"),
            ("pgbouncer-busy", "08P01", "query_wait_timeout"),
        ),
    ),
    (
        _CONNECTION,
        _POOLED,
        repair.SESSION_POOLING,
        (
            ("postgres-stale-statement", "26000", "prepared statement ", " does not exist"),
            ("postgres-stale-statement", "42P05", "prepared statement ", " already exists"),
        ),
    ),
    (
        _CONNECTION,
        "a table that the query reads was altered",
        repair.RECONNECT,
        (("postgres-stale-plan", "0A000", "cached plan must not change result type"),),
    ),
    (
        _CONNECTION,
        "something else held a lock on the rows for too long",
        repair.FREE_LOCKS,
        (
            ("postgres-deadlock", "40P01", "deadlock detected"),
            ("postgres-serialization", "40001", "could not serialize access due to "),
        ),
    ),
    (
        _CONFIGURATION,
        _REFUSED,
        repair.CORRECT_LOGIN,
        (
            ("postgres-login", "28P01", "password authentication failed"),
            ("postgres-login", "28000", "Peer authentication failed"),
            ("postgres-login", "28000", "Ident authentication failed"),
            ("postgres-login", "28000", "no pg_hba.conf entry for host"),
            ("postgres-login", "28000", "pg_hba.conf rejects connection"),
            ("postgres-login", "28000", "role ", " is not permitted to log in"),
            ("postgres-login", "", "fe_sendauth: no password supplied"),
            ("pgbouncer-no-such-user", "08P01", "no such user"),
        ),
    ),
    (
        _CONFIGURATION,
        _REFUSED,
        repair.NEWER_LIBPQ,
        (("postgres-old-client", "", "authentication method ", " not supported"),),
    ),
    (
        _CONFIGURATION,
        _REFUSED,
        repair.CREATE_ROLE,
        (("postgres-no-such-role", "28000", "role ", " does not exist"),),
    ),
    (
        _CONFIGURATION,
        "the database user lacks a privilege that the query needs",
        repair.GRANT,
        (("postgres-permission-denied", "42501", "permission denied for "),),
    ),
    (
        _CONFIGURATION,
        "the query writes, and the server only reads",
        repair.READ_ONLY,
        (("postgres-read-only", "25006", "cannot execute ", "in a read-only transaction"),),
    ),
    (
        _CONFIGURATION,
        _NO_SUCH,
        repair.CREATE_DATABASE,
        (
            ("postgres-no-such-database", "3D000", "database ", " does not exist"),
            ("pgbouncer-no-such-database", "08P01", "no such database: "),
            ("pgbouncer-no-such-database", "08P01", "bouncer config error"),
        ),
    ),
    (
        _CONFIGURATION,
        _NO_SUCH,
        repair.CORRECT_NAMES,
        (
            ("postgres-no-such-table", "42P01", "relation ", " does not exist"),
            ("postgres-no-such-column", "42703", "column ", " does not exist"),
            ("postgres-no-such-function", "42883", "function ", " does not exist"),
            ("postgres-no-such-schema", "3F000", "schema ", " does not exist"),
            ("postgres-no-such-type", "42704", "type ", " does not exist"),
            ("postgres-no-such-from", "42P01", "missing FROM-clause entry for table "),
        ),
    ),
    (
        _CONFIGURATION,
        "the query compares the key with something that is no text",
        repair.CAST_KEY,
        (
            ("postgres-no-such-operator", "42883", "operator does not exist"),
            ("postgres-parameter-type", "42P18", "could not determine data type of parameter"),
        ),
    ),
    (
        _CONFIGURATION,
        _WRONG,
        repair.CORRECT_QUERY,
        (
            ("postgres-syntax", "42601", "syntax error at "),
            ("postgres-parameters", "08P01", "bind message supplies ", " parameters, but prepared"),
            ("postgres-parameters", "42P02", "there is no parameter $"),
            ("postgres-several-commands", "42601", "cannot insert multiple commands into a prep"),
            ("postgres-ambiguous-column", "42702", "column reference ", " is ambiguous"),
            ("postgres-group-by", "42803", "column ", " must appear in the GROUP BY clause"),
            ("postgres-union", "42601", "each ", " query must have the same number of columns"),
            ("postgres-union", "42804", "UNION types ", " cannot be matched"),
            ("postgres-subquery-columns", "42601", "subquery must return only one column"),
            ("postgres-subquery-columns", "42601", "subquery has too many columns"),
        ),
    ),
    (
        _CONFIGURATION,
        _WRONG,
        repair.NAME_COLLATION,
        (
            ("postgres-collation", "42P22", "could not determine which collation to use for "),
            ("postgres-collation", "42P21", "collation mismatch between "),
            ("postgres-collation", "42704", "collation ", " for encoding ", " does not exist"),
        ),
    ),
    (
        _CONFIGURATION,
        "the connection string (conninfo) is wrong",
        repair.CORRECT_CONNINFO,
        (
            ("postgres-conninfo", "", 'missing "=" after '),
            ("postgres-conninfo", "", "invalid connection option "),
            ("postgres-conninfo", "", "unterminated quoted string in connection info string"),
            ("postgres-conninfo", "", "invalid port number: "),
            ("postgres-conninfo", "", "invalid integer value "),
            ("postgres-conninfo", "", "invalid sslmode value: "),
        ),
    ),
    (
        _CONFIGURATION,
        "no TLS connection to the database can be made",
        repair.CORRECT_TLS,
        (
            ("postgres-tls", "08006", "SSL error"),
            ("postgres-tls", "", "server does not support SSL, but SSL was required"),
            ("postgres-tls", "", "server certificate for ", " does not match host name"),
            ("postgres-tls", "", "root certificate file ", " does not exist"),
        ),
    ),
    (
        _CONFIGURATION,
        "the database has trouble with its storage",
        repair.CORRECT_STORAGE,
        (
            ("postgres-storage", "53100", "could not extend file "),
            ("postgres-storage", "53100", "could not write to file "),
            ("postgres-storage", "58030", "could not read block "),
            ("postgres-storage", "58P01", "could not open file "),
            ("postgres-storage", "XX001", "invalid page in block "),
            ("postgres-storage", "54000", "database is not accepting commands to avoid wraparound"),
        ),
    ),
)

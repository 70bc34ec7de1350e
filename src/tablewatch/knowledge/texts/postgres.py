"""What PostgreSQL, libpq and PgBouncer say.

Sources: PostgreSQL 15's messages, ``errcodes.txt`` and libpq. table-postgres logs the message
without its SQLSTATE, in the language of the server: translated ones are not known.
"""

from __future__ import annotations

from tablewatch.knowledge.records import ErrorClass, Fault

_QUERY = ErrorClass.QUERY
_CONNECTION = ErrorClass.CONNECTION
_CONFIGURATION = ErrorClass.CONFIGURATION
_UNKNOWN = ErrorClass.UNKNOWN

POSTGRES: tuple[Fault, ...] = (
    (
        _QUERY,
        "the key has characters that the character set of the database can't hold",
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
        (("postgres-invalid-bytes", "22021", "invalid byte sequence for encoding"),),
    ),
    (
        _QUERY,
        "the key does not fit the type or size of the column",
        (
            ("postgres-invalid-input", "22P02", "invalid input syntax for type "),
            ("postgres-out-of-range", "22003", "value ", " is out of range for type "),
            ("postgres-too-long", "22001", "value too long for type "),
        ),
    ),
    (
        _QUERY,
        "the key makes an invalid regular expression",
        (
            ("postgres-regexp", "2201B", "invalid regular expression"),
            ("postgres-regexp", "2201B", "regular expression failed"),
        ),
    ),
    (
        _QUERY,
        "for this key the query finds more than it can handle",
        (("postgres-subquery-rows", "21000", "more than one row returned by a subquery"),),
    ),
    (
        _UNKNOWN,
        "the query ran longer than the database allows",
        (("postgres-statement-timeout", "57014", "canceling statement due to statement timeout"),),
    ),
    (
        _CONNECTION,
        "the database closed the connection: a restart, an idle timeout or the network",
        (
            ("postgres-closed", "08006", "server closed the connection unexpectedly"),
            ("postgres-closed", "08006", "SSL connection has been closed unexpectedly"),
            ("postgres-closed", "08006", "SSL SYSCALL error"),
            ("postgres-closed", "08006", "could not receive data from server"),
            ("postgres-closed", "08006", "could not send data to server"),
            ("postgres-closed", "08006", "lost synchronization with server"),
            ("postgres-closed", "08003", "no connection to the server"),
            ("postgres-terminated", "57P01", "terminating connection "),
            ("postgres-canceled", "57014", "canceling statement due to "),
        ),
    ),
    (
        _CONNECTION,
        "the database does not accept connections: it is down, starting or unreachable",
        (
            ("postgres-unreachable", "08001", "could not connect to server"),
            ("postgres-unreachable", "08001", "timeout expired"),
            ("postgres-unknown-host", "08001", "could not translate host name "),
            ("postgres-starting", "57P03", "the database system is "),
            ("pgbouncer-no-server", "08P01", "pgbouncer cannot connect to server"),
            ("pgbouncer-no-server", "08P01", "server login has been failing"),
            ("pgbouncer-no-server", "08P01", "server conn crashed"),
        ),
    ),
    (
        _CONNECTION,
        "the database has no connection or memory left to give",
        (
            ("postgres-too-many-connections", "53300", "sorry, too many clients already"),
            ("postgres-too-many-connections", "53300", "remaining connection slots are reserved"),
            ("postgres-too-many-connections", "53300", "too many connections for "),
            ("postgres-out-of-memory", "53200", "out of memory"),
            ("postgres-out-of-memory", "53200", "out of shared memory"),
            ("pgbouncer-busy", "08P01", "no more connections allowed"),
            ("pgbouncer-busy", "08P01", "query_wait_timeout"),
        ),
    ),
    (
        _CONNECTION,
        "the connection was replaced behind the backend's back, as by a pooler in transaction mode",
        (
            ("postgres-stale-statement", "26000", "prepared statement ", " does not exist"),
            ("postgres-stale-statement", "42P05", "prepared statement ", " already exists"),
            ("postgres-stale-plan", "0A000", "cached plan must not change result type"),
        ),
    ),
    (
        _CONNECTION,
        "something else held a lock on the rows for too long",
        (("postgres-deadlock", "40P01", "deadlock detected"),),
    ),
    (
        _CONFIGURATION,
        "the database refuses this user, password or client host",
        (
            ("postgres-login", "28P01", "password authentication failed"),
            ("postgres-login", "28000", "Peer authentication failed"),
            ("postgres-login", "28000", "no pg_hba.conf entry for host"),
            ("postgres-login", "28000", "pg_hba.conf rejects connection"),
            ("postgres-login", "28000", "role ", " is not permitted to log in"),
            ("postgres-login", "", "fe_sendauth: no password supplied"),
            ("postgres-no-such-role", "28000", "role ", " does not exist"),
        ),
    ),
    (
        _CONFIGURATION,
        "the database user lacks a privilege that the query needs",
        (
            ("postgres-permission-denied", "42501", "permission denied for "),
            ("postgres-read-only", "25006", "cannot execute ", "in a read-only transaction"),
        ),
    ),
    (
        _CONFIGURATION,
        "the query names something that does not exist in the database",
        (
            ("postgres-no-such-database", "3D000", "database ", " does not exist"),
            ("postgres-no-such-table", "42P01", "relation ", " does not exist"),
            ("postgres-no-such-column", "42703", "column ", " does not exist"),
            ("postgres-no-such-function", "42883", "function ", " does not exist"),
            ("postgres-no-such-schema", "3F000", "schema ", " does not exist"),
            ("postgres-no-such-operator", "42883", "operator does not exist"),
        ),
    ),
    (
        _CONFIGURATION,
        "the query itself is wrong",
        (
            ("postgres-syntax", "42601", "syntax error at "),
            ("postgres-parameters", "08P01", "bind message supplies ", " parameters, but prepared"),
            ("postgres-parameters", "42P02", "there is no parameter $"),
            ("postgres-parameter-type", "42P18", "could not determine data type of parameter"),
            ("postgres-collation", "42P22", "could not determine which collation to use for "),
            ("postgres-collation", "42P21", "collation mismatch between "),
        ),
    ),
    (
        _CONFIGURATION,
        "the connection string (conninfo) is wrong",
        (
            ("postgres-conninfo", "", 'missing "=" after '),
            ("postgres-conninfo", "", "invalid connection option "),
            ("postgres-conninfo", "", "unterminated quoted string in connection info string"),
        ),
    ),
    (
        _CONFIGURATION,
        "no TLS connection to the database can be made",
        (
            ("postgres-tls", "08006", "SSL error"),
            ("postgres-tls", "", "server does not support SSL, but SSL was required"),
        ),
    ),
    (
        _CONFIGURATION,
        "the database has trouble with its storage",
        (
            ("postgres-storage", "53100", "could not extend file "),
            ("postgres-storage", "58030", "could not read block "),
            ("postgres-storage", "58P01", "could not open file "),
        ),
    ),
)

"""What SQLite, Redis and the operating system say.

Sources: SQLite 3.40 (the codes are its result codes), hiredis 0.14, strerror(3) of OpenBSD and
glibc, which table-socketmap and hiredis pass on.
"""

from __future__ import annotations

from tablewatch.knowledge.records import ErrorClass, Fault

_QUERY = ErrorClass.QUERY
_CONNECTION = ErrorClass.CONNECTION
_CONFIGURATION = ErrorClass.CONFIGURATION
_UNKNOWN = ErrorClass.UNKNOWN

OTHERS: tuple[Fault, ...] = (
    (
        _QUERY,
        "the key or the value it finds does not fit",
        (
            ("sqlite-too-big", "18", "string or blob too big"),
            ("sqlite-mismatch", "20", "datatype mismatch"),
            ("sqlite-invalid-json", "1", "malformed JSON"),
            ("sqlite-pattern", "1", "LIKE or GLOB pattern too complex"),
        ),
    ),
    (
        _UNKNOWN,
        "the query was interrupted",
        (("sqlite-interrupted", "9", "interrupted"),),
    ),
    (
        _CONNECTION,
        "another process has the database file locked, or its schema has just changed",
        (
            ("sqlite-locked", "5", "database is locked"),
            ("sqlite-locked", "6", "database table is locked"),
            ("sqlite-locked", "15", "locking protocol"),
            ("sqlite-schema", "17", "database schema has changed"),
        ),
    ),
    (
        _CONFIGURATION,
        "the query names something that does not exist in the database",
        (
            ("sqlite-no-such-table", "1", "no such table: "),
            ("sqlite-no-such-column", "1", "no such column: "),
            ("sqlite-no-such-function", "1", "no such function: "),
            ("sqlite-no-such-collation", "1", "no such collation sequence: "),
        ),
    ),
    (
        _CONFIGURATION,
        "the query itself is wrong",
        (
            ("sqlite-syntax", "1", 'near "', ": syntax error"),
            ("sqlite-syntax", "1", "incomplete input"),
            ("sqlite-syntax", "1", "unrecognized token: "),
            ("sqlite-parameters", "25", "column index out of range"),
        ),
    ),
    (
        _CONFIGURATION,
        "the database file can't be opened, or is damaged",
        (
            ("sqlite-cannot-open", "14", "unable to open database file"),
            ("sqlite-read-only", "8", "attempt to write a readonly database"),
            ("sqlite-denied", "23", "authorization denied"),
            ("sqlite-not-a-database", "26", "file is not a database"),
            ("sqlite-damaged", "11", "database disk image is malformed"),
            ("sqlite-disk", "10", "disk I/O error"),
            ("sqlite-disk", "13", "database or disk is full"),
        ),
    ),
    (
        _CONNECTION,
        "the server closed the connection: a restart, an idle timeout or the network",
        (
            ("redis-closed", "", "Server closed the connection"),
            ("redis-protocol", "", "Protocol error, got "),
            ("connection-reset", "", "Connection reset by peer"),
            ("connection-reset", "", "Broken pipe"),
        ),
    ),
    (
        _CONNECTION,
        "the server does not accept connections: it is down or unreachable",
        (
            ("connection-refused", "", "Connection refused"),
            ("connection-refused", "", "No such file or directory"),
            ("connection-timeout", "", "Connection timed out"),
            ("connection-timeout", "", "Operation timed out"),
            ("connection-timeout", "", "Resource temporarily unavailable"),
            ("no-route", "", "No route to host"),
            ("no-route", "", "Network is unreachable"),
            ("no-route", "", "Network is down"),
        ),
    ),
    (
        _CONNECTION,
        "the backend or the system is out of descriptors or memory",
        (
            ("too-many-files", "", "Too many open files"),
            ("out-of-memory", "", "Cannot allocate memory"),
        ),
    ),
    (
        _CONFIGURATION,
        "the smtpd user may not open the socket or file",
        (("permission-denied", "", "Permission denied"),),
    ),
)

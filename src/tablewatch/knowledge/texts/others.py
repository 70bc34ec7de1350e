"""What SQLite, Redis and the operating system say.

Sources: SQLite 3.40 (the codes are its result codes), hiredis 0.14, strerror(3) of OpenBSD and
glibc, which table-socketmap, hiredis and libpq pass on.
"""

from __future__ import annotations

from tablewatch.knowledge.records import ErrorClass, Fault
from tablewatch.knowledge.repairs import others as repair

_QUERY = ErrorClass.QUERY
_CONNECTION = ErrorClass.CONNECTION
_CONFIGURATION = ErrorClass.CONFIGURATION
_UNKNOWN = ErrorClass.UNKNOWN

_FILE = "the database file can't be opened, or is damaged"
_CLOSED = "the server closed the connection: a restart, an idle timeout or the network"
_DOWN = "the server does not accept connections: it is down or unreachable"
_NONE_LEFT = "the backend or the system is out of descriptors or memory"

OTHERS: tuple[Fault, ...] = (
    (
        _QUERY,
        "the key or the value it finds does not fit",
        repair.SQLITE_COMPARE,
        (
            ("sqlite-too-big", "18", "string or blob too big"),
            ("sqlite-mismatch", "20", "datatype mismatch"),
            ("sqlite-invalid-json", "1", "malformed JSON"),
            ("sqlite-pattern", "1", "LIKE or GLOB pattern too complex"),
            ("sqlite-match", "1", "fts5: syntax error near "),
            ("sqlite-match", "1", "malformed MATCH expression: "),
        ),
    ),
    (
        _UNKNOWN,
        "the query was interrupted",
        repair.SQLITE_INTERRUPTED,
        (("sqlite-interrupted", "9", "interrupted"),),
    ),
    (
        _CONNECTION,
        "another process has the database file locked, or its schema has just changed",
        repair.SQLITE_FREE_LOCK,
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
        repair.SQLITE_NAMES,
        (
            ("sqlite-no-such-table", "1", "no such table: "),
            ("sqlite-no-such-column", "1", "no such column: "),
            ("sqlite-no-such-function", "1", "no such function: "),
            ("sqlite-no-such-function", "1", "no such module: "),
            ("sqlite-no-such-collation", "1", "no such collation sequence: "),
        ),
    ),
    (
        _CONFIGURATION,
        "the query itself is wrong",
        repair.SQLITE_QUERY,
        (
            ("sqlite-syntax", "1", 'near "', ": syntax error"),
            ("sqlite-syntax", "1", "incomplete input"),
            ("sqlite-syntax", "1", "unrecognized token: "),
            ("sqlite-parameters", "25", "column index out of range"),
            ("sqlite-ambiguous-column", "1", "ambiguous column name: "),
            ("sqlite-arguments", "1", "wrong number of arguments to function "),
            ("sqlite-union", "1", "SELECTs to the left and right of ", "do not have the same numb"),
        ),
    ),
    (
        _CONFIGURATION,
        _FILE,
        repair.SQLITE_OPEN,
        (
            ("sqlite-cannot-open", "14", "unable to open database file"),
            ("sqlite-denied", "23", "authorization denied"),
        ),
    ),
    (
        _CONFIGURATION,
        "the query writes, or the file needs to be written to be read",
        repair.SQLITE_READ,
        (("sqlite-read-only", "8", "attempt to write a readonly database"),),
    ),
    (
        _CONFIGURATION,
        _FILE,
        repair.SQLITE_RESTORE,
        (
            ("sqlite-not-a-database", "26", "file is not a database"),
            ("sqlite-damaged", "11", "database disk image is malformed"),
            ("sqlite-damaged", "11", "malformed database schema ("),
            ("sqlite-disk", "10", "disk I/O error"),
            ("sqlite-disk", "13", "database or disk is full"),
        ),
    ),
    (
        _CONNECTION,
        _CLOSED,
        repair.REDIS_LOST,
        (("redis-closed", "", "Server closed the connection"),),
    ),
    (
        _CONNECTION,
        "what answers there does not speak Redis",
        repair.REDIS_PROTOCOL,
        (("redis-protocol", "", "Protocol error, got "),),
    ),
    (
        _CONNECTION,
        _CLOSED,
        repair.CONNECTION_BROKEN,
        (
            ("connection-reset", "", "Connection reset by peer"),
            ("connection-reset", "", "Broken pipe"),
        ),
    ),
    (
        _CONNECTION,
        _DOWN,
        repair.CONNECT,
        (
            ("connection-refused", "", "Connection refused"),
            ("connection-refused", "", "No such file or directory"),
        ),
    ),
    (
        _CONNECTION,
        _DOWN,
        repair.ANSWER_IN_TIME,
        (
            ("connection-timeout", "", "Connection timed out"),
            ("connection-timeout", "", "Operation timed out"),
            ("connection-timeout", "", "Resource temporarily unavailable"),
        ),
    ),
    (
        _CONNECTION,
        _DOWN,
        repair.CORRECT_ROUTE,
        (
            ("no-route", "", "No route to host"),
            ("no-route", "", "Network is unreachable"),
            ("no-route", "", "Network is down"),
        ),
    ),
    (
        _CONNECTION,
        _NONE_LEFT,
        repair.MORE_FILES,
        (("too-many-files", "", "Too many open files"),),
    ),
    (
        _CONNECTION,
        _NONE_LEFT,
        repair.MORE_MEMORY,
        (("out-of-memory", "", "Cannot allocate memory"),),
    ),
    (
        _CONFIGURATION,
        "the smtpd user may not open the socket or file",
        repair.PERMIT,
        (("permission-denied", "", "Permission denied"),),
    ),
)

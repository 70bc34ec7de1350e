"""The lines the official table backends write to their stderr.

Source: the log calls of opensmtpd-extras 6.7.1 (table-mysql, -postgres, -ldap, -redis,
-socketmap, -sqlite, -passwd, api/), of table-mysql 1.2.1, table-postgres 1.1.1, table-ldap 1.0,
table-redis 1.0.1, table-socketmap 1.1.1, table-sqlite 1.0.1 and table-passwd 1.0.2, and
PostgreSQL's habit of explaining an error on further lines. Misspellings are theirs.

The order is of no meaning: where several fit, the one with the longest start counts, so that
``warn: `` takes only what nothing else knows.
"""

from __future__ import annotations

from tablewatch.knowledge.records import ErrorClass, Sign, Signature
from tablewatch.knowledge.repairs import backends, mysql_query, mysql_server, others, postgres
from tablewatch.knowledge.texts import ERROR_TEXTS

__all__ = ["ERROR_TEXTS", "SIGNATURES"]

_QUERY = ErrorClass.QUERY
_CONNECTION = ErrorClass.CONNECTION
_CONFIGURATION = ErrorClass.CONFIGURATION
_UNKNOWN = ErrorClass.UNKNOWN

_STRANGE = "an error that is not in the knowledge base"
_DOWN = "the database can't be reached"
_CLOSED = "the peer closed the connection"
_SETUP = "the backend's configuration file is wrong"
_UNREADABLE = "the backend's configuration file can't be read"
_LINE = "a line of the passwd file is wrong"
_NOT_OPEN = "the database file can't be opened"
_LOGIN = "the server refuses the backend's credentials"
_NO_DATABASE = "the server has no such database"
_UNNAMED = "the backend does not say which error: too many rows in a subquery, a query too slow"
_SQL = "the query does not return what smtpd needs"
_VIEW = "the query uses a view or function whose owner is gone or may not read its tables"
_TOO_LARGE = "what this key finds does not fit into an answer to smtpd"
_MEMORY = "out of memory"
_SERVICE = "smtpd uses the table for a service that the backend does not offer"
_NO_HANDLER = "smtpd asks the table in a way that the backend does not offer"
_PROTOCOL = "backend and supervisor do not understand each other"

_PROGRESS = (
    Signature("retry", Sign.RETRY, _UNKNOWN, "warn: trying to reconnect after error: ", _STRANGE),
    Signature(
        "retry",
        Sign.RETRY,
        _UNKNOWN,
        "warn: table-postgres: trying to reconnect after error: ",
        _STRANGE,
    ),
    # table-redis reconnects after each of these, up to three times.
    Signature("retry", Sign.RETRY, _UNKNOWN, "warn: redisCommand: ", _STRANGE),
    Signature("reconnecting", Sign.RECONNECT, None, "debug: (re)connecting"),
    Signature("reconnecting", Sign.RECONNECT, None, "debug: table-ldap: reconnecting"),
    Signature("reconnecting", Sign.RECONNECT, None, "ldap connect to: "),
    Signature("connected", Sign.CONNECTED, None, "debug: connected"),
    Signature("connected", Sign.CONNECTED, None, "debug: ldap server accepted credentials"),
    Signature("gave-up", Sign.GIVE_UP, None, "warn: to many retries"),
    Signature("gave-up", Sign.GIVE_UP, None, "warn: table-postgres: too many retries"),
    Signature("gave-up", Sign.GIVE_UP, None, "warn: giving up: too many retries"),
)

# What fails while the backend connects and prepares its statements can't be the fault of a key.
_CONNECTING = (
    Signature("mysql-connect", Sign.ERROR, _CONNECTION, "warn: mysql_real_connect: ", _DOWN),
    Signature("mysql-connect", Sign.ERROR, _CONNECTION, "warn: mysql_init failed", _MEMORY),
    Signature("mysql-connect", Sign.ERROR, _CONNECTION, "warn: mysql_options: ", _DOWN),
    Signature("mysql-prepare", Sign.ERROR, _CONNECTION, "warn: mysql_stmt_init: ", _DOWN),
    Signature("mysql-prepare", Sign.ERROR, _CONFIGURATION, "warn: mysql_stmt_prepare: ", _SQL),
    Signature("mysql-prepare", Sign.ERROR, _CONFIGURATION, "warn: mysql_stmt_bind_results: ", _SQL),
    # The login was accepted: what is refused is something in the query.
    Signature(
        "mysql-view-denied",
        Sign.ERROR,
        _CONFIGURATION,
        "warn: mysql_stmt_prepare: Access denied for user ",
        _VIEW,
    ),
    Signature(
        "mysql-placeholders", Sign.ERROR, _CONFIGURATION, "warn: wrong number of params", _SQL
    ),
    Signature("mysql-columns", Sign.ERROR, _CONFIGURATION, "warn: wrong number of columns", _SQL),
    Signature("postgres-connect", Sign.ERROR, _CONNECTION, "warn: PQconnectdb", _DOWN),
    Signature("postgres-connect", Sign.ERROR, _CONNECTION, "warn: PQconnectdb: ", _DOWN),
    # libpq's second line, for the second address of a host.
    Signature("postgres-connect", Sign.ERROR, _CONNECTION, "connection to server ", _DOWN),
    Signature("postgres-prepare", Sign.ERROR, _CONFIGURATION, "warn: PQprepare: ", _SQL),
    Signature("postgres-conninfo", Sign.ERROR, _CONFIGURATION, 'warn: missing "conninfo"', _SETUP),
    Signature("sqlite-prepare", Sign.ERROR, _CONFIGURATION, "warn: sqlite3_prepare_v2: ", _SQL),
    Signature("sqlite-columns", Sign.ERROR, _CONFIGURATION, "warn: columns: invalid columns", _SQL),
    Signature("sqlite-open", Sign.ERROR, _CONFIGURATION, "warn: open: ", _NOT_OPEN),
    Signature("redis-connect", Sign.ERROR, _CONNECTION, "warn: redisConnect for master and", _DOWN),
    Signature("redis-connect", Sign.ERROR, _CONNECTION, "warn: can't create redis context", _DOWN),
    Signature("redis-login", Sign.ERROR, _CONFIGURATION, "warn: authentication on ", _LOGIN),
    Signature(
        "redis-database", Sign.ERROR, _CONFIGURATION, "warn: database selection on ", _NO_DATABASE
    ),
    Signature("socketmap-connect", Sign.ERROR, _CONNECTION, "warn: connect: ", _DOWN),
    Signature("socketmap-connect", Sign.ERROR, _CONNECTION, "warn: socket: ", _DOWN),
    Signature("socketmap-connect", Sign.ERROR, _CONNECTION, "warn: fdopen: ", _DOWN),
    Signature("socketmap-connect", Sign.ERROR, _CONNECTION, "error connecting to ", _DOWN),
    Signature("socketmap-path", Sign.ERROR, _CONFIGURATION, "warn: socket path too long", _SETUP),
    Signature("ldap-connect", Sign.ERROR, _CONNECTION, "warn: ldap_connect error", _DOWN),
    Signature(
        "ldap-connect", Sign.ERROR, _CONNECTION, "warn: table-ldap: failed to connect", _DOWN
    ),
    Signature("ldap-connect", Sign.ERROR, _CONNECTION, "warn: tls connection failed", _DOWN),
    Signature("ldap-connect", Sign.ERROR, _CONNECTION, "can not connect", _DOWN),
    Signature("ldap-host", Sign.ERROR, _CONNECTION, 'warn: could not parse "', _DOWN),
    Signature("ldap-bind", Sign.ERROR, _CONNECTION, "warn: aldap_bind error", _CLOSED),
    Signature("ldap-bind", Sign.ERROR, _CONNECTION, "warn: aldap_parse", _CLOSED),
    Signature(
        "ldap-login", Sign.ERROR, _CONFIGURATION, "warn: ldap server refused credent", _LOGIN
    ),
    # LDAP result codes (RFC 4511, 4.1.9): busy, unavailable, other.
    Signature("ldap-busy", Sign.ERROR, _CONNECTION, "warn: failed to bind, result #51", _DOWN),
    Signature("ldap-busy", Sign.ERROR, _CONNECTION, "warn: failed to bind, result #52", _DOWN),
    Signature("ldap-busy", Sign.ERROR, _CONNECTION, "warn: failed to bind, result #80", _DOWN),
    Signature("ldap-login", Sign.ERROR, _CONFIGURATION, "warn: failed to bind, result #", _LOGIN),
    Signature("ldap-url", Sign.ERROR, _CONFIGURATION, "warn: ldap_parse_url fail", _SETUP),
    Signature("ldap-url", Sign.ERROR, _CONFIGURATION, "ldapi:// is not su", _SETUP),
    Signature("ldap-url", Sign.ERROR, _CONFIGURATION, "ldap+tls:// is not su", _SETUP),
    Signature("ldap-tls", Sign.ERROR, _CONFIGURATION, "warn: can not get tls_config", _SETUP),
    Signature("ldap-tls", Sign.ERROR, _CONFIGURATION, "warn: can't load ca file: ", _SETUP),
    Signature("ldap-services", Sign.ERROR, _CONFIGURATION, "warn: no service registered", _SETUP),
)

_SETTING_UP = (
    Signature("config-unreadable", Sign.ERROR, _CONFIGURATION, 'warn: "', _UNREADABLE),
    Signature(
        "config-no-value", Sign.ERROR, _CONFIGURATION, "warn: missing value for key ", _SETUP
    ),
    Signature("config-duplicate", Sign.ERROR, _CONFIGURATION, "warn: duplicate ", _SETUP),
    Signature("config-bad-value", Sign.ERROR, _CONFIGURATION, "warn: bad value for ", _SETUP),
    Signature("config-bad-key", Sign.ERROR, _CONFIGURATION, "warn: bogus ", _SETUP),
    Signature("passwd-entry", Sign.ERROR, _CONFIGURATION, "warn: invalid entry", _LINE),
    Signature("passwd-entry", Sign.ERROR, _CONFIGURATION, "warn: line too long", _LINE),
)

_LOOKING_UP = (
    Signature("mysql-execute", Sign.ERROR, _UNKNOWN, "warn: mysql_stmt_execute: ", _STRANGE),
    # Says nothing more for an error that comes with the first row, such as 1242 or 1969.
    Signature("mysql-fetch", Sign.ERROR, _UNKNOWN, "warn: mysql_stmt_fetch: ", _UNNAMED),
    Signature("mysql-free", Sign.ERROR, _UNKNOWN, "warn: mysql_stmt_free_result: ", _STRANGE),
    Signature("mysql-bind", Sign.ERROR, _UNKNOWN, "warn: mysql_stmt_bind_param: ", _STRANGE),
    Signature("postgres-execute", Sign.ERROR, _UNKNOWN, "warn: PQexecPrepared: ", _STRANGE),
    Signature("sqlite-step", Sign.ERROR, _UNKNOWN, "warn: sqlite3_step: ", _STRANGE),
    Signature("sqlite-bind", Sign.ERROR, _UNKNOWN, "warn: sqlite3_bind_text: ", _STRANGE),
    Signature(
        "socketmap-lost", Sign.ERROR, _CONNECTION, "warn: socketmap has lost its so", _CLOSED
    ),
    Signature(
        "socketmap-lost", Sign.ERROR, _CONNECTION, "warn: lost connection to socket", _CLOSED
    ),
    Signature("socketmap-reply", Sign.ERROR, _UNKNOWN, "warn: unrecognized socketmap", _STRANGE),
    Signature("key-too-long", Sign.ERROR, _QUERY, "warn: key too long: ", "the key is too long"),
    Signature("key-too-long", Sign.ERROR, _QUERY, "warn: filter too large", "the key is too long"),
    Signature("result-too-large", Sign.ERROR, _QUERY, "warn: result too large", _TOO_LARGE),
    Signature("result-too-large", Sign.ERROR, _QUERY, "warn: esult too large", _TOO_LARGE),
    Signature("result-too-large", Sign.ERROR, _QUERY, "warn: socketmap reply too la", _TOO_LARGE),
    Signature("ldap-result", Sign.ERROR, _QUERY, "warn: could not format result", _TOO_LARGE),
    Signature("ldap-several-values", Sign.ERROR, _QUERY, "req ", "the key finds several values"),
    Signature("unknown-service", Sign.ERROR, _CONFIGURATION, "warn: unknown service ", _SERVICE),
    Signature(
        "unknown-service", Sign.ERROR, _CONFIGURATION, "warn: unsupported lookup k", _SERVICE
    ),
    Signature("unknown-service", Sign.ERROR, _CONFIGURATION, "warn: query ", _SERVICE),
    Signature("unknown-service", Sign.ERROR, _CONFIGURATION, "unhandled service", _SERVICE),
    Signature("out-of-memory", Sign.ERROR, _CONNECTION, "warn: calloc", _MEMORY),
    Signature("out-of-memory", Sign.ERROR, _CONNECTION, "warn: strdup", _MEMORY),
    Signature("out-of-memory", Sign.ERROR, _CONNECTION, "warn: asprintf", _MEMORY),
)

_LEAVING = (
    # smtpd, or the supervisor, closed the connection: an ordinary end.
    Signature("closed", Sign.OTHER, None, "warn: table-api: pipe closed"),
    Signature("protocol", Sign.ERROR, _UNKNOWN, "warn: table-api: ", _PROTOCOL),
    Signature("protocol", Sign.ERROR, _UNKNOWN, "warn: table-proc: ", _PROTOCOL),
    Signature("protocol", Sign.FATAL, _UNKNOWN, "fatal: table-api: ", _PROTOCOL),
    Signature("protocol", Sign.FATAL, _UNKNOWN, "fatal: table-proc: ", _PROTOCOL),
    # errx(3) of table_stdio.
    Signature("unknown-service", Sign.FATAL, _CONFIGURATION, "unknown service ", _SERVICE),
    Signature("protocol", Sign.FATAL, _UNKNOWN, "unexpected config line: ", _PROTOCOL),
    Signature("protocol", Sign.FATAL, _UNKNOWN, "malformed line", _PROTOCOL),
    Signature("protocol", Sign.FATAL, _UNKNOWN, "unsupported protocol version: ", _PROTOCOL),
    Signature("protocol", Sign.FATAL, _UNKNOWN, "unknown action ", _PROTOCOL),
    Signature("no-handler", Sign.FATAL, _CONFIGURATION, "no update handler", _NO_HANDLER),
    Signature("no-handler", Sign.FATAL, _CONFIGURATION, "no check handler", _NO_HANDLER),
    Signature("no-handler", Sign.FATAL, _CONFIGURATION, "no lookup handler", _NO_HANDLER),
    Signature("no-handler", Sign.FATAL, _CONFIGURATION, "no fetch handler", _NO_HANDLER),
    Signature("could-not-connect", Sign.FATAL, _CONNECTION, "fatal: could not connect", _DOWN),
    Signature("could-not-connect", Sign.FATAL, _CONNECTION, "fatal: failed to connect", _DOWN),
    Signature("could-not-connect", Sign.FATAL, _CONNECTION, "fatal: error connecting to ", _DOWN),
    Signature("config-broken", Sign.FATAL, _CONFIGURATION, "fatal: error parsing config", _SETUP),
    Signature("config-broken", Sign.FATAL, _CONFIGURATION, "fatal: could not parse config", _SETUP),
    Signature("bad-arguments", Sign.FATAL, _CONFIGURATION, "fatal: bogus argument", _SETUP),
    Signature("bad-arguments", Sign.FATAL, _CONFIGURATION, "fatal: bad option", _SETUP),
)

_TALKING = (
    Signature("debug", Sign.OTHER, None, "debug: "),
    Signature("debug", Sign.OTHER, None, "debug: connected to master"),
    Signature("debug", Sign.OTHER, None, "ret="),
    Signature("info", Sign.OTHER, None, "info: "),
    Signature("postgres-detail", Sign.OTHER, None, "LINE "),
    Signature("postgres-detail", Sign.OTHER, None, "DETAIL: "),
    Signature("postgres-detail", Sign.OTHER, None, "HINT: "),
    Signature("postgres-detail", Sign.OTHER, None, "CONTEXT: "),
    Signature("postgres-detail", Sign.OTHER, None, "PL/pgSQL function "),
    Signature("postgres-detail", Sign.OTHER, None, "NOTICE: "),
    Signature("postgres-detail", Sign.OTHER, None, "WARNING: "),
    Signature("postgres-detail", Sign.OTHER, None, "server closed the connection unexpectedly"),
    Signature("postgres-detail", Sign.OTHER, None, "\\t"),
    Signature("postgres-detail", Sign.OTHER, None, "  "),
    Signature("warning", Sign.ERROR, _UNKNOWN, "warn: ", _STRANGE),
    Signature("fatal", Sign.FATAL, _UNKNOWN, "fatal: ", _STRANGE),
    Signature("other", Sign.OTHER, None, ""),
)

# By the start of the line where lines of one id differ, by the id otherwise.
_REPAIRS = {
    **dict.fromkeys(("retry", "warning", "fatal"), backends.LOOK_UP_ERROR),
    "mysql-connect": mysql_server.START,
    "warn: mysql_init failed": mysql_server.MORE_MEMORY,
    "mysql-prepare": mysql_query.CORRECT_QUERY,
    "warn: mysql_stmt_init: ": mysql_server.CONNECTION_LOST,
    "mysql-view-denied": mysql_query.NEW_DEFINER,
    "mysql-placeholders": mysql_query.CORRECT_QUERY,
    "mysql-columns": mysql_query.CORRECT_QUERY,
    "postgres-connect": postgres.START,
    "postgres-prepare": postgres.CORRECT_QUERY,
    "postgres-conninfo": postgres.CORRECT_CONNINFO,
    "sqlite-prepare": others.SQLITE_QUERY,
    "sqlite-columns": others.SQLITE_QUERY,
    "sqlite-open": others.SQLITE_OPEN,
    "redis-connect": others.REDIS_START,
    "redis-login": others.REDIS_LOGIN,
    "redis-database": others.REDIS_DATABASE,
    "socketmap-connect": others.SOCKETMAP_START,
    "socketmap-path": others.SOCKETMAP_PATH,
    "ldap-connect": others.LDAP_START,
    "warn: tls connection failed": others.LDAP_TLS,
    "ldap-host": others.LDAP_HOST,
    "ldap-bind": others.LDAP_LOST,
    "ldap-login": others.LDAP_LOGIN,
    "ldap-busy": others.LDAP_BUSY,
    "ldap-url": others.LDAP_URL,
    "ldap-tls": others.LDAP_TLS,
    "ldap-services": others.LDAP_SERVICES,
    "config-unreadable": backends.OPEN_FILE,
    "config-no-value": backends.CORRECT_FILE,
    "config-duplicate": backends.CORRECT_FILE,
    "config-bad-value": backends.CORRECT_FILE,
    "config-bad-key": backends.CORRECT_FILE,
    "config-broken": backends.CORRECT_FILE,
    "bad-arguments": backends.CORRECT_ARGUMENT,
    "passwd-entry": backends.CORRECT_PASSWD,
    "mysql-execute": backends.LOOK_UP_ERROR,
    "mysql-fetch": backends.UNNAMED,
    "mysql-free": backends.LOOK_UP_ERROR,
    "mysql-bind": backends.LOOK_UP_ERROR,
    "postgres-execute": backends.LOOK_UP_ERROR,
    "sqlite-step": backends.LOOK_UP_ERROR,
    "sqlite-bind": backends.LOOK_UP_ERROR,
    "socketmap-lost": others.SOCKETMAP_LOST,
    "socketmap-reply": others.SOCKETMAP_REPLY,
    "key-too-long": backends.SHORTER_KEY,
    "result-too-large": backends.SMALLER_RESULT,
    "ldap-result": others.LDAP_ATTRIBUTES,
    "ldap-several-values": others.LDAP_ATTRIBUTES,
    "unknown-service": backends.OTHER_SERVICE,
    "no-handler": backends.OTHER_SERVICE,
    "warn: query ": others.LDAP_SERVICES,
    "out-of-memory": others.MORE_MEMORY,
    "protocol": backends.SAME_PROTOCOL,
    "could-not-connect": backends.START_DATABASE,
}

SIGNATURES = tuple(
    known._replace(repair=_REPAIRS.get(known.start) or _REPAIRS.get(known.id))
    for known in (
        *_PROGRESS,
        *_CONNECTING,
        *_SETTING_UP,
        *_LOOKING_UP,
        *_LEAVING,
        *_TALKING,
    )
)

"""Each signature is fed the line that the real program prints.

Those of process 27979 and up were printed by opensmtpd-extras 6.7.1 when the failure was provoked;
the others are the programs' log calls, filled in.
"""

import pytest

from tablewatch.knowledge.classify import Classifier
from tablewatch.knowledge.records import ErrorClass, Sign
from tablewatch.knowledge.signatures import SIGNATURES

QUERY = ErrorClass.QUERY
CONNECTION = ErrorClass.CONNECTION
CONFIGURATION = ErrorClass.CONFIGURATION
UNKNOWN = ErrorClass.UNKNOWN

LINES = [
    # table-mysql
    (
        b"creds[27979]: warn: trying to reconnect after error: Illegal mix of collations "
        b"(latin1_swedish_ci,IMPLICIT) and (utf8mb4_general_ci,COERCIBLE) for operation '='",
        Sign.RETRY,
        QUERY,
        "mysql-illegal-mix-of-collations",
    ),
    (
        b"creds[28582]: warn: trying to reconnect after error: Unknown prepared statement handler "
        b"(1295) given to mysqld_stmt_execute",
        Sign.RETRY,
        CONNECTION,
        "mysql-stale-statement",
    ),
    (b"creds[1]: warn: trying to reconnect after error: Huh", Sign.RETRY, UNKNOWN, "retry"),
    (b"creds[27979]: debug: (re)connecting", Sign.RECONNECT, None, "reconnecting"),
    (b"creds[27979]: debug: connected", Sign.CONNECTED, None, "connected"),
    (b"creds[1]: warn: to many retries", Sign.GIVE_UP, None, "gave-up"),
    (
        b"creds[28627]: warn: mysql_real_connect: Can't connect to local server through socket "
        b"'/run/mysqld/mysqld.sock' (2)",
        Sign.ERROR,
        CONNECTION,
        "mysql-unreachable",
    ),
    (b"creds[1]: warn: mysql_real_connect: Huh", Sign.ERROR, CONNECTION, "mysql-connect"),
    (b"creds[1]: warn: mysql_init failed", Sign.ERROR, CONNECTION, "mysql-connect"),
    (b"creds[1]: warn: mysql_options: Huh", Sign.ERROR, CONNECTION, "mysql-connect"),
    (b"creds[1]: warn: mysql_stmt_init: Huh", Sign.ERROR, CONNECTION, "mysql-prepare"),
    (
        b"creds[28109]: warn: mysql_stmt_prepare: Table 'mail.nosuch' doesn't exist",
        Sign.ERROR,
        CONFIGURATION,
        "mysql-no-such-table",
    ),
    (
        b"creds[1]: warn: mysql_stmt_prepare: Access denied for user 'smtpd'@'%'",
        Sign.ERROR,
        CONFIGURATION,
        "mysql-view-denied",
    ),
    (b"creds[1]: warn: mysql_stmt_prepare: Huh", Sign.ERROR, CONFIGURATION, "mysql-prepare"),
    (b"creds[1]: warn: mysql_stmt_bind_results: Huh", Sign.ERROR, CONFIGURATION, "mysql-prepare"),
    (
        b"creds[28281]: warn: wrong number of params for select mail, c_password from vusers",
        Sign.ERROR,
        CONFIGURATION,
        "mysql-placeholders",
    ),
    (
        b"creds[28238]: warn: wrong number of columns in resultset",
        Sign.ERROR,
        CONFIGURATION,
        "mysql-columns",
    ),
    (b"creds[28496]: warn: mysql_stmt_fetch: ", Sign.ERROR, UNKNOWN, "mysql-fetch"),
    (b"creds[1]: warn: mysql_stmt_execute: Huh", Sign.ERROR, UNKNOWN, "mysql-execute"),
    (b"creds[1]: warn: mysql_stmt_free_result: Huh", Sign.ERROR, UNKNOWN, "mysql-free"),
    (b"creds[1]: warn: mysql_stmt_bind_param: Huh", Sign.ERROR, UNKNOWN, "mysql-bind"),
    (b'creds[1]: warn: key too long: "aaa', Sign.ERROR, QUERY, "key-too-long"),
    (b"creds[1]: warn: result too large", Sign.ERROR, QUERY, "result-too-large"),
    (b"creds[1]: warn: unknown service 512", Sign.ERROR, CONFIGURATION, "unknown-service"),
    (b"creds[28367]: fatal: could not connect", Sign.FATAL, CONNECTION, "could-not-connect"),
    (b"creds[1]: warn: calloc: Cannot allocate memory", Sign.ERROR, CONNECTION, "out-of-memory"),
    (b"creds[1]: warn: strdup: Cannot allocate memory", Sign.ERROR, CONNECTION, "out-of-memory"),
    # the configuration file of any of them
    (
        b'creds[27334]: warn: "/nonexistent": No such file or directory',
        Sign.ERROR,
        CONFIGURATION,
        "config-unreadable",
    ),
    (
        b"creds[28324]: warn: missing value for key database",
        Sign.ERROR,
        CONFIGURATION,
        "config-no-value",
    ),
    (b"creds[1]: warn: duplicate key host", Sign.ERROR, CONFIGURATION, "config-duplicate"),
    (
        b"creds[1]: warn: bad value for fetch_source_expire: invalid",
        Sign.ERROR,
        CONFIGURATION,
        "config-bad-value",
    ),
    (b'creds[1]: warn: bogus entry "urll"', Sign.ERROR, CONFIGURATION, "config-bad-key"),
    (
        b"creds[27334]: fatal: error parsing config file",
        Sign.FATAL,
        CONFIGURATION,
        "config-broken",
    ),
    (b"creds[1]: fatal: could not parse config", Sign.FATAL, CONFIGURATION, "config-broken"),
    (b"creds[1]: fatal: bogus argument(s)", Sign.FATAL, CONFIGURATION, "bad-arguments"),
    (b"creds[1]: fatal: bad option", Sign.FATAL, CONFIGURATION, "bad-arguments"),
    # table-postgres
    (
        b"creds[30531]: warn: table-postgres: trying to reconnect after error: FATAL:  "
        b"terminating connection due to administrator command",
        Sign.RETRY,
        CONNECTION,
        "postgres-terminated",
    ),
    (
        b"creds[1]: warn: table-postgres: trying to reconnect after error: Huh",
        Sign.RETRY,
        UNKNOWN,
        "retry",
    ),
    (b"creds[1]: warn: table-postgres: too many retries", Sign.GIVE_UP, None, "gave-up"),
    (
        b'creds[31405]: warn: PQconnectdb: connection to server at "127.0.0.1", port 33998 failed: '
        b"Connection refused",
        Sign.ERROR,
        CONNECTION,
        "connection-refused",
    ),
    (
        b"creds[29450]: warn: PQconnectdb: connection to server on socket "
        b'"/tmp/nosock/.s.PGSQL.33998" failed: No such file or directory',
        Sign.ERROR,
        CONNECTION,
        "connection-refused",
    ),
    (
        b'creds[29030]: warn: PQconnectdb: connection to server at "127.0.0.1", port 33998 failed: '
        b'FATAL:  role "smtpd" does not exist',
        Sign.ERROR,
        CONFIGURATION,
        "postgres-no-such-role",
    ),
    (b"creds[1]: warn: PQconnectdb: Huh", Sign.ERROR, CONNECTION, "postgres-connect"),
    (b"creds[1]: warn: PQconnectdb return NULL", Sign.ERROR, CONNECTION, "postgres-connect"),
    (
        b'connection to server at "::1", port 5432 failed: FATAL:  password authentication failed '
        b'for user "smtpd"',
        Sign.ERROR,
        CONFIGURATION,
        "postgres-login",
    ),
    (
        b'connection to server at "::1", port 5432 failed: Huh',
        Sign.ERROR,
        CONNECTION,
        "postgres-connect",
    ),
    (
        b'creds[30298]: warn: PQprepare: ERROR:  relation "nosuch" does not exist',
        Sign.ERROR,
        CONFIGURATION,
        "postgres-no-such-table",
    ),
    (b"creds[1]: warn: PQprepare: ERROR:  Huh", Sign.ERROR, CONFIGURATION, "postgres-prepare"),
    (
        b'creds[1]: warn: missing "conninfo" configuration directive',
        Sign.ERROR,
        CONFIGURATION,
        "postgres-conninfo",
    ),
    (
        b"creds[30250]: warn: PQexecPrepared: ERROR:  permission denied for table vusers",
        Sign.ERROR,
        CONFIGURATION,
        "postgres-permission-denied",
    ),
    (
        b'creds[31362]: warn: PQexecPrepared: ERROR:  invalid byte sequence for encoding "UTF8": '
        b"0xff",
        Sign.ERROR,
        QUERY,
        "postgres-invalid-bytes",
    ),
    (b"creds[1]: warn: PQexecPrepared: ERROR:  Huh", Sign.ERROR, UNKNOWN, "postgres-execute"),
    (b"creds[1]: warn: esult too large", Sign.ERROR, QUERY, "result-too-large"),
    (b"creds[1]: warn: asprintf: Cannot allocate memory", Sign.ERROR, CONNECTION, "out-of-memory"),
    (b"server closed the connection unexpectedly", Sign.OTHER, None, "postgres-detail"),
    (b"\tThis probably means the server terminated abnor", Sign.OTHER, None, "postgres-detail"),
    (b"LINE 1: selec x", Sign.OTHER, None, "postgres-detail"),
    (b"        ^", Sign.OTHER, None, "postgres-detail"),
    (b"CONTEXT:  unnamed portal parameter $1 = '...'", Sign.OTHER, None, "postgres-detail"),
    (b"DETAIL:  There are 3 other sessions.", Sign.OTHER, None, "postgres-detail"),
    (b"HINT:  No operator matches the given name.", Sign.OTHER, None, "postgres-detail"),
    (b"PL/pgSQL function f(text) line 1 at RAISE", Sign.OTHER, None, "postgres-detail"),
    (b"NOTICE:  identifier will be truncated", Sign.OTHER, None, "postgres-detail"),
    (b"WARNING:  nonstandard use of \\\\ in a string", Sign.OTHER, None, "postgres-detail"),
    # table-ldap
    (b"creds[1]: debug: table-ldap: reconnecting", Sign.RECONNECT, None, "reconnecting"),
    (b"creds[1]: ldap connect to: 127.0.0.1:389", Sign.RECONNECT, None, "reconnecting"),
    (b"creds[1]: debug: ldap server accepted credentials", Sign.CONNECTED, None, "connected"),
    (b"creds[27504]: warn: ldap_connect error", Sign.ERROR, CONNECTION, "ldap-connect"),
    (b"creds[1]: warn: table-ldap: failed to connect", Sign.ERROR, CONNECTION, "ldap-connect"),
    (b"creds[1]: warn: tls connection failed", Sign.ERROR, CONNECTION, "ldap-connect"),
    (b"creds[1]: can not connect", Sign.ERROR, CONNECTION, "ldap-connect"),
    (b'creds[1]: warn: could not parse "h": Huh', Sign.ERROR, CONNECTION, "ldap-host"),
    (b"creds[1]: warn: aldap_bind error", Sign.ERROR, CONNECTION, "ldap-bind"),
    (b"creds[1]: warn: aldap_parse", Sign.ERROR, CONNECTION, "ldap-bind"),
    (b"creds[1]: warn: ldap server refused credentials", Sign.ERROR, CONFIGURATION, "ldap-login"),
    (b"creds[1]: warn: failed to bind, result #51", Sign.ERROR, CONNECTION, "ldap-busy"),
    (b"creds[1]: warn: failed to bind, result #52", Sign.ERROR, CONNECTION, "ldap-busy"),
    (b"creds[1]: warn: failed to bind, result #80", Sign.ERROR, CONNECTION, "ldap-busy"),
    (b"creds[1]: warn: failed to bind, result #53", Sign.ERROR, CONFIGURATION, "ldap-login"),
    (b"creds[1]: warn: ldap_parse_url fail", Sign.ERROR, CONFIGURATION, "ldap-url"),
    (b"creds[1]: ldapi:// is not supported yet", Sign.ERROR, CONFIGURATION, "ldap-url"),
    (b"creds[1]: ldap+tls:// is not suported yet", Sign.ERROR, CONFIGURATION, "ldap-url"),
    (b"creds[1]: warn: can not get tls_config: Huh", Sign.ERROR, CONFIGURATION, "ldap-tls"),
    (b"creds[1]: warn: can't load ca file: Huh", Sign.ERROR, CONFIGURATION, "ldap-tls"),
    (b"creds[1]: warn: no service registered", Sign.ERROR, CONFIGURATION, "ldap-services"),
    (b"creds[1]: warn: filter too large", Sign.ERROR, QUERY, "key-too-long"),
    (b"creds[1]: warn: could not format result", Sign.ERROR, QUERY, "ldap-result"),
    (
        b'creds[1]: req "alice" returned more then one attr "userPassword"',
        Sign.ERROR,
        QUERY,
        "ldap-several-values",
    ),
    (b"creds[1]: warn: unsupported lookup kind", Sign.ERROR, CONFIGURATION, "unknown-service"),
    (
        b"creds[1]: warn: query 3 without a filter configured",
        Sign.ERROR,
        CONFIGURATION,
        "unknown-service",
    ),
    (b"creds[1]: unhandled service", Sign.ERROR, CONFIGURATION, "unknown-service"),
    (b"creds[27504]: fatal: failed to connect", Sign.FATAL, CONNECTION, "could-not-connect"),
    (b'creds[27504]: debug: reading key "basedn" -> "dc=x"', Sign.OTHER, None, "debug"),
    (b"creds[1]: ret=-1", Sign.OTHER, None, "debug"),
    (b"creds[1]: info: table-ldap: closed previous connection", Sign.OTHER, None, "info"),
    # table-redis
    (
        b"creds[1]: warn: redisCommand: Server closed the connection",
        Sign.RETRY,
        CONNECTION,
        "redis-closed",
    ),
    (b"creds[1]: warn: redisCommand: Huh", Sign.RETRY, UNKNOWN, "retry"),
    (b"creds[1]: warn: giving up: too many retries", Sign.GIVE_UP, None, "gave-up"),
    (
        b"creds[30752]: warn: redisConnect for master and slave failed",
        Sign.ERROR,
        CONNECTION,
        "redis-connect",
    ),
    (
        b"creds[1]: warn: can't create redis context for slave",
        Sign.ERROR,
        CONNECTION,
        "redis-connect",
    ),
    (
        b"creds[1]: warn: authentication on master failed",
        Sign.ERROR,
        CONFIGURATION,
        "redis-login",
    ),
    (
        b"creds[1]: warn: database selection on slave failed",
        Sign.ERROR,
        CONFIGURATION,
        "redis-database",
    ),
    (b"creds[1]: debug: connected to master", Sign.OTHER, None, "debug"),
    # table-socketmap
    (
        b"creds[27461]: warn: connect: No such file or directory",
        Sign.ERROR,
        CONNECTION,
        "connection-refused",
    ),
    (b"creds[1]: warn: connect: Huh", Sign.ERROR, CONNECTION, "socketmap-connect"),
    (b"creds[1]: warn: socket: Huh", Sign.ERROR, CONNECTION, "socketmap-connect"),
    (b"creds[1]: warn: fdopen: Huh", Sign.ERROR, CONNECTION, "socketmap-connect"),
    (b"creds[1]: error connecting to /nosock", Sign.ERROR, CONNECTION, "socketmap-connect"),
    (b"creds[1]: warn: socket path too long", Sign.ERROR, CONFIGURATION, "socketmap-path"),
    (
        b"creds[30836]: warn: socketmap has lost its socket",
        Sign.ERROR,
        CONNECTION,
        "socketmap-lost",
    ),
    (b"creds[30836]: warn: lost connection to socket", Sign.ERROR, CONNECTION, "socketmap-lost"),
    (
        b"creds[30836]: warn: unrecognized socketmap reply",
        Sign.ERROR,
        UNKNOWN,
        "socketmap-reply",
    ),
    (
        b"creds[1]: warn: socketmap reply too large (>4096 bytes)",
        Sign.ERROR,
        QUERY,
        "result-too-large",
    ),
    (b"creds[30836]: warn: database is down", Sign.ERROR, UNKNOWN, "warning"),
    (b"creds[27461]: fatal: error connecting to /n", Sign.FATAL, CONNECTION, "could-not-connect"),
    # table-sqlite
    (
        b"creds[27077]: warn: sqlite3_step: no such table: vusers",
        Sign.ERROR,
        CONFIGURATION,
        "sqlite-no-such-table",
    ),
    (b"creds[1]: warn: sqlite3_step: Huh", Sign.ERROR, UNKNOWN, "sqlite-step"),
    (b"creds[1]: warn: sqlite3_bind_text: Huh", Sign.ERROR, UNKNOWN, "sqlite-bind"),
    (b"creds[1]: warn: sqlite3_prepare_v2: Huh", Sign.ERROR, CONFIGURATION, "sqlite-prepare"),
    (
        b"creds[1]: warn: columns: invalid columns count for query: select 1",
        Sign.ERROR,
        CONFIGURATION,
        "sqlite-columns",
    ),
    (b"creds[1]: warn: open: Huh", Sign.ERROR, CONFIGURATION, "sqlite-open"),
    (b"creds[27077]: debug: opening /tmp/db.sqlite", Sign.OTHER, None, "debug"),
    # table-passwd
    (b"creds[27292]: warn: invalid entry", Sign.ERROR, CONFIGURATION, "passwd-entry"),
    (b"creds[1]: warn: line too long", Sign.ERROR, CONFIGURATION, "passwd-entry"),
    # the libraries under them
    (b"creds[1]: warn: table-api: pipe closed", Sign.OTHER, None, "closed"),
    (b"creds[1]: warn: table-api: no key", Sign.ERROR, UNKNOWN, "protocol"),
    (b"creds[1]: warn: table-proc: bad msg len", Sign.ERROR, UNKNOWN, "protocol"),
    (b"creds[1]: fatal: table-api: exiting", Sign.FATAL, UNKNOWN, "protocol"),
    (b"creds[1]: fatal: table-proc: exiting", Sign.FATAL, UNKNOWN, "protocol"),
    (b"creds: unknown service auth", Sign.FATAL, CONFIGURATION, "unknown-service"),
    (b"creds: unexpected config line: x", Sign.FATAL, UNKNOWN, "protocol"),
    (b"creds: malformed line: missing key", Sign.FATAL, UNKNOWN, "protocol"),
    (b"creds: unsupported protocol version: 0.2", Sign.FATAL, UNKNOWN, "protocol"),
    (b"creds: unknown action frobnicate", Sign.FATAL, UNKNOWN, "protocol"),
    (b"creds: no update handler registered", Sign.FATAL, CONFIGURATION, "no-handler"),
    (b"creds: no check handler registered", Sign.FATAL, CONFIGURATION, "no-handler"),
    (b"creds: no lookup handler registered", Sign.FATAL, CONFIGURATION, "no-handler"),
    (b"creds: no fetch handler registered", Sign.FATAL, CONFIGURATION, "no-handler"),
    # anybody's
    (b"creds[1]: fatal: Huh", Sign.FATAL, UNKNOWN, "fatal"),
    (b"creds[1]: warn: Huh", Sign.ERROR, UNKNOWN, "warning"),
    (b"Traceback (most recent call last):", Sign.OTHER, None, "other"),
    (b"", Sign.OTHER, None, "other"),
]


@pytest.mark.parametrize(("line", "sign", "error_class", "signature"), LINES)
def test_the_line_is_known(line, sign, error_class, signature):
    reading = Classifier().read(line)
    assert (reading.sign, reading.error_class, reading.signature) == (sign, error_class, signature)


def test_no_signature_is_without_a_line():
    """The one that reads a line must be needed for it: without it, the reading changes."""
    complete = Classifier()
    needless = []
    for known in SIGNATURES:
        without = Classifier([other for other in SIGNATURES if other is not known])
        if all(without.read(line) == complete.read(line) for line, *_ in LINES):
            needless.append(known)
    # "other" is also what the classifier falls back on without any table.
    assert [known.start for known in needless] == [""]


def test_no_start_is_listed_twice():
    starts = [known.start for known in SIGNATURES]
    assert len(set(starts)) == len(starts)


def test_ids_can_be_metric_labels():
    assert all(known.id.replace("-", "").isalnum() and known.id.islower() for known in SIGNATURES)


def test_every_error_has_a_cause_in_words():
    errors = [known for known in SIGNATURES if known.error_class is not None]
    assert all(len(known.cause) > 10 for known in errors)

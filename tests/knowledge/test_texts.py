"""Each text is fed the message as the real program writes it.

Most were written by MariaDB 10.11, PostgreSQL 15 and SQLite 3.40 when the failure was provoked;
the others are the programs' format strings, filled in.
"""

import pytest

from tablewatch.knowledge.classify import Classifier
from tablewatch.knowledge.records import ErrorClass
from tablewatch.knowledge.texts import ERROR_TEXTS

MYSQL = b"t[1]: warn: mysql_stmt_execute: "
CONNECT = b"t[1]: warn: mysql_real_connect: "
POSTGRES = b"t[1]: warn: PQexecPrepared: ERROR:  "
PQCONNECT = (
    b'smtpd[71]: warn: PQconnectdb: connection to server at "127.0.0.1", port 5432 failed: FATAL:  '
)
LIBPQ = b"t[1]: warn: PQconnectdb: "
SQLITE = b"t[1]: warn: sqlite3_step: "
REDIS = b"t[1]: warn: redisCommand: "
SOCKETMAP = b"t[1]: warn: connect: "

MESSAGES = [
    (
        MYSQL,
        "mysql-illegal-mix-of-collations",
        "Illegal mix of collations (latin1_swedish_ci,IMPLICIT) and (utf8mb4_general_ci,COERCIBLE)"
        " for operation '='",
    ),
    (MYSQL, "mysql-illegal-mix-of-collations", "Illegal mix of collations for operation 'like'"),
    (
        MYSQL,
        "mysql-cannot-convert-string",
        r"Cannot convert string '\xC5\x82ice@...' from utf8mb4 to latin1",
    ),
    (
        MYSQL,
        "mysql-conversion-impossible",
        "Conversion from collation utf8mb4_general_ci into latin1_swedish_ci impossible for"
        " parameter",
    ),
    (
        MYSQL,
        "mysql-cannot-convert-character",
        "Cannot convert 'utf8mb4' character 0xC582 to 'latin1'",
    ),
    (
        MYSQL,
        "mysql-incorrect-string-value",
        r"Incorrect string value: '\xC5\x82ice' for column `mail`.`vusers`.`mail` at row 1",
    ),
    (MYSQL, "mysql-invalid-character-string", "Invalid utf8mb4 character string: '\\xFF\\xFE'"),
    (
        MYSQL,
        "mysql-incorrect-value",
        "Incorrect integer value: 'x' for column `a`.`b`.`c` at row 1",
    ),
    (MYSQL, "mysql-truncated-value", "Truncated incorrect DOUBLE value: 'alice@example.org'"),
    (MYSQL, "mysql-data-too-long", "Data too long for column 'mail' at row 1"),
    (MYSQL, "mysql-out-of-range", "Out of range value for column 'uid' at row 1"),
    (
        MYSQL,
        "mysql-regexp",
        "Regex error 'missing terminating ] for character class at offset 2'",
    ),
    (MYSQL, "mysql-regexp", "Got error 'parentheses not balanced' from regexp"),
    (MYSQL, "mysql-regexp", "Illegal argument to a regular expression."),
    (MYSQL, "mysql-regexp", "Timeout exceeded in regular expression match."),
    (MYSQL, "mysql-subquery-rows", "Subquery returns more than 1 row"),
    (MYSQL, "mysql-packet-too-large", "Got a packet bigger than 'max_allowed_packet' bytes"),
    (
        MYSQL,
        "mysql-packet-too-large",
        "Result of repeat() was larger than max_allowed_packet (16777216) - truncated",
    ),
    (
        MYSQL,
        "mysql-statement-timeout",
        "Query execution was interrupted (max_statement_time exceeded)",
    ),
    (
        MYSQL,
        "mysql-statement-timeout",
        "Query execution was interrupted, maximum statement execution time exceeded",
    ),
    (MYSQL, "mysql-gone-away", "MySQL server has gone away"),
    (MYSQL, "mysql-gone-away", "Server has gone away"),
    (MYSQL, "mysql-lost-connection", "Lost connection to MySQL server during query"),
    (MYSQL, "mysql-lost-connection", "Lost connection to server during query"),
    (
        CONNECT,
        "mysql-lost-connection",
        "Lost connection to server at 'handshake: reading initial communication packet',"
        " system error: 104",
    ),
    (
        MYSQL,
        "mysql-inactivity",
        "The client was disconnected by the server because of inactivity. See wait_timeout and"
        " interactive_timeout for configuring this behavior.",
    ),
    (MYSQL, "mysql-network", "Got an error reading communication packets"),
    (MYSQL, "mysql-network", "Got timeout writing communication packets"),
    (
        MYSQL,
        "mysql-aborted-connection",
        "Aborted connection 7 to db: 'mail' user: 'smtpd' (CLOSE_CONNECTION)",
    ),
    (MYSQL, "mysql-killed", "Connection was killed"),
    (MYSQL, "mysql-interrupted", "Query execution was interrupted"),
    (
        CONNECT,
        "mysql-unreachable",
        "Can't connect to local server through socket '/run/m.sock' (2)",
    ),
    (
        CONNECT,
        "mysql-unreachable",
        "Can't connect to local MySQL server through socket '/var/run/mysql/mysql.sock' (61)",
    ),
    (CONNECT, "mysql-unreachable", "Can't connect to server on '127.0.0.1' (115)"),
    (CONNECT, "mysql-unreachable", "Can't connect to MySQL server on '127.0.0.1:3306' (111)"),
    (CONNECT, "mysql-unreachable", "Can't connect to server (115)."),
    (CONNECT, "mysql-unknown-host", "Unknown server host 'nosuchhost' (-2)"),
    (CONNECT, "mysql-unknown-host", "Unknown MySQL server host 'nosuchhost' (-2)"),
    (CONNECT, "mysql-handshake", "Error in server handshake"),
    (MYSQL, "mysql-shutdown", "Server shutdown in progress"),
    (CONNECT, "mysql-offline", "The server is currently in offline mode"),
    (MYSQL, "mysql-wsrep-not-ready", "WSREP has not yet prepared node for application use"),
    (
        MYSQL,
        "proxysql-connect-timeout",
        "Max connect timeout reached while reaching hostgroup 1 after 10000ms",
    ),
    (CONNECT, "mysql-too-many-connections", "Too many connections"),
    (
        CONNECT,
        "mysql-too-many-connections",
        "User smtpd already has more than 'max_user_connections' active connections",
    ),
    (
        CONNECT,
        "mysql-user-limit",
        "User 'smtpd' has exceeded the 'max_connections_per_hour' resource (current value: 100)",
    ),
    (
        MYSQL,
        "mysql-too-many-statements",
        "Can't create more than max_prepared_stmt_count statements (current value: 16382)",
    ),
    (MYSQL, "mysql-out-of-memory", "Out of memory; restart server and try again (needed 2 bytes)"),
    (
        CONNECT,
        "mysql-out-of-memory",
        "Can't create a new thread (errno 11); if you are not out of available memory, you can"
        " consult the manual for a possible OS-dependent bug",
    ),
    (MYSQL, "mysql-out-of-memory", "Client run out of memory"),
    (
        MYSQL,
        "mysql-stale-statement",
        "Unknown prepared statement handler (1295) given to mysqld_stmt_execute",
    ),
    (MYSQL, "mysql-reprepare", "Prepared statement needs to be re-prepared"),
    (MYSQL, "mysql-out-of-sync", "Commands out of sync; you can't run this command now"),
    (MYSQL, "mysql-malformed-packet", "Malformed packet"),
    (MYSQL, "mysql-malformed-packet", "Malformed communication packet"),
    (
        MYSQL,
        "mysql-deadlock",
        "Deadlock found when trying to get lock; try restarting transaction",
    ),
    (MYSQL, "mysql-lock-wait", "Lock wait timeout exceeded; try restarting transaction"),
    (
        CONNECT,
        "mysql-access-denied",
        "Access denied for user 'smtpd'@'localhost' (using password: YES)",
    ),
    (CONNECT, "mysql-access-denied", "Access denied for user 'smtpd'@'localhost'"),
    (CONNECT, "mysql-account-locked", "Access denied, this account is locked"),
    (
        CONNECT,
        "mysql-host-blocked",
        "Host '192.0.2.1' is blocked because of many connection errors; unblock with"
        " 'mariadb-admin flush-hosts'",
    ),
    (
        CONNECT,
        "mysql-host-not-allowed",
        "Host '192.0.2.1' is not allowed to connect to this MariaDB server",
    ),
    (
        CONNECT,
        "mysql-old-client",
        "Client does not support authentication protocol requested by server; consider upgrading"
        " MariaDB client",
    ),
    (
        CONNECT,
        "mysql-plugin",
        "Authentication plugin 'caching_sha2_password' cannot be loaded: no such file",
    ),
    (CONNECT, "mysql-plugin", "Plugin 'unix_socket' is not loaded"),
    (
        CONNECT,
        "mysql-password-expired",
        "Your password has expired. To log in you must change it using a client that supports"
        " expired passwords",
    ),
    (MYSQL, "mysql-password-expired", "You must SET PASSWORD before executing this statement"),
    (
        CONNECT,
        "mysql-socket-denied",
        "Can't connect to local server through socket '/run/mysqld/mysqld.sock' (13)",
    ),
    (
        CONNECT,
        "mysql-database-denied",
        "Access denied for user 'smtpd'@'localhost' to database 'nodb'",
    ),
    (
        MYSQL,
        "mysql-privilege",
        "Access denied; you need (at least one of) the SUPER privilege(s) for this operation",
    ),
    (
        MYSQL,
        "mysql-command-denied",
        "SELECT command denied to user 'smtpd'@'localhost' for table `mail`.`vusers`",
    ),
    (
        MYSQL,
        "mysql-command-denied",
        "execute command denied to user 'smtpd'@'localhost' for routine 'mail.lookup'",
    ),
    (
        MYSQL,
        "mysql-no-such-definer",
        "The user specified as a definer ('root'@'%') does not exist",
    ),
    (CONNECT, "mysql-unknown-database", "Unknown database 'nodb'"),
    (MYSQL, "mysql-no-such-table", "Table 'mail.vusers' doesn't exist"),
    (MYSQL, "mysql-unknown-column", "Unknown column 'pw' in 'SELECT'"),
    (MYSQL, "mysql-unknown-column", "Unknown column 'pw' in 'field list'"),
    (MYSQL, "mysql-no-such-routine", "FUNCTION mail.lookup does not exist"),
    (
        MYSQL,
        "mysql-view-invalid",
        "View 'mail.v' references invalid table(s) or column(s) or function(s) or definer/invoker"
        " of view lack rights to use them",
    ),
    (
        MYSQL,
        "mysql-syntax",
        "You have an error in your SQL syntax; check the manual that corresponds to your MariaDB"
        " server version for the right syntax to use near 'selec mail' at line 1",
    ),
    (
        MYSQL,
        "mysql-parameter-count",
        "Incorrect parameter count in the call to native function 'concat'",
    ),
    (MYSQL, "mysql-ambiguous-column", "Column 'mail' in WHERE is ambiguous"),
    (
        MYSQL,
        "mysql-union-columns",
        "The used SELECT statements have a different number of columns",
    ),
    (MYSQL, "mysql-group-by", "'mail.vusers.mail' isn't in GROUP BY"),
    (MYSQL, "mysql-unknown-charset", "Unknown character set: 'utf9'"),
    (MYSQL, "mysql-unknown-collation", "Unknown collation: 'utf9_general_ci'"),
    (
        MYSQL,
        "mysql-collation-mismatch",
        "COLLATION 'latin1_bin' is not valid for CHARACTER SET 'utf8mb4'",
    ),
    (
        MYSQL,
        "mysql-no-parameters",
        "No data supplied for parameters in prepared statement",
    ),
    (
        MYSQL,
        "mysql-server-option",
        "The MariaDB server is running with the --read-only option so it cannot execute this"
        " statement",
    ),
    (CONNECT, "mysql-tls", "TLS/SSL error: certificate verify failed (20)"),
    (CONNECT, "mysql-tls", "SSL connection error: protocol version mismatch"),
    (CONNECT, "mysql-tls", "SSL is required, but the server does not support it"),
    (
        CONNECT,
        "mysql-tls",
        "Received error packet before completion of TLS handshake. The authenticity of the"
        " following error cannot be verified: 1040 - Too many connections",
    ),
    (
        MYSQL,
        "mysql-disk-full",
        "Disk full (/tmp/#sql); waiting for someone to free some space... (errno: 28)",
    ),
    (MYSQL, "mysql-table-crashed", "Table 'vusers' is marked as crashed and should be repaired"),
    (MYSQL, "mysql-table-lost", "Table 'mail.vusers' doesn't exist in engine"),
    (MYSQL, "mysql-storage-engine", 'Got error 28 "No space left" from storage engine InnoDB'),
    (MYSQL, "mysql-index-corrupt", "Index for table 'vusers' is corrupt; try to repair it"),
    (
        POSTGRES,
        "postgres-untranslatable",
        'character with byte sequence 0xc5 0x82 in encoding "UTF8" has no equivalent in encoding'
        ' "LATIN1"',
    ),
    (POSTGRES, "postgres-invalid-bytes", 'invalid byte sequence for encoding "UTF8": 0xff'),
    (POSTGRES, "postgres-invalid-input", 'invalid input syntax for type integer: "alice"'),
    (POSTGRES, "postgres-out-of-range", 'value "99999999999" is out of range for type integer'),
    (POSTGRES, "postgres-too-long", "value too long for type character varying(10)"),
    (POSTGRES, "postgres-regexp", "invalid regular expression: brackets [] not balanced"),
    (POSTGRES, "postgres-regexp", "regular expression failed: out of memory"),
    (
        POSTGRES,
        "postgres-subquery-rows",
        "more than one row returned by a subquery used as an expression",
    ),
    (POSTGRES, "postgres-statement-timeout", "canceling statement due to statement timeout"),
    (LIBPQ, "postgres-closed", "server closed the connection unexpectedly"),
    (LIBPQ, "postgres-closed", "SSL connection has been closed unexpectedly"),
    (LIBPQ, "postgres-closed", "SSL SYSCALL error: EOF detected"),
    (LIBPQ, "postgres-closed", "could not receive data from server: Connection reset by peer"),
    (LIBPQ, "postgres-closed", "could not send data to server: Broken pipe"),
    (
        LIBPQ,
        "postgres-closed",
        'lost synchronization with server: got message type "x", length 7',
    ),
    (LIBPQ, "postgres-closed", "no connection to the server"),
    (
        b"t[1]: warn: table-postgres: trying to reconnect after error: FATAL:  ",
        "postgres-terminated",
        "terminating connection due to administrator command",
    ),
    (POSTGRES, "postgres-canceled", "canceling statement due to conflict with recovery"),
    (LIBPQ, "postgres-unreachable", "could not connect to server: Connection refused"),
    (LIBPQ, "postgres-unreachable", "timeout expired"),
    (
        LIBPQ,
        "postgres-unknown-host",
        'could not translate host name "nosuchhost" to address: Name or service not known',
    ),
    (PQCONNECT, "postgres-starting", "the database system is starting up"),
    (POSTGRES, "pgbouncer-no-server", "pgbouncer cannot connect to server"),
    (
        PQCONNECT,
        "pgbouncer-no-server",
        "server login has been failing, cached error: password authentication failed",
    ),
    (POSTGRES, "pgbouncer-no-server", "server conn crashed?"),
    (PQCONNECT, "postgres-too-many-connections", "sorry, too many clients already"),
    (
        PQCONNECT,
        "postgres-too-many-connections",
        "remaining connection slots are reserved for non-replication superuser connections",
    ),
    (PQCONNECT, "postgres-too-many-connections", 'too many connections for role "smtpd"'),
    (POSTGRES, "postgres-out-of-memory", "out of memory"),
    (POSTGRES, "postgres-out-of-memory", "out of shared memory"),
    (PQCONNECT, "pgbouncer-busy", "no more connections allowed (max_client_conn)"),
    (PQCONNECT, "pgbouncer-busy", "query_wait_timeout"),
    (POSTGRES, "postgres-stale-statement", 'prepared statement "stmt_3" does not exist'),
    (POSTGRES, "postgres-stale-statement", 'prepared statement "stmt_3" already exists'),
    (POSTGRES, "postgres-stale-plan", "cached plan must not change result type"),
    (POSTGRES, "postgres-deadlock", "deadlock detected"),
    (PQCONNECT, "postgres-login", 'password authentication failed for user "smtpd"'),
    (PQCONNECT, "postgres-login", 'Peer authentication failed for user "smtpd"'),
    (
        PQCONNECT,
        "postgres-login",
        'no pg_hba.conf entry for host "192.0.2.1", user "smtpd", database "mail", no encryption',
    ),
    (
        PQCONNECT,
        "postgres-login",
        'pg_hba.conf rejects connection for host "192.0.2.1", user "smtpd", database "mail"',
    ),
    (PQCONNECT, "postgres-login", 'role "smtpd" is not permitted to log in'),
    (LIBPQ, "postgres-login", "fe_sendauth: no password supplied"),
    (PQCONNECT, "postgres-no-such-role", 'role "smtpd" does not exist'),
    (POSTGRES, "postgres-permission-denied", "permission denied for table vusers"),
    (POSTGRES, "postgres-read-only", "cannot execute UPDATE in a read-only transaction"),
    (PQCONNECT, "postgres-no-such-database", 'database "nodb" does not exist'),
    (POSTGRES, "postgres-no-such-table", 'relation "vusers" does not exist at character 30'),
    (POSTGRES, "postgres-no-such-column", 'column "pw" does not exist'),
    (POSTGRES, "postgres-no-such-column", "column v.pw does not exist"),
    (POSTGRES, "postgres-no-such-function", "function lookup(text) does not exist"),
    (POSTGRES, "postgres-no-such-schema", 'schema "mail" does not exist'),
    (POSTGRES, "postgres-no-such-operator", "operator does not exist: integer = text"),
    (POSTGRES, "postgres-syntax", 'syntax error at or near "selec"'),
    (
        POSTGRES,
        "postgres-parameters",
        'bind message supplies 1 parameters, but prepared statement "stmt_1" requires 0',
    ),
    (POSTGRES, "postgres-parameters", "there is no parameter $2"),
    (POSTGRES, "postgres-parameter-type", "could not determine data type of parameter $1"),
    (
        POSTGRES,
        "postgres-collation",
        "could not determine which collation to use for string comparison",
    ),
    (
        POSTGRES,
        "postgres-collation",
        'collation mismatch between implicit collations "C" and "de_DE"',
    ),
    (LIBPQ, "postgres-conninfo", 'missing "=" after "geheim" in connection info string'),
    (LIBPQ, "postgres-conninfo", 'invalid connection option "hots"'),
    (LIBPQ, "postgres-conninfo", "unterminated quoted string in connection info string"),
    (LIBPQ, "postgres-tls", "SSL error: certificate verify failed"),
    (LIBPQ, "postgres-tls", "server does not support SSL, but SSL was required"),
    (POSTGRES, "postgres-storage", 'could not extend file "base/5/1": No space left on device'),
    (POSTGRES, "postgres-storage", 'could not read block 0 in file "base/5/1": I/O error'),
    (POSTGRES, "postgres-storage", 'could not open file "base/5/1": Permission denied'),
    (SQLITE, "sqlite-too-big", "string or blob too big"),
    (SQLITE, "sqlite-mismatch", "datatype mismatch"),
    (SQLITE, "sqlite-invalid-json", "malformed JSON"),
    (SQLITE, "sqlite-pattern", "LIKE or GLOB pattern too complex"),
    (SQLITE, "sqlite-interrupted", "interrupted"),
    (SQLITE, "sqlite-locked", "database is locked"),
    (SQLITE, "sqlite-locked", "database table is locked: vusers"),
    (SQLITE, "sqlite-locked", "locking protocol"),
    (SQLITE, "sqlite-schema", "database schema has changed"),
    (SQLITE, "sqlite-no-such-table", "no such table: vusers"),
    (SQLITE, "sqlite-no-such-column", "no such column: pw"),
    (SQLITE, "sqlite-no-such-function", "no such function: regexp"),
    (SQLITE, "sqlite-no-such-collation", "no such collation sequence: german"),
    (SQLITE, "sqlite-syntax", 'near "selec": syntax error'),
    (SQLITE, "sqlite-syntax", "incomplete input"),
    (SQLITE, "sqlite-syntax", 'unrecognized token: "\'"'),
    (SQLITE, "sqlite-parameters", "column index out of range"),
    (SQLITE, "sqlite-cannot-open", "unable to open database file"),
    (SQLITE, "sqlite-read-only", "attempt to write a readonly database"),
    (SQLITE, "sqlite-denied", "authorization denied"),
    (SQLITE, "sqlite-not-a-database", "file is not a database"),
    (SQLITE, "sqlite-damaged", "database disk image is malformed"),
    (SQLITE, "sqlite-disk", "disk I/O error"),
    (SQLITE, "sqlite-disk", "database or disk is full"),
    (REDIS, "redis-closed", "Server closed the connection"),
    (REDIS, "redis-protocol", 'Protocol error, got "H" as reply type byte'),
    (REDIS, "connection-reset", "Connection reset by peer"),
    (REDIS, "connection-reset", "Broken pipe"),
    (REDIS, "connection-refused", "Connection refused"),
    (SOCKETMAP, "connection-refused", "No such file or directory"),
    (REDIS, "connection-timeout", "Connection timed out"),
    (REDIS, "connection-timeout", "Operation timed out"),
    (REDIS, "connection-timeout", "Resource temporarily unavailable"),
    (REDIS, "no-route", "No route to host"),
    (REDIS, "no-route", "Network is unreachable"),
    (REDIS, "no-route", "Network is down"),
    (SOCKETMAP, "too-many-files", "Too many open files"),
    (SOCKETMAP, "out-of-memory", "Cannot allocate memory"),
    (SOCKETMAP, "permission-denied", "Permission denied"),
    (MYSQL, "mysql-packet-too-large", "Got packet bigger than 'max_allowed_packet' bytes"),
    (CONNECT, "mysql-no-database", "No database selected"),
    (MYSQL, "mysql-operand-columns", "Operand should contain 1 column(s)"),
    (
        MYSQL,
        "mysql-parameter-types",
        "Illegal parameter data types varchar and row for operation '='",
    ),
    (CONNECT, "mysql-malformed-packet", "Received malformed packet"),
    (
        CONNECT,
        "mysql-plugin",
        "Authentication plugin 'mysql_old_password' couldn't be found in restricted_auth plugin"
        " list.",
    ),
    (MYSQL, "mysql-table-crashed", "Incorrect file format 'vusers'"),
    (MYSQL, "mysql-not-unique-table", "Not unique table/alias: 'vusers'"),
    (MYSQL, "mysql-derived-alias", "Every derived table must have its own alias"),
    (
        MYSQL,
        "mysql-group-by",
        "Mixing of GROUP columns (MIN(),MAX(),COUNT(),...) with no GROUP columns is illegal if"
        " there is no GROUP BY clause",
    ),
    (
        MYSQL,
        "mysql-group-by",
        "Expression #1 of SELECT list is not in GROUP BY clause and contains nonaggregated column"
        " 'mail.vusers.mail' which is not functionally dependent on columns in GROUP BY clause",
    ),
    (MYSQL, "mysql-wrong-arguments", "Incorrect arguments to EXECUTE"),
    (
        MYSQL,
        "mysql-not-preparable",
        "This command is not supported in the prepared statement protocol yet",
    ),
    (
        MYSQL,
        "mysql-too-many-rows",
        "The SELECT would examine more than MAX_JOIN_SIZE rows; check your WHERE and use SET"
        " SQL_BIG_SELECTS=1 or SET MAX_JOIN_SIZE=# if the SELECT is okay",
    ),
    (MYSQL, "mysql-read-only", "Cannot execute statement in a READ ONLY transaction"),
    (MYSQL, "mysql-read-only", "Running in read-only mode"),
    (CONNECT, "mysql-handshake", "Bad handshake"),
    (
        MYSQL,
        "mysql-out-of-memory",
        "Out of sort memory, consider increasing server sort buffer size",
    ),
    (MYSQL, "mysql-table-changed", "Table definition has changed, please retry transaction"),
    (
        MYSQL,
        "mysql-table-changed",
        "Record has changed since last read in table 'vusers'; try restarting transaction",
    ),
    (
        CONNECT,
        "mysql-account-locked",
        "Access denied for user 'smtpd'@'localhost'. Account is locked.",
    ),
    (
        CONNECT,
        "mysql-plugin",
        "Authentication plugin 'caching_sha2_password' reported error: Authentication requires"
        " secure connection.",
    ),
    (
        CONNECT,
        "mysql-tls",
        "Connections using insecure transport are prohibited while --require_secure_transport=ON.",
    ),
    (MYSQL, "mysql-disk-full", "The table '#sql-temptable-1' is full"),
    (POSTGRES, "postgres-out-of-range", 'date/time field value out of range: "2026-99-99"'),
    (POSTGRES, "postgres-like", "LIKE pattern must not end with escape character"),
    (POSTGRES, "postgres-like", "invalid escape string"),
    (
        POSTGRES,
        "postgres-out-of-memory",
        'could not resize shared memory segment "/PostgreSQL.1" to 8388608 bytes: No space left'
        " on device",
    ),
    (
        POSTGRES,
        "postgres-serialization",
        "could not serialize access due to concurrent update",
    ),
    (PQCONNECT, "postgres-login", 'Ident authentication failed for user "smtpd"'),
    (LIBPQ, "postgres-old-client", "authentication method 10 not supported"),
    (PQCONNECT, "pgbouncer-no-such-database", "no such database: mail"),
    (PQCONNECT, "pgbouncer-no-such-database", "bouncer config error"),
    (PQCONNECT, "pgbouncer-no-such-user", "no such user: smtpd"),
    (PQCONNECT, "pgbouncer-no-server", "client_login_timeout (server down)"),
    (POSTGRES, "postgres-no-such-type", 'type "mailaddr" does not exist'),
    (POSTGRES, "postgres-no-such-from", 'missing FROM-clause entry for table "v"'),
    (
        POSTGRES,
        "postgres-several-commands",
        "cannot insert multiple commands into a prepared statement",
    ),
    (POSTGRES, "postgres-ambiguous-column", 'column reference "mail" is ambiguous'),
    (
        POSTGRES,
        "postgres-group-by",
        'column "v.mail" must appear in the GROUP BY clause or be used in an aggregate function',
    ),
    (POSTGRES, "postgres-union", "each UNION query must have the same number of columns"),
    (POSTGRES, "postgres-union", "UNION types text and integer cannot be matched"),
    (POSTGRES, "postgres-subquery-columns", "subquery must return only one column"),
    (POSTGRES, "postgres-subquery-columns", "subquery has too many columns"),
    (POSTGRES, "postgres-collation", 'collation "de_DE" for encoding "UTF8" does not exist'),
    (LIBPQ, "postgres-conninfo", 'invalid port number: "x"'),
    (
        LIBPQ,
        "postgres-conninfo",
        'invalid integer value "x" for connection option "connect_timeout"',
    ),
    (LIBPQ, "postgres-conninfo", 'invalid sslmode value: "yes"'),
    (
        LIBPQ,
        "postgres-tls",
        'server certificate for "db" does not match host name "127.0.0.1"',
    ),
    (
        LIBPQ,
        "postgres-tls",
        'root certificate file "/nonexistent" does not exist',
    ),
    (
        POSTGRES,
        "postgres-storage",
        'could not write to file "base/pgsql_tmp/pgsql_tmp7.0": No space left on device',
    ),
    (POSTGRES, "postgres-storage", "invalid page in block 0 of relation base/5/16384"),
    (
        POSTGRES,
        "postgres-storage",
        'database is not accepting commands to avoid wraparound data loss in database "mail"',
    ),
    (SQLITE, "sqlite-match", 'fts5: syntax error near "@"'),
    (SQLITE, "sqlite-match", 'malformed MATCH expression: [a"b]'),
    (SQLITE, "sqlite-no-such-function", "no such module: fts9"),
    (SQLITE, "sqlite-ambiguous-column", "ambiguous column name: mail"),
    (SQLITE, "sqlite-arguments", "wrong number of arguments to function lower()"),
    (
        SQLITE,
        "sqlite-union",
        "SELECTs to the left and right of UNION do not have the same number of result columns",
    ),
    (SQLITE, "sqlite-damaged", "malformed database schema (vusers) - invalid rootpage"),
]


@pytest.mark.parametrize(("start", "id", "message"), MESSAGES)
def test_the_message_is_known(start, id, message):
    assert Classifier().read(start + message.encode()).signature == id


def test_no_text_is_without_a_message():
    """The one that reads a message must be needed for it: without it, the reading changes."""
    complete = Classifier()
    for text in ERROR_TEXTS:
        without = Classifier(error_texts=[other for other in ERROR_TEXTS if other is not text])
        lines = [start + message.encode() for start, id, message in MESSAGES if id == text.id]
        assert any(without.read(line) != complete.read(line) for line in lines), text


@pytest.mark.parametrize(("start", "id", "message"), MESSAGES)
def test_every_known_error_has_a_cause_in_words(start, id, message):
    reading = Classifier().read(start + message.encode())
    assert len(reading.cause) > 10
    assert reading.error_class is not None


def test_one_id_has_one_class():
    classes = {}
    for text in ERROR_TEXTS:
        assert classes.setdefault(text.id, text.error_class) is text.error_class, text.id


def test_ids_can_be_metric_labels():
    assert all(text.id.replace("-", "").isalnum() and text.id.islower() for text in ERROR_TEXTS)


@pytest.mark.parametrize(
    "message", ["Deadlock found", "Server has gone away", "Too many connections"]
)
def test_what_heals_by_itself_is_no_fault_of_the_query(message):
    assert Classifier().read(MYSQL + message.encode()).error_class is ErrorClass.CONNECTION

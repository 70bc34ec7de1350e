"""What MariaDB, MySQL and ProxySQL say.

Sources: MariaDB 10.11 ``errmsg.sys`` and Connector/C, MySQL 8.0's message list. table-mysql logs
the message without its number.
"""

from __future__ import annotations

from tablewatch.knowledge.records import ErrorClass, Fault

_QUERY = ErrorClass.QUERY
_CONNECTION = ErrorClass.CONNECTION
_CONFIGURATION = ErrorClass.CONFIGURATION
_UNKNOWN = ErrorClass.UNKNOWN

MYSQL: tuple[Fault, ...] = (
    (
        _QUERY,
        "the key has characters that the column's character set can't hold",
        (
            ("mysql-illegal-mix-of-collations", "1267", "Illegal mix of collations"),
            ("mysql-cannot-convert-string", "3854", "Cannot convert string '", "' from ", " to "),
            ("mysql-conversion-impossible", "3988", "Conversion from collation ", " impossible "),
            ("mysql-cannot-convert-character", "1977", "Cannot convert '", "' character 0x"),
            ("mysql-incorrect-string-value", "1366", "Incorrect string value: "),
        ),
    ),
    (
        _QUERY,
        "the key is not valid text in the character set of the connection",
        (("mysql-invalid-character-string", "1300", "Invalid ", " character string: "),),
    ),
    (
        _QUERY,
        "the key does not fit the type or size of the column",
        (
            ("mysql-incorrect-value", "1366", "Incorrect ", " value: "),
            ("mysql-truncated-value", "1292", "Truncated incorrect ", " value: "),
            ("mysql-data-too-long", "1406", "Data too long for column"),
            ("mysql-out-of-range", "1264", "Out of range value for column"),
        ),
    ),
    (
        _QUERY,
        "the key makes an invalid regular expression, or one that takes too long",
        (
            ("mysql-regexp", "1139", "Regex error '"),
            ("mysql-regexp", "1139", "Got error '", " from regexp"),
            ("mysql-regexp", "3685", "Illegal argument to a regular expression"),
            ("mysql-regexp", "3699", "Timeout exceeded in regular expression match"),
        ),
    ),
    (
        _QUERY,
        "for this key the query finds more than it can handle",
        (
            ("mysql-subquery-rows", "1242", "Subquery returns more than 1 row"),
            ("mysql-packet-too-large", "1153", "Got a packet bigger than 'max_allowed_packet'"),
            ("mysql-packet-too-large", "1301", "Result of ", " was larger than max_allowed_packet"),
        ),
    ),
    (
        _UNKNOWN,
        "the query ran longer than the database allows",
        (
            (
                "mysql-statement-timeout",
                "1969",
                "Query execution was interrupted (max_statement_time exceeded)",
            ),
            (
                "mysql-statement-timeout",
                "3024",
                "Query execution was interrupted, maximum statement execution time exceeded",
            ),
        ),
    ),
    (
        _CONNECTION,
        "the database closed the connection: a restart, an idle timeout or the network",
        (
            ("mysql-gone-away", "2006", "MySQL server has gone away"),
            ("mysql-gone-away", "2006", "Server has gone away"),
            ("mysql-lost-connection", "2013", "Lost connection to ", "server"),
            ("mysql-inactivity", "4031", "The client was disconnected by the server because of "),
            ("mysql-network", "1158", "Got an error ", " communication packets"),
            ("mysql-network", "1159", "Got timeout ", " communication packets"),
            ("mysql-aborted-connection", "1152", "Aborted connection "),
            ("mysql-killed", "1927", "Connection was killed"),
            ("mysql-interrupted", "1317", "Query execution was interrupted"),
        ),
    ),
    (
        _CONNECTION,
        "the database does not accept connections: it is down, starting or unreachable",
        (
            ("mysql-unreachable", "2002", "Can't connect to local ", "server through socket '"),
            ("mysql-unreachable", "2003", "Can't connect to ", "server on '"),
            ("mysql-unreachable", "2003", "Can't connect to server ("),
            ("mysql-unknown-host", "2005", "Unknown ", "server host '"),
            ("mysql-handshake", "2012", "Error in server handshake"),
            ("mysql-shutdown", "1053", "Server shutdown in progress"),
            ("mysql-offline", "3032", "The server is currently in offline mode"),
            ("mysql-wsrep-not-ready", "1047", "WSREP has not yet prepared node"),
            ("proxysql-connect-timeout", "9001", "Max connect timeout reached while reaching "),
        ),
    ),
    (
        _CONNECTION,
        "the database has no connection, statement or memory left to give",
        (
            ("mysql-too-many-connections", "1040", "Too many connections"),
            ("mysql-too-many-connections", "1203", "User ", " already has more than 'max_user_"),
            ("mysql-user-limit", "1226", "User '", "' has exceeded the '", "' resource"),
            (
                "mysql-too-many-statements",
                "1461",
                "Can't create more than max_prepared_stmt_count ",
            ),
            ("mysql-out-of-memory", "1037", "Out of memory"),
            ("mysql-out-of-memory", "1135", "Can't create a new thread"),
            ("mysql-out-of-memory", "2008", "Client run out of memory"),
        ),
    ),
    (
        _CONNECTION,
        "the connection was replaced or the table changed behind the backend's back",
        (
            ("mysql-stale-statement", "1243", "Unknown prepared statement handler"),
            ("mysql-reprepare", "1615", "Prepared statement needs to be re-prepared"),
            ("mysql-out-of-sync", "2014", "Commands out of sync"),
            ("mysql-malformed-packet", "2027", "Malformed ", "packet"),
        ),
    ),
    (
        _CONNECTION,
        "something else held a lock on the rows for too long",
        (
            ("mysql-deadlock", "1213", "Deadlock found"),
            ("mysql-lock-wait", "1205", "Lock wait timeout exceeded"),
        ),
    ),
    (
        _CONFIGURATION,
        "the database refuses this user, password or client host",
        (
            ("mysql-access-denied", "1045", "Access denied for user "),
            ("mysql-account-locked", "4151", "Access denied, this account is locked"),
            ("mysql-host-blocked", "1129", "Host '", "' is blocked because of many "),
            ("mysql-host-not-allowed", "1130", "Host '", "' is not allowed to connect"),
            ("mysql-old-client", "1251", "Client does not support authentication protocol"),
            ("mysql-plugin", "2059", "Authentication plugin '", "cannot be loaded"),
            ("mysql-plugin", "1524", "Plugin '", "' is not loaded"),
            ("mysql-password-expired", "1862", "Your password has expired"),
            ("mysql-password-expired", "1820", "You must SET PASSWORD"),
        ),
    ),
    (
        _CONFIGURATION,
        "the smtpd user may not open the socket of the database",
        (
            (
                "mysql-socket-denied",
                "2002",
                "Can't connect to local ",
                "server through socket '",
                "' (13)",
            ),
        ),
    ),
    (
        _CONFIGURATION,
        "the database user lacks a privilege that the query needs",
        (
            ("mysql-database-denied", "1044", "Access denied for user ", " to database "),
            ("mysql-privilege", "1227", "Access denied; you need "),
            ("mysql-command-denied", "1142", "SELECT command denied"),
            ("mysql-command-denied", "1370", "EXECUTE", "command denied"),
            ("mysql-no-such-definer", "1449", "The user specified as a definer ("),
        ),
    ),
    (
        _CONFIGURATION,
        "the query names something that does not exist in the database",
        (
            ("mysql-unknown-database", "1049", "Unknown database '"),
            ("mysql-no-such-table", "1146", "Table '", "' doesn't exist"),
            ("mysql-unknown-column", "1054", "Unknown column '"),
            ("mysql-no-such-routine", "1305", "FUNCTION ", " does not exist"),
            ("mysql-view-invalid", "1356", "View '", "' references invalid "),
        ),
    ),
    (
        _CONFIGURATION,
        "the query itself is wrong",
        (
            ("mysql-syntax", "1064", "You have an error in your SQL syntax"),
            ("mysql-parameter-count", "1582", "Incorrect parameter count in the call to native "),
            ("mysql-ambiguous-column", "1052", "Column '", " is ambiguous"),
            ("mysql-union-columns", "1222", "The used SELECT statements have a different number "),
            ("mysql-group-by", "1055", "'", "' isn't in GROUP BY"),
            ("mysql-unknown-charset", "1115", "Unknown character set: "),
            ("mysql-unknown-collation", "1273", "Unknown collation: "),
            ("mysql-collation-mismatch", "1253", "COLLATION '", "' is not valid for CHARACTER SET"),
            (
                "mysql-no-parameters",
                "2031",
                "No data supplied for parameters in prepared statement",
            ),
            ("mysql-server-option", "1290", "The ", " server is running with the ", " option so"),
        ),
    ),
    (
        _CONFIGURATION,
        "no TLS connection to the database can be made",
        (
            ("mysql-tls", "2026", "TLS/SSL error"),
            ("mysql-tls", "2026", "SSL connection error"),
            ("mysql-tls", "2026", "SSL is required, but the server does not support it"),
            ("mysql-tls", "2026", "Received error packet before completion of TLS handshake"),
        ),
    ),
    (
        _CONFIGURATION,
        "the database has trouble with its storage",
        (
            ("mysql-disk-full", "1021", "Disk full ("),
            ("mysql-table-crashed", "1194", "Table '", "' is marked as crashed"),
            ("mysql-table-lost", "1932", "Table '", "' doesn't exist in engine"),
            ("mysql-storage-engine", "1030", "Got error ", " from storage engine"),
            ("mysql-index-corrupt", "1034", "Index for table '", "' is corrupt"),
        ),
    ),
)

"""What MariaDB, MySQL and ProxySQL say of connections, logins and storage.

Sources: MariaDB 10.11 ``errmsg.sys`` and Connector/C, MySQL 8.0's message list. table-mysql logs
the message without its number.
"""

from __future__ import annotations

from tablewatch.knowledge.records import ErrorClass, Fault
from tablewatch.knowledge.repairs import mysql_server as repair

_CONNECTION = ErrorClass.CONNECTION
_CONFIGURATION = ErrorClass.CONFIGURATION

MYSQL_SERVER: tuple[Fault, ...] = (
    (
        _CONNECTION,
        "the database closed the connection: a restart, an idle timeout or the network",
        repair.CONNECTION_LOST,
        (
            ("mysql-gone-away", "2006", "MySQL server has gone away"),
            ("mysql-gone-away", "2006", "Server has gone away"),
            ("mysql-lost-connection", "2013", "Lost connection to ", "server"),
            ("mysql-inactivity", "4031", "The client was disconnected by the server because of "),
            ("mysql-network", "1158", "Got an error ", " communication packets"),
            ("mysql-network", "1159", "Got timeout ", " communication packets"),
            ("mysql-aborted-connection", "1152", "Aborted connection "),
        ),
    ),
    (
        _CONNECTION,
        "somebody in the database ended the query or the connection",
        repair.KILLED,
        (
            ("mysql-killed", "1927", "Connection was killed"),
            ("mysql-interrupted", "1317", "Query execution was interrupted"),
        ),
    ),
    (
        _CONNECTION,
        "the database does not accept connections: it is down, starting or unreachable",
        repair.START,
        (
            ("mysql-unreachable", "2002", "Can't connect to local ", "server through socket '"),
            ("mysql-unreachable", "2003", "Can't connect to ", "server on '"),
            ("mysql-unreachable", "2003", "Can't connect to server ("),
            ("mysql-handshake", "2012", "Error in server handshake"),
            ("mysql-handshake", "1043", "Bad handshake"),
        ),
    ),
    (
        _CONNECTION,
        "the name of the database's host can't be resolved",
        repair.CORRECT_HOST,
        (("mysql-unknown-host", "2005", "Unknown ", "server host '"),),
    ),
    (
        _CONNECTION,
        "the database is shutting down, or somebody took it offline",
        repair.WAIT_UNTIL_UP,
        (
            ("mysql-shutdown", "1053", "Server shutdown in progress"),
            ("mysql-offline", "3032", "The server is currently in offline mode"),
        ),
    ),
    (
        _CONNECTION,
        "the node of the cluster is not ready for queries",
        repair.JOIN_CLUSTER,
        (("mysql-wsrep-not-ready", "1047", "WSREP has not yet prepared node"),),
    ),
    (
        _CONNECTION,
        "the proxy does not reach the database",
        repair.PROXY_BACKENDS,
        (("proxysql-connect-timeout", "9001", "Max connect timeout reached while reaching "),),
    ),
    (
        _CONNECTION,
        "the database has no connection, statement or memory left to give",
        repair.MORE_CONNECTIONS,
        (
            ("mysql-too-many-connections", "1040", "Too many connections"),
            ("mysql-too-many-connections", "1203", "User ", " already has more than 'max_user_"),
        ),
    ),
    (
        _CONNECTION,
        "the database has no connection, statement or memory left to give",
        repair.LIFT_USER_LIMIT,
        (("mysql-user-limit", "1226", "User '", "' has exceeded the '", "' resource"),),
    ),
    (
        _CONNECTION,
        "the database has no connection, statement or memory left to give",
        repair.MORE_STATEMENTS,
        (("mysql-too-many-statements", "1461", "Can't create more than max_prepared_stmt_count "),),
    ),
    (
        _CONNECTION,
        "the database has no connection, statement or memory left to give",
        repair.MORE_MEMORY,
        (
            ("mysql-out-of-memory", "1037", "Out of memory"),
            ("mysql-out-of-memory", "1038", "Out of sort memory"),
            ("mysql-out-of-memory", "1135", "Can't create a new thread"),
            ("mysql-out-of-memory", "2008", "Client run out of memory"),
        ),
    ),
    (
        _CONNECTION,
        "the connection was replaced or the table changed behind the backend's back",
        repair.SAME_CONNECTION,
        (
            ("mysql-stale-statement", "1243", "Unknown prepared statement handler"),
            ("mysql-reprepare", "1615", "Prepared statement needs to be re-prepared"),
            ("mysql-table-changed", "1412", "Table definition has changed"),
            ("mysql-table-changed", "1020", "Record has changed since last read"),
            ("mysql-out-of-sync", "2014", "Commands out of sync"),
            ("mysql-malformed-packet", "2027", "Malformed ", "packet"),
            ("mysql-malformed-packet", "2027", "Received malformed packet"),
        ),
    ),
    (
        _CONNECTION,
        "something else held a lock on the rows for too long",
        repair.FREE_LOCKS,
        (
            ("mysql-deadlock", "1213", "Deadlock found"),
            ("mysql-lock-wait", "1205", "Lock wait timeout exceeded"),
        ),
    ),
    (
        _CONFIGURATION,
        "the database refuses this user, password or client host",
        repair.CORRECT_LOGIN,
        (("mysql-access-denied", "1045", "Access denied for user "),),
    ),
    (
        _CONFIGURATION,
        "the database refuses this user, password or client host",
        repair.UNLOCK_ACCOUNT,
        (
            ("mysql-account-locked", "4151", "Access denied, this account is locked"),
            ("mysql-account-locked", "3118", "Access denied for user ", "Account is locked"),
        ),
    ),
    (
        _CONFIGURATION,
        "the database refuses this user, password or client host",
        repair.UNBLOCK_HOST,
        (("mysql-host-blocked", "1129", "Host '", "' is blocked because of many "),),
    ),
    (
        _CONFIGURATION,
        "the database refuses this user, password or client host",
        repair.ALLOW_HOST,
        (("mysql-host-not-allowed", "1130", "Host '", "' is not allowed to connect"),),
    ),
    (
        _CONFIGURATION,
        "the database refuses this user, password or client host",
        repair.OTHER_PLUGIN,
        (
            ("mysql-old-client", "1251", "Client does not support authentication protocol"),
            ("mysql-plugin", "2059", "Authentication plugin '", "cannot be loaded"),
            ("mysql-plugin", "2061", "Authentication plugin '", "' reported error: "),
            ("mysql-plugin", "", "Authentication plugin '", "' couldn't be found in restricted"),
            ("mysql-plugin", "1524", "Plugin '", "' is not loaded"),
        ),
    ),
    (
        _CONFIGURATION,
        "the database refuses this user, password or client host",
        repair.RENEW_PASSWORD,
        (
            ("mysql-password-expired", "1862", "Your password has expired"),
            ("mysql-password-expired", "1820", "You must SET PASSWORD"),
        ),
    ),
    (
        _CONFIGURATION,
        "the smtpd user may not open the socket of the database",
        repair.OPEN_SOCKET,
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
        "no TLS connection to the database can be made",
        repair.PLAIN_CONNECTION,
        (
            ("mysql-tls", "2026", "TLS/SSL error"),
            ("mysql-tls", "3159", "Connections using insecure transport are prohibited"),
            ("mysql-tls", "2026", "SSL connection error"),
            ("mysql-tls", "2026", "SSL is required, but the server does not support it"),
            ("mysql-tls", "2026", "Received error packet before completion of TLS handshake"),
        ),
    ),
    (
        _CONFIGURATION,
        "the database has trouble with its storage",
        repair.FREE_DISK,
        (
            ("mysql-disk-full", "1021", "Disk full ("),
            ("mysql-disk-full", "1114", "The table '", "' is full"),
        ),
    ),
    (
        _CONFIGURATION,
        "the database has trouble with its storage",
        repair.REPAIR_TABLE,
        (
            ("mysql-table-crashed", "1194", "Table '", "' is marked as crashed"),
            ("mysql-table-crashed", "", "Incorrect file format '"),
            ("mysql-table-lost", "1932", "Table '", "' doesn't exist in engine"),
            ("mysql-storage-engine", "1030", "Got error ", " from storage engine"),
            ("mysql-index-corrupt", "1034", "Index for table '", "' is corrupt"),
        ),
    ),
)

"""What to do when MariaDB, MySQL or ProxySQL report trouble with connections, logins, storage.

table-mysql has settings for host, username, password, database and the queries, and none for port,
socket, character set or TLS; what the others would be is decided by its client library.
"""

from __future__ import annotations

from tablewatch.knowledge.repair import (
    DOCTOR,
    UPDATE,
    Repair,
    lines,
    person,
    shell,
    sql,
)

_MARIADB = "https://mariadb.com/kb/en/"
_MYSQL = "https://dev.mysql.com/doc/refman/8.0/en/"
_TABLE_MYSQL = "table-mysql(5)"
_ISSUES = "https://github.com/OpenSMTPD/OpenSMTPD/issues/"
_MY_CNF = "my.cnf"
_TRY = (
    "mariadb --host=HOST --user=USER --password DATABASE",
    "with host, username and database of CONF; it asks for the password",
)

CONNECTION_LOST = Repair(
    "heals by itself. If it comes back: did the database restart (its log), or close idle "
    "connections (wait_timeout)?",
    (
        sql("SHOW VARIABLES LIKE 'wait_timeout';", "in seconds; 28800 by default"),
        lines(_MY_CNF, "[mysqld]\nwait_timeout = 28800", "restart the database"),
        lines(
            "/etc/tablewatch.yml",
            "tables:\n  NAME:\n    spare_max_age: 5m",
            "less than wait_timeout, so that a spare's connection still lives",
        ),
        sql("SHOW STATUS LIKE 'Uptime';", "seconds since the database started"),
    ),
    (f"{_MYSQL}gone-away.html", _ISSUES + "1048", _ISSUES + "928"),
)
KILLED = Repair(
    "heals by itself. If it comes back: find who kills queries in the database, a person or a "
    "script against slow ones",
    (sql("SHOW FULL PROCESSLIST;"), DOCTOR),
    (f"{_MARIADB}kill/",),
)
START = Repair(
    "start the database, or correct host in the backend's file; until then lookups get temporary "
    "errors and no mail is lost",
    (
        shell("rcctl check mysqld || rcctl start mysqld", "OpenBSD; its log is in /var/mysql"),
        shell("systemctl status mariadb", "Debian; then: systemctl start mariadb"),
        shell(*_TRY),
        person(
            "table-mysql connects to port 3306, or with host localhost to the socket of its client "
            "library; another socket needs host 127.0.0.1 and a database that listens there"
        ),
    ),
    (f"{_MARIADB}troubleshooting-connection-issues/", f"{_MYSQL}can-not-connect-to-server.html"),
)
CORRECT_HOST = Repair(
    "correct host in the backend's file, or make this machine resolve the name; an address needs "
    "no name server",
    (shell("getent hosts HOST"), shell("grep '^host' CONF")),
    (_TABLE_MYSQL,),
)
WAIT_UNTIL_UP = Repair(
    "heals as soon as the database takes connections again; if it does not, end offline_mode or "
    "look into its log",
    (
        sql("SET GLOBAL offline_mode = OFF;", "MySQL, if somebody set it"),
        shell("tail /var/mysql/*.err", "OpenBSD; Debian: journalctl -u mariadb"),
    ),
    (f"{_MYSQL}server-system-variables.html",),
)
JOIN_CLUSTER = Repair(
    "this Galera node is not part of the cluster's majority: repair the cluster, or use another "
    "node as host in the backend's file",
    (
        sql("SHOW STATUS LIKE 'wsrep_%';", "wsrep_cluster_status should be Primary"),
        sql("SET GLOBAL wsrep_provider_options = 'pc.bootstrap=true';", "only if no other is up"),
    ),
    (f"{_MARIADB}galera-cluster-status-variables/",),
)
PROXY_BACKENDS = Repair(
    "ProxySQL reaches none of its databases: look at its servers, and whether they are up",
    (sql("SELECT * FROM runtime_mysql_servers;", "on ProxySQL's admin port, 6032"),),
    ("https://proxysql.com/documentation/main-runtime/",),
)
MORE_CONNECTIONS = Repair(
    "see who holds the connections; then raise max_connections (or max_user_connections) of the "
    "database",
    (
        sql("SELECT user, host, COUNT(*) FROM information_schema.processlist GROUP BY user, host;"),
        sql("SET GLOBAL max_connections = 300;", "until its next restart"),
        lines(_MY_CNF, "[mysqld]\nmax_connections = 300"),
        person("each table smtpd uses takes one connection, and one more for each spare"),
    ),
    (f"{_MARIADB}handling-too-many-connections/", f"{_MYSQL}too-many-connections.html"),
)
LIFT_USER_LIMIT = Repair(
    "lift the hourly limits of the database user in the backend's file",
    (
        sql(
            "ALTER USER 'USER'@'HOST' WITH MAX_QUERIES_PER_HOUR 0 MAX_CONNECTIONS_PER_HOUR 0\n"
            "MAX_USER_CONNECTIONS 0;"
        ),
        sql("FLUSH USER_RESOURCES;", "begins the hour anew"),
    ),
    (f"{_MYSQL}user-resources.html",),
)
MORE_STATEMENTS = Repair(
    "raise max_prepared_stmt_count; each table holds one prepared statement per query, so somebody "
    "else leaks them",
    (
        sql("SHOW GLOBAL STATUS LIKE 'Prepared_stmt_count';"),
        sql("SET GLOBAL max_prepared_stmt_count = 65528;", "until its next restart"),
    ),
    (f"{_MARIADB}server-system-variables/#max_prepared_stmt_count",),
)
MORE_MEMORY = Repair(
    "the database's machine is out of memory or threads: lower innodb_buffer_pool_size, or raise "
    "the limits of its user",
    (
        shell("top -o res", "Debian: top -o RES"),
        sql("SHOW VARIABLES LIKE 'innodb_buffer_pool_size';"),
        shell("rcctl get mysqld class", "OpenBSD; the limits are in login.conf(5)"),
    ),
    (f"{_MYSQL}memory-use.html",),
)
SAME_CONNECTION = Repair(
    "heals with the next connection. If it comes back: let the backend connect to the database "
    "itself, not to a proxy that shares connections",
    (
        sql("SHOW GLOBAL STATUS LIKE 'Com_stmt_reprepare';", "grows if tables are altered often"),
        sql("SET GLOBAL table_definition_cache = 2000;", "against 1615, until the next restart"),
    ),
    (f"{_MYSQL}statement-caching.html", _ISSUES + "928"),
)
FREE_LOCKS = Repair(
    "heals as soon as the lock is free. If it comes back: shorten the transaction that writes to "
    "the looked-up tables",
    (
        sql("SELECT * FROM information_schema.innodb_trx ORDER BY trx_started;", "who holds it"),
        sql("SHOW ENGINE INNODB STATUS;", "the last deadlock, with both statements"),
    ),
    (f"{_MYSQL}innodb-deadlocks-handling.html",),
)
CORRECT_LOGIN = Repair(
    "correct username and password in the backend's file, or set that password in the database, "
    "then: smtpctl update table NAME",
    (
        shell(*_TRY),
        sql("ALTER USER 'USER'@'HOST' IDENTIFIED BY 'PASSWORD';"),
        sql(
            "CREATE USER 'USER'@'HOST' IDENTIFIED BY 'PASSWORD';\n"
            "GRANT SELECT ON DATABASE.* TO 'USER'@'HOST';",
            "if there is no such user for this host",
        ),
        sql(
            "SHOW GRANTS FOR 'USER'@'HOST'; SELECT @@require_secure_transport;",
            "MariaDB says the same where it wants TLS, for which table-mysql has no settings",
        ),
        shell("ls -l CONF", "only root and smtpd's user should read it; they both must"),
        UPDATE,
    ),
    (f"{_MARIADB}troubleshooting-connection-issues/", _TABLE_MYSQL),
)
UNLOCK_ACCOUNT = Repair(
    "unlock the database user in the backend's file, then: smtpctl update table NAME",
    (sql("ALTER USER 'USER'@'HOST' ACCOUNT UNLOCK;"), UPDATE),
    (f"{_MARIADB}account-locking/",),
)
UNBLOCK_HOST = Repair(
    "the database blocks this host after many broken connections: FLUSH HOSTS there, then look for "
    "what broke them",
    (
        sql("FLUSH HOSTS;", "MySQL 8: TRUNCATE TABLE performance_schema.host_cache;"),
        sql("SET GLOBAL max_connect_errors = 10000;"),
    ),
    (f"{_MYSQL}blocked-host.html",),
)
ALLOW_HOST = Repair(
    "create the database user in the backend's file for this host's address",
    (
        sql(
            "CREATE USER 'USER'@'ADDRESS' IDENTIFIED BY 'PASSWORD';\n"
            "GRANT SELECT ON DATABASE.* TO 'USER'@'ADDRESS';",
            "ADDRESS is the one in the message",
        ),
        UPDATE,
    ),
    (f"{_MARIADB}configuring-mariadb-for-remote-client-access/",),
)
OTHER_PLUGIN = Repair(
    "give the database user in the backend's file a way to log in that table-mysql's client "
    "library knows",
    (
        sql(
            "ALTER USER 'USER'@'HOST' IDENTIFIED VIA mysql_native_password\n"
            "USING PASSWORD('PASSWORD');",
            "MariaDB",
        ),
        sql(
            "ALTER USER 'USER'@'HOST' IDENTIFIED WITH mysql_native_password BY 'PASSWORD';",
            "MySQL before 9",
        ),
        UPDATE,
    ),
    (f"{_MARIADB}authentication-plugins/", f"{_MYSQL}caching-sha2-pluggable-authentication.html"),
)
RENEW_PASSWORD = Repair(
    "set the password of the database user in the backend's file anew, without an end",
    (
        sql("ALTER USER 'USER'@'HOST' IDENTIFIED BY 'PASSWORD' PASSWORD EXPIRE NEVER;"),
        UPDATE,
    ),
    (f"{_MARIADB}user-password-expiry/",),
)
OPEN_SOCKET = Repair(
    "let smtpd's user pass the directory of the database's socket, or write host 127.0.0.1 in the "
    "backend's file",
    (
        shell("ls -ld /var/run/mysql /run/mysqld", "the directory needs o+x"),
        shell("chmod o+x /run/mysqld", "Debian; OpenBSD: /var/run/mysql"),
    ),
    (_TABLE_MYSQL,),
)
PLAIN_CONNECTION = Repair(
    "table-mysql has no settings for TLS: use the socket, a tunnel, or a database user without "
    "REQUIRE SSL",
    (
        sql("ALTER USER 'USER'@'HOST' REQUIRE NONE;"),
        lines("CONF", "host localhost", "the socket, if the database is on this machine"),
    ),
    (f"{_MARIADB}securing-connections-for-client-and-server/", _TABLE_MYSQL),
)
FREE_DISK = Repair(
    "make room on the database's disk; it goes on by itself",
    (
        shell("df -h", "on the database's machine"),
        sql("SHOW BINARY LOGS;", "then: PURGE BINARY LOGS BEFORE NOW() - INTERVAL 3 DAY;"),
    ),
    (f"{_MYSQL}full-disk.html",),
)
REPAIR_TABLE = Repair(
    "check and repair the table; if that fails, restore it from a backup",
    (
        sql("CHECK TABLE DATABASE.TABLE_NAME;"),
        sql("REPAIR TABLE DATABASE.TABLE_NAME;", "MyISAM and Aria; make a copy first"),
        shell("tail -100 /var/mysql/*.err", "OpenBSD; Debian: journalctl -u mariadb"),
    ),
    (f"{_MARIADB}repair-table/", f"{_MARIADB}innodb-recovery-modes/"),
)

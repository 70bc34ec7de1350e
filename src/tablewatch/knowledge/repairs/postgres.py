"""What to do about what PostgreSQL, libpq and PgBouncer say."""

from __future__ import annotations

from tablewatch.knowledge.repair import DOCTOR, RELOAD, UPDATE, Repair, lines, person, shell, sql

_DOCS = "https://www.postgresql.org/docs/current/"
_TABLE_POSTGRES = "table-postgres(5)"
_POOLER = "https://www.pgbouncer.org/"
_ISSUES = "https://github.com/OpenSMTPD/OpenSMTPD/issues/"
_TRY = ("psql 'CONNINFO'", "the text behind conninfo in CONF, between quotes")
_POSTGRESQL_CONF = "postgresql.conf"
_RELOAD = "SELECT pg_reload_conf();"

UNICODE_DATABASE = Repair(
    "move the database to the encoding UTF8; meanwhile filter.charset in tablewatch.yml refuses "
    "such keys without asking",
    (
        sql("SELECT datname, pg_encoding_to_char(encoding) FROM pg_database;"),
        shell(
            "createdb -T template0 -E UTF8 NEW_DATABASE && pg_dump DATABASE | psql NEW_DATABASE",
            "an encoding can't be changed in place; then name it in CONF",
        ),
        lines("/etc/tablewatch.yml", "tables:\n  NAME:\n    filter:\n      charset: latin1"),
        UPDATE,
    ),
    (f"{_DOCS}multibyte.html",),
)
INVALID_TEXT = Repair(
    "nothing is broken: bytes that are no text are in no column; "
    "filter.charset: utf8 in tablewatch.yml refuses them without asking the database",
    (lines("/etc/tablewatch.yml", "tables:\n  NAME:\n    filter:\n      charset: utf8"), RELOAD),
    ("tablewatch.yml(5), filter.charset", f"{_DOCS}multibyte.html"),
)
COMPARE_AS_TEXT = Repair(
    "compare text with text: in the query the key meets a number, a date or another type",
    (
        DOCTOR,
        sql("SELECT ... WHERE COLUMN_NAME::text = $1", "in CONF, instead of COLUMN_NAME = $1"),
        UPDATE,
    ),
    (f"{_DOCS}sql-expressions.html", _TABLE_POSTGRES),
)
PLAIN_COMPARISON = Repair(
    "do not make a pattern of the key: in the query compare with =, or let the pattern be fixed "
    "and the key its subject",
    (
        sql("SELECT ... WHERE COLUMN_NAME = $1", "in CONF, instead of ~ $1 or LIKE $1"),
        sql(
            "SELECT ... WHERE COLUMN_NAME = regexp_replace($1, '[+][^@]*@', '@')",
            "in CONF: the key as subject of a fixed pattern",
        ),
        UPDATE,
    ),
    (f"{_DOCS}functions-matching.html",),
)
ONE_ROW = Repair(
    "let the subquery find one row: LIMIT 1, or IN instead of =",
    (
        sql("SELECT ... WHERE COLUMN_NAME IN (SELECT ...)", "in CONF, instead of = (SELECT ...)"),
        UPDATE,
    ),
    (f"{_DOCS}sql-expressions.html",),
)
FASTER_QUERY = Repair(
    "make the query faster: an index on the looked-up column (tablewatch doctor tells which), or "
    "raise statement_timeout",
    (
        DOCTOR,
        sql("EXPLAIN SELECT ... WHERE COLUMN_NAME = 'x';", "a Seq Scan reads the whole table"),
        sql("CREATE INDEX CONCURRENTLY ON TABLE_NAME (COLUMN_NAME);", "does not lock the table"),
        sql("ALTER ROLE USER SET statement_timeout = '3s';", "below tablewatch's deadline of 5s"),
    ),
    (f"{_DOCS}runtime-config-client.html", f"{_DOCS}using-explain.html"),
)
CONNECTION_LOST = Repair(
    "heals by itself. If it comes back: did the database restart or crash (its log), or does a "
    "firewall close idle connections?",
    (
        sql("SELECT pg_postmaster_start_time();", "when the database started"),
        lines(
            "CONF",
            "conninfo host=HOST ... keepalives_idle=60 connect_timeout=3",
            "libpq's settings against connections that die silently",
        ),
        shell("tail -100 /var/postgresql/logfile", "OpenBSD; Debian: /var/log/postgresql"),
    ),
    (f"{_DOCS}libpq-connect.html", _ISSUES + "788"),
)
ENDED = Repair(
    "heals by itself: a shutdown, a failover, or somebody ended the connection; if it comes back, "
    "the database's log has the reason",
    (
        sql("SHOW idle_session_timeout;", "0 is never; PostgreSQL 14 and later"),
        shell("tail -100 /var/postgresql/logfile", "OpenBSD; Debian: /var/log/postgresql"),
    ),
    (f"{_DOCS}runtime-config-client.html",),
)
CANCELED = Repair(
    "heals by itself. If it comes back: on a standby raise max_standby_streaming_delay; otherwise "
    "find who cancels queries",
    (
        sql("SELECT pg_is_in_recovery();", "t on a standby"),
        lines(_POSTGRESQL_CONF, "max_standby_streaming_delay = 60s\nhot_standby_feedback = on"),
        sql("SHOW lock_timeout;"),
    ),
    (f"{_DOCS}hot-standby.html",),
)
START = Repair(
    "start the database, or correct host and port in the conninfo; until then lookups get "
    "temporary errors",
    (
        shell("rcctl check postgresql || rcctl start postgresql", "OpenBSD"),
        shell("pg_lsclusters", "Debian; then: systemctl start postgresql"),
        shell(*_TRY),
        lines(_POSTGRESQL_CONF, "listen_addresses = 'localhost, ADDRESS'", "needs a restart"),
    ),
    (f"{_DOCS}server-start.html", f"{_DOCS}libpq-connect.html"),
)
CORRECT_HOST = Repair(
    "correct host in the conninfo, or make this machine resolve the name; hostaddr=ADDRESS needs "
    "no name server",
    (shell("getent hosts HOST"), shell("grep '^conninfo' CONF", "it may hold a password")),
    (f"{_DOCS}libpq-connect.html",),
)
WAIT_UNTIL_UP = Repair(
    "heals when the database has started or recovered; if it takes long, its log says how far it "
    "is",
    (shell("tail -f /var/postgresql/logfile", "OpenBSD; Debian: /var/log/postgresql"),),
    (f"{_DOCS}server-start.html",),
)
POOLER_BACKEND = Repair(
    "PgBouncer does not get into its database: is that up, and are the logins of pgbouncer.ini "
    "right?",
    (
        sql("SHOW DATABASES;", "psql -p 6432 pgbouncer"),
        shell("tail /var/log/pgbouncer/pgbouncer.log"),
    ),
    (f"{_POOLER}usage.html",),
)
MORE_CONNECTIONS = Repair(
    "see who holds the connections; then raise max_connections (or the limit of the role or "
    "database)",
    (
        sql(
            "SELECT usename, client_addr, count(*) FROM pg_stat_activity GROUP BY 1, 2 ORDER BY 3;"
        ),
        lines(_POSTGRESQL_CONF, "max_connections = 200", "needs a restart of the database"),
        sql("ALTER ROLE USER CONNECTION LIMIT -1;", "if the message names the role"),
        person("each table smtpd uses takes one connection, and one more for each spare"),
    ),
    (f"{_DOCS}runtime-config-connection.html",),
)
MORE_MEMORY = Repair(
    "the database is out of memory: lower work_mem or shared_buffers, or raise "
    "max_locks_per_transaction for shared memory",
    (
        sql("SHOW shared_buffers; SHOW work_mem; SHOW max_connections;"),
        shell("top -o res", "Debian: top -o RES"),
    ),
    (f"{_DOCS}kernel-resources.html",),
)
LARGER_POOL = Repair(
    "raise max_client_conn or default_pool_size of PgBouncer, or let the backend connect to the "
    "database itself",
    (
        sql("SHOW POOLS;", "psql -p 6432 pgbouncer; cl_waiting are those who wait"),
        lines("pgbouncer.ini", "max_client_conn = 300\ndefault_pool_size = 30"),
    ),
    (f"{_POOLER}config.html",),
)
SESSION_POOLING = Repair(
    "table-postgres prepares its queries once: connect it to the database itself, or to a pooler "
    "in session mode",
    (
        lines("CONF", "conninfo host=HOST port=5432 ...", "the database's port, not the pooler's"),
        lines(
            "pgbouncer.ini",
            "[databases]\nDATABASE = host=HOST pool_mode=session",
            "or, since PgBouncer 1.21: max_prepared_statements = 100",
        ),
        UPDATE,
    ),
    (f"{_POOLER}features.html", f"{_POOLER}faq.html"),
)
RECONNECT = Repair(
    "a looked-up table was altered: smtpctl update table NAME lets the backend prepare its queries "
    "anew",
    (UPDATE,),
    (f"{_DOCS}sql-prepare.html",),
)
FREE_LOCKS = Repair(
    "heals by itself. If it comes back: shorten the transactions that write to the looked-up "
    "tables",
    (
        sql(
            "SELECT pid, state, now() - xact_start, query FROM pg_stat_activity\n"
            "WHERE xact_start IS NOT NULL ORDER BY xact_start;"
        ),
        sql("SHOW deadlock_timeout;"),
    ),
    (f"{_DOCS}explicit-locking.html",),
)
CORRECT_LOGIN = Repair(
    "correct user and password in the conninfo, or the line of pg_hba.conf, then: smtpctl update "
    "table NAME",
    (
        shell(*_TRY),
        sql("ALTER ROLE USER LOGIN PASSWORD 'PASSWORD';"),
        lines(
            "pg_hba.conf",
            "host  DATABASE  USER  ADDRESS/32  scram-sha-256",
            f"the first line that fits counts; then: {_RELOAD}",
        ),
        shell("ls -l CONF", "only root and smtpd's user should read it; they both must"),
        UPDATE,
    ),
    (f"{_DOCS}client-authentication-problems.html", f"{_DOCS}auth-pg-hba-conf.html"),
)
NEWER_LIBPQ = Repair(
    "libpq of this host is older than the database's SCRAM passwords: update it, or store an md5 "
    "password",
    (
        sql(
            "SET password_encryption = 'md5'; ALTER ROLE USER PASSWORD 'PASSWORD';",
            "and md5 in pg_hba.conf",
        ),
    ),
    (f"{_DOCS}auth-password.html",),
)
CREATE_ROLE = Repair(
    "create the role of the conninfo, or name one that exists, then: smtpctl update table NAME",
    (
        sql("CREATE ROLE USER LOGIN PASSWORD 'PASSWORD';\nGRANT SELECT ON TABLE_NAME TO USER;"),
        person("without user= libpq takes the name of the system's user, _smtpd or opensmtpd"),
        UPDATE,
    ),
    (f"{_DOCS}sql-createrole.html", f"{_DOCS}libpq-connect.html"),
)
GRANT = Repair(
    "grant the role in the backend's file what the query reads, then: smtpctl update table NAME",
    (
        DOCTOR,
        sql("GRANT USAGE ON SCHEMA SCHEMA_NAME TO USER;"),
        sql("GRANT SELECT ON TABLE_NAME TO USER;"),
        UPDATE,
    ),
    (f"{_DOCS}sql-grant.html",),
)
READ_ONLY = Repair(
    "the query writes to a server or session that only reads: let it read only, or connect to the "
    "primary",
    (
        sql("SELECT pg_is_in_recovery();", "t on a standby"),
        lines("CONF", "conninfo host=HOST1,HOST2 target_session_attrs=read-write ..."),
    ),
    (f"{_DOCS}libpq-connect.html",),
)
CORRECT_NAMES = Repair(
    "correct the name in the backend's file, or create what it names (was the schema changed?), "
    "then: smtpctl update table NAME",
    (
        DOCTOR,
        sql("SELECT schemaname, tablename FROM pg_tables WHERE tableowner <> 'postgres';"),
        sql("ALTER ROLE USER SET search_path = SCHEMA_NAME;", "where only the schema is missing"),
        shell("grep query_ CONF"),
        UPDATE,
    ),
    (f"{_DOCS}ddl-schemas.html", _TABLE_POSTGRES),
)
CREATE_DATABASE = Repair(
    "correct dbname in the conninfo, or create the database, then: smtpctl update table NAME",
    (shell("psql -l"), shell("createdb -E UTF8 DATABASE"), UPDATE),
    (f"{_DOCS}manage-ag-createdb.html",),
)
CAST_KEY = Repair(
    "compare text with text: cast the column in the query, then: smtpctl update table NAME",
    (
        DOCTOR,
        sql("SELECT ... WHERE COLUMN_NAME::text = $1", "in CONF, instead of COLUMN_NAME = $1"),
        sql("SELECT ... WHERE COLUMN_NAME = $1::text", "where the type of $1 is not known"),
        UPDATE,
    ),
    (f"{_DOCS}typeconv-oper.html",),
)
CORRECT_QUERY = Repair(
    "correct the query in the backend's file: $1 for the key, and the columns that "
    "table-postgres(5) says, then: smtpctl update table NAME",
    (
        DOCTOR,
        sql("PREPARE try AS SELECT ... WHERE COLUMN_NAME = $1;", "says what is wrong with it"),
        person(
            "columns: 1 for alias, domain, netaddr, source, mailaddr, addrname and mailaddrmap, "
            "2 for credentials (login, password hash), 3 for userinfo (uid, gid, home)"
        ),
        UPDATE,
    ),
    (_TABLE_POSTGRES, _ISSUES + "788"),
)
NAME_COLLATION = Repair(
    "say in the query which collation counts, then: smtpctl update table NAME",
    (sql('SELECT ... WHERE COLUMN_NAME = $1 COLLATE "C"'), UPDATE),
    (f"{_DOCS}collation.html",),
)
CORRECT_CONNINFO = Repair(
    "correct conninfo: words of the form key=value, values with blanks in single quotes",
    (
        lines("CONF", "conninfo host=localhost user=USER password=PASSWORD dbname=DATABASE"),
        shell(*_TRY),
        UPDATE,
    ),
    (f"{_DOCS}libpq-connect.html", _TABLE_POSTGRES),
)
CORRECT_TLS = Repair(
    "correct sslmode and sslrootcert in the conninfo, or the server's certificate",
    (
        lines(
            "CONF",
            "conninfo host=HOST sslmode=verify-full sslrootcert=/etc/ssl/cert.pem ...",
            "host must be the name in the certificate; sslmode=disable is for local servers only",
        ),
        sql("SHOW ssl;", "whether the server offers TLS"),
    ),
    (f"{_DOCS}libpq-ssl.html",),
)
CORRECT_STORAGE = Repair(
    "look at the database's disk: full, or damaged? Its log has the file; restore from a backup "
    "what can't be read",
    (
        shell("df -h", "on the database's machine"),
        shell("dmesg | tail", "errors of the disk"),
        sql("SELECT oid, datname FROM pg_database;", "whose directory is named: base/OID"),
    ),
    (f"{_DOCS}disk-full.html", f"{_DOCS}routine-vacuuming.html"),
)

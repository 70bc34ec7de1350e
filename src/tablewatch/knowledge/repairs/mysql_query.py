"""What to do when MariaDB or MySQL report trouble with keys and queries."""

from __future__ import annotations

from tablewatch.knowledge.repair import (
    DOCTOR,
    RELOAD,
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

CONVERT_COLUMNS = Repair(
    "convert the looked-up columns to utf8mb4 (tablewatch doctor has the statements), then: "
    "smtpctl update table NAME. Only such keys are refused",
    (
        shell("tablewatch doctor --fix-script repair.sh", "names the columns, writes statements"),
        sql(
            "SELECT table_name, column_name, collation_name FROM information_schema.columns\n"
            "WHERE table_schema = 'DATABASE' AND character_set_name <> 'utf8mb4';",
            "the columns that can't hold everything; those in query_... of CONF matter",
        ),
        sql(
            "ALTER TABLE TABLE_NAME CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci;",
            "once for each of these tables; rewrites it and locks it meanwhile",
        ),
        lines(
            _MY_CNF,
            "[mysqld]\ncharacter_set_server = utf8mb4\ncollation_server = utf8mb4_general_ci",
            "for tables made from now on; restart the database",
        ),
        UPDATE,
        lines(
            "/etc/tablewatch.yml",
            "tables:\n  NAME:\n    filter:\n      charset: latin1",
            "instead, if the columns must stay latin1: refuses such keys without asking",
        ),
    ),
    (f"{_MARIADB}setting-character-sets-and-collations/", f"{_MYSQL}charset-unicode.html"),
)
INVALID_TEXT = Repair(
    "nothing is broken: bytes that are no text are in no column; "
    "filter.charset: utf8 in tablewatch.yml refuses them without asking the database",
    (lines("/etc/tablewatch.yml", "tables:\n  NAME:\n    filter:\n      charset: utf8"), RELOAD),
    ("tablewatch.yml(5), filter.charset", f"{_MYSQL}charset-connection.html"),
)
COMPARE_AS_TEXT = Repair(
    "compare text with text: in the query the key meets a number, a date or a column too short "
    "for it",
    (
        DOCTOR,
        sql(
            "SELECT ... WHERE CAST(COLUMN_NAME AS CHAR) = ?", "in CONF, instead of COLUMN_NAME = ?"
        ),
        sql("ALTER TABLE TABLE_NAME MODIFY COLUMN_NAME VARCHAR(320) NOT NULL;"),
        UPDATE,
    ),
    (_TABLE_MYSQL, f"{_MARIADB}type-conversion/"),
)
PLAIN_COMPARISON = Repair(
    "do not make a pattern of the key: in the query compare with =, or let the pattern be fixed "
    "and the key its subject",
    (
        sql("SELECT ... WHERE COLUMN_NAME = ?", "in CONF, instead of REGEXP ? or RLIKE ?"),
        sql(
            "SELECT ... WHERE COLUMN_NAME = REGEXP_REPLACE(?, '[+][^@]*@', '@')",
            "in CONF: the key as subject of a fixed pattern",
        ),
        UPDATE,
    ),
    (f"{_MARIADB}pcre/", f"{_MYSQL}regexp.html"),
)
ONE_ROW = Repair(
    "let the subquery find one row: LIMIT 1, or IN instead of =",
    (
        sql("SELECT ... WHERE COLUMN_NAME IN (SELECT ...)", "in CONF, instead of = (SELECT ...)"),
        sql(
            "SELECT COLUMN_NAME, COUNT(*) FROM TABLE_NAME GROUP BY COLUMN_NAME HAVING COUNT(*) > "
            "1;",
            "which rows there are more than once",
        ),
        UPDATE,
    ),
    (f"{_MYSQL}subquery-errors.html",),
)
LARGER_PACKET = Repair(
    "raise max_allowed_packet of the database, or let the query return less",
    (
        sql("SET GLOBAL max_allowed_packet = 67108864;", "until its next restart"),
        lines(_MY_CNF, "[mysqld]\nmax_allowed_packet = 64M"),
    ),
    (f"{_MYSQL}packet-too-large.html",),
)
FASTER_QUERY = Repair(
    "make the query faster: an index on the looked-up column (tablewatch doctor tells which), or "
    "raise max_statement_time",
    (
        DOCTOR,
        sql("EXPLAIN SELECT ... WHERE COLUMN_NAME = 'x';", "a type of ALL reads the whole table"),
        sql("CREATE INDEX COLUMN_NAME_IX ON TABLE_NAME (COLUMN_NAME);"),
        sql("SHOW VARIABLES LIKE '%max_%_time';", "seconds in MariaDB, milliseconds in MySQL"),
    ),
    (f"{_MARIADB}aborting-statements/", f"{_MYSQL}mysql-indexes.html"),
)
GRANT = Repair(
    "grant the database user in the backend's file what the query reads, then: smtpctl update "
    "table NAME",
    (
        DOCTOR,
        sql("SHOW GRANTS FOR 'USER'@'HOST';"),
        sql("GRANT SELECT ON DATABASE.* TO 'USER'@'HOST';"),
        sql(
            "GRANT EXECUTE ON FUNCTION DATABASE.FUNCTION_NAME TO 'USER'@'HOST';",
            "where the query calls a function",
        ),
        UPDATE,
    ),
    (f"{_MARIADB}grant/",),
)
NEW_DEFINER = Repair(
    "a view or function in the query has no owner any more, or one that may not read its tables: "
    "give it another definer",
    (
        sql("SELECT table_name, definer FROM information_schema.views;"),
        sql("ALTER DEFINER = 'root'@'localhost' VIEW VIEW_NAME AS SELECT ...;"),
    ),
    (f"{_MYSQL}stored-objects-security.html",),
)
CORRECT_NAMES = Repair(
    "correct the name in the backend's file, or create what it names (was the schema changed?), "
    "then: smtpctl update table NAME",
    (
        DOCTOR,
        sql("SHOW TABLES IN DATABASE;"),
        sql("SHOW COLUMNS IN TABLE_NAME IN DATABASE;"),
        shell("grep query_ CONF"),
        UPDATE,
    ),
    (_TABLE_MYSQL, _ISSUES + "788"),
)
CORRECT_QUERY = Repair(
    "correct the query in the backend's file: one ? for the key, and the columns that "
    "table-mysql(5) says, then: smtpctl update table NAME",
    (
        DOCTOR,
        sql("PREPARE try FROM 'SELECT ... WHERE COLUMN_NAME = ?';", "says what is wrong with it"),
        person(
            "columns: 1 for alias, domain, netaddr, source, mailaddr, addrname and mailaddrmap, "
            "2 for credentials (login, password hash), 3 for userinfo (uid, gid, home)"
        ),
        UPDATE,
    ),
    (_TABLE_MYSQL, "smtpd-tables(7)"),
)
KNOWN_COLLATION = Repair(
    "write a character set and collation in the query that this server has",
    (sql("SHOW COLLATION LIKE 'utf8mb4%';"), UPDATE),
    (f"{_MARIADB}supported-character-sets-and-collations/",),
)
READ_ONLY = Repair(
    "the query writes to a server that only reads: let it read only, or name the primary as host "
    "in the backend's file",
    (sql("SELECT @@read_only;"), DOCTOR),
    (f"{_MARIADB}server-system-variables/#read_only",),
)

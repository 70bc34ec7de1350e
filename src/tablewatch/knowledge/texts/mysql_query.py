"""What MariaDB and MySQL say of keys and queries.

Sources: MariaDB 10.11 ``errmsg.sys`` and Connector/C, MySQL 8.0's message list. table-mysql logs
the message without its number.
"""

from __future__ import annotations

from tablewatch.knowledge.records import ErrorClass, Fault
from tablewatch.knowledge.repairs import mysql_query as repair

_QUERY = ErrorClass.QUERY
_CONFIGURATION = ErrorClass.CONFIGURATION
_UNKNOWN = ErrorClass.UNKNOWN

MYSQL_QUERY: tuple[Fault, ...] = (
    (
        _QUERY,
        "the key has characters that the column's character set can't hold",
        repair.CONVERT_COLUMNS,
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
        repair.INVALID_TEXT,
        (("mysql-invalid-character-string", "1300", "Invalid ", " character string: "),),
    ),
    (
        _QUERY,
        "the key does not fit the type or size of the column",
        repair.COMPARE_AS_TEXT,
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
        repair.PLAIN_COMPARISON,
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
        repair.ONE_ROW,
        (("mysql-subquery-rows", "1242", "Subquery returns more than 1 row"),),
    ),
    (
        _QUERY,
        "for this key the query finds more than it can handle",
        repair.LARGER_PACKET,
        (
            ("mysql-packet-too-large", "2020", "Got packet bigger than 'max_allowed_packet'"),
            ("mysql-packet-too-large", "1153", "Got a packet bigger than 'max_allowed_packet'"),
            ("mysql-packet-too-large", "1301", "Result of ", " was larger than max_allowed_packet"),
        ),
    ),
    (
        _UNKNOWN,
        "the query ran longer than the database allows",
        repair.FASTER_QUERY,
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
        _CONFIGURATION,
        "the database user lacks a privilege that the query needs",
        repair.GRANT,
        (
            ("mysql-database-denied", "1044", "Access denied for user ", " to database "),
            ("mysql-privilege", "1227", "Access denied; you need "),
            ("mysql-command-denied", "1142", "SELECT command denied"),
            ("mysql-command-denied", "1370", "execute command denied"),
        ),
    ),
    (
        _CONFIGURATION,
        "the query uses a view or function whose owner does not exist any more",
        repair.NEW_DEFINER,
        (("mysql-no-such-definer", "1449", "The user specified as a definer ("),),
    ),
    (
        _CONFIGURATION,
        "the query names something that does not exist in the database",
        repair.CORRECT_NAMES,
        (
            ("mysql-unknown-database", "1049", "Unknown database '"),
            ("mysql-no-database", "1046", "No database selected"),
            ("mysql-no-such-table", "1146", "Table '", "' doesn't exist"),
            ("mysql-unknown-column", "1054", "Unknown column '"),
            ("mysql-no-such-routine", "1305", "FUNCTION ", " does not exist"),
            ("mysql-view-invalid", "1356", "View '", "' references invalid "),
        ),
    ),
    (
        _CONFIGURATION,
        "the query itself is wrong",
        repair.CORRECT_QUERY,
        (
            ("mysql-syntax", "1064", "You have an error in your SQL syntax"),
            ("mysql-parameter-count", "1582", "Incorrect parameter count in the call to native "),
            ("mysql-ambiguous-column", "1052", "Column '", " is ambiguous"),
            ("mysql-union-columns", "1222", "The used SELECT statements have a different number "),
            ("mysql-operand-columns", "1241", "Operand should contain "),
            ("mysql-parameter-types", "4078", "Illegal parameter data types "),
            ("mysql-not-unique-table", "1066", "Not unique table/alias: "),
            ("mysql-derived-alias", "1248", "Every derived table must have its own alias"),
            ("mysql-group-by", "1055", "'", "' isn't in GROUP BY"),
            ("mysql-group-by", "1140", "Mixing of GROUP columns "),
            ("mysql-group-by", "1055", "Expression #", " is not in GROUP BY clause"),
            ("mysql-wrong-arguments", "1210", "Incorrect arguments to "),
            ("mysql-not-preparable", "1295", "This command is not supported in the prepared "),
            (
                "mysql-no-parameters",
                "2031",
                "No data supplied for parameters in prepared statement",
            ),
        ),
    ),
    (
        _CONFIGURATION,
        "the query reads more rows than the database allows",
        repair.FASTER_QUERY,
        (("mysql-too-many-rows", "1104", "The SELECT would examine more than MAX_JOIN_SIZE"),),
    ),
    (
        _CONFIGURATION,
        "the query itself is wrong",
        repair.KNOWN_COLLATION,
        (
            ("mysql-unknown-charset", "1115", "Unknown character set: "),
            ("mysql-unknown-collation", "1273", "Unknown collation: "),
            ("mysql-collation-mismatch", "1253", "COLLATION '", "' is not valid for CHARACTER SET"),
        ),
    ),
    (
        _CONFIGURATION,
        "the query writes, and the server only reads",
        repair.READ_ONLY,
        (
            ("mysql-server-option", "1290", "The ", " server is running with the ", " option so"),
            ("mysql-read-only", "1792", "Cannot execute statement in a READ ONLY transaction"),
            ("mysql-read-only", "1836", "Running in read-only mode"),
        ),
    ),
)

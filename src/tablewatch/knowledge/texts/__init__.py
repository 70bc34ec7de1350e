"""What databases say when something fails, and whose fault it is.

An error in the SQL itself is CONFIGURATION: the statements are prepared with a placeholder for
the key, so no key can break their syntax. An error that depends on how busy the database is *and*
on the key, as a statement that ran too long, is UNKNOWN.

The order is of no meaning: where several texts fit, the one with the most fixed characters counts.
"""

from __future__ import annotations

from tablewatch.knowledge.records import ErrorText
from tablewatch.knowledge.texts.mysql_query import MYSQL_QUERY
from tablewatch.knowledge.texts.mysql_server import MYSQL_SERVER
from tablewatch.knowledge.texts.others import OTHERS
from tablewatch.knowledge.texts.postgres import POSTGRES

FAULTS = (*MYSQL_QUERY, *MYSQL_SERVER, *POSTGRES, *OTHERS)
ERROR_TEXTS = tuple(
    ErrorText(row[0], error_class, cause, row[1], row[2:], repair)
    for error_class, cause, repair, rows in FAULTS
    for row in rows
)

# Errors a key causes by its characters alone, whatever else it says. Only from these may be learned
# that a whole kind of key fails: an error about, say, a regular expression would let an attacker
# teach that accented keys are bad, by accenting keys that are bad without.
CHARACTER_ERRORS = frozenset(
    {
        "mysql-illegal-mix-of-collations",
        "mysql-cannot-convert-string",
        "mysql-conversion-impossible",
        "mysql-cannot-convert-character",
        "mysql-incorrect-string-value",
        "mysql-invalid-character-string",
        "postgres-untranslatable",
        "postgres-invalid-bytes",
    }
)

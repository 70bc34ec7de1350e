"""What makes real programs print the lines the knowledge base knows, as far as it can be done here.

docs/knowledge.md says from these which signatures were proved and how, so ``how`` is plain words.
"""

from __future__ import annotations

from collections.abc import Iterable

from .provocations_mysql import MYSQL
from .provocations_others import LDAP, PASSWD, REDIS, SOCKETMAP, SQLITE
from .provocations_postgres import POSTGRES
from .provoking import Provocation

EXTRAS = "6.7.1"  # opensmtpd-extras of Debian 12
DEBIAN_13 = {"table-mysql": "1.2.1", "table-sqlite": "1.0.1", "table-passwd": "1.0.2"}
CASES = {
    "table-mysql": MYSQL,
    "table-postgres": POSTGRES,
    "table-sqlite": SQLITE,
    "table-passwd": PASSWD,
    "table-socketmap": SOCKETMAP,
    "table-redis": REDIS,
    "table-ldap": LDAP,
}


def versions(name: str, case: Provocation) -> tuple[str, ...]:
    """The versions of the program `name` that print what `case` provokes."""
    both = [EXTRAS, *filter(None, [DEBIAN_13.get(name)])]
    return tuple(each for each in both if case.only in ("", each))


def proofs() -> dict[str, list[str]]:
    """By signature, how each program was made to print it: ``how (table-mysql 6.7.1, 1.2.1)``."""
    found: dict[str, list[str]] = {}
    for name, cases in CASES.items():
        for case in cases:
            text = f"{case.how} ({name} {', '.join(versions(name, case))})"
            found.setdefault(case.signature, []).append(text)
    return found


def runs(name: str) -> Iterable[tuple[str, Provocation]]:
    """Every version and case of one program."""
    for case in CASES[name]:
        for version in versions(name, case):
            yield version, case

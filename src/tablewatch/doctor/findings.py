"""What the doctor found: each with the reason, the proof and the exact repair."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from tablewatch.knowledge.repair import Medium

__all__ = [
    "TABLES_BETWEEN",
    "Finding",
    "Medium",
    "Severity",
    "Step",
    "counted",
    "most_serious_first",
]

TABLES_BETWEEN = ", "


class Severity(enum.IntEnum):
    """How much a finding matters; sorts most serious first."""

    CRITICAL = 0  # one login or one mail can take the server, or a table, down
    WARNING = 1  # it will go wrong some day, or costs more than it should
    NOTE = 2  # worth knowing; nothing to repair at once


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a repair, to be read before it is done. ``text`` has no secret in it.

    ``file`` is where lines go (FILE). ``note`` says what it costs: time, locks, disk.
    ``client`` is the command that reads SQL from its standard input, ``mariadb mail``.
    """

    medium: Medium
    text: str
    file: str = ""
    note: str = ""
    client: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing found.

    ``id`` is one of a fixed few words, the same in every run. ``table`` is the table in smtpd.conf
    it is about, "" for the host, or several (TABLES_BETWEEN). ``place`` is ``FILE:LINE``,
    ``schema.table.column`` or the like; a line for each of several.
    ``proof`` is what was seen, word for word where that helps, without values from the database.
    """

    id: str
    severity: Severity
    title: str
    why: str
    table: str = ""
    place: str = ""
    proof: str = ""
    repair: tuple[Step, ...] = field(default=())


def counted(number: int, noun: str) -> str:
    """Return ``1 row``, ``1,200 rows``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def most_serious_first(findings: Iterable[Finding]) -> list[Finding]:
    """Return the findings in the order of a report; the same thing found twice is said once.

    What was found alike for several tables, or in several places, is one finding about all of
    them, as serious as it is for any, with the repair of each.
    """
    alike: dict[tuple[str, ...], Finding] = {}
    for each in sorted(findings, key=_order):
        key = (each.id, each.title, each.proof)
        known = alike.get(key)
        alike[key] = each if known is None else _both(known, each)
    return sorted(alike.values(), key=_order)


def _order(finding: Finding) -> tuple[int, str, str, str]:
    return finding.severity, finding.id, finding.table, finding.place


def _both(first: Finding, second: Finding) -> Finding:
    tables = [name for each in (first, second) for name in each.table.split(TABLES_BETWEEN) if name]
    return replace(
        first,
        table=TABLES_BETWEEN.join(dict.fromkeys(tables)),
        place="\n".join(dict.fromkeys([*first.place.splitlines(), *second.place.splitlines()])),
        repair=tuple(dict.fromkeys(first.repair + second.repair)),
    )

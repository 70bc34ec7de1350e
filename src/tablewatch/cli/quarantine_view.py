"""The keys that one table refuses, as text."""

from __future__ import annotations

from tablewatch.cli.daemon_control import Outcome
from tablewatch.cli.paper import Column, Paper, clean, grid, wrap
from tablewatch.control import figures
from tablewatch.control.entries import QuarantineEntry

_COLUMNS = (
    Column("ID"),
    Column("SERVICE", spare=2),
    Column("KEY", shrinks=True),
    Column("SINCE", right=True, spare=3),
    Column("LEFT", right=True, spare=1),
    Column("OFFENCES", right=True, spare=5),
    Column("HITS", right=True, spare=4),
)


def lines(table: str, outcome: Outcome, paper: Paper) -> list[str]:
    """Return the keys, those of one reason together, in the order in which they were sent."""
    if not outcome.entries:
        return [f"{clean(table)}: no key is refused"]
    entries = outcome.entries
    result = [f"{clean(table)}: {figures.several(len(entries), 'refused key')}"]
    by_reason: dict[str, list[QuarantineEntry]] = {}
    for entry in entries:
        by_reason.setdefault(entry.reason, []).append(entry)
    for reason, alike in by_reason.items():
        result += ["", *wrap(clean(reason) or "for no known reason", paper.text_width)]
        result += grid(_COLUMNS, [_row(each) for each in alike], paper)
    return result


def _row(entry: QuarantineEntry) -> list[str]:
    return [
        clean(entry.id),
        clean(entry.service),
        clean(entry.shown),
        figures.age(entry.since),
        figures.age(entry.left),
        figures.count(entry.offences),
        figures.count(entry.hits),
    ]

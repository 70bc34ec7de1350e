"""Incidents as text: a list of them, and one with everything that is known of it."""

from __future__ import annotations

from collections.abc import Sequence

from tablewatch.cli.paper import Column, Paper, clean, grid, wrap
from tablewatch.control import figures, moments
from tablewatch.control.incident import Kept
from tablewatch.control.incident_summary import Summary
from tablewatch.control.incident_words import (
    SAMPLE_HEADS,
    after,
    at,
    facts,
    headline,
    lasted,
    sample_row,
    state,
)

_STYLES = {"open": "33", "over": "32"}
_HEADING = "1"

_COLUMNS = (
    Column("ID"),
    Column("TABLE", shrinks=True),
    Column("STATE"),
    Column("OPENED", spare=1),
    Column("LASTED", right=True, spare=2),
    Column("SEEN", right=True, spare=3),
    Column("CAUSE", shrinks=True),
)
_KEYS = (Column("SERVICE"), Column("KEY", shrinks=True), Column("KIND", shrinks=True))
_SAMPLES = tuple(Column(each.upper(), right=index > 0) for index, each in enumerate(SAMPLE_HEADS))
_INDENT = "  "


def listing(known: Sequence[Summary], paper: Paper) -> list[str]:
    """Return a line for each, in the order of `known`."""
    if not known:
        return ["no incident is kept"]
    rows = [
        [
            clean(each.id),
            clean(each.table),
            state(each),
            _opened(each),
            figures.age(lasted(each)),
            figures.count(each.count),
            clean(each.cause),
        ]
        for each in known
    ]
    styles = [[_STYLES[row[2]] if index == 2 else "" for index in range(len(row))] for row in rows]
    return grid(_COLUMNS, rows, paper, styles)


def story(kept: Kept, paper: Paper) -> list[str]:
    """Return everything known of an incident; what is to be copied keeps its lines."""
    report = kept.report
    heading = f"incident {clean(report.id)} of table {clean(report.table)}: {headline(kept)}"
    painted = [
        paper.paint(each, _STYLES[state(report)])
        for each in wrap(heading, paper.text_width, "", _INDENT)
    ]
    result = [*painted, "", *wrap(clean(report.cause), paper.text_width), ""]
    for name, value in facts(kept):
        first = f"{_INDENT}{name:<10}  "
        result += wrap(clean(value), paper.text_width, first, " " * len(first))
    for part in (_repair, _timeline, _keys, _lines, _trace, _samples):
        found = part(kept, paper)
        result += ["", *found] if found else []
    return result


def _opened(brief: Summary) -> str:
    return moments.local(brief.told - brief.opened).strftime("%Y-%m-%d %H:%M")


def _repair(kept: Kept, paper: Paper) -> list[str]:
    repair = kept.report.repair
    if not repair.summary and not repair.steps:
        return []
    result = [paper.paint("What to do", _HEADING)]
    if repair.summary:
        result += wrap(clean(repair.summary), paper.text_width, _INDENT, _INDENT)
    for step in repair.steps:
        result += ["", *_copied(step)]
    if repair.references:
        result += ["", *(f"{_INDENT}see {clean(each)}" for each in repair.references)]
    return result


def _timeline(kept: Kept, paper: Paper) -> list[str]:
    report = kept.report
    if not report.steps:
        return []
    rows = [
        (at(kept, each.age), after(report, each.age), clean(each.kind)) for each in report.steps
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    result = [paper.paint("Timeline", _HEADING) + " (wall clock; seconds from the opening)"]
    for (time, seconds, kind), step in zip(rows, report.steps, strict=True):
        first = f"{_INDENT}{time:<{widths[0]}}  {seconds:>{widths[1]}}  {kind:<{widths[2]}}  "
        rest = " " * min(len(first), paper.text_width // 2)
        result += wrap(clean(step.text), paper.text_width, first, rest)
    return result


def _keys(kept: Kept, paper: Paper) -> list[str]:
    rows = [
        [clean(each.service), clean(each.shown), clean(each.traits)] for each in kept.report.keys
    ]
    return _table("Keys, masked", _KEYS, rows, paper)


def _lines(kept: Kept, paper: Paper) -> list[str]:
    rest = 2 * _INDENT
    said = [wrap(clean(each), paper.text_width, _INDENT, rest) for each in kept.report.lines]
    heading = paper.paint("Last lines of the backend", _HEADING)
    return [heading, *(line for each in said for line in each)] if said else []


def _trace(kept: Kept, paper: Paper) -> list[str]:
    seen = _copied(kept.report.trace)
    return [paper.paint("What the backend was seen to do", _HEADING), *seen] if seen else []


def _samples(kept: Kept, paper: Paper) -> list[str]:
    rows = [sample_row(kept, each) for each in kept.report.samples]
    return _table("What the backend used", _SAMPLES, rows, paper)


def _table(
    title: str, columns: Sequence[Column], rows: Sequence[Sequence[str]], paper: Paper
) -> list[str]:
    if not rows:
        return []
    narrower = paper if paper.width is None else paper._replace(width=paper.width - len(_INDENT))
    lines = grid(columns, rows, narrower)
    return [paper.paint(title, _HEADING), *(_INDENT + each for each in lines)]


def _copied(text: str) -> list[str]:
    """Return lines that must stay as they are, however wide the paper is."""
    return [f"{_INDENT}{clean(each)}".rstrip() for each in text.splitlines()]

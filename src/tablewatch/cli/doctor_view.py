"""A diagnosis as text: the most serious first, each with its reason, its proof and its repair."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from tablewatch.cli.paper import Paper, clean, wrap
from tablewatch.control.figures import several
from tablewatch.doctor.examination import CRITICAL, OK, UNKNOWN, WARNING, Diagnosis
from tablewatch.doctor.findings import TABLES_BETWEEN, Finding, Medium, Severity, Step

EXIT_STATUS = {OK: 0, WARNING: 1, CRITICAL: 2, UNKNOWN: 3}

_STYLES = {Severity.CRITICAL: "1;31", Severity.WARNING: "33", Severity.NOTE: "36"}
_COPY = "1"  # what is there to be copied
_LABEL = 8
# Whose absence says that the character sets are in order.
CHARSETS = ("mysql-charset", "mysql-probe", "postgres-probe")


def as_data(diagnosis: Diagnosis) -> dict[str, Any]:
    """Return everything for a program; tablewatch(1) lists the members."""
    return {
        "level": diagnosis.level,
        "tables": [
            {
                "table": each.table,
                "backend": each.backend,
                "conf": each.conf,
                "watched": each.watched,
                "examined": not each.why,
                "why": each.why,
            }
            for each in diagnosis.tables
        ],
        "findings": [
            {
                "id": each.id,
                "severity": each.severity.name.lower(),
                "title": each.title,
                "why": each.why,
                "tables": [name for name in each.table.split(TABLES_BETWEEN) if name],
                "places": each.place.splitlines(),
                "proof": each.proof,
                "repair": [
                    {
                        "medium": step.medium.value,
                        "text": step.text,
                        "file": step.file,
                        "note": step.note,
                        "client": step.client,
                    }
                    for step in each.repair
                ],
            }
            for each in diagnosis.findings
        ],
    }


def lines(diagnosis: Diagnosis, paper: Paper, hints: Iterable[str] = ()) -> list[str]:
    """Return the whole report; `hints` come last."""
    result = wrap(summary(diagnosis), paper.text_width, "", "  ")
    for each in diagnosis.tables:
        if each.why:
            first = f"{clean(each.table)}: not examined: "
            result += ["", *wrap(clean(each.why), paper.text_width, first, "  ")]
    for number, finding in enumerate(diagnosis.findings, 1):
        result += ["", *_finding(number, finding, paper)]
    for hint in hints:
        result += ["", *wrap(clean(hint), paper.text_width, "", "  ")]
    return result


def summary(diagnosis: Diagnosis) -> str:
    """Return one line: how many tables were examined, and how much was found."""
    tables = len(diagnosis.tables)
    left_out = sum(bool(each.why) for each in diagnosis.tables)
    parts = [several(tables - left_out, "table") + " examined"]
    if left_out:
        parts.append(f"{left_out} not")
    words = {Severity.CRITICAL: "critical", Severity.WARNING: "warning", Severity.NOTE: "note"}
    for severity, word in words.items():
        count = sum(each.severity is severity for each in diagnosis.findings)
        if count:
            parts.append(f"{count} critical" if word == "critical" else several(count, word))
    if not diagnosis.findings:
        parts.append("nothing found")
    return f"tablewatch doctor: {', '.join(parts)}"


def _finding(number: int, finding: Finding, paper: Paper) -> Iterator[str]:
    level = finding.severity.name
    first = f"{number}. {level}  "
    heading = wrap(clean(finding.title), paper.text_width, first, "   ")
    style = _STYLES[finding.severity]
    head, _, rest = heading[0].partition(level)
    yield head + paper.paint(level, style) + rest
    yield from heading[1:]
    places = finding.place.splitlines()
    if finding.table:
        names = finding.table.split(TABLES_BETWEEN)
        places.append(f"table{'s' if len(names) > 1 else ''} {finding.table}")
    for index, place in enumerate(places):
        yield from _labelled("" if index else "where", place, paper)
    yield from _labelled("why", finding.why, paper)
    for index, line in enumerate(finding.proof.splitlines()):
        indent = line[: len(line) - len(line.lstrip())]
        yield from _labelled("" if index else "proof", line, paper, indent)
    for index, step in enumerate(finding.repair):
        yield from _step(step, paper, "" if index else "repair")


def _step(step: Step, paper: Paper, label: str) -> Iterator[str]:
    if step.medium is Medium.PERSON:
        yield from _labelled(label, step.text, paper)
        return
    note = step.note
    if step.medium is Medium.FILE:
        note = f"in {step.file}" + (f", {note}" if note else "")
    elif step.client:
        note = f"in {step.client}" + (f"; {note}" if note else "")
    if note or label:
        yield from _labelled(label, f"{note}:" if note else "run:", paper)
    # Whole lines: what is broken can't be copied.
    for line in step.text.splitlines():
        text = clean(line)
        yield f"    {' ' * _LABEL}{paper.paint(text, _COPY) if text else ''}".rstrip()


def _labelled(label: str, text: str, paper: Paper, indent: str = "") -> list[str]:
    if not text:
        return []
    first = f"   {label:<{_LABEL}}"
    rest = " " * len(first)
    return wrap(clean(text), paper.text_width, first + indent, rest + indent)

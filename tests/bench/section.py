"""One part of the result: tables, goals and remarks, for a terminal and for the documentation."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.stack.markdown import table as markdown_table

WIDTH = 80
_INDENT = "  "


@dataclass(frozen=True)
class Goal:
    """What was wished for, what was found. ``met`` is None where it can't be told."""

    wish: str
    found: str
    met: bool | None

    @property
    def verdict(self) -> str:
        """In words."""
        return {True: "met", False: "NOT MET", None: "not measured"}[self.met]


@dataclass(frozen=True)
class Table:
    """Rows of text under a head; the first column to the left, the others to the right."""

    head: Sequence[str]
    rows: Sequence[Sequence[str]]

    def text(self) -> str:
        """For a terminal."""
        lines = [self.head, *self.rows]
        widths = [max(len(line[at]) for line in lines) for at in range(len(self.head))]
        first, *rest = widths
        return "\n".join(
            (
                _INDENT
                + line[0].ljust(first)
                + "".join("  " + cell.rjust(at) for cell, at in zip(line[1:], rest, strict=True))
            ).rstrip()
            for line in lines
        )


@dataclass
class Section:
    """What one part of the benchmark found. ``data`` is for the JSON file."""

    title: str
    tables: list[Table] = field(default_factory=list)
    goals: list[Goal] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    data: Any = None

    def text(self) -> str:
        """For a terminal of 80 columns."""
        parts = [self.title]
        parts += [each.text() for each in self.tables]
        parts += [fold(each) for each in self.remarks]
        return "\n\n".join(parts)

    def markdown(self) -> str:
        """For the documentation."""
        parts = [f"### {self.title}"]
        parts += [markdown_table(each.head, each.rows) for each in self.tables]
        parts += [textwrap.fill(each, 98) for each in self.remarks]
        return "\n\n".join(parts)


def goals_text(sections: Sequence[Section]) -> str:
    """All goals, each with what was found."""
    parts = ["Goals"]
    for section in sections:
        for goal in section.goals:
            dots = "." * max(3, WIDTH - len(_INDENT) - len(goal.wish) - len(goal.verdict) - 2)
            parts.append(f"{_INDENT}{goal.wish} {dots} {goal.verdict}")
            parts.append(fold(goal.found, _INDENT * 3))
    return "\n".join(parts)


def goals_markdown(sections: Sequence[Section]) -> str:
    """The same, as a table."""
    rows = [(goal.wish, goal.found, goal.verdict) for section in sections for goal in section.goals]
    return "### Goals\n\n" + markdown_table(("wished for", "found", ""), rows, left=3)


def fold(text: str, indent: str = _INDENT) -> str:
    """Text of 80 columns, indented."""
    return textwrap.fill(text, WIDTH, initial_indent=indent, subsequent_indent=indent)


def microseconds(seconds: float) -> str:
    """A short time, without its unit."""
    return f"{seconds * 1e6:,.{1 if seconds < 1e-3 else 0}f}"


def milliseconds(seconds: float) -> str:
    """A longer one, with it."""
    return f"{seconds * 1e3:,.{2 if seconds < 0.01 else 1 if seconds < 0.1 else 0}f} ms"


def mebibytes(size: float) -> str:
    """A size, with its unit."""
    return f"{size / 2**20:,.1f} MiB"

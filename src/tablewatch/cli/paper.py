"""Text as it is laid out on a terminal: in cells, of which a wide character takes two.

Whatever comes from elsewhere goes through :func:`clean`: nothing of it can move the cursor, or
change the order in which the rest is read.
"""

from __future__ import annotations

import os
import shutil
import sys
import unicodedata
from collections.abc import Sequence
from typing import NamedTuple, TextIO

_CUT = "..."
# What is read is read in lines of so many cells, however wide the terminal is.
COLUMNS = 80
_LONGEST_LINE = 88


class Paper(NamedTuple):
    """What is written on. ``width`` in cells, None where nobody counts them: a pipe, a file."""

    width: int | None = None
    colour: bool = False

    @property
    def text_width(self) -> int:
        """How many cells a line of sentences may take."""
        return COLUMNS if self.width is None else max(1, min(self.width, _LONGEST_LINE))

    def paint(self, text: str, style: str) -> str:
        """Return `text` in a style of ECMA-48 (``1;31``), or as it is if there is no colour."""
        return f"\x1b[{style}m{text}\x1b[0m" if self.colour and style else text


def paper_of(stream: TextIO) -> Paper:
    """Return what `stream` leads to; only a terminal has a width, and colour without NO_COLOR."""
    if not stream.isatty():
        return Paper()
    plain = bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM", "dumb") == "dumb"
    return Paper(shutil.get_terminal_size((COLUMNS, 24)).columns, not plain)


def prepare_output() -> None:
    """Let a character that the locale does not have be written escaped, instead of raising."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def clean(text: str, *, lines: bool = False) -> str:
    """Return `text` with what can't be printed escaped; with `lines`, its line ends stay."""
    if text.isprintable():
        return text
    return "".join(
        char
        if char.isprintable() or (lines and char == "\n")
        else char.encode("unicode_escape").decode("ascii")
        for char in text
    )


def cells(text: str) -> int:
    """Return how many cells the clean `text` takes."""
    return len(text) if text.isascii() else sum(map(_cells_of, text))


def elide(text: str, width: int) -> str:
    """Return `text` in at most `width` cells, cut in its middle: names differ at either end."""
    if cells(text) <= width:
        return text
    if width <= len(_CUT):
        return _CUT[:width]
    room = width - len(_CUT)
    tail = _first(text[::-1], room // 2)[::-1]
    return _first(text, room - cells(tail)) + _CUT + tail


def pad(text: str, width: int, *, right: bool = False) -> str:
    """Return `text` with spaces to `width` cells; with `right`, moved to the right."""
    space = " " * (width - cells(text))
    return space + text if right else text + space


def wrap(text: str, width: int, first: str = "", rest: str = "") -> list[str]:
    """Return the words of the clean `text` in lines of at most `width` cells.

    `first` goes before the first line, `rest` before the others. A word of more than a line is
    broken, and no narrower than to eight cells.
    """
    lines: list[str] = []
    line, before = "", first
    for word in text.split():
        left = word
        while left:
            room = max(8, width - cells(before))
            if cells(line) + bool(line) + cells(left) <= room:
                line, left = f"{line} {left}" if line else left, ""
                continue
            if not line:
                line = _first(left, room)
                left = left[len(line) :]
            lines.append(before + line)
            line, before = "", rest
    if line or not lines:
        lines.append(before + line)
    return [each.rstrip() for each in lines]


class Column(NamedTuple):
    """One column of a grid.

    ``right``: numbers. ``shrinks``: its texts may be cut. Columns with a ``spare`` are left out
    where there is no room, the greatest first.
    """

    title: str
    right: bool = False
    shrinks: bool = False
    spare: int = 0


_NARROWEST = 8


def grid(
    columns: Sequence[Column],
    rows: Sequence[Sequence[str]],
    paper: Paper,
    styles: Sequence[Sequence[str]] = (),
) -> list[str]:
    """Return `rows` of clean texts below the titles of `columns`, within the paper's width.

    `styles`: for each row and column, see :meth:`Paper.paint`.
    """
    shown = list(range(len(columns)))
    widths = [
        max([cells(column.title), *(cells(row[index]) for row in rows)])
        for index, column in enumerate(columns)
    ]
    gap = 2
    if paper.width is not None:
        shown, gap = _squeeze(columns, widths, paper.width)
    lines = []
    for number, row in enumerate([[column.title for column in columns], *rows]):
        parts = []
        for index in shown:
            text = elide(row[index], widths[index])
            style = styles[number - 1][index] if number and styles else ""
            padded = pad(text, widths[index], right=columns[index].right)
            parts.append(paper.paint(padded, style))
        lines.append((" " * gap).join(parts).rstrip())
    return lines


def _squeeze(columns: Sequence[Column], widths: list[int], width: int) -> tuple[list[int], int]:
    """Make `widths` smaller; return the columns to show, and the gap between them."""
    shown = list(range(len(columns)))

    def over(gap: int) -> int:
        return sum(widths[index] for index in shown) + gap * (len(shown) - 1) - width

    while True:
        if over(2) <= 0:
            return shown, 2
        soft = [index for index in shown if columns[index].shrinks]
        if sum(max(0, widths[index] - _NARROWEST) for index in soft) >= over(1):
            for _ in range(over(1)):
                widths[max(soft, key=lambda index: widths[index])] -= 1
            return shown, 1
        spare = [index for index in shown if columns[index].spare]
        if not spare:
            for index in soft:
                widths[index] = min(widths[index], _NARROWEST)
            return shown, 1
        shown.remove(max(spare, key=lambda index: columns[index].spare))


def _cells_of(char: str) -> int:
    if unicodedata.combining(char) or unicodedata.category(char) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def _first(text: str, width: int) -> str:
    """Return as much of the beginning of `text` as goes into `width` cells."""
    used = 0
    for index, char in enumerate(text):
        used += _cells_of(char)
        if used > width:
            return text[:index]
    return text

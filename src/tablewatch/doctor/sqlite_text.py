"""The text of a statement of SQLite, as far as the driver does not tell what is in it.

table-sqlite prepares the first statement of a line, and binds its key to the first parameter alone.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_TOKEN = re.compile(
    r"""
      (?P<comment> --[^\n]* | /\*.*?(?:\*/|$) )
    | (?P<quoted> '(?:[^']|'')*'? | "(?:[^"]|"")*"? | `(?:[^`]|``)*`? | \[[^\]]*\]? )
    | (?P<parameter> \?[0-9]* | [:@$][A-Za-z_]\w* )
    | (?P<end> ; )
    | (?P<other> \w+ | . )
    """,
    re.X | re.S,
)

# SQLite refuses a statement with this number: its own limit is 32,766, Debian's 250,000.
_TOO_LARGE = 1_000_000


class Statement(NamedTuple):
    """A statement whose parameters are written ``?1``, ``?2`` ..., without what follows it.

    ``as_bytes`` is the same for a first parameter that is given as bytes: the driver takes a
    text only if it is valid.
    """

    text: str
    as_bytes: str
    parameters: int


def statement(sql: str) -> Statement:
    """Return the first statement of `sql`.

    Numbers are given as SQLite does: ``?`` is one more than the largest so far, a name keeps
    the number it first got.
    """
    largest = 0
    names: dict[str, int] = {}
    text, as_bytes = "", ""
    for match in _TOKEN.finditer(sql):
        word = other = match[0]
        if match.lastgroup == "end":
            break
        if match.lastgroup == "parameter":
            number = _number(word, largest, names)
            largest = max(largest, number)
            word = f"?{number}"
            other = "CAST(?1 AS TEXT)" if number == 1 else word
        text += word
        as_bytes += other
    return Statement(text.strip(), as_bytes.strip(), largest)


def _number(parameter: str, largest: int, names: dict[str, int]) -> int:
    if parameter == "?":
        return largest + 1
    if parameter.startswith("?"):
        digits = parameter[1:].lstrip("0")
        return int(digits or "0") if len(digits) < len(str(_TOO_LARGE)) else _TOO_LARGE
    return names.setdefault(parameter, largest + 1)

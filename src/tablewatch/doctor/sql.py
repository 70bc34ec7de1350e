"""What a statement names, told from its words: enough to know where to look, no SQL parser.

Too much is found rather than too little. Whether a name is one of a table or a column is asked of
the database.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

_TOKEN = re.compile(
    r"""
      (?P<comment> \#[^\n]* | --(?=\s|$)[^\n]* | /\*.*?(?:\*/|$) )
    | (?P<string> '(?:[^'\\]|\\.|'')*(?:'|$) | "(?:[^"\\]|\\.|"")*(?:"|$) )
    | (?P<quoted> `(?:[^`]|``)*` )
    | (?P<word> [^\W\d][\w$]* | \d+[A-Za-z_$][\w$]* )
    | (?P<number> \d+(?:\.\d+)? )
    | (?P<space> \s+ )
    | (?P<mark> . )
    """,
    re.X | re.S,
)
# What ends the list of tables that FROM begins.
_ENDS = {"where", "group", "having", "order", "limit", "union", "except", "intersect", "window"}
_ENDS |= {"procedure", "for", "into", "lock", "select"}
_JOINS = {"join", "straight_join"}
_NO_ALIAS = _ENDS | _JOINS | {"on", "using", "as", "left", "right", "inner", "outer", "cross"}
_NO_ALIAS |= {"natural", "use", "force", "ignore", "partition", "set"}

# What may stand beside a name, and nothing at all.
_APART = ("", " ", "\t", "\n", "=", "(", ")", ";")


class Word(NamedTuple):
    """A word, name, string, number or character; ``kind`` is the name of its group above."""

    kind: str
    text: str
    start: int = 0
    end: int = 0

    @property
    def plain(self) -> str:
        """The text in lower case if it is an unquoted word or a character, else ""."""
        return self.text.lower() if self.kind in ("word", "mark") else ""

    @property
    def is_name(self) -> bool:
        """Whether it can be a name."""
        return self.kind in ("word", "quoted")


@dataclass(frozen=True, slots=True)
class TableName:
    """A table as a statement names it; ``schema`` is "" where it does not say."""

    schema: str
    name: str
    alias: str


@dataclass(frozen=True, slots=True)
class Names:
    """What a statement names. ``words`` are all its names, in lower case.

    ``everything`` says that it selects ``*``; ``simple`` that it is one SELECT from one table.
    """

    tables: tuple[TableName, ...]
    words: frozenset[str]
    everything: bool
    simple: bool


def words(text: str) -> list[Word]:
    """Return the words of a statement, without comments and white space; backticks are taken off.

    MySQL runs what stands in ``/*! */``; here that is a comment.
    """
    found = []
    for match in _TOKEN.finditer(text):
        kind = str(match.lastgroup)
        where = match.span()
        if kind == "quoted":
            found.append(Word(kind, match[0][1:-1].replace("``", "`"), *where))
        elif kind not in ("comment", "space"):
            found.append(Word(kind, match[0], *where))
    return found


def names(text: str) -> Names:
    """Return what a statement names."""
    all_words = words(text)
    tables = tuple(dict.fromkeys(_tables(all_words)))
    plain = [each.plain for each in all_words]
    simple = plain.count("select") == 1 and plain[:1] == ["select"] and len(tables) == 1
    return Names(
        tables,
        frozenset(each.text.lower() for each in all_words if each.is_name),
        any(
            one == "*" and before in ("select", ".", ",", "distinct")
            for before, one in pairwise(plain)
        ),
        simple,
    )


def compared_column(text: str) -> str:
    """Return the column that the key is compared with: ``u.mail`` of ``WHERE u.mail = ?``.

    As it stands in `text`; "" if the key is not simply compared with a column, by ``=``, or if
    there is more than one place for it.
    """
    found = words(text)
    places = [index for index, each in enumerate(found) if each.text == "?"]
    if len(places) != 1:
        return ""
    (place,) = places
    before, after = found[:place], found[place + 1 :]
    if [each.text for each in before[-1:]] == ["="]:
        column = _qualified(before[:-1][::-1])[::-1]
        ends = before[: -1 - len(column)][-1:]
        rest = after[:1]
        begins = ends and ends[0].plain in ("where", "and", "or", "(")
        if column and begins and (not rest or _is_end(rest[0])):
            return text[column[0].start : column[-1].end]
    elif [each.text for each in after[:1]] == ["="] and before[-1:]:
        column = _qualified(after[1:])
        rest = after[1 + len(column) :][:1]
        begins = before[-1].plain in ("where", "and", "or", "(")
        if column and begins and (not rest or _is_end(rest[0])):
            return text[column[0].start : column[-1].end]
    return ""


def any_key(text: str) -> str:
    """Return a statement that finds whatever `text` can find, for any key; "" if that is unclear.

    ``mail = ?`` becomes ``mail = mail``: every row that has one, as long as the rest lets it.
    """
    column = compared_column(text)
    found = words(text)
    plain = [each.plain for each in found]
    if not column or plain[:1] != ["select"] or plain.count("select") > 1:
        return ""
    if "limit" in plain:
        found = found[: plain.index("limit")]
    if found and found[-1].text == ";":
        found = found[:-1]
    mark = next((each for each in found if each.text == "?"), None)
    if mark is None:
        return ""
    before, after = text[: mark.start], text[mark.end : found[-1].end]
    # A ? needs no blanks around it, a name does: ``where?=a``, ``a=?and b``.
    left = "" if before[-1:] in _APART else " "
    right = "" if after[:1] in _APART else " "
    return f"{before}{left}{column}{right}{after}"


def _is_end(word: Word) -> bool:
    return word.plain in ("and", "or", ")", ";", *_ENDS)


def _qualified(found: Sequence[Word]) -> list[Word]:
    """Return the words of ``a``, ``b.a`` or ``c.b.a`` that `found` begins with."""
    taken: list[Word] = []
    for word in found[:5]:
        if not (word.text == "." if len(taken) % 2 else word.is_name):
            break
        taken.append(word)
    return taken[: len(taken) - 1 + len(taken) % 2] if taken else []


def _tables(found: Sequence[Word]) -> Iterator[TableName]:
    """Yield what stands where a table can: after FROM and JOIN, and behind a comma of theirs."""
    levels: list[bool] = [False]  # per open bracket: whether we are in a list of tables
    index = 0
    while index < len(found):
        plain = found[index].plain
        wanted = False
        if plain == "(":
            # `FROM (a, b)` goes on with the list; `FROM (SELECT` and `f(a, b)` don't.
            before = found[index - 1].plain if index else ""
            levels.append(levels[-1] and before in ("from", ",", "(", *_JOINS))
            wanted = levels[-1]
        elif plain == ")":
            if len(levels) > 1:
                levels.pop()
        elif plain == "from" or plain in _JOINS:
            levels[-1] = wanted = True
        elif plain in _ENDS:
            levels[-1] = False
        elif plain == ",":
            wanted = levels[-1]
        index += 1
        if wanted and index < len(found) and found[index].is_name:
            if found[index].plain in ("select", "lateral", "values", *_ENDS):
                continue
            table, index = _table(found, index)
            yield table


def _table(found: Sequence[Word], index: int) -> tuple[TableName, int]:
    """Return the table whose name begins at `index`, and where to go on."""
    schema, name = "", found[index].text
    index += 1
    if index + 1 < len(found) and found[index].text == "." and found[index + 1].is_name:
        schema, name = name, found[index + 1].text
        index += 2
    alias = name
    if index < len(found) and found[index].plain == "as":
        index += 1
    if index < len(found) and found[index].is_name and found[index].plain not in _NO_ALIAS:
        alias = found[index].text
        index += 1
    return TableName(schema, name, alias), index

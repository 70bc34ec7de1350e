"""The ``table`` lines of smtpd.conf(5). It is only ever read: changing it is the operator's."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from typing import NamedTuple

# `table NAME BACKEND:/path`, each word possibly quoted, possibly on lines continued with "\".
_SPACE = r"(?:[ \t]|\\\n)+"
_TABLE = re.compile(
    rf"""^[ \t]*table{_SPACE}"?(?P<name>[^\s"{{]+)"?{_SPACE}"?(?P<backend>[^\s":/{{]+):/""",
    re.MULTILINE,
)
_INCLUDE = re.compile(rf'^[ \t]*include{_SPACE}"?(?P<path>/[^\s"]+)"?', re.MULTILINE)
_PREFIX = "watch-"


class TableLine(NamedTuple):
    """One table that is looked up through a backend.

    ``line`` counts from 1 and is where the backend's name stands, ``column`` from 0; ``text`` is
    that line as it is in the file.
    """

    file: str
    line: int
    column: int
    text: str
    table: str
    backend: str

    @property
    def watched(self) -> bool:
        """Whether the table goes through a supervisor already."""
        return self.backend.startswith(_PREFIX)

    @property
    def bare(self) -> str:
        """The backend's name without our prefix."""
        return self.backend.removeprefix(_PREFIX)

    def watch(self) -> str:
        """Return the line's text with its table put under supervision."""
        return self._with(_PREFIX + self.bare)

    def unwatch(self) -> str:
        """Return the line's text with its table looked up without a supervisor."""
        return self._with(self.bare)

    def _with(self, backend: str) -> str:
        return self.text[: self.column] + backend + self.text[self.column + len(self.backend) :]


def tables(path: str) -> list[TableLine]:
    """Return the tables declared in `path` and in the files it includes. Raises OSError."""
    found: list[TableLine] = []
    waiting = [path]
    seen: set[str] = set()
    while waiting:
        file = waiting.pop(0)
        if os.path.realpath(file) in seen:
            continue
        seen.add(os.path.realpath(file))
        with open(file, encoding="utf-8", errors="surrogateescape") as stream:
            text = stream.read()
        found += _tables_in(file, text)
        waiting += [match["path"] for match in _INCLUDE.finditer(text)]
    return found


def _tables_in(file: str, text: str) -> Iterable[TableLine]:
    for match in _TABLE.finditer(text):
        position = match.start("backend")
        start = text.rfind("\n", 0, position) + 1
        end = text.find("\n", position)
        yield TableLine(
            file,
            text.count("\n", 0, position) + 1,
            position - start,
            text[start : end if end >= 0 else len(text)],
            match["name"],
            match["backend"],
        )

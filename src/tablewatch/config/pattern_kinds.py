"""How the values of a pattern are written in a file of /etc/tablewatch.d."""

from __future__ import annotations

import re

from tablewatch.config.patterns import ERROR_SIGNS, MEDIA, OTHER_SIGNS
from tablewatch.config.places import File
from tablewatch.config.quotes import shown
from tablewatch.config.values import Kind, Several, Word

# A screen is 80 columns wide: two lines of it for a cause, and two for a repair.
LONGEST_TEXT = 160
LONGEST_PATTERN = 300
LONGEST_STEP = 2000
# Fewer fixed characters at the beginning would fit lines nobody thought of.
SHORTEST_START = 4

_NAME = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*")
_LONGEST_NAME = 40


def name_trouble(name: str) -> str:
    """Return why `name` can't be the name of a pattern, "" if it can: it becomes a label."""
    if _NAME.fullmatch(name) and len(name) <= _LONGEST_NAME:
        return ""
    return (
        f"no name of a pattern; write small letters, digits and single dashes, {_LONGEST_NAME} at "
        "most, as in quota-exceeded"
    )


class Glob(Kind):
    """How a line begins and goes on; ``*`` stands for anything."""

    def read(self, text: str) -> str:
        """Return the text."""
        if not text.isprintable():
            raise ValueError(f"{shown(text)} has unprintable characters; write {self.right()}")
        if len(text) > LONGEST_PATTERN:
            most = f"{LONGEST_PATTERN} characters at most"
            raise ValueError(f"{shown(text)} is too long; write its beginning, {most}")
        if len(text.partition("*")[0]) < SHORTEST_START:
            raise ValueError(f"{shown(text)} fits too much; write {self.right()}")
        return text

    def write(self, value: object) -> str:
        """Return the text in quotes: YAML takes * and : for its own."""
        return "'" + str(value).replace("'", "''") + "'"

    def right(self) -> str:
        """Return what is right."""
        return f"at least {SHORTEST_START} fixed characters, then * where something varies"


class Text(Kind):
    """A sentence of one line."""

    longest: int = LONGEST_TEXT

    def read(self, text: str) -> str:
        """Return the text."""
        if not text.strip():
            raise ValueError(f"is empty; write {self.right()}, or leave the key out")
        if not text.isprintable():
            raise ValueError(f"{shown(text)} has unprintable characters; write {self.right()}")
        if len(text) > self.longest:
            raise ValueError(f"{shown(text)} has {len(text)} characters; write {self.right()}")
        return text

    def write(self, value: object) -> str:
        """Return the text in quotes."""
        return "'" + str(value).replace("'", "''") + "'"

    def right(self) -> str:
        """Return what is right."""
        return f"one line of at most {self.longest} characters"


class Script(Kind):
    """What a step of a repair has to copy; may have several lines."""

    def read(self, text: str) -> str:
        """Return the text without white space at its end."""
        text = text.rstrip()
        if not text:
            raise ValueError(f"is empty; write {self.right()}, or leave the step out")
        if not all(line.isprintable() for line in text.replace("\t", " ").split("\n")):
            raise ValueError(f"{shown(text)} has unprintable characters; write {self.right()}")
        if len(text) > LONGEST_STEP:
            raise ValueError(f"{shown(text)} has {len(text)} characters; write {self.right()}")
        return text

    def write(self, value: object) -> str:
        """Return the text in quotes."""
        return "'" + str(value).replace("'", "''") + "'"

    def right(self) -> str:
        """Return what is right."""
        return f"at most {LONGEST_STEP} characters"


KEYS: dict[str, Kind] = {
    "line": Several(Glob()),
    "message": Several(Glob()),
    "class": Word(("query", "connection", "configuration", "unknown")),
    "sign": Word((*ERROR_SIGNS, *OTHER_SIGNS)),
    "cause": Text(),
    "repair": Text(),
    "references": Several(Text()),
}
STEP_KEYS = dict[str, Kind].fromkeys((*MEDIA, "lines"), Script()) | {"file": File()}

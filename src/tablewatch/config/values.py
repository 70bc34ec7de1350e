"""How single values are written in the file: read, checked, and written back.

A *kind* stands beside each field of :mod:`tablewatch.config.settings`, in its metadata, with the
range of the field and the reason for it. Kinds work on the text of a value as it stands in the
file, before YAML gives it a type: ``1:30`` is no number of seconds here, ``010`` is not eight.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass

# Whole numbers and descending units, as Prometheus writes durations.
_UNITS = {"d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1000, "ms": 1}
_DURATION = re.compile("".join(rf"(?:([0-9]{{1,9}}){unit})?" for unit in _UNITS))
_FRACTION = re.compile(r"([0-9]{1,9}\.[0-9]{1,9}) *(d|h|m|s|ms)")
_NUMBER = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9})?")
_COUNT = re.compile(r"0|[1-9][0-9]{0,11}")
_SWITCH = {"yes": True, "true": True, "on": True, "no": False, "false": False, "off": False}
_PLAIN_PATH = re.compile(r"[A-Za-z0-9/._+-]+")


def parse_duration(text: str) -> float:
    """Return the seconds in ``5s``, ``250ms``, ``1h30m``, ``2d`` or plain ``0``; never negative.

    Raises ValueError, saying what to write instead.
    """
    if text == "0":
        return 0.0
    if text and (match := _DURATION.fullmatch(text)):
        parts = zip(match.groups(default="0"), _UNITS.values(), strict=True)
        return sum(int(number) * unit for number, unit in parts) / 1000
    if _NUMBER.fullmatch(text):
        if "." in text:
            whole = format_duration(float(text))
            raise ValueError(f"{text} has no unit; write {whole} for that many seconds")
        raise ValueError(f"{text} has no unit; write {text}s, or {text}ms")
    if match := _FRACTION.fullmatch(text):
        whole = format_duration(float(match[1]) * _UNITS[match[2]] / 1000)
        raise ValueError(f"{text} is not in whole numbers; write {whole}")
    closed_up = text.replace(" ", "").lower()
    if closed_up != text and closed_up and _DURATION.fullmatch(closed_up):
        raise ValueError(f"{shown(text)} is no duration; write {closed_up}")
    raise ValueError(f"{shown(text)} is no duration; write one like 250ms, 5s, 1h30m or 2d")


def format_duration(seconds: float) -> str:
    """Return `seconds` (0 or more, finite) as written in the file, to the nearest millisecond."""
    left = round(seconds * 1000)
    if left < 0:
        raise ValueError(f"a duration is 0 or more, not {seconds}")
    written = ""
    for unit, size in _UNITS.items():
        number, left = divmod(left, size)
        if number:
            written += f"{number}{unit}"
    return written or "0"


def shown(text: str, limit: int = 60) -> str:
    """Return `text` quoted, short and printable in any locale, for a message."""
    return f'"{bare(text, limit)}"'


def bare(text: str, limit: int = 60) -> str:
    """Return `text` short and printable in any locale, unquoted where that is possible."""
    cut = text[: limit + 1]
    plain = cut if cut.isascii() and cut.isprintable() else ascii(cut)[1:-1]
    return plain if len(plain) <= limit else plain[: limit - 3] + "..."


def nearest(name: str, known: Iterable[str]) -> str:
    """Return the one of `known` most like `name`, or "" if none is much like it."""
    import difflib  # noqa: PLC0415 - only where something is wrong

    return next(iter(difflib.get_close_matches(name[:100], list(known), n=1)), "")


class Kind(ABC):
    """How one sort of value is written."""

    @abstractmethod
    def read(self, text: str) -> object:
        """Return the value of `text`; raises ValueError saying what would be right."""

    @abstractmethod
    def write(self, value: object) -> str:
        """Return `value` as it would stand in the file."""

    @abstractmethod
    def right(self) -> str:
        """Return what is right here, as the object of "write ..."."""


@dataclass(frozen=True)
class Duration(Kind):
    """Seconds, from `low` to `high` (both allowed); `why` is the reason for both ends.

    `at_most` names a duration of the same group that this one may not exceed.
    """

    low: float
    high: float
    why: str
    at_most: str = ""

    def read(self, text: str) -> float:
        """Return seconds."""
        seconds = parse_duration(text)
        if self.low <= seconds <= self.high:
            return seconds
        size = "short" if seconds < self.low else "long"
        raise ValueError(f"{text} is too {size}; write {self.right()} ({self.why})")

    def write(self, value: object) -> str:
        """Return seconds with units."""
        assert isinstance(value, float)
        return format_duration(value)

    def right(self) -> str:
        """Return the range."""
        return f"{format_duration(self.low)} to {format_duration(self.high)}"


@dataclass(frozen=True)
class Count(Kind):
    """A whole number from `low` to `high` (both allowed); `why` is the reason for both ends."""

    low: int
    high: int
    why: str

    def read(self, text: str) -> int:
        """Return the number."""
        if not _COUNT.fullmatch(text):
            raise ValueError(f"{shown(text)} is no whole number; write {self.right()}")
        if self.low <= int(text) <= self.high:
            return int(text)
        size = "small" if int(text) < self.low else "large"
        raise ValueError(f"{text} is too {size}; write {self.right()} ({self.why})")

    def write(self, value: object) -> str:
        """Return the digits."""
        return str(value)

    def right(self) -> str:
        """Return the range."""
        return f"{self.low} to {self.high}"


@dataclass(frozen=True)
class Switch(Kind):
    """On or off."""

    def read(self, text: str) -> bool:
        """Return whether it is on."""
        try:
            return _SWITCH[text.lower()]
        except KeyError:
            raise ValueError(f"{shown(text)} is neither yes nor no; write yes or no") from None

    def write(self, value: object) -> str:
        """Return yes or no."""
        return "yes" if value else "no"

    def right(self) -> str:
        """Return both."""
        return "yes or no"


@dataclass(frozen=True)
class Word(Kind):
    """One of a few known words; `refused` are words of the same sort, each with its reason."""

    known: tuple[str, ...]
    refused: tuple[tuple[str, str], ...] = ()

    def read(self, text: str) -> str:
        """Return the word."""
        if text in self.known:
            return text
        for word, reason in self.refused:
            if text == word:
                raise ValueError(f"{word} can't stand here: {reason}; leave it out")
        if near := nearest(text, self.known):
            raise ValueError(f'{shown(text)} is not known; did you mean "{near}"?')
        raise ValueError(f"{shown(text)} is not known; write {self.right()}")

    def write(self, value: object) -> str:
        """Return the word."""
        return str(value)

    def right(self) -> str:
        """Return all words."""
        return "one of " + ", ".join(self.known)


@dataclass(frozen=True)
class Directory(Kind):
    """The absolute path of a directory."""

    def read(self, text: str) -> str:
        """Return the path."""
        if not text.startswith("/"):
            raise ValueError(f"{shown(text)} is not absolute; write {self.right()}")
        if not text.isprintable():
            raise ValueError(f"{shown(text)} has unprintable characters; write {self.right()}")
        return text

    def write(self, value: object) -> str:
        """Return the path, in quotes where YAML needs them."""
        path = str(value)
        return path if _PLAIN_PATH.fullmatch(path) else "'" + path.replace("'", "''") + "'"

    def right(self) -> str:
        """Return an example."""
        return "a path that begins with /"


@dataclass(frozen=True)
class Several(Kind):
    """A list of `item`; a single one may stand without brackets. None of them twice."""

    item: Kind

    def read(self, text: str) -> object:
        """Return one item; whoever reads the list puts them together."""
        return self.item.read(text)

    def write(self, value: object) -> str:
        """Return the list in brackets."""
        assert isinstance(value, tuple)
        return "[" + ", ".join(self.item.write(one) for one in value) + "]"

    def right(self) -> str:
        """Return what an item is."""
        return f"a list of: {self.item.right()}"


def seconds(low: str, high: str, why: str, at_most: str = "") -> dict[str, Kind]:
    """Return the metadata of a field that holds seconds."""
    return {"kind": Duration(parse_duration(low), parse_duration(high), why, at_most)}


def number(low: int, high: int, why: str) -> dict[str, Kind]:
    """Return the metadata of a field that holds a whole number."""
    return {"kind": Count(low, high, why)}


def several(item: Kind) -> dict[str, Kind]:
    """Return the metadata of a field that holds a tuple."""
    return {"kind": Several(item)}

"""How single values are written in the file: read, checked, and written back.

:mod:`tablewatch.config.ranges` has a *kind* for each key, with its range and the reason for it.
Kinds work on the text of a value as it stands in the file, before YAML gives it a type: ``1:30``
is no number of seconds here, ``010`` is not eight.
"""

from __future__ import annotations

import re

from tablewatch.config.durations import format_duration, parse_duration
from tablewatch.config.quotes import nearest, shown
from tablewatch.record import Record

_COUNT = re.compile(r"0|[1-9][0-9]{0,11}")
_SWITCH = {"yes": True, "true": True, "on": True, "no": False, "false": False, "off": False}
_PERCENT = re.compile(r"(0|[1-9][0-9]{0,2})%")
_SIZES = {"": 1, "K": 1024, "M": 1024**2, "G": 1024**3}
_SIZE = re.compile(r"(0|[1-9][0-9]{0,8})([KMG]?)")
_NUMBER = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9})?")
_NEARLY_SIZE = re.compile(r"([1-9][0-9]{0,8}) ?([kmgKMG])(?:i?[bB])?")
_LONGEST_PROBE = 255


class Kind(Record):
    """How one sort of value is written.

    ``at_most`` names a value of the same group that this one may not exceed, "" for none.
    """

    at_most = ""

    def read(self, text: str) -> object:
        """Return the value of `text`; raises ValueError saying what would be right."""
        raise NotImplementedError

    def write(self, value: object) -> str:
        """Return `value` as it would stand in the file."""
        raise NotImplementedError

    def right(self) -> str:
        """Return what is right here, as the object of "write ..."."""
        raise NotImplementedError


class Named(Record):
    """A mapping of names the administrator chooses to groups of one sort."""

    group: type[Record]


class Duration(Kind):
    """Seconds, from `low` to `high` (both allowed); `why` is the reason for both ends."""

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


class Count(Kind):
    """A whole number from `low` to `high` (both allowed); `why` is the reason for both ends.

    With `or_none`, 0 is right as well, and means that there is no limit.
    """

    low: int
    high: int
    why: str
    or_none: bool = False

    def read(self, text: str) -> int:
        """Return the number."""
        if not _COUNT.fullmatch(text):
            raise ValueError(f"{shown(text)} is no whole number; write {self.right()}")
        if self.low <= int(text) <= self.high or (self.or_none and text == "0"):
            return int(text)
        size = "small" if int(text) < self.low else "large"
        raise ValueError(f"{text} is too {size}; write {self.right()} ({self.why})")

    def write(self, value: object) -> str:
        """Return the digits."""
        return str(value)

    def right(self) -> str:
        """Return the range."""
        return f"{'0, or ' * self.or_none}{self.low} to {self.high}"


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


class Share(Kind):
    """A share of a whole from `low` to `high` (both allowed), in whole percent: ``20%`` is 0.2.

    `why` is the reason for both ends.
    """

    low: float
    high: float
    why: str
    at_most: str = ""

    def read(self, text: str) -> float:
        """Return the fraction."""
        match = _PERCENT.fullmatch(text)
        if match is None:
            raise ValueError(f"{shown(text)} is no percentage; write {self._meant(text)}")
        share = int(match[1]) / 100
        if self.low <= share <= self.high:
            return share
        size = "small" if share < self.low else "large"
        raise ValueError(f"{text} is too {size}; write {self.right()} ({self.why})")

    def write(self, value: object) -> str:
        """Return percent."""
        assert isinstance(value, float)
        return f"{round(value * 100)}%"

    def right(self) -> str:
        """Return the range."""
        return f"{self.write(self.low)} to {self.write(self.high)}"

    def _meant(self, text: str) -> str:
        """Return what somebody who wrote a plain number may have meant; the range otherwise."""
        number = text.removesuffix("%").rstrip()
        if number.isascii() and _NUMBER.fullmatch(number):
            fraction = float(number) if number.startswith("0.") else float(number) / 100
            if self.low <= fraction <= self.high:
                return self.write(fraction)
        return self.right()


class Size(Kind):
    """Bytes from `low` to `high` (both allowed), written ``512M``; 0 is right too: no limit.

    Units are K, M and G, 1024 of each in the next; `why` is the reason for both ends.
    """

    low: int
    high: int
    why: str

    def read(self, text: str) -> int:
        """Return bytes."""
        match = _SIZE.fullmatch(text)
        if match is None:
            near = _NEARLY_SIZE.fullmatch(text)
            remedy = f"{near[1]}{near[2].upper()}" if near else "one like 64M or 2G, or 0"
            raise ValueError(f"{shown(text)} is no size; write {remedy}")
        number = int(match[1]) * _SIZES[match[2]]
        if number == 0 or (match[2] and self.low <= number <= self.high):
            return number
        if not match[2]:
            raise ValueError(f"{text} has no unit; write {text}M, or {text}G")
        size = "small" if number < self.low else "large"
        raise ValueError(f"{text} is too {size}; write {self.right()} ({self.why})")

    def write(self, value: object) -> str:
        """Return bytes in the largest unit that leaves no rest."""
        assert isinstance(value, int)
        unit = next((name for name in "GMK" if value and value % _SIZES[name] == 0), "")
        return f"{value // _SIZES[unit]}{unit}"

    def right(self) -> str:
        """Return the range."""
        return f"0, or {self.write(self.low)} to {self.write(self.high)}"


class Probe(Kind):
    """A lookup: one of `services`, a blank, and a key. Empty for none.

    The key is plain ASCII: a probe asks whether the database works, not whether it can hold an
    accent. At most 255 characters, more than any address has (RFC 5321, 4.5.3.1: 254).
    """

    services: tuple[str, ...]

    def read(self, text: str) -> str:
        """Return the text; what is behind the first blank is the key."""
        service, _, key = text.partition(" ")
        if not text:
            return text
        if service not in self.services:
            near = nearest(service, self.services)
            hint = f'did you mean "{near}"?' if near else f"write {self.right()}"
            raise ValueError(f"{shown(service)} is no service; {hint}")
        if not key or key != key.strip():
            raise ValueError(f"{shown(text)} is no lookup; write {self.right()}")
        if not key.isascii() or not key.isprintable() or len(key) > _LONGEST_PROBE:
            raise ValueError(f"{shown(text)} has a key that is long or odd; write {self.right()}")
        return text

    def write(self, value: object) -> str:
        """Return the text in quotes."""
        return "'" + str(value).replace("'", "''") + "'"

    def right(self) -> str:
        """Return an example."""
        return 'a service and a plain key, as in "credentials postmaster@example.org", or ""'


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

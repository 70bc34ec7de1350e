"""From a line on a backend's stderr to what it means."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import NamedTuple, TypeVar

from tablewatch.knowledge.groups import VARIABLE, group, shape
from tablewatch.knowledge.keys import CUT_MARK, printable
from tablewatch.knowledge.records import ErrorClass, ErrorText, Own, Sign, Signature
from tablewatch.knowledge.repair import Repair
from tablewatch.knowledge.signatures import ERROR_TEXTS, SIGNATURES
from tablewatch.knowledge.starts import Starts

__all__ = ["Classifier", "ErrorClass", "Reading", "Sign"]

# Long enough for every message of a database, short enough for a line of syslog (RFC 3164 ends
# at 1,024 bytes).
MAX_TEXT = 500

_T = TypeVar("_T")
# Where no error is looked for: a line about the key repeats it, and keys may look like any message.
_SAYS_ALL = (None, ErrorClass.QUERY)
_CHATTER = (Sign.OTHER, Sign.CONNECTED, Sign.GIVE_UP)
_OTHER = Signature("other", Sign.OTHER, None, "")
_NOTHING = Own()
_NO_PREFIX = b"\n"  # which no line has in it

# log.c writes `NAME[PID]: `, errx(3), which ends table_stdio, only `NAME: `.
_PREFIX = re.compile(rb"[^:\[\]]{1,128}\[\d{1,10}\]: ")
_NAME_ONLY = re.compile(
    rb"[^:]{1,128}: (?=unknown service |unknown action |unexpected config line: |malformed line"
    rb"|unsupported protocol version: |no (?:update|check|lookup|fetch) handler registered)"
)
# What PostgreSQL and libpq put before the message proper.
_ENVELOPE = re.compile(
    r"(?:(?:connection to server )?(?:at|on socket) .*? failed: )?(?:(?:ERROR|FATAL|PANIC): +)?"
)
_VARIABLE = re.compile(VARIABLE)


class Reading(NamedTuple):
    """What one line means.

    ``error_class`` is None where the line is no error. ``signature`` is one of a fixed few short
    ids and may be a metric label. ``group`` is what lines that say the same have in common, empty
    where they say nothing; it is made from the line and may hold parts of a key, so it is for
    comparing, not for showing. ``text`` is the line without ``NAME[PID]: ``, printable, at most
    MAX_TEXT characters; it is not masked yet. ``cause`` is in plain words, empty where there is
    nothing to say. ``repair`` is what to do about it, None where there is nothing.
    """

    sign: Sign
    error_class: ErrorClass | None
    signature: str
    group: str
    text: str
    cause: str
    repair: Repair | None = None

    @property
    def is_reconnect(self) -> bool:
        """Whether it tells of a connection made to the database, or about to be made again."""
        return self.sign is Sign.RETRY or self.sign is Sign.RECONNECT

    @property
    def is_chatter(self) -> bool:
        """Whether no decision depends on the line; most are such, nearly all of a flood."""
        return self.error_class is None and self.sign in _CHATTER


class Classifier:
    """Reads lines with the given tables; remembers at most `memory` different ones.

    What the administrator has added (`own`) comes before everything else.

    A looping backend writes the same few lines thousands of times a second; reading one again
    costs a look into a dictionary. A new one costs some microseconds, but for chatter of the shape
    of other chatter, which costs one.
    """

    def __init__(
        self,
        signatures: Sequence[Signature] = SIGNATURES,
        error_texts: Sequence[ErrorText] = ERROR_TEXTS,
        memory: int = 256,
        own: Own = _NOTHING,
    ) -> None:
        self._signatures = {known.start: known for known in reversed(signatures)}
        self._starts = Starts(self._signatures)
        # The one with the most fixed characters counts, but the administrator's own come first.
        texts = sorted(error_texts, key=lambda known: -sum(map(len, known.parts)))
        self._texts: dict[str, list[tuple[int, ErrorText]]] = {}
        for rank, text in enumerate((*own.messages, *texts)):
            self._texts.setdefault(text.parts[0], []).append((rank, text))
        self._text_starts = Starts(self._texts)
        self._own_lines = own.lines
        self._memory = memory
        self._readings: dict[bytes, Reading] = {}  # of all but chatter
        self._chatter: dict[bytes, str] = {}  # its groups, by shapes
        beginnings = [(start,) for start in self._signatures], [line.parts for line in own.lines]
        self._unshaped = tuple(_unshaped(chain(*beginnings)))
        self._prefix = _NO_PREFIX  # of the line read last

    def read(self, line: bytes) -> Reading:
        """Return what `line`, without its newline, means."""
        reading = self._readings.get(line)
        if reading is None:
            text = self._without_prefix(line)
            reading = self._read(text, shape(text))
            if not reading.is_chatter:
                self._remember(self._readings, line, reading)
        return reading

    def chatter(self, line: bytes) -> str | None:
        """Return the group of `line` if it is chatter, see Reading; None: it is to be read.

        Chatter is known by its shape, but where that leaves open what the line begins with.
        """
        if line in self._readings:
            return None
        text = self._without_prefix(line)
        outline = shape(text)
        known = self._chatter.get(outline)
        if known is not None:
            return known
        reading = self._read(text, outline)
        if not reading.is_chatter:
            self._remember(self._readings, line, reading)
            return None
        if not _VARIABLE.match(text) and not text.startswith(self._unshaped):
            self._remember(self._chatter, outline, reading.group)
        return reading.group

    def _remember(self, memory: dict[bytes, _T], line: bytes, thing: _T) -> None:
        if len(memory) >= self._memory:
            memory.clear()  # dearer things are done for each of so many lines
        memory[line] = thing

    def _without_prefix(self, line: bytes) -> bytes:
        if line.startswith(self._prefix):  # nearly always that of the line before
            return line[len(self._prefix) :]
        found = _PREFIX.match(line)
        if found is not None:
            self._prefix = found.group()
        else:
            found = _NAME_ONLY.match(line)
        return line[found.end() :] if found is not None else line

    def _read(self, line: bytes, outline: bytes) -> Reading:
        """Return what `line`, without its prefix, means; `outline` is its shape."""
        text = printable(line)
        shown = text if len(text) <= MAX_TEXT else text[: MAX_TEXT - len(CUT_MARK)] + CUT_MARK
        for own in self._own_lines:
            if fits(own.parts, text):
                return Reading(
                    own.sign, own.error_class, own.id, own.id, shown, own.cause, own.repair
                )
        start = self._starts.longest(text)
        known = _OTHER if start is None else self._signatures[start]
        rest = text[len(known.start) :]
        error = self._error(rest) if rest and known.error_class not in _SAYS_ALL else None
        if error is None:
            alike = f"{known.id}: {group(outline)}" if line else ""
            return Reading(
                known.sign, known.error_class, known.id, alike, shown, known.cause, known.repair
            )
        blames_key = error.error_class is ErrorClass.QUERY
        judge = known if blames_key and known.error_class is not ErrorClass.UNKNOWN else error
        alike = f"{known.id}: {error.id}"
        return Reading(
            known.sign, judge.error_class, error.id, alike, shown, judge.cause, judge.repair
        )

    def _error(self, rest: str) -> ErrorText | None:
        envelope = _ENVELOPE.match(rest)
        message = rest[envelope.end() :] if envelope is not None else rest
        starts = self._text_starts.all(message)
        found = [text for start in starts for text in self._texts[start]]
        for _, text in sorted(found):
            if fits(text.parts, message):
                return text
        return None


def _unshaped(beginnings: Iterable[tuple[str, ...]]) -> Iterator[bytes]:
    """Tell how lines begin whose shape leaves open whether they fit one of `beginnings`.

    Each is given by its parts. What begins with a hole itself is not told.
    """
    for first, *others in beginnings:
        before, *rest = _VARIABLE.split(first.encode(), maxsplit=1)
        if others or (rest and before):
            yield before


def fits(parts: tuple[str, ...], message: str) -> bool:
    """Return whether `message` begins with the first of `parts`, and has the others in order."""
    if not message.startswith(parts[0]):
        return False
    position = len(parts[0])
    for part in parts[1:]:
        found = message.find(part, position)
        if found < 0:
            return False
        position = found + len(part)
    return True

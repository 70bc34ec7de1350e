"""From a line on a backend's stderr to what it means."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from tablewatch.knowledge.keys import CUT_MARK, printable
from tablewatch.knowledge.records import ErrorClass, ErrorText, Own, Sign, Signature
from tablewatch.knowledge.repair import Repair
from tablewatch.knowledge.signatures import ERROR_TEXTS, SIGNATURES

__all__ = ["Classifier", "ErrorClass", "Reading", "Sign"]

# Long enough for every message of a database, short enough for a line of syslog (RFC 3164 ends
# at 1,024 bytes).
MAX_TEXT = 500
MAX_GROUP = 120

_NOTHING = Own()

# log.c writes `NAME[PID]: `, errx(3), which ends table_stdio, only `NAME: `.
_PREFIX = re.compile(
    r"[^:\[\]]{1,128}\[\d{1,10}\]: "
    r"|[^:]{1,128}: (?=unknown service |unknown action |unexpected config line: |malformed line"
    r"|unsupported protocol version: |no (?:update|check|lookup|fetch) handler registered)"
)
# What PostgreSQL and libpq put before the message proper.
_ENVELOPE = re.compile(
    r"(?:(?:connection to server )?(?:at|on socket) .*? failed: )?(?:(?:ERROR|FATAL|PANIC): +)?"
)
# What differs between two lines that say the same.
_VARIABLE = re.compile(
    r"""
      "[^"]*(?:"|$) | (?<!\w)'[^']*(?:'|$) | `[^`]*(?:`|$)
    | =\S+ | \S+@\S+
    | [0\\]x[0-9a-fA-F]+ | \b[0-9a-fA-F]{8,}\b | \d+
    """,
    re.X,
)


class Reading(NamedTuple):
    """What one line means.

    ``error_class`` is None where the line is no error. ``signature`` is one of a fixed few short
    ids and may be a metric label. ``group`` is what lines that say the same have in common; it is
    made from the line and may hold parts of a key, so it is for comparing, not for showing.
    ``text`` is the line without ``NAME[PID]: ``, printable, at most MAX_TEXT characters; it is
    not masked yet. ``cause`` is in plain words, empty where there is nothing to say. ``repair`` is
    what to do about it, None where there is nothing.
    """

    sign: Sign
    error_class: ErrorClass | None
    signature: str
    group: str
    text: str
    cause: str
    repair: Repair | None = None


class Classifier:
    """Reads lines with the given tables; remembers the last `memory` different ones.

    What the administrator has added (`own`) comes before everything else.

    A looping backend writes the same few lines thousands of times a second; reading one again
    costs a look into a dictionary. A new one costs tens of microseconds.
    """

    def __init__(
        self,
        signatures: Sequence[Signature] = SIGNATURES,
        error_texts: Sequence[ErrorText] = ERROR_TEXTS,
        memory: int = 256,
        own: Own = _NOTHING,
    ) -> None:
        self._signatures = sorted(signatures, key=lambda known: -len(known.start))
        texts = sorted(error_texts, key=lambda known: -sum(map(len, known.parts)))
        self._error_texts = [*own.messages, *texts]
        self._own_lines = own.lines
        self._memory = memory
        self._readings: dict[bytes, Reading] = {}

    def read(self, line: bytes) -> Reading:
        """Return what `line`, without its newline, means."""
        reading = self._readings.get(line)
        if reading is None:
            reading = self._read(line)
            if len(self._readings) >= self._memory:
                del self._readings[next(iter(self._readings))]
            self._readings[line] = reading
        return reading

    def _read(self, line: bytes) -> Reading:
        text = printable(line)
        prefix = _PREFIX.match(text)
        if prefix is not None:
            text = text[prefix.end() :]
        shown = text if len(text) <= MAX_TEXT else text[: MAX_TEXT - len(CUT_MARK)] + CUT_MARK
        for own in self._own_lines:
            if fits(own.parts, text):
                return Reading(
                    own.sign, own.error_class, own.id, own.id, shown, own.cause, own.repair
                )
        known = next((known for known in self._signatures if text.startswith(known.start)), _OTHER)
        rest = text[len(known.start) :]
        error = self._error(known, rest)
        if error is None:
            group = f"{known.id}: {_VARIABLE.sub('#', rest[:MAX_TEXT])[:MAX_GROUP]}"
            return Reading(
                known.sign, known.error_class, known.id, group, shown, known.cause, known.repair
            )
        blames_key = error.error_class is ErrorClass.QUERY
        judge = known if blames_key and known.error_class is not ErrorClass.UNKNOWN else error
        group = f"{known.id}: {error.id}"
        return Reading(
            known.sign, judge.error_class, error.id, group, shown, judge.cause, judge.repair
        )

    def _error(self, known: Signature, rest: str) -> ErrorText | None:
        # A line that is about the key already repeats it, and the key may look like any message.
        if not rest or known.error_class in (None, ErrorClass.QUERY):
            return None
        envelope = _ENVELOPE.match(rest)
        start = envelope.end() if envelope is not None else 0
        return next((text for text in self._error_texts if fits(text.parts, rest, start)), None)


_OTHER = Signature("other", Sign.OTHER, None, "")


def fits(parts: tuple[str, ...], message: str, start: int = 0) -> bool:
    """Return whether `message` begins with the first of `parts`, and has the others in order."""
    if not message.startswith(parts[0], start):
        return False
    position = start + len(parts[0])
    for part in parts[1:]:
        found = message.find(part, position)
        if found < 0:
            return False
        position = found + len(part)
    return True

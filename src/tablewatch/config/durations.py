"""How durations are written in the file: ``5s``, ``250ms``, ``1h30m``."""

from __future__ import annotations

import re

from tablewatch.config.quotes import shown

# Whole numbers and descending units, as Prometheus writes durations.
_UNITS = {"d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1000, "ms": 1}
_DURATION = re.compile("".join(rf"(?:([0-9]{{1,9}}){unit})?" for unit in _UNITS))
_FRACTION = re.compile(r"([0-9]{1,9}\.[0-9]{1,9}) *(d|h|m|s|ms)")
_NUMBER = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9})?")


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

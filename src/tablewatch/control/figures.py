"""Figures of a table, and how people read them: in the terminal, on the page, in a check.

What is written here takes eight characters at most, :func:`exact` and what has words in it apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from tablewatch.control.status import LATENCY_BUCKETS, TableStatus

NONE = "-"
_UNITS = (("d", 86_400), ("h", 3600), ("m", 60), ("s", 1))


def lookups(status: TableStatus) -> int:
    """Return how much smtpd asked so far; an update is an order, not a question."""
    asked = (counts for name, counts in status.requests.items() if name != "update")
    return sum(sum(counts.values()) for counts in asked)


def waits(status: TableStatus) -> list[int] | None:
    """Return in which of LATENCY_BUCKETS smtpd got its answers, updates apart.

    None if the buckets are those of another release: they can't be compared with ours.
    """
    parts = [each.buckets for name, each in status.latency.items() if name != "update"]
    if any(len(each) != len(LATENCY_BUCKETS) + 1 for each in parts):
        return None
    return [sum(counts) for counts in zip(*parts, strict=True)]


def quantile(buckets: Sequence[int] | None, part: float) -> float | None:
    """Return the seconds that `part` (0 to 1) of the answers counted in `buckets` did not exceed.

    As histogram_quantile() of Prometheus has it, so that its graphs say the same: within a bucket
    it is in proportion, and in the last one, which has no bound, it is the greatest bound there is.
    None without answers, and for the buckets of another release.
    """
    if buckets is None or len(buckets) != len(LATENCY_BUCKETS) + 1 or sum(buckets) <= 0:
        return None
    rank, below, low = part * sum(buckets), 0, 0.0
    for number, high in zip(buckets, LATENCY_BUCKETS, strict=False):
        if number and below + number >= rank:
            return low + (high - low) * max(0.0, rank - below) / number
        below, low = below + number, high
    return low


def age(seconds: float) -> str:
    """Return `seconds` in its two greatest units: ``42s``, ``5m12s``, ``3h``, ``2d4h``."""
    left = max(0, int(seconds))
    for (unit, size), (smaller, part) in pairwise(_UNITS):
        if left >= size:
            rest = left % size // part
            few = left < 100 * 86_400  # after so many days hours tell nothing
            return f"{left // size}{unit}" + (f"{rest}{smaller}" if rest and few else "")
    return f"{left}s"


def ago(seconds: float) -> str:
    """Return how long ago something was: ``just now``, ``5m12s ago``."""
    return "just now" if seconds < 1 else f"{age(seconds)} ago"


def took(seconds: float | None) -> str:
    """Return how long something took: ``1.8ms``, ``12s``; from a minute on as an age."""
    if seconds is None:
        return NONE
    if seconds < 0.9995:
        return f"{_two_digits(seconds * 1000)}ms"
    return f"{_two_digits(seconds)}s" if seconds < 59.5 else age(round(seconds))


def waited(seconds: float | None) -> str:
    """Return a quantile as :func:`took` does; the greatest bound means that or more: ``10s+``."""
    more = seconds is not None and seconds >= LATENCY_BUCKETS[-1]
    return took(seconds) + ("+" if more else "")


def count(number: int) -> str:
    """Return a count: exact up to 99999, then ``123k``, ``4.5M``."""
    if number < 100_000:
        return str(number)
    amount = float(number)
    for unit in ("k", "M", "G"):
        amount /= 1000
        if amount < 999.5:
            return f"{_two_digits(amount)}{unit}"
    return f"{amount / 1000:.0f}T"


def exact(number: float | None) -> str:
    """Return a number with its thousands set apart; one that is not whole, to one digit."""
    if number is None:
        return NONE
    return f"{number:,}" if isinstance(number, int) else f"{number:,.1f}"


def several(number: int, noun: str) -> str:
    """Return ``1 key``, ``3,000 keys``."""
    return f"{exact(number)} {noun}" + ("" if number == 1 else "s")


def rate(per_second: float | None) -> str:
    """Return how often something happens in a second."""
    if per_second is None:
        return NONE
    return _two_digits(per_second) if per_second < 100 else count(round(per_second))


def share(part: float | None) -> str:
    """Return a part of 1 as a percentage."""
    return NONE if part is None else f"{_two_digits(100 * max(0.0, part))}%"


def size(amount: int | None) -> str:
    """Return bytes: ``512B``, ``9.3M``."""
    if amount is None:
        return NONE
    left = float(amount)
    for unit in ("B", "K", "M", "G"):
        if left < 999.5:
            return f"{_two_digits(left)}{unit}"
        left /= 1024
    return f"{left:.0f}T"


def _two_digits(number: float) -> str:
    """Return `number` (0 or more) with a decimal below 10, and without one above."""
    if number < 9.95:
        return f"{number:.1f}".removesuffix(".0")
    return f"{number:.0f}"

"""Figures of many repetitions: quantiles of one round, medians and spreads over the rounds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple


class Spread(NamedTuple):
    """The median over the rounds, with the first and the third quartile."""

    median: float
    low: float
    high: float

    def __str__(self) -> str:
        digits = 2 if abs(self.high) < 10 else 1 if abs(self.high) < 100 else 0
        return f"{self.median:.{digits}f} ({self.low:.{digits}f}..{self.high:.{digits}f})"


def quantile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least this share of all values do not exceed.

    ValueError if there is none.
    """
    if not values:
        raise ValueError("no values")
    ordered = sorted(values)
    # Rounded, as 0.999 * 1000 is a little more than 999.
    return ordered[max(0, math.ceil(round(share * len(ordered), 6)) - 1)]


def median(values: Sequence[float]) -> float:
    """The middle one, or the mean of the two in the middle. ValueError if there is none."""
    if not values:
        raise ValueError("no values")
    ordered = sorted(values)
    middle = len(ordered) // 2
    return (ordered[middle] + ordered[-1 - middle]) / 2


def spread(values: Sequence[float]) -> Spread:
    """Median and quartiles. ValueError if there is no value."""
    return Spread(median(values), quantile(values, 0.25), quantile(values, 0.75))


def ratios(values: Sequence[float], others: Sequence[float]) -> Spread | None:
    """How many times the others the values are, round by round.

    Rounds in which the other is not above 0 tell nothing and are left out; None if none is left.
    """
    pairs = zip(values, others, strict=True)
    found = [value / other for value, other in pairs if other > 0]
    return spread(found) if found else None


def differences(values: Sequence[float], others: Sequence[float]) -> list[float]:
    """By how much the values exceed the others, round by round."""
    return [value - other for value, other in zip(values, others, strict=True)]

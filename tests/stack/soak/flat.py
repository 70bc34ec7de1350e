"""Whether something stayed as it was, by a rule that a few odd samples can't bend.

The first quarter of a run is for warming up. Of the samples of the second and of the last quarter
the medians are compared: the last may be above the second by `allowance`, or by `share` of it,
whichever is more.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import NamedTuple

MEBIBYTE = 2**20


class Limit(NamedTuple):
    """By how much the last quarter's median may be above the second's."""

    allowance: float
    share: float


MEMORY = Limit(MEBIBYTE, 0.03)
DESCRIPTORS = Limit(0, 0)
THREADS = Limit(0, 0)
PROCESSES = Limit(0, 0)


class Trend(NamedTuple):
    """What became of one figure."""

    second: float  # median of the second quarter
    last: float  # ... of the last
    most: float  # at any time
    flat: bool


def trend(values: Sequence[tuple[float, float]], end: float, limit: Limit) -> Trend:
    """Judge (time, figure) pairs of a run from 0 to `end`; ValueError without enough of them."""
    second = [value for when, value in values if end / 4 <= when < end / 2]
    last = [value for when, value in values if end * 3 / 4 <= when <= end]
    if not second or not last:
        raise ValueError("no samples in the second or in the last quarter of the run")
    before, after = statistics.median(second), statistics.median(last)
    allowed = before + max(limit.allowance, limit.share * before)
    return Trend(before, after, max(value for _, value in values), after <= allowed)

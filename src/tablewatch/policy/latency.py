"""How long smtpd waited for its answers."""

from __future__ import annotations

from bisect import bisect_left

# Upper bounds in seconds: a lookup in a database takes about a millisecond, a deadline is five
# seconds; around ten of them, as Prometheus advises.
LATENCY_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0)


class Histogram:
    """Counts of durations by LATENCY_BUCKETS.

    ``counts`` has one more than there are buckets, for what took longer; each duration is counted
    once, in the first bucket that holds it. ``total`` is the sum in seconds.
    """

    __slots__ = ("counts", "total")

    def __init__(self) -> None:
        self.counts = [0] * (len(LATENCY_BUCKETS) + 1)
        self.total = 0.0

    def add(self, seconds: float) -> None:
        """Count one duration, 0 or more."""
        self.counts[bisect_left(LATENCY_BUCKETS, seconds)] += 1
        self.total += seconds

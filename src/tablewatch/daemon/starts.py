"""When processes were started, the same point in time in every scrape."""

from __future__ import annotations

from collections.abc import Hashable, Mapping

# A start that seems to have moved by less is the same one, told by clocks that were read later.
STEADY = 5.0  # seconds


class Starts:
    """Points in time, made of ages.

    The age of a process and the time it was told at are read a few milliseconds apart, now more,
    now less; ``changes()`` of such a start would count every scrape.
    """

    def __init__(self, before: Mapping[Hashable, float] | None = None) -> None:
        """`before`: what the scrape before knew."""
        self._before = before or {}
        self.known: dict[Hashable, float] = {}

    def steady(self, who: Hashable, start: float) -> float:
        """Return the start of `who` as it was told before, or else `start`.

        `start` is seconds since the epoch; `who` names one process, never two after one another.
        """
        before = self._before.get(who, start)
        self.known[who] = before if abs(start - before) < STEADY else start
        return self.known[who]

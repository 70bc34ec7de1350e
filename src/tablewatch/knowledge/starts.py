"""Which of many known beginnings a text has, found by bisection: their number hardly matters."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable


class Starts:
    """A set of beginnings."""

    __slots__ = ("_sorted", "_within")

    def __init__(self, starts: Iterable[str]) -> None:
        self._sorted = sorted(set(starts))
        self._within: list[int] = []  # of each the longest other one that it begins with, or -1
        for at, start in enumerate(self._sorted):
            self._within.append(self._climb(start, at - 1))

    def longest(self, text: str) -> str | None:
        """Return the longest one that `text` begins with."""
        at = self._climb(text, bisect_right(self._sorted, text) - 1)
        return self._sorted[at] if at >= 0 else None

    def all(self, text: str) -> list[str]:
        """Return every one that `text` begins with, the longest first."""
        found = []
        at = self._climb(text, bisect_right(self._sorted, text) - 1)
        while at >= 0:
            found.append(self._sorted[at])
            at = self._within[at]
        return found

    def _climb(self, text: str, at: int) -> int:
        """Return the longest one, from the last that is not beyond `text` on; -1: none.

        What `text` begins with is not beyond it, and whatever stands between the two begins with
        it as well.
        """
        while at >= 0 and not text.startswith(self._sorted[at]):
            at = self._within[at]
        return at

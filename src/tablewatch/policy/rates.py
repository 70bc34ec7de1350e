"""How often things happen, and how much work a lookup makes."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

_SLICES = 10


class RateMeter:
    """Events per second over a sliding window, in memory that does not grow.

    Time is cut into slices of a tenth of the window, and each holds a count. The oldest slice is
    taken in part, as if its events were spread over it evenly: so the rate glides and does not
    jump, and steady events give the true rate.
    """

    def __init__(self, *, window: float = 10.0) -> None:
        """`window`, seconds, above 0: 10 as in the retry budget, so that both tell one story."""
        self.window = window
        self._width = window / _SLICES
        self._counts = deque([0.0] * (_SLICES + 1), maxlen=_SLICES + 1)  # oldest first
        self._newest = 0.0  # number of the slice at the end
        self._until = 0.0  # it ends

    def add(self, now: float, n: float = 1) -> None:
        """Count `n` events."""
        if now >= self._until:
            self._advance(now)
        self._counts[-1] += n

    def rate(self, now: float) -> float:
        """Return events per second.

        It is an average over the whole window from the first moment on: an event in the first
        second does not pass for a storm.
        """
        passed = self._advance(now)
        return (sum(self._counts) - passed * self._counts[0]) / self.window

    def _advance(self, now: float) -> float:
        """Begin the slices due at `now`; return which part of the newest has passed, 0 to 1."""
        number, seconds = divmod(now, self._width)
        fresh = min(number - self._newest, _SLICES + 1)
        self._newest = number
        self._until = now - seconds + self._width
        self._counts.extend([0.0] * int(fresh))
        return seconds / self._width


class _Counters(NamedTuple):
    at: float
    lookups: int
    switches: int


class Amplification:
    """Database round trips per lookup, estimated from outside the backend.

    A backend that waits for its database gives the processor away: a voluntary context switch.
    One more per lookup is the wait for the next question and is taken off. The rest is an
    estimate. Measured on Linux with table-mysql and one statement a lookup it is 0.5 to 1.0; with
    table-passwd, which asks nobody, 0.0 to 1.0: under load the next question is there already, in
    quiet times one lookup may wait twice. So it does not tell 1 from 2, but well 2 from 20.
    """

    def __init__(self, *, min_lookups: int = 20, window: float = 60.0) -> None:
        """Set how much must have been seen for an estimate.

        `min_lookups`, at least 1: a reconnect, some ten round trips, then weighs half of one.
        `window`, seconds, above 0, in which as many must come: a backend that is seldom asked
        switches for reasons of its own (keep-alives, timers) and would seem to work hard.
        """
        self.min_lookups = min_lookups
        self.window = window
        self.value: float | None = None  # the newest estimate; None while there is none
        self._base: _Counters | None = None

    def update(self, now: float, lookups: int, switches: int | None) -> float | None:
        """Take both counters of one process since its start, and return :attr:`value`.

        `switches` is None where the platform has no such counter. A counter that went back
        belongs to a new process, with which everything starts anew.
        """
        base = self._base
        if switches is None:
            self._base = self.value = None
            return None
        if base is None or lookups < base.lookups or switches < base.switches:
            self._base = _Counters(now, lookups, switches)
            self.value = None
            return None
        elapsed, count = now - base.at, lookups - base.lookups
        if count >= self.min_lookups * max(1.0, elapsed / self.window):
            self._base = _Counters(now, lookups, switches)
            self.value = max(0.0, (switches - base.switches) / count - 1.0)
        elif elapsed > self.window:
            self._base = _Counters(now, lookups, switches)
            self.value = None
        return self.value

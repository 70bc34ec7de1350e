"""A backend that burns the processor and gets nothing done.

High CPU alone is no fault: a backend that answers thousands of lookups a second is at 100 %, and
rightly so. It *spins* when over a whole window

1. its share of one processor was above the limit, and
2. not one answer was completed.

The window begins anew with every answer, every action taken (what was seen before it says nothing
about what came of it) and every new process, which first has a time of grace: reading a
configuration and connecting is work. So is an update, which may read a large file anew: its time
is for the caller to leave out.
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

_PER_WINDOW = 4  # samples: enough to see a spin within five quarters of the window

# Samples closer together than this part of the interval are dropped: whatever the caller's rhythm,
# a bounded number is kept.
_CLOSEST = 0.25

# An idle backend sleeps. One that used more than this share since the last sample is watched.
_STIRRING = 0.1


class _Sample(NamedTuple):
    at: float
    cpu: float
    progress: int


class SpinDetector:
    """Watches one table's backend; feed it samples at the times it asks for."""

    def __init__(
        self,
        *,
        cpu_limit: float = 0.9,
        window: float = 2.0,
        grace: float = 2.0,
        idle_interval: float | None = 30.0,
    ) -> None:
        """Set what a spin is.

        `cpu_limit`, share of one processor, above 0: circus acts on more than 90 % too. A loop on
        a socket that fails at once, the usual one, is at 100 %.
        `window`, seconds, above 0: less than half the default deadline of a lookup, so that the
        cause is known before time is up, and far more than an honest lookup computes.
        `grace`, seconds, 0 or more, after the start of a process.
        `idle_interval`, seconds: how often to look at a backend that has nothing to do, for a
        loop that begins by itself (a connection closed by the database, a timer). Once a minute
        or twice costs nothing. With None it is not looked at.
        """
        self.cpu_limit = cpu_limit
        self.window = window
        self.grace = grace
        self.idle_interval = idle_interval
        self._interval = window / _PER_WINDOW
        self._not_before = 0.0  # the time of grace ends
        self._samples: deque[_Sample] = deque()  # since the window began anew, oldest first
        self._awake_until = 0.0

    def spawned(self, now: float) -> None:
        """Note that a new process was started."""
        self._samples.clear()
        self._not_before = now + self.grace
        self._stay_awake(self._not_before)

    def acted(self, now: float) -> None:
        """Note that something was done about a spin."""
        self._samples.clear()
        self._stay_awake(now)

    def sample(self, now: float, cpu_seconds: float, progress: int) -> bool:
        """Take a sample and return whether the backend spins.

        `cpu_seconds`: user and system time of the process and all its children since it started,
        those that have ended included; if it went back, it is another process's, and the window
        begins anew. `progress`: answers completed, a counter.
        """
        if now < self._not_before:
            return False
        newest = _Sample(now, cpu_seconds, progress)
        last = self._samples[-1] if self._samples else newest
        if progress != last.progress or cpu_seconds - last.cpu > _STIRRING * (now - last.at):
            self._stay_awake(now)
        if progress != last.progress or cpu_seconds < last.cpu:
            self._samples.clear()
        while len(self._samples) > 1 and now - self._samples[1].at >= self.window:
            self._samples.popleft()
        if not self._samples or now - last.at >= _CLOSEST * self._interval:
            self._samples.append(newest)
        oldest = self._samples[0]
        elapsed = now - oldest.at
        return elapsed >= self.window and cpu_seconds - oldest.cpu > self.cpu_limit * elapsed

    def next_sample(self, now: float, *, outstanding: bool) -> float | None:
        """Return when to sample next; None while there is nothing to see.

        `outstanding`: whether a request is with the backend. A backend that is at work, or was a
        moment ago, is looked at several times per window.
        """
        if outstanding:
            self._stay_awake(now)
        if now < self._awake_until:
            interval = self._interval
        elif self.idle_interval is not None:
            interval = self.idle_interval
        else:
            return None
        due = self._samples[-1].at + interval if self._samples else now
        return max(now, due, self._not_before)

    def _stay_awake(self, now: float) -> None:
        """Look often for a while."""
        self._awake_until = now + 2 * self.window

"""The time of a simulated world: nothing happens between two events."""

import heapq
from itertools import count


class Clock:
    """Monotonic seconds, and what is to happen when."""

    def __init__(self, now=1000.0):
        self.now = self.began = now
        self._heap = []
        self._numbers = count()

    def at(self, when, event):
        """Have `event` called at `when`; what is for one moment happens in the order of calls."""
        heapq.heappush(self._heap, (max(when, self.now), next(self._numbers), event))

    def after(self, seconds, event):
        """Have `event` called in so many seconds."""
        self.at(self.now + seconds, event)

    def upcoming(self):
        """Return when the next event is, None if there is none."""
        return self._heap[0][0] if self._heap else None

    def pop(self):
        """Take the next event."""
        return heapq.heappop(self._heap)[2]

    def leap(self, seconds):
        """The host was suspended: time has passed and nothing has happened."""
        self.now += seconds
        self._heap = [(when + seconds, number, event) for when, number, event in self._heap]

    @property
    def passed(self):
        """Seconds since the beginning."""
        return self.now - self.began

"""Work that others make for us and that must not take more than its share of a processor."""

from __future__ import annotations


class Duty:
    """Tells when to rest from a kind of work: what is done of it fills a bucket with a leak.

    In any T seconds the work takes at most ``share * T + at_once``, beyond that only what its last
    piece takes longer. Who works less than the share never rests.
    """

    def __init__(self, *, share: float = 0.36, at_once: float = 0.001) -> None:
        """Set the limits.

        `share` of one processor, above 0 to 1: with what is not counted, being woken above all, the
        default is half a processor at most. `at_once`, seconds, above 0, are done without a rest,
        which is little longer than ``at_once / share`` seconds: of 3 ms no user becomes aware.
        """
        self.share = share
        self.at_once = at_once
        self._level = 0.0  # seconds of work that no rest has made up for
        self._at = 0.0  # when

    def worked(self, spent: float, now: float) -> float:
        """Note `spent` seconds of work up to `now`; return until when to rest, `now` if not."""
        leaked = (now - self._at) * self.share
        self._level = max(0.0, self._level - leaked) + spent
        self._at = now
        return now + self._level / self.share if self._level > self.at_once else now

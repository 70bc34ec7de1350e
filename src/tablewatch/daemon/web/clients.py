"""The clients there are, and who has to go when there are too many."""

from __future__ import annotations

import threading
from collections import Counter

from tablewatch.daemon.web.connection import Connection, Limits, Stage
from tablewatch.daemon.web.hosts import is_loopback

# So many places are kept for newcomers while those who were cut off are still leaving.
_SPARE = 4


class Clients:
    """All connections, bounded. Safe to be used by many threads."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._lock = threading.Lock()
        self._all: dict[Connection, None] = {}  # oldest first

    @property
    def full(self) -> bool:
        """Whether nobody can be let in, not even in place of another one."""
        with self._lock:
            return len(self._all) >= self._limits.connections

    def add(self, new: Connection) -> bool:
        """Let `new` in, perhaps in place of another one; False if it has to go itself.

        Who goes is of the address with the most connections, loses the least, and came first.
        """
        victim = None
        with self._lock:
            if len(self._all) >= self._limits.connections:
                return False
            idle = [each for each in self._all if each.stage is not Stage.ANSWERING]
            counts = Counter(each.peer for each in self._all)
            if counts[new.peer] >= self._limits.per_address and not is_loopback(new.peer):
                victim = _least([each for each in idle if each.peer == new.peer], counts)
                if victim is None:
                    return False
            elif len(self._all) >= self._limits.connections - _SPARE:
                victim = _least(idle, counts)
            self._all[new] = None
            if victim is not None:
                victim.stage = Stage.ANSWERING  # it is cut off once
        if victim is not None:
            victim.cut()
        return True

    def remove(self, connection: Connection) -> None:
        """Forget a connection that has ended."""
        with self._lock:
            self._all.pop(connection, None)

    def cut_all(self) -> None:
        """Send everybody away."""
        with self._lock:
            everybody = list(self._all)
        for each in everybody:
            each.cut()

    def __len__(self) -> int:
        with self._lock:
            return len(self._all)


def _least(idle: list[Connection], counts: Counter[str]) -> Connection | None:
    """Return the one of `idle` (oldest first) that is missed least."""
    return max(idle, key=lambda each: (counts[each.peer], each.stage), default=None)

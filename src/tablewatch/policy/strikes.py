"""Blame for failures that do not tell whose fault they are.

A death, a passed deadline or an error text nobody knows may be the key's fault or may just have
hit it. The key is blamed when it happens again *while other keys work*:

* A strike counts if it is the key's first, or if another key of the same service succeeded after
  the one before. While nothing succeeds (the database is down, frozen or overloaded) strikes add
  up to nothing, so an outage blames nobody.
* A success of the key itself clears its strikes.
* Two strikes further apart than the window have nothing to do with each other.
"""

from __future__ import annotations

from collections import OrderedDict

from tablewatch.policy.digests import KeyHasher
from tablewatch.record import Record


class _Record(Record, frozen=False):
    strikes: int
    last: float
    successes: int  # of the service, at the last strike


class Strikes:
    """Keys that failed for an unknown reason, and how often. Nothing is kept of ``auth`` keys."""

    def __init__(
        self, salt: bytes, *, needed: int = 2, window: float = 3600.0, max_keys: int = 1000
    ) -> None:
        """Set when a key is blamed.

        `salt`: see KeyHasher. `needed`, at least 1 (which blames at once): two, because every
        further one costs a timeout, and a key that fails twice amid successes is hardly unlucky.
        `window`, seconds: as long as a first quarantine, for what is rarer than that is no burden.
        `max_keys`, at least 1: a runaway's suspects are few; the one struck longest ago makes room.
        """
        self.needed = needed
        self.window = window
        self.max_keys = max_keys
        self._hasher = KeyHasher(salt)
        self._records: OrderedDict[bytes, _Record] = OrderedDict()
        self._successes: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._records)

    def strike(self, service: str, key: bytes, now: float) -> bool:
        """Note that `key` failed; return whether it is to be blamed, which ends its record."""
        digest = self._hasher.digest(service, key)
        if digest is None:
            return False
        successes = self._successes.get(service, 0)
        record = self._records.pop(digest, None)
        if record is None or now - record.last > self.window:
            strikes = 1
        else:
            strikes = record.strikes + (successes > record.successes)
        if strikes >= self.needed:
            return True
        self._records[digest] = _Record(strikes, now, successes)
        while len(self._records) > self.max_keys:
            self._records.popitem(last=False)
        return False

    def success(self, service: str, key: bytes) -> None:
        """Note that `key` was answered, found or not."""
        self._successes[service] = self._successes.get(service, 0) + 1
        if self._records:
            digest = self._hasher.digest(service, key)
            if digest is not None:
                self._records.pop(digest, None)

    def clear(self) -> None:
        """Forget all strikes: the operator said that things are different now."""
        self._records.clear()

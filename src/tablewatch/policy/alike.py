"""Telling broken SQL from bad keys: when every key fails alike, the SQL is at fault.

Failures of one service with one error signature make a *run*. A success of the service ends it,
another signature or a pause longer than the window begins a new one. The SQL (or the schema it
was written for) is at fault when the run holds

1. several distinct keys (five by default), and
2. among them a plain one: printable ASCII suits every character set. Keys that all have some
   trait are the learned class's business, see :mod:`tablewatch.policy.learned`; and
3. either a key that *succeeded before*: it has not changed, so something else has;
   or no key of the service has succeeded for a while (a minute by default), if ever.

An attacker with a thousand bad keys fails 2 with keys beyond the column's character set. With
plain ones (a query that uses them as a regular expression, say) he fails 3: his keys never
succeeded, while other users' do. That can be told only where other users exist: when nobody
succeeds for a minute, bad keys and broken SQL look the same, until the breaker's next trial.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import NamedTuple

from tablewatch.keytraits import PLAIN, traits_of
from tablewatch.policy.digests import KeyHasher
from tablewatch.record import Record, field


class Alike(NamedTuple):
    """The error with which every key fails, and since when (monotonic seconds).

    What was quarantined for this signature since then is innocent.
    """

    signature: str
    since: float


class _Run(Record, frozen=False):
    signature: str
    since: float
    last: float
    keys: set[bytes] = field(default_factory=set)
    has_plain: bool = False
    has_proven: bool = False


class AlikeDetector:
    """Watches per service whether all keys fail with one error. Blind for ``auth``."""

    def __init__(
        self,
        salt: bytes,
        *,
        needed: int = 5,
        window: float = 3600.0,
        quiet: float = 60.0,
        max_proven: int = 1000,
    ) -> None:
        """Set when the SQL is at fault.

        `salt`: see KeyHasher. `needed` distinct keys: Finagle takes a host for dead after 5
        failures. `window`, the longest pause within a run, seconds: an hour lets a quiet server's
        five keys come together. `quiet`, seconds without a success: any server busy enough to
        suffer from waiting has a success a minute. `max_proven`: how many keys that succeeded are
        remembered, about 125 bytes each; the popular ones are, and those come back first.
        """
        self.needed = needed
        self.window = window
        self.quiet = quiet
        self.max_proven = max_proven
        self._hasher = KeyHasher(salt)
        self._runs: dict[str, _Run] = {}
        self._last_success: dict[str, float] = {}
        self._proven: OrderedDict[bytes, None] = OrderedDict()

    def failed(self, service: str, key: bytes, signature: str, now: float) -> None:
        """Note that `key` failed with an error of the class query or unknown.

        Not for deaths and passed deadlines: those are alike whatever the reason.
        """
        digest = self._hasher.digest(service, key)
        if digest is None:
            return
        run = self._runs.get(service)
        if run is None or run.signature != signature or now - run.last > self.window:
            run = self._runs[service] = _Run(signature, now, now)
        run.last = now
        if len(run.keys) < self.needed:
            run.keys.add(digest)
        run.has_plain = run.has_plain or traits_of(key) == PLAIN
        if digest in self._proven:
            del self._proven[digest]
            run.has_proven = True

    def success(self, service: str, key: bytes, now: float) -> None:
        """Note that `key` was answered, found or not: the SQL works."""
        self._runs.pop(service, None)
        self._last_success[service] = now
        digest = self._hasher.digest(service, key)
        if digest is None:
            return
        self._proven[digest] = None
        self._proven.move_to_end(digest)
        if len(self._proven) > self.max_proven:
            self._proven.popitem(last=False)

    def sql_at_fault(self, service: str, now: float) -> Alike | None:
        """Return the error that all keys of `service` fail with; None if the SQL seems fine."""
        run = self._runs.get(service)
        if run is None or len(run.keys) < self.needed or not run.has_plain:
            return None
        last = self._last_success.get(service)
        if run.has_proven or last is None or now - last >= self.quiet:
            return Alike(run.signature, run.since)
        return None

    def clear(self) -> None:
        """Forget all failures: the operator said that things are different now."""
        self._runs.clear()

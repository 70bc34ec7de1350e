"""A backend that is well, to all appearances, and answers nothing but errors.

table-socketmap after its peer has restarted and table-postgres behind a pooler that lost its
prepared statements do: no CPU, no death, no retry, and no way back. A fresh process cures both.
But an ``error`` is no proof. table-redis says it for "not found", table-passwd and
table-socketmap to every check, and all of them to services they have no query for. They tell on
themselves: a backend in trouble writes a line about it to its stderr, these answers come silently.

The rules in prose. An error is *evident* if the backend wrote a line of an error class while the
request was with it, *silent* otherwise.

1. Only a row of errors counts, whatever was asked. Any other answer to any lookup, check or fetch
   ends it: a backend that answers one key is not stuck.
2. In a row counts what is evident, and what is silent where operation and service were answered
   otherwise before: who has never said anything but ``error`` may mean nothing by it.
3. Enough is enough distinct keys, from first to last over at least a window of time. One bad key
   asked again and again is none of our business (see Quarantine), a second's outage heals itself,
   and an attacker's bad keys have other people's good ones between them.
4. Enough errors: RECYCLE, a fresh process. Then not again until a good answer was seen or an hour
   has passed. When the row holds too few evident errors, not again within the hour in any case,
   or a table-redis that is asked for many unknown users would be recycled over and over. And once
   such a row ends by itself, the process was not stuck: silent errors count no more.
5. Enough evident errors after that: OPEN_BREAKER. What a fresh process can't do either is not the
   process's fault. Silent errors never open the breaker.
6. Updates say nothing: table-mysql reports failed ones as done.
"""

from __future__ import annotations

import enum
from collections.abc import Hashable


class Advice(enum.Enum):
    """What to do about it."""

    OK = "ok"
    RECYCLE = "recycle"
    OPEN_BREAKER = "open breaker"


class StuckErrors:
    """Watches the answers of one table's backends, of one process after the other.

    Feed it what a backend answered, not what was answered in its place. An advice stands until
    :meth:`recycled` or :meth:`opened` says that it was carried out, or a good answer comes.
    """

    def __init__(self, *, min_keys: int = 5, window: float = 30.0, pause: float = 3600.0) -> None:
        """Set when enough is enough.

        `min_keys`, distinct keys, at least 1: five failures make Finagle take a host for dead.
        `window`, seconds, 0 or more: a database that restarts is back by then, and longer than
        that no honest table goes without one good answer while several people ask for theirs.
        `pause`, seconds between two recycles that brought nothing, 0 or more: 24 fresh processes
        a day are no burden to anybody.
        """
        self.min_keys = min_keys
        self.window = window
        self.pause = pause
        self._all = _Row(min_keys)
        self._evident = _Row(min_keys)
        self._answers_otherwise: set[tuple[str, str | None]] = set()
        self._silent_is_normal = False
        self._recycled_at: float | None = None
        self._good_since = False  # the last recycle

    def answer(
        self,
        now: float,
        operation: str,
        service: str | None,
        token: Hashable,
        *,
        is_error: bool,
        has_evidence: bool,
    ) -> None:
        """Take one answer of the backend.

        `token` stands for the key (a salted digest, say; None where there is none) and should be
        the same for one key in all services.
        """
        if operation == "update":
            return
        if not is_error:
            self.good(operation, service)
            return
        if has_evidence:
            self._evident.add(now, token)
        elif self._silent_is_normal or (operation, service) not in self._answers_otherwise:
            return
        self._all.add(now, token)

    def good(self, operation: str, service: str | None) -> None:
        """Take an answer that was no error; not for updates, which say nothing."""
        self._answers_otherwise.add((operation, service))
        self._good_since = True
        if self._all.is_empty and self._evident.is_empty:
            return  # nearly always
        if self._all.spans(self.window) and not self._evident.spans(self.window):
            self._silent_is_normal = True
        self.clear()

    def verdict(self, now: float) -> Advice:
        """Return what to do now."""
        at = self._recycled_at
        waited = at is None or now - at >= self.pause
        if self._evident.spans(self.window):
            return Advice.RECYCLE if waited or self._good_since else Advice.OPEN_BREAKER
        if self._all.spans(self.window) and waited:
            return Advice.RECYCLE
        return Advice.OK

    def recycled(self, now: float) -> None:
        """Note that a fresh process took over, for whatever reason: it is counted anew."""
        self._recycled_at = now
        self._good_since = False
        self.clear()

    def opened(self) -> None:
        """Note that the breaker was opened: what comes after its rest is counted anew."""
        self.clear()

    def clear(self) -> None:
        """Forget what was seen, as when the operator says that things are different now."""
        self._all.clear()
        self._evident.clear()


class _Row:
    """Errors in a row: from when to when, and over how many keys, as far as that matters."""

    __slots__ = ("_first", "_last", "_needed", "_tokens")

    def __init__(self, needed: int) -> None:
        self._needed = needed
        self.clear()

    def clear(self) -> None:
        self._tokens: set[Hashable] = set()
        self._first = self._last = 0.0

    @property
    def is_empty(self) -> bool:
        return not self._tokens

    def add(self, now: float, token: Hashable) -> None:
        if not self._tokens:
            self._first = now
        self._last = now
        if len(self._tokens) < self._needed:
            self._tokens.add(token)

    def spans(self, window: float) -> bool:
        return len(self._tokens) >= self._needed and self._last - self._first >= window

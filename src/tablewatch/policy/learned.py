"""Refusing a whole kind of key, after several of the kind made the database fail.

An attacker who never repeats a key is not stopped by quarantine. But his keys have something in
common that the column can't hold, so the traits themselves are refused:

* Learned from `threshold` distinct keys with *exactly* the same traits, each blamed for a
  query-class error within the window, while no key with these traits succeeded. Exactly: from
  four-byte keys nothing follows for "ł", which a utf8mb3 column holds.
* Refused are then keys with these traits or more: what fails on "ł" fails on four-byte keys too.
* After a limited time one *trial* key with exactly these traits is let through. If it is blamed
  as well, the traits are refused twice as long; if it succeeds, they are free.
* A success, whenever it comes, frees the traits it proves harmless: its own and any part of
  them. They are not learned again while that success is remembered.

Plain ASCII keys have no traits and are never refused. Traits of ``auth`` keys are not learned,
for nothing may be remembered of those.
"""

from __future__ import annotations

from tablewatch.keytraits import Trait, traits_of
from tablewatch.policy.digests import NEVER_REMEMBERED, KeyHasher
from tablewatch.record import Record


class Refused(Record, frozen=False):
    """Traits that are refused for a service, from `since` until a trial after `until` succeeds.

    Monotonic seconds. `trial_at` is when a key was last let through, None if that is settled.
    """

    service: str
    traits: Trait
    since: float
    until: float
    offences: int = 1
    hits: int = 0
    trial_at: float | None = None


class LearnedClass:
    """What was learned of one table. Bounded by the number of services and of sets of traits."""

    def __init__(
        self,
        salt: bytes,
        *,
        threshold: int = 5,
        window: float = 3600.0,
        duration: float = 3600.0,
        max_duration: float = 86400.0,
        trust: float = 604800.0,
        trial_timeout: float = 60.0,
    ) -> None:
        """Set how fast is learned and how slowly forgotten; all but `threshold` in seconds.

        `salt`: see KeyHasher. `threshold`: Finagle takes a host for dead after 5 failures; here
        they cost ten reconnects. `window`: an attacker slower than this costs less than that per
        hour. `duration` and `max_duration`: those of quarantine. `trust`: how long a success
        speaks for its traits, not less than `window`; a week, for some users come only on Mondays.
        `trial_timeout`: when a trial with no result (lost to a broken connection, say) may be
        repeated; longer than a lookup's deadline.
        """
        self.threshold = threshold
        self.window = window
        self.duration = duration
        self.max_duration = max_duration
        self.trust = trust
        self.trial_timeout = trial_timeout
        self._hasher = KeyHasher(salt)
        self._suspects: dict[tuple[str, Trait], dict[bytes, float]] = {}
        self._refused: dict[str, dict[Trait, Refused]] = {}
        self._proven: dict[tuple[str, Trait], float] = {}

    def blame(self, service: str, key: bytes, now: float) -> Refused | None:
        """Note that `key` failed for its characters; return what is refused because of it, if new.

        Only for errors about character sets. One about, say, a regular expression would let an
        attacker teach that accented keys are bad, by accenting keys that are bad without.
        """
        traits = traits_of(key)
        digest = self._hasher.digest(service, key)
        if not traits or digest is None:
            return None
        refused = self._refused.get(service, {}).get(traits)
        if refused is not None:
            return self._relearn(refused, now)
        if self._is_proven(service, traits, now):
            return None
        suspects = self._suspects.setdefault((service, traits), {})
        suspects[digest] = now
        for stale in [key for key, at in suspects.items() if now - at > self.window]:
            del suspects[stale]
        if len(suspects) < self.threshold:
            return None
        del self._suspects[service, traits]
        refused = Refused(service, traits, since=now, until=now + self.duration)
        self._refused.setdefault(service, {})[traits] = refused
        return refused

    def success(self, service: str, key: bytes, now: float) -> list[Refused]:
        """Note that `key` was answered, found or not; return what is no longer refused."""
        traits = traits_of(key)
        if not traits or service in NEVER_REMEMBERED:
            return []
        self._proven[service, traits] = now
        refused = self._refused.get(service, {})
        freed = [entry for entry in refused.values() if entry.traits in traits]
        for entry in freed:
            del refused[entry.traits]
        return freed

    def refuses(self, service: str, key: bytes, now: float) -> Trait | None:
        """Return the traits for which `key` is refused, None if it may be asked.

        Ask this last: None may make `key` the trial, which is then to reach the database.
        """
        refused = self._refused.get(service)
        if not refused:  # the usual case costs nothing
            return None
        traits = traits_of(key)
        if not traits:
            return None
        for entry in refused.values():
            if entry.traits in traits and entry.traits != traits:
                entry.hits += 1
                return entry.traits
        exact = refused.get(traits)
        if exact is None:
            return None
        if now >= exact.until and not self._is_on_trial(exact, now):
            exact.trial_at = now
            return None
        exact.hits += 1
        return traits

    def entries(self) -> list[Refused]:
        """Return everything that is refused."""
        return [entry for refused in self._refused.values() for entry in refused.values()]

    def clear(self) -> int:
        """Free all traits and forget the suspects; return how many were refused.

        Successes are remembered: being too trusting costs little, for quarantine goes on.
        """
        count = len(self.entries())
        self._refused.clear()
        self._suspects.clear()
        return count

    def _relearn(self, refused: Refused, now: float) -> Refused | None:
        if refused.trial_at is None:  # was asked before the traits were learned
            return None
        refused.trial_at = None
        refused.offences += 1
        longest = max(self.duration, self.max_duration)
        refused.until = now + min(longest, self.duration * 2.0 ** min(refused.offences - 1, 32))
        return refused

    def _is_on_trial(self, refused: Refused, now: float) -> bool:
        return refused.trial_at is not None and now - refused.trial_at < self.trial_timeout

    def _is_proven(self, service: str, traits: Trait, now: float) -> bool:
        return any(
            name == service and traits in proven and now - at < self.trust
            for (name, proven), at in self._proven.items()
        )

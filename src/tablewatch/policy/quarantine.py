"""Keys that are refused without asking the backend, because they are known to make it fail."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from tablewatch.config.settings import QuarantineSettings
from tablewatch.policy.digests import KeyHasher
from tablewatch.record import Record

_SWEEP_EVERY = 60.0  # seconds; an expired entry refuses nobody, it only takes room


class Entry(Record, frozen=False):
    """One refused key. ``shown`` is its masked form; the key itself is not kept.

    ``id`` is the beginning of the salted digest: enough to name an entry, the same when the key
    comes back to this process, and no help in finding the key. ``signature`` names the error for
    programs as ``reason`` does for people. Times are monotonic seconds.
    """

    id: str
    service: str
    shown: str
    reason: str
    signature: str
    since: float
    until: float
    offences: int
    by_operator: bool = False
    hits: int = 0
    hint: int = 0  # a hash of the key, with the interpreter's own salt


class Quarantine:
    """A bounded set of (service, key), each refused for a limited time.

    A key that is blamed again after its time, or after it was released, is refused twice as long
    as before, as fail2ban's `bantime.increment` has it. Keys of the service ``auth`` hold a
    clear-text password and are never kept in any form. When full, the entry that was used longest
    ago makes room.
    """

    def __init__(
        self,
        settings: QuarantineSettings,
        salt: bytes,
        *,
        memory: float = 86400.0,
    ) -> None:
        """`salt`: see KeyHasher.

        `memory`, seconds after an entry's end in which its offences count: a day, for what comes
        back after more is not the same incident.
        """
        self.settings = settings
        self.memory = memory
        self.evictions = 0
        self.hits = 0
        self._hasher = KeyHasher(salt)
        self._entries: OrderedDict[bytes, Entry] = OrderedDict()
        # Offences of keys that are free again, and until when they count. Shares `max_keys` with
        # the entries and makes room for them first.
        self._past: OrderedDict[bytes, tuple[int, float]] = OrderedDict()
        self._sweep_at = 0.0
        # The hints of all entries, and of some that are gone. What is not among them is not
        # refused, which takes a tenth of a digest's time to tell.
        self._hints: set[int] = set()

    def __len__(self) -> int:
        return len(self._entries)

    def add(
        self,
        service: str,
        key: bytes,
        shown: str,
        reason: str,
        now: float,
        *,
        signature: str = "",
        duration: float | None = None,
    ) -> Entry | None:
        """Refuse `key` for `service` from `now` on; None where that is switched off or unsafe.

        With a `duration`, in seconds, it is an operator who wants it, for just that long: no
        offence of the key's. A key blamed while it is refused was asked before that: its time
        begins anew, at the same length.
        """
        digest = self._hasher.digest(service, key)
        if digest is None or not self.settings.enabled:
            return None
        self._sweep(now)
        entry = self._current(digest, now)
        if entry is None:
            offences = self._recall(digest, now)
            name = digest[:5].hex()
            entry = Entry(name, service, shown, reason, signature, now, now, offences)
            entry.offences += duration is None
            entry.hint = hash(key)
            self._hints.add(entry.hint)
            self._entries[digest] = entry
        else:
            entry.shown, entry.reason, entry.signature = shown, reason, signature
        if duration is None:
            entry.until = max(entry.until, now + self._length(entry.offences))
        else:
            entry.until = now + duration
            entry.by_operator = True
        self._entries.move_to_end(digest)
        self._make_room()
        return entry

    def holds(self, service: str, key: bytes) -> bool:
        """Whether there is an entry for `key`, be it an expired one. Changes nothing."""
        if hash(key) not in self._hints:
            return False
        return self._hasher.digest(service, key) in self._entries

    def match(self, service: str, key: bytes, now: float) -> Entry | None:
        """Return the entry that refuses `key` at `now`; an expired one is removed."""
        if not self._entries:  # the usual case costs nothing
            return None
        digest = self._hasher.digest(service, key)
        if digest is None:
            return None
        self._sweep(now)
        entry = self._current(digest, now)
        if entry is not None:
            entry.hits += 1
            self.hits += 1
            self._entries.move_to_end(digest)
        return entry

    def size(self, now: float) -> int:
        """Return how many keys are refused at `now`, to within a minute."""
        self._sweep(now)
        return len(self)

    def entries(self, now: float) -> list[Entry]:
        """Return what is refused at `now`, the entry used longest ago first."""
        self._sweep_at = now
        self._sweep(now)
        return list(self._entries.values())

    def release(self, service: str, key: bytes) -> Entry | None:
        """Free one key; return its entry. Its offences stay on record for a while."""
        digest = self._hasher.digest(service, key)
        if digest is None or digest not in self._entries:
            return None
        return self._retire(digest)

    def release_where(
        self, condition: Callable[[Entry], bool], *, pardon: bool = False
    ) -> list[Entry]:
        """Free every key whose entry meets `condition`; return the entries.

        With `pardon` their offences are forgotten too: it turned out that they were innocent.
        """
        chosen = [digest for digest, entry in self._entries.items() if condition(entry)]
        released = [self._retire(digest) for digest in chosen]
        if pardon:
            for digest in chosen:
                self._past.pop(digest, None)
        return released

    def clear(self) -> int:
        """Free every key and forget all offences; return how many keys were refused.

        For `smtpctl update table`, by which the operator says that things are different now.
        """
        count = len(self._entries)
        self._entries.clear()
        self._past.clear()
        return count

    def _length(self, offences: int) -> float:
        longest = max(self.settings.duration, self.settings.max_duration)
        doublings = min(max(offences - 1, 0), 32)
        return min(longest, self.settings.duration * 2.0**doublings)

    def _current(self, digest: bytes, now: float) -> Entry | None:
        entry = self._entries.get(digest)
        if entry is not None and now >= entry.until:
            self._retire(digest)
            return None
        return entry

    def _retire(self, digest: bytes) -> Entry:
        entry = self._entries.pop(digest)
        if entry.offences:
            self._past[digest] = (entry.offences, entry.until + self.memory)
        return entry

    def _recall(self, digest: bytes, now: float) -> int:
        offences, forgotten_at = self._past.pop(digest, (0, now))
        return offences if now < forgotten_at else 0

    def _sweep(self, now: float) -> None:
        if now < self._sweep_at:
            return
        self._sweep_at = now + _SWEEP_EVERY
        for digest in [digest for digest, entry in self._entries.items() if now >= entry.until]:
            self._retire(digest)
        for digest in [digest for digest, (_, end) in self._past.items() if now >= end]:
            del self._past[digest]
        self._forget_hints()

    def _forget_hints(self) -> None:
        self._hints = {entry.hint for entry in self._entries.values()}

    def _make_room(self) -> None:
        if len(self._hints) > 2 * self.settings.max_keys:
            self._forget_hints()
        while len(self._entries) + len(self._past) > self.settings.max_keys:
            if self._past:
                self._past.popitem(last=False)
            else:
                self._entries.popitem(last=False)
                self.evictions += 1

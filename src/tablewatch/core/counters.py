"""What happened to one table since its supervisor started, in numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from tablewatch.knowledge.records import ErrorClass
from tablewatch.policy.latency import Histogram
from tablewatch.protocol.messages import (
    EMPTY_VALUE,
    FOREIGN_ID,
    HANDSHAKE,
    MALFORMED,
    OVERSIZED,
    SERVICES,
    UNSOLICITED,
    Operation,
    Verdict,
)
from tablewatch.record import Record, field

# Why smtpd was told to try again: without asking the backend, then because of what it did.
REFUSED = (
    "refused",
    "unregistered",
    "rate",
    "quarantined",
    "filtered",
    "learned",
    "breaker",
    "paused",
    "down",
)
FAILED = ("deadline", "retries", "spin", "throttled", "damage", "exit", "start", "internal")
# Why a backend was replaced.
REPLACED = (*FAILED, "stuck", "memory", "descriptors", "spare", "reload")
DAMAGE = (UNSOLICITED, FOREIGN_ID, MALFORMED, EMPTY_VALUE, OVERSIZED, HANDSHAKE)
# Asked in a service that smtpd has not (yet).
OTHER = "other"
_KNOWN = frozenset(SERVICES)
CLASSES = tuple(each.value for each in ErrorClass)


def _zeros(words: Iterable[str]) -> Counter[str]:
    """Return a counter in which each of `words` is there from the start.

    A series that begins with its first event has no increase at it, and no alert would see it.
    """
    return Counter(dict.fromkeys(words, 0))


class Counters(Record, frozen=False):
    """Plain counts; they only ever grow. The dictionaries' keys are fixed sets of words."""

    requests: Counter[tuple[str, str]] = field(default_factory=Counter)  # operation, service
    answers: Counter[str] = field(default_factory=lambda: _zeros(each.value for each in Verdict))
    latency: dict[Operation, Histogram] = field(default_factory=dict)
    last_good: float | None = None  # the backend's last one that was no error; monotonic seconds
    promotions: int = 0
    deadline_misses: int = 0
    retries: Counter[str] = field(default_factory=lambda: _zeros(CLASSES))
    reconnects: Counter[str] = field(default_factory=lambda: _zeros(CLASSES))
    config_errors: int = 0
    internal_errors: int = 0
    backend_errors: int = 0  # `error` answers that were the backend's own
    tempfails: Counter[str] = field(default_factory=lambda: _zeros((*REFUSED, *FAILED, "reload")))
    restarts: Counter[str] = field(default_factory=lambda: _zeros(REPLACED))
    damage: Counter[str] = field(default_factory=lambda: _zeros(DAMAGE))
    refusals: Counter[str] = field(  # answered not-found, unasked
        default_factory=lambda: _zeros(("quarantined",))
    )
    observed: Counter[str] = field(default_factory=Counter)  # what observe mode did not do
    throttled: float = 0.0  # seconds the active backend was stopped

    def offer(self, services: Iterable[str]) -> None:
        """Count lookups in `services` from now on, and from 0."""
        for service in services:
            self.requests.setdefault((Operation.LOOKUP.value, service), 0)

    def asked(self, operation: Operation, service: str | None) -> None:
        """Count a request of smtpd's. An update is of no service, written ""."""
        known = service if service is None or service in _KNOWN else OTHER
        self.requests[operation, known or ""] += 1

    def answered(self, operation: Operation, verdict: Verdict, waited: float) -> None:
        """Count an answer that smtpd waited `waited` seconds for."""
        self.answers[verdict.value] += 1
        histogram = self.latency.get(operation)
        if histogram is None:
            histogram = self.latency[operation] = Histogram()
        histogram.add(waited)

    def summary(self) -> str:
        """Return the counts worth a line in the log."""
        parts = [
            f"{self.requests.total()} requests",
            f"{self.tempfails.total()} tempfails{_by_reason(self.tempfails)}",
            f"{self.restarts.total()} backend restarts{_by_reason(self.restarts)}",
        ]
        parts += [
            f"{count} {what}"
            for count, what in (
                (self.retries.total(), "retries"),
                (self.reconnects.total(), "reconnects"),
                (self.promotions, "spares promoted"),
                (self.refusals.total(), f"answered not-found{_by_reason(self.refusals)}"),
                (self.observed.total(), f"only observed{_by_reason(self.observed)}"),
                (round(self.throttled), "s throttled"),
                (self.damage.total(), f"damaged messages{_by_reason(self.damage)}"),
                (self.config_errors, "configuration errors"),
                (self.internal_errors, "internal errors"),
            )
            if count
        ]
        return ", ".join(parts)


def _by_reason(counts: Counter[str]) -> str:
    listed = ", ".join(f"{reason} {count}" for reason, count in sorted(counts.items()) if count)
    return f" ({listed})" if listed else ""

"""What happened to one table since its supervisor started, in numbers."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass(slots=True)
class Counters:
    """Plain counts; they only ever grow. The dictionaries' keys are fixed sets of words."""

    requests: int = 0
    answers: int = 0
    promotions: int = 0
    retries: int = 0
    reconnects: int = 0
    config_errors: int = 0
    internal_errors: int = 0
    tempfails: Counter[str] = field(default_factory=Counter)
    restarts: Counter[str] = field(default_factory=Counter)
    damage: Counter[str] = field(default_factory=Counter)
    refusals: Counter[str] = field(default_factory=Counter)  # answered not-found, unasked
    observed: Counter[str] = field(default_factory=Counter)  # what observe mode did not do
    throttled: float = 0.0  # seconds the active backend was stopped

    def summary(self) -> str:
        """Return the counts worth a line in the log."""
        parts = [
            f"{self.requests} requests",
            f"{self.tempfails.total()} tempfails{_by_reason(self.tempfails)}",
            f"{self.restarts.total()} backend restarts{_by_reason(self.restarts)}",
        ]
        parts += [
            f"{count} {what}"
            for count, what in (
                (self.retries, "retries"),
                (self.reconnects, "reconnects"),
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
    listed = ", ".join(f"{reason} {count}" for reason, count in sorted(counts.items()))
    return f" ({listed})" if listed else ""

"""What the active backend spends: retries, processor time, memory, descriptors, lookups.

It tells the table when a backend is to be given up or recycled, and slows a runaway down where the
table's policy is to throttle: retries are paced by the retry budget, a spin by its share of the
processor. A backend is stopped only while it is the active one and never for longer than
``runaway.throttle_limit``; whoever loses it or gets its answer lets it continue first.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from tablewatch.config.settings import TableSettings
from tablewatch.core.actions import Actions, Measure, Pause, Resume, Usage
from tablewatch.core.backend import Backend
from tablewatch.core.counters import Counters
from tablewatch.core.states import State
from tablewatch.knowledge.classify import ErrorClass, Reading, Sign
from tablewatch.policy.budget import RetryBudget
from tablewatch.policy.pacing import Pacer
from tablewatch.policy.rates import Amplification, RateMeter
from tablewatch.policy.runaway import SpinDetector

# Where the platform can't tell what a process uses, asking again soon is of no use.
BLIND_INTERVAL = 60.0
# As often as a throttled spin is looked at where nothing else says when; cpulimit's 100 ms.
_SLICE = 0.1


def _class_of(error_class: ErrorClass | None) -> str:
    return (error_class or ErrorClass.UNKNOWN).value


class Finding(NamedTuple):
    """Why a backend can't go on: a word to count, a text; `recycle`: between two lookups only."""

    why: str
    text: str
    recycle: bool = False


class Guard:
    """Watches one table's active backend."""

    def __init__(
        self,
        settings: TableSettings,
        budget: RetryBudget,
        actions: Actions,
        counters: Counters,
    ) -> None:
        self.lookups = RateMeter()
        self.retries = RateMeter()
        self.reconnects = RateMeter()
        self.amplification = Amplification()
        self._actions = actions
        self._counters = counters
        self._look_at: float | None = None  # at the pace of a throttled backend
        self._blind_until = 0.0
        self.configure(settings, budget)

    def configure(self, settings: TableSettings, budget: RetryBudget) -> None:
        """Go by these settings from now on."""
        runaway = settings.runaway
        self._settings = settings
        self._budget = budget
        self._throttles = settings.on_exhausted == "throttle" and settings.mode == "enforce"
        self._spin = SpinDetector(
            cpu_limit=runaway.cpu_limit, window=runaway.window, grace=runaway.grace
        )
        self._pacer = Pacer(cpu_limit=runaway.throttle_cpu, limit=runaway.throttle_limit)
        self._pacer.throttled_seconds = self._counters.throttled  # it only ever grows
        self._spinning = False
        self._cpu: float | None = None
        self.may_refuse = settings.rates.lookups > 0 and settings.rates.action == "tempfail"

    # --- the life of the active backend -------------------------------------------------------

    def begin(self, now: float) -> None:
        """Another backend is the active one."""
        self._spin.spawned(now)
        self._pacer.reset(now)
        self._spinning = False
        self._cpu = None
        self._look_at = None

    def end(self, backend: Backend, now: float) -> None:
        """The active backend is given up."""
        self._calm(backend, now)

    def asked(self, now: float) -> None:
        """smtpd asked something."""
        self.lookups.add(now)

    def answered(self, backend: Backend, now: float) -> None:
        """The backend answered: whatever it was at, it recovered."""
        if backend.paused or self._spinning:
            self._calm(backend, now)
            self._spinning = False

    # --- retries --------------------------------------------------------------------------------

    def read(self, backend: Backend, reading: Reading, now: float) -> bool:
        """Take a line of the backend's; return whether the budget covers what it tells of."""
        if reading.sign is Sign.RETRY:
            self._counters.retries[_class_of(reading.error_class)] += 1
            self.retries.add(now)
        elif reading.sign is Sign.RECONNECT:
            self._counters.reconnects[_class_of(backend.evidence.error_class)] += 1
            self.reconnects.add(now)
        spent = backend.note(reading)
        return self._budget.withdraw(now, spent) if spent else True

    def overspent(self, backend: Backend, *, broke: bool, now: float) -> bool:
        """Return whether the backend is to be given up for its retries; may pace it instead."""
        if backend.state not in (State.BUSY, State.ABANDONED):
            return False  # a start reconnects, and an idle backend costs nobody an answer
        is_update = backend.pending is not None and backend.pending.is_update
        if not backend.overspent(self._settings.max_retries) and (not broke or is_update):
            return False
        if not self._throttles:
            return True
        self._pace(backend, now)
        return self._pacer.exhausted

    # --- what it uses ---------------------------------------------------------------------------

    def measured(self, backend: Backend, usage: Usage, now: float) -> Finding | None:
        """Take a measurement; return what is wrong, if anything."""
        self._cpu = usage.cpu
        self.amplification.update(now, backend.answers, usage.switches)
        return self._spins(backend, now) or self._leaks(usage)

    def _spins(self, backend: Backend, now: float) -> Finding | None:
        if self._cpu is None:
            self._blind_until = now + BLIND_INTERVAL
            if self._spinning:  # what can't be measured can't be paced, and must not stay stopped
                self._spinning = False
                self._pace(backend, now)
            return None
        if self._spinning:
            self._pace(backend, now)
            return self._gives_up()
        spins = self._spin.sample(now, self._cpu, backend.answers)
        if not spins or (backend.pending is not None and backend.pending.is_update):
            return None  # an update may read a large file: its time is its own
        self._spin.acted(now)
        limit = self._settings.runaway
        text = f"over {limit.cpu_limit:.0%} CPU for {limit.window:.0f} s without an answer"
        if self._throttles:
            self._spinning = True
            self._pace(backend, now)
            return None
        return Finding("spin", text)

    def _leaks(self, usage: Usage) -> Finding | None:
        limits = self._settings.runaway
        if limits.max_memory and usage.memory is not None and usage.memory > limits.max_memory:
            return Finding("memory", f"it uses {usage.memory // 1024**2} MB", recycle=True)
        most = limits.max_descriptors
        if most and usage.descriptors is not None and usage.descriptors > most:
            return Finding("descriptors", f"{usage.descriptors} open descriptors", recycle=True)
        return None

    def storm(self, now: float) -> bool:
        """Return whether lookups are to be refused because there are too many of them."""
        return self.may_refuse and self.lookups.rate(now) > self._settings.rates.lookups

    def exceeded(self, now: float) -> str:
        """Return which rates are above their limits, for the log; empty if none is."""
        rates = self._settings.rates
        seen = (
            ("lookups/s", self.lookups.rate(now), rates.lookups),
            ("retries/s", self.retries.rate(now), rates.retries),
            ("reconnects/s", self.reconnects.rate(now), rates.reconnects),
            ("round trips per lookup", self.amplification.value or 0.0, rates.amplification),
        )
        return ", ".join(
            f"{value:.1f} {what} (limit {limit})"
            for what, value, limit in seen
            if 0 < limit < value
        )

    # --- time -----------------------------------------------------------------------------------

    def tick(self, backend: Backend, now: float) -> Finding | None:
        """Do what is due: measure, stop or continue; return what is wrong, if anything."""
        if backend.state is State.STARTING:
            return None
        if self._look_at is not None and now >= self._look_at:
            if self._spinning:
                self._look_at = now + _SLICE
                self._actions.append(Measure(backend.generation))  # measured() paces it
            else:
                self._pace(backend, now)
        if self._pacer.exhausted:
            return self._gives_up()
        due = self._next_sample(backend, now)
        if due is not None and now >= due:
            self._actions.append(Measure(backend.generation))
        return None

    def next_due(self, backend: Backend, now: float) -> float | None:
        """Return when tick() has something to do."""
        if backend.state is State.STARTING:
            return None
        times = (self._next_sample(backend, now), self._look_at)
        return min((time for time in times if time is not None), default=None)

    def _next_sample(self, backend: Backend, now: float) -> float | None:
        if self._spinning or backend.paused:
            return None  # it is looked at for its pace
        due = self._spin.next_sample(now, outstanding=backend.state is State.BUSY)
        return None if due is None else max(due, self._blind_until)

    def _gives_up(self) -> Finding | None:
        """Return that throttling was of no use, once it has lasted too long."""
        if not self._pacer.exhausted:
            return None
        seconds = self._settings.runaway.throttle_limit
        return Finding("throttled", f"no better after {seconds:.0f} s of throttling")

    def _pace(self, backend: Backend, now: float) -> None:
        """Stop the backend or let it continue, as the pacer says."""
        decision = self._pacer.update(now, self._budget, self._cpu if self._spinning else None)
        if decision.run:
            self._let_go(backend)
        elif not backend.paused:
            backend.paused = True
            self._actions.append(Pause(backend.generation))
        self._look_at = decision.until if math.isfinite(decision.until) else None
        self._book(backend)

    def _calm(self, backend: Backend, now: float) -> None:
        """There is nothing to pace any more."""
        self._let_go(backend)
        self._pacer.reset(now)
        self._book(backend)

    def _book(self, backend: Backend) -> None:
        """Count the time that the backend was stopped."""
        backend.evidence.throttled += self._pacer.throttled_seconds - self._counters.throttled
        self._counters.throttled = self._pacer.throttled_seconds

    def _let_go(self, backend: Backend) -> None:
        self._look_at = None
        if backend.paused:
            backend.paused = False
            self._actions.append(Resume(backend.generation))

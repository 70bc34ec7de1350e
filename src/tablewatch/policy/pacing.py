"""Letting a runaway backend go on slowly: when to stop it, and when to let it continue.

Two laws, and a process runs while neither objects:

1. *Retries.* It runs while the retry budget is not overdrawn. Once it is, the process is stopped
   until a whole retry has been saved up: so its retries come at the rate of the refill.
2. *CPU.* For a process that spins, and only then. Like cpulimit we work in slices of 100 ms and
   measure what was used; a rest makes up for what was too much. Nine tenths of the limit accrue
   steadily and one tenth may be spent at once, so any second holds at most the limit::

       CPU seconds used in T seconds <= limit * (0.9 * T + 0.1)

   beyond that only what one slice overshoots, which the next rest makes up for. After a rest of
   one second the last second is empty, so no rest is longer.

Throttling is bounded in time and fails on the safe side. After a limit of stopped seconds the
pacer is :attr:`~Pacer.exhausted` and says *run*; the backend is then to be replaced. Whoever obeys
the decisions lets the process continue on every way out: nothing is ever left stopped.
"""

from __future__ import annotations

from typing import NamedTuple

from tablewatch.policy.budget import RetryBudget

_SLICE = 0.1  # of a second, as in cpulimit
_SHORTEST_RUN = 0.01  # seconds: kernels count CPU in hundredths, less can't be measured

# So much later than computed is a process due (seconds), so that rounding brings nobody back a
# moment too early, to be sent away again.
_ROUNDING = 1e-6


class Decision(NamedTuple):
    """Run or stop; ``until`` is when to ask again at the latest, infinity if nothing is due."""

    run: bool
    until: float


class Pacer:
    """Decides for one backend; ask it after each retry, each answer, and when it is due."""

    def __init__(self, *, cpu_limit: float = 0.2, limit: float = 60.0, calm: float = 10.0) -> None:
        """Set the limits.

        `cpu_limit`, share of one processor, above 0 to 1: with a fifth a spinner leaves a small
        machine to smtpd and the database, and still ends what it was at if it can.
        `limit`, seconds stopped in one episode, 0 or more: a minute outlasts a database restart,
        the one thing worth waiting for; a fresh process is the better chance after that.
        `calm`, seconds, above 0: nothing to object to for so long ends an episode. As long as the
        window of the retry budget: what a retry cost has then been earned again.
        """
        self.limit = limit
        self.calm = calm
        self.exhausted = False
        self.throttled_seconds = 0.0  # stopped, since the start of the supervisor
        self._spent = 0.0  # of the limit, in this episode
        self._stopped_at: float | None = None  # the stopped time is counted up to here
        self._objected_at: float | None = None  # in this episode
        self._overdrawn = False
        self._share = _Share(cpu_limit)

    def update(self, now: float, budget: RetryBudget, cpu_seconds: float | None) -> Decision:
        """Decide what the process does from `now` on.

        `cpu_seconds`: user and system time of the process and its children since it started; None
        while its CPU is not to be limited, or not known.
        """
        self._count(now)
        running = self._stopped_at is None
        if running and self._objected_at is not None and now - self._objected_at >= self.calm:
            self._begin()
        due = max(self._retries_due(now, budget), self._share.update(now, cpu_seconds))
        if due <= now:
            self._stopped_at = None
            return Decision(True, self._share.run_until(now))
        self._objected_at = now
        self.exhausted = self.exhausted or self._spent >= self.limit
        if self.exhausted:
            self._stopped_at = None
            return Decision(True, float("inf"))
        self._stopped_at = now
        return Decision(False, min(due, now + self.limit - self._spent + _ROUNDING))

    def reset(self, now: float) -> None:
        """Begin anew with another process, or one that was let go on unpaced."""
        self._count(now)
        self._stopped_at = None
        self._overdrawn = False
        self._share.forget()
        self._begin()

    def _begin(self) -> None:
        self.exhausted = False
        self._spent = 0.0
        self._objected_at = None

    def _count(self, now: float) -> None:
        if self._stopped_at is not None:
            self._spent += now - self._stopped_at
            self.throttled_seconds += now - self._stopped_at
            self._stopped_at = now

    def _retries_due(self, now: float, budget: RetryBudget) -> float:
        """Return when the retry budget lets the process run."""
        balance = budget.balance(now)
        enough = min(1.0, budget.reserve)  # more than the reserve is never saved up
        if balance < 0.0:
            self._overdrawn = True
        elif balance >= enough:
            self._overdrawn = False
        return budget.when(now, enough) if self._overdrawn else now


class _Share:
    """A leaky bucket of CPU seconds: the second law."""

    def __init__(self, limit: float) -> None:
        self._burst = limit * _SLICE
        self._rate = limit * (1.0 - _SLICE)
        self.forget()

    def forget(self) -> None:
        self._level = self._burst
        self._resting = False
        self._last: tuple[float, float] | None = None  # time, CPU seconds

    def update(self, now: float, cpu_seconds: float | None) -> float:
        """Take what was used; return when the process may run."""
        if cpu_seconds is None:
            self.forget()
            return now
        if self._last is None:
            self._last = (now, cpu_seconds)
        at, before = self._last
        self._last = (now, cpu_seconds)
        used = max(0.0, cpu_seconds - before)  # a child that ended may take its time with it
        # As if it had been idle first and busy then: in any other order less of the refill
        # would flow over the brim.
        busy = min(used, now - at)
        level = min(self._burst, self._level + self._rate * (now - at - busy))
        level += self._rate * busy - used
        self._level = max(level, self._burst - self._rate)
        if self._level <= 0.0:
            self._resting = True
        elif self._level >= self._burst:
            self._resting = False
        if not self._resting:
            return now
        return now + (self._burst - self._level) / self._rate + _ROUNDING

    def run_until(self, now: float) -> float:
        """Return when a process that runs from `now` on may have used up its share."""
        if self._last is None:
            return float("inf")
        return now + max(_SHORTEST_RUN, min(_SLICE, self._level))

"""How many retries a table may cost its database.

The words and the idea are Finagle's (RetryBudget): every good answer *deposits* a fraction of a
token, every retry *withdraws* one, and the *balance* tells what may still be spent. Two things
differ, because the retries are not ours: we read of them on a backend's stderr, when they have
been made.

* A withdrawal can't be refused, so it is always booked, and the balance may go below zero. What
  is withdrawn without cover is a debt, which deposits and time pay off first.
* The debt has a floor. A loop writes thousands of retry lines in the second before it is stopped;
  without a floor a table would pay for that second for an hour, in which every honest reconnect
  of a healthy backend would be held against it. The default floor is as deep as the reserve is
  high, so a table that has been stopped is in credit again after at most one window. What is
  written off is counted in :attr:`RetryBudget.forgiven`.
"""

from __future__ import annotations

from collections import deque

_SLICES = 10  # Finagle's WindowedAdder keeps as many

# So much later than computed is a balance due (seconds): rounding must not bring anyone back
# a moment too early, to find a balance of 0.999.
_ROUNDING = 1e-6


class RetryBudget:
    """A token bucket filled by good answers and by time.

    For withdrawals that were covered, in any stretch of time of T seconds::

        withdrawn <= reserve + per_second * T + ratio * deposits

    with the deposits of the stretch and of the window before it.
    """

    def __init__(
        self,
        *,
        ratio: float = 0.2,
        per_second: float = 1.0,
        window: float = 10.0,
        max_debt: float | None = None,
    ) -> None:
        """Set what fills the bucket.

        `ratio`, tokens per deposit, 0 or more: 0.2, as in Finagle and Envoy, lets a fifth of all
        lookups be retried: a load that a database which answers the rest can bear.
        `per_second`, tokens per second, 0 or more: for tables that are seldom asked. Finagle has
        10, for the client of a whole cluster; a backend reconnects once when a connection is lost,
        so 1 is plenty. With 0 only deposits pay.
        `window`, seconds, above 0: a deposit is good for so long (less up to a tenth), and
        ``reserve = per_second * window`` is what time can fill up to and where we begin.
        Finagle's 10 s: what was earned in a quiet hour must not be spent in one second.
        `max_debt`, tokens, 0 or more: how far below zero; None for the reserve, at least 1.
        """
        self.ratio = ratio
        self.per_second = per_second
        self.window = window
        self.reserve = per_second * window
        self.max_debt = max(1.0, self.reserve) if max_debt is None else max_debt
        self.forgiven = 0.0
        self._level = self.reserve  # from time alone; below zero only while no deposit is left
        self._filled_at = 0.0  # full at the start, so any moment before the first will do
        self._width = window / _SLICES
        self._deposits: deque[list[float]] = deque()  # [slice, tokens], oldest first

    def deposit(self, now: float) -> None:
        """Book a good answer."""
        newest = self._deposits[-1] if self._deposits else None
        if newest is not None and newest[0] == now // self._width and self._level >= 0.0:
            newest[1] += self.ratio  # nearly always: no debt, and time can wait
            return
        self._advance(now)
        debt = max(0.0, -self._level)
        paid = min(debt, self.ratio)
        self._level += paid
        earned = self.ratio - paid
        if earned <= 0.0:
            return
        current = now // self._width
        if self._deposits and self._deposits[-1][0] == current:
            self._deposits[-1][1] += earned
        else:
            self._deposits.append([current, earned])

    def withdraw(self, now: float, tokens: float = 1.0) -> bool:
        """Book `tokens` retries that were seen; return whether the balance covered them all."""
        self._advance(now)
        rest = tokens
        while rest > 0.0 and self._deposits:  # first what expires first
            oldest = self._deposits[0]
            taken = min(rest, oldest[1])
            oldest[1] -= taken
            rest -= taken
            if oldest[1] <= 0.0:
                self._deposits.popleft()
        self._level -= rest
        covered = self._level >= 0.0
        if self._level < -self.max_debt:
            self.forgiven += -self.max_debt - self._level
            self._level = -self.max_debt
        return covered

    def balance(self, now: float) -> float:
        """Return the tokens left, below zero for a debt."""
        self._advance(now)
        return self._level + sum(tokens for _, tokens in self._deposits)

    def when(self, now: float, tokens: float = 1.0) -> float:
        """Return the time at which the balance is at least `tokens`, without any deposit.

        `now` if it is already; infinity if time alone never gets there.
        """
        if self.balance(now) >= tokens:
            return now
        if tokens > self.reserve or self.per_second <= 0.0:
            return float("inf")
        return now + (tokens - self._level) / self.per_second + _ROUNDING

    def _advance(self, now: float) -> None:
        refill = self.per_second * max(0.0, now - self._filled_at)
        self._level = min(self.reserve, self._level + refill)
        self._filled_at = now
        current = now // self._width
        while self._deposits and self._deposits[0][0] + _SLICES <= current:
            self._deposits.popleft()

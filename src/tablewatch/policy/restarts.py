"""How soon a backend that is gone may be started again."""

from __future__ import annotations

import random

from tablewatch.config.settings import RestartSettings


class Restarts:
    """A burst of immediate replacements, then capped exponential delays with jitter.

    The first replacements follow at once: a crash, a bad key or an upgraded backend must not cost
    other users their answers. A backend that dies over and over is started at growing intervals,
    for ever, so that a database that comes back is found without anybody's help. After
    ``reset_after`` seconds of health everything starts anew (what people miss in other
    supervisors: backoff that resets).

    A start that *fails* (the backend never finished its handshake) spends the burst at once:
    starting again immediately can't help there.
    """

    def __init__(self, settings: RestartSettings, rng: random.Random) -> None:
        self.settings = settings
        self._rng = rng
        self._lost = 0

    def lost(self, now: float, ready_at: float | None) -> float:
        """Note that a backend is gone at `now`; return the seconds to wait before the next start.

        `ready_at`: when it had finished its handshake, None if it never had.
        """
        settings = self.settings
        if ready_at is None:
            self._lost = max(self._lost, settings.burst)
        elif now - ready_at >= settings.reset_after:
            self._lost = 0
        self._lost += 1
        if self._lost <= settings.burst:
            return 0.0
        doublings = min(self._lost - settings.burst - 1, 32)
        delay = min(settings.max_delay, settings.min_delay * 2.0**doublings)
        # Up to half less: several tables that lost one database must not return in step.
        return delay * (1.0 - 0.5 * self._rng.random())

    def reset(self) -> None:
        """Forget all losses: the operator said that things are different now."""
        self._lost = 0

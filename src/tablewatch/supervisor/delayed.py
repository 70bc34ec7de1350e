"""Starts that can wait a moment: those of spares, since nobody waits for one."""

from __future__ import annotations

import math

from tablewatch.core.actions import Spawn, WriteBackend

# Seconds. To start a process keeps a supervisor from its work for some milliseconds, and a spare
# is wanted just when the one before has taken over from a backend that was lost: those who waited
# for that one ask first.
DELAY = 0.02


class Delayed:
    """Backends that are to be started in a moment, with what they are to be sent then."""

    def __init__(self) -> None:
        self._held: dict[int, tuple[float, list[Spawn | WriteBackend]]] = {}

    @property
    def due(self) -> float:
        """When the first of them is to be started, in monotonic seconds; infinity: none is."""
        if not self._held:
            return math.inf
        return next(iter(self._held.values()))[0]

    def hold(self, start: Spawn, now: float) -> None:
        """Start this one a little later."""
        self._held[start.generation] = now + DELAY, [start]

    def send(self, generation: int, data: bytes) -> None:
        """Send something to a backend as soon as it is started, if it is one of these."""
        if generation in self._held:
            self._held[generation][1].append(WriteBackend(generation, data))

    def forget(self, generation: int) -> None:
        """Do not start this one."""
        self._held.pop(generation, None)

    def take(self, now: float) -> list[Spawn | WriteBackend]:
        """Return what is due, in order; it is no longer held."""
        ready = [generation for generation, (due, _) in self._held.items() if now >= due]
        return [action for generation in ready for action in self._held.pop(generation)[1]]

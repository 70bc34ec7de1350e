"""What can wait a moment: starts of spares, since nobody waits for one, and ends."""

from __future__ import annotations

import math

from tablewatch.core.actions import Spawn, WriteBackend

# Seconds. To start a process keeps a supervisor from its work for some milliseconds, to take one
# apart keeps a processor busy for one, on which the spare that has taken over may be about to
# answer. Those who waited for the backend that was lost ask first.
DELAY = 0.02


class Delayed:
    """Backends that are to be started in a moment, with what they are to be sent then; and ends."""

    def __init__(self) -> None:
        self._ends_due = math.inf
        self._held: dict[int, tuple[float, list[Spawn | WriteBackend]]] = {}

    @property
    def due(self) -> float:
        """When there is something to do, in monotonic seconds; infinity: never."""
        if not self._held:
            return self._ends_due
        return min(self._ends_due, next(iter(self._held.values()))[0])

    def end(self, now: float) -> None:
        """Note that a backend was stopped, which is to be ended a little later."""
        self._ends_due = min(self._ends_due, now + DELAY)

    def take_ends(self, now: float) -> bool:
        """Return whether what was stopped is to be ended now; it is told once."""
        due = now >= self._ends_due
        if due:
            self._ends_due = math.inf
        return due

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

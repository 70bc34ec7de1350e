"""The backend processes of one table: the active one and the spares, started and replaced.

* There is one active backend; a spare is one more that has done its handshake and waits.
* When the active one is lost, a ready spare takes over at once; a spare still starting is waited
  for as a fresh backend would be.
* Lost backends are replaced as :class:`~tablewatch.policy.restarts.Restarts` allows. A spare is
  only started while the retry budget has a token for its connection, the active one always: users
  are waiting for it.
* A backend that is to be *recycled* (it leaks, it answers nothing but errors) serves on until a
  spare is ready, and is then replaced between two lookups.
* A spare that has idled for `spare_max_age` is replaced quietly, before its connection is closed
  at the other end.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

from tablewatch.config.settings import TableSettings
from tablewatch.core.actions import Actions, Kill, Spawn, WriteBackend
from tablewatch.core.backend import Backend
from tablewatch.core.counters import Counters
from tablewatch.core.states import Event, State
from tablewatch.policy.budget import RetryBudget
from tablewatch.policy.restarts import Restarts
from tablewatch.protocol import Dialect
from tablewatch.protocol.messages import Hello


class Pool:
    """Starts backends, promotes spares, and remembers who is who."""

    def __init__(
        self,
        settings: TableSettings,
        actions: Actions,
        counters: Counters,
        rng: random.Random,
    ) -> None:
        self.active: Backend | None = None
        self.spares: list[Backend] = []
        self.restarts = Restarts(settings.restart, rng)
        self._settings = settings
        self._actions = actions
        self._counters = counters
        self._generation = 0
        self._start_at: float | None = None
        self._hello: Hello | None = None
        self._dialect: Dialect | None = None

    def configure(self, settings: TableSettings) -> None:
        """Go by these settings from now on."""
        self._settings = settings
        self.restarts.settings = settings.restart

    def begin(self, hello: Hello, dialect: Dialect, now: float) -> None:
        """smtpd greeted us: the first backend may start."""
        self._hello = hello
        self._dialect = dialect
        self.active = self._start(now)

    def find(self, generation: int) -> Backend | None:
        """Return the backend of this generation, active or spare; None if it is gone."""
        active = self.active
        if active is not None and active.generation == generation:
            return active
        return next((each for each in self.spares if each.generation == generation), None)

    def __iter__(self) -> Iterator[Backend]:
        if self.active is not None:
            yield self.active
        yield from self.spares

    def lose(self, backend: Backend, why: str, now: float, *, excused: bool = False) -> float:
        """Kill `backend` and let another take its place; return the delay if none can at once.

        With `excused` the loss says nothing against backends: it costs no pause.
        """
        self._remove(backend)
        self._counters.restarts[why] += 1
        delay = 0.0 if excused else self.restarts.lost(now, backend.ready_at)
        if delay > 0:
            self._start_at = now + delay
        if self.active is None:
            self._promote()
        if self.active is None and delay <= 0:
            self.active = self._start(now)
        return delay if self.active is None else 0.0

    def recycle(self, backend: Backend, why: str) -> bool:
        """Replace `backend` when a spare is ready and nothing is outstanding; False if known."""
        if backend.retiring:
            return False
        backend.retiring = why
        return True

    def restart_now(self, now: float) -> None:
        """The operator says that things are different now: no more waiting."""
        self.restarts.reset()
        self._start_at = None
        if self.active is None and self._hello is not None:
            self.active = self._start(now)

    def fill(self, budget: RetryBudget, now: float) -> bool:
        """Do what is due: swap, refresh, start what is missing; return whether it swapped."""
        if self._hello is None:
            return False
        swapped = self._swap(now)
        self._refresh(now)
        if self._start_at is not None and now >= self._start_at:
            self._start_at = None
        if self._start_at is not None:
            return swapped
        if self.active is None:
            self.active = self._start(now)
        elif self._lacks_spare() and budget.balance(now) >= 1:
            self.spares.append(self._start(now))
        return swapped

    def next_due(self, budget: RetryBudget, now: float) -> float | None:
        """Return when fill() has something to do, in monotonic seconds."""
        if self._hello is None:
            return None
        times = [
            each.ready_at + self._settings.spare_max_age for each in self.spares if each.ready_at
        ]
        if self.active is None or self._lacks_spare():
            start = budget.when(now) if self.active is not None else now
            times.append(max(start, self._start_at or start))
        return min(times, default=None)

    @property
    def is_complete(self) -> bool:
        """Whether nothing is to be started or replaced before its time."""
        active = self.active
        return active is not None and not active.retiring and len(self.spares) == self._wanted()

    def _lacks_spare(self) -> bool:
        active = self.active
        if active is None or active.state is State.STARTING:
            return False
        starting = any(each.state is State.STARTING for each in self.spares)
        return len(self.spares) < self._wanted() and not starting

    def _wanted(self) -> int:
        """Return how many spares there should be."""
        if self._settings.mode == "observe":
            return 0
        retiring = self.active is not None and self.active.retiring
        return self._settings.spares or (1 if retiring else 0)

    def _promote(self) -> None:
        for spare in sorted(self.spares, key=lambda each: each.state is not State.IDLE):
            self.spares.remove(spare)
            self.active = spare
            self._counters.promotions += 1
            return

    def _swap(self, now: float) -> bool:
        """Replace a backend that is to be recycled, if a spare is ready and nobody waits."""
        active = self.active
        if active is None or not active.retiring or active.state is not State.IDLE:
            return False
        if active.paused:
            return False  # it is let go first, as whoever is lost; that is soon
        if self._settings.mode == "observe":
            return False
        if not any(each.state is State.IDLE for each in self.spares):
            return False
        self._counters.restarts[active.retiring] += 1
        delay = self.restarts.lost(now, active.ready_at)
        if delay > 0:  # one that is to be recycled as soon as it is ready must not become a loop
            self._start_at = now + delay
        self._remove(active)
        self._promote()
        return True

    def _refresh(self, now: float) -> None:
        age = self._settings.spare_max_age
        for spare in [each for each in self.spares if each.ready_at and now >= each.ready_at + age]:
            self._remove(spare)
        while len(self.spares) > self._wanted():  # fewer are wanted since a reload
            self._remove(self.spares[-1])

    def _remove(self, backend: Backend) -> None:
        backend.move(Event.GAVE_UP)
        if backend is self.active:
            self.active = None
        else:
            self.spares.remove(backend)
        self._actions.append(Kill(backend.generation))

    def _start(self, now: float) -> Backend:
        assert self._hello is not None
        assert self._dialect is not None
        self._generation += 1
        codec = self._dialect.backend_codec()
        backend = Backend(self._generation, codec, now, now + self._settings.start_timeout)
        self._actions.append(Spawn(backend.generation, self._hello.table))
        self._actions.append(WriteBackend(backend.generation, codec.greet(self._hello)))
        return backend

"""Whose turn it is: the oldest request goes to the backend, waits, or is answered by us.

Strictly in order: the imsg protocol has no other way to tell answers apart. The objections to a
request are asked for from the cheapest and surest on, see :meth:`Dispatcher.advance`.
"""

from __future__ import annotations

import random

from tablewatch.config.settings import TableSettings
from tablewatch.core.actions import Actions, WriteBackend
from tablewatch.core.backend import Backend, Pending
from tablewatch.core.guard import Guard
from tablewatch.core.judge import Judge, Objection
from tablewatch.core.observer import Observer
from tablewatch.core.pool import Pool
from tablewatch.core.smtpd_side import SmtpdSide
from tablewatch.core.states import State
from tablewatch.policy.breaker import State as BreakerState
from tablewatch.protocol.messages import Operation, Request


class Dispatcher:
    """Hands requests to the active backend, one at a time."""

    def __init__(
        self,
        settings: TableSettings,
        actions: Actions,
        *,
        smtpd: SmtpdSide,
        pool: Pool,
        judge: Judge,
        guard: Guard,
        observer: Observer,
        rng: random.Random,
    ) -> None:
        self.services: tuple[str, ...] = ()  # what the backend registered; empty: not known
        self._actions = actions
        self._smtpd = smtpd
        self._pool = pool
        self._judge = judge
        self._guard = guard
        self._observer = observer
        self._rng = rng
        self.configure(settings)

    def configure(self, settings: TableSettings) -> None:
        """Go by these settings from now on."""
        self._settings = settings
        self._observing = settings.mode == "observe"

    def advance(self, now: float) -> None:
        """Give the oldest request its turn, and those nobody can or should answer an `error`."""
        paused = self._judge.pause_left(now) is not None
        if not paused and self._pool.fill(self._judge.budget, now):
            self._guard.begin(now)
        queue = self._smtpd.queue
        while queue:
            backend = self._pool.active
            if backend is not None and backend.state in (State.BUSY, State.ABANDONED):
                return
            pending = queue[0]
            if pending.is_update and not pending.refusal and not pending.prepared:
                pending.prepared = True  # once: a start that fails must not be repeated at once
                self._prepare_update(now)
                backend = self._pool.active
            objection = self._known_objection(pending, now)
            if objection is None and backend is not None and backend.state is State.IDLE:
                objection = self._judge.objection(pending.request, now)
            if objection is not None and self._observing:
                text = f"answered {objection.verdict.value}, {objection.text}"
                self._observer.would(objection.why, text, now)
                objection = None
            if objection is None and (backend is None or backend.state is State.STARTING):
                if self._may_wait(backend, pending, now):
                    return
                objection = Objection("down", "backend is down")
            queue.popleft()
            if objection is not None:
                self._smtpd.refuse(pending, objection, now)
            elif backend is not None:
                data = backend.ask(pending, now)
                if not pending.passed:
                    self._actions.to_backend(backend.generation, data)
        self._probe(now)

    def next_due(self, now: float) -> float | None:
        """Return when advance() has something to do, in monotonic seconds."""
        active, queue = self._pool.active, self._smtpd.queue
        paused_until = self._judge.paused_until
        times = [self._pool.next_due(self._judge.budget, now)]
        if paused_until is not None:
            times = [paused_until]
        elif self._may_probe():
            times.append(self._judge.breaker.due())
        starting = active is not None and active.state is State.STARTING
        if active is not None and starting and queue and not queue[0].is_update:
            times.append(active.since + self._settings.start_grace)
        return min((time for time in times if time is not None), default=None)

    def suspects(self, request: Request) -> bool:
        """Whether there may be an objection to `request`, in a calm table. It changes nothing."""
        is_unknown = self.services and request.service not in self.services
        return bool(is_unknown) or self._judge.suspects(request)

    def _known_objection(self, pending: Pending, now: float) -> Objection | None:
        """Return what speaks against a request whatever the backend does at present."""
        if pending.refusal:
            return Objection("refused", pending.refusal)
        service = pending.request.service
        if service is None:
            return None
        if self._judge.pause_left(now) is not None:
            return Objection("paused", "table is paused by its operator")
        if self.services and service not in self.services:
            return Objection("unregistered", "service not registered by the backend")
        if self._guard.storm(now):
            return Objection("rate", "too many lookups")
        return self._judge.known_bad(pending.request, now)

    def _may_wait(self, backend: Backend | None, pending: Pending, now: float) -> bool:
        """Whether a request should wait for a backend that has not finished its handshake."""
        if backend is None or pending.refusal:
            return False
        if pending.is_update:
            return True
        return now < backend.since + self._settings.start_grace

    def _prepare_update(self, now: float) -> None:
        """`smtpctl update table`: the operator says that things are different now."""
        self._judge.pardon(now)
        self._pool.restart_now(now)

    def _probe(self, now: float) -> None:
        """While the breaker is half-open: ask the configured lookup, if there is one."""
        backend = self._pool.active
        if backend is None or not self._may_probe():
            return
        if self._judge.breaker.state(now) is not BreakerState.HALF_OPEN:
            return
        dialect, hello = self._smtpd.dialect, self._smtpd.hello
        if dialect is None or hello is None or not self._judge.breaker.allow(now):
            return
        service, _, key = self._settings.breaker.probe.partition(" ")
        request = dialect.request(
            hello.table, Operation.LOOKUP, service, key.encode(), number=self._rng.getrandbits(32)
        )
        pending = Pending(request, now, now + self._settings.deadline, probe=True)
        self._actions.append(WriteBackend(backend.generation, backend.ask(pending, now)))

    def _may_probe(self) -> bool:
        """Whether a lookup of our own may be asked; in observe mode smtpd would get its answer."""
        active = self._pool.active
        if active is None or active.state is not State.IDLE or self._observing:
            return False
        return bool(self._settings.breaker.probe) and self._judge.paused_until is None

"""Everything that decides about one table: what smtpd sends comes in, what to do comes out.

The way of a lookup: :meth:`TableCore.from_smtpd` queues it, :meth:`TableCore._advance` hands it to
the backend, :meth:`TableCore.from_backend` passes the answer on. Whatever goes wrong in between
ends in :meth:`TableCore._give_up`: smtpd gets its answer first, then the backend is replaced.
"""

from __future__ import annotations

import random
from collections import deque

from tablewatch.config.settings import Config, TableSettings
from tablewatch.core import wording
from tablewatch.core.actions import Action, Kill, Leave, Priority, Spawn, WriteBackend
from tablewatch.core.backend import Backend, Pending
from tablewatch.core.counters import Counters
from tablewatch.core.journal import Journal
from tablewatch.core.smtpd_side import SmtpdSide
from tablewatch.core.states import Event, State
from tablewatch.knowledge.classify import Classifier, Sign
from tablewatch.knowledge.keys import describe_key
from tablewatch.policy.quarantine import Quarantine
from tablewatch.policy.restarts import Restarts
from tablewatch.protocol.messages import (
    STDIO_SERVICES,
    Answer,
    BackendEvent,
    Close,
    Damage,
    Hello,
    Operation,
    Ready,
    Refusal,
    Request,
    SmtpdEvent,
    Verdict,
)


class TableCore:
    """The supervisor of one table, without its process.

    Every event method takes the time in monotonic seconds; what is to be done then waits in
    :attr:`actions`. Generations that are unknown or gone are ignored, so events may come late.
    """

    def __init__(self, config: Config, salt: bytes, rng: random.Random) -> None:
        """`salt`: 16 to 64 random bytes, see Quarantine."""
        self.actions: deque[Action] = deque()
        self.counters = Counters()
        self.smtpd = SmtpdSide(self.actions, self.counters)
        self._config = config
        self._salt = salt
        self._rng = rng
        self._classifier = Classifier()
        self._backend: Backend | None = None
        self._generation = 0
        self._services: tuple[str, ...] = ()
        self._start_at: float | None = None
        self._welcome_by: float | None = None
        self._configure(config.defaults, "")

    def _configure(self, settings: TableSettings, table: str) -> None:
        self.settings = settings
        self.journal = Journal(settings.log, table, self.actions.append)
        self.quarantine = Quarantine(settings.quarantine, self._salt)
        self.restarts = Restarts(settings.restart, self._rng)

    # --- events -----------------------------------------------------------------------------

    def from_smtpd(self, now: float, data: bytes) -> None:
        """Take bytes that smtpd sent."""
        for event in self.smtpd.receive(data):
            self._on_smtpd_event(event, now)
        self._advance(now)

    def smtpd_closed(self, now: float) -> None:
        """smtpd closed its end: everything ends with it."""
        self.journal.flush(now)
        self.report(now, "smtpd is gone")
        self.actions.append(Leave())

    def from_backend(self, now: float, generation: int, data: bytes) -> None:
        """Take bytes that a backend sent."""
        backend = self._current(generation)
        if backend is None:
            return
        for event in backend.codec.receive(data):
            self._on_backend_event(backend, event, now)
            if self._backend is not backend:  # given up: what it says from now on is void
                break
        self._advance(now)

    def from_stderr(self, now: float, generation: int, lines: list[bytes]) -> None:
        """Take lines that a backend wrote to its stderr; the last words of one gone are logged."""
        backend = self._current(generation)
        keys = self._keys_in_play()
        for line in lines:
            reading = self._classifier.read(line)
            if reading.sign is Sign.RETRY:
                self.counters.retries += 1
            elif reading.sign is Sign.RECONNECT:
                self.counters.reconnects += 1
            self.journal.relay(reading, keys, now)
            if backend is not None:
                backend.note(reading)
        if backend is not None and backend.overspent(self.settings.max_retries):
            self._give_up(backend, "retries", f"{backend.evidence.spent} times", now)
            self._advance(now)

    def backend_lost(self, now: float, generation: int, how: str) -> None:
        """A backend exited, closed its connection, or could not be started; `how` says it."""
        backend = self._current(generation)
        if backend is not None:
            why = "start" if backend.state is State.STARTING else "exit"
            self._give_up(backend, why, how, now)
            self._advance(now)

    def tick(self, now: float) -> None:
        """Do what is due at `now`; call it at next_deadline() at the latest."""
        backend = self._backend
        if backend is not None and backend.state is not State.IDLE and now >= backend.deadline:
            why = "start" if backend.state is State.STARTING else "deadline"
            self._give_up(backend, why, f"silent for {now - backend.since:.1f} s", now)
        if self._start_at is not None and now >= self._start_at:
            self._spawn(now)
        if self._welcome_by is not None and now >= self._welcome_by:
            self._welcome(now)
        for pending in self.smtpd.overdue(now):
            self.smtpd.tempfail(pending, "deadline", "no answer in time")
        self.journal.tick(now)
        self._advance(now)

    def next_deadline(self) -> float | None:
        """Return when tick() is needed next, in monotonic seconds; None: only after an event."""
        times = [
            self.journal.next_due(),
            self.smtpd.next_deadline(),
            self._start_at,
            self._welcome_by,
        ]
        backend = self._backend
        if backend is not None and backend.state is not State.IDLE:
            times.append(backend.deadline)
            if backend.state is State.STARTING and self.smtpd.queue:
                times.append(backend.since + self.settings.start_grace)
        return min((time for time in times if time is not None), default=None)

    def failed(self, now: float, error: str) -> None:
        """An exception of our own: answer everything outstanding, begin with a new backend."""
        self.counters.internal_errors += 1
        waiting = list(self.smtpd.queue)
        self.smtpd.queue.clear()
        backend, self._backend = self._backend, None
        if backend is not None:
            if backend.pending is not None:
                waiting.insert(0, backend.pending)
            self.actions.append(Kill(backend.generation))
        for pending in waiting:
            if not pending.answered:
                self.smtpd.tempfail(pending, "internal", "internal error")
        if self.smtpd.hello is not None:
            self._start_at = now + self.settings.restart.min_delay
        self.journal.say(Priority.ERROR, "internal", f"internal error: {error}", now)

    def report(self, now: float, occasion: str) -> None:
        """Log the counters."""
        text = f"{occasion}: {self.counters.summary()}, {len(self.quarantine)} keys in quarantine"
        self.journal.say(Priority.INFO, "report", text, now)

    # --- smtpd's side -----------------------------------------------------------------------

    def _on_smtpd_event(self, event: SmtpdEvent, now: float) -> None:
        if isinstance(event, Request):
            update = event.operation is Operation.UPDATE
            limit = self.settings.update_deadline if update else self.settings.deadline
            self.smtpd.add(event, now, limit)
        elif isinstance(event, Refusal):
            self._on_refusal(event, now)
        elif isinstance(event, Hello):
            self._on_hello(event, now)
        elif isinstance(event, Close):
            self.smtpd_closed(now)
        else:
            self.counters.damage["smtpd-" + event.kind] += 1
            self.journal.say(
                Priority.ERROR, "smtpd damage", f"smtpd sent {event.detail}: ignored", now
            )

    def _on_hello(self, hello: Hello, now: float) -> None:
        assert self.smtpd.dialect is not None
        dialect = self.smtpd.dialect
        self.smtpd.hello = hello
        self._configure(self._config.table(hello.table), hello.table)
        version = f" of smtpd {hello.version}" if hello.version else ""
        self.journal.say(Priority.INFO, "hello", f"supervising ({dialect.name}{version})", now)
        self._welcome_by = now + self.settings.register_wait
        self._spawn(now)
        if not dialect.has_services:  # nothing to ask the backend first: smtpd need not wait
            self._welcome(now)

    def _welcome(self, now: float) -> None:
        """Finish smtpd's handshake, whether or not the backend could be asked."""
        assert self.smtpd.dialect is not None
        services = self._services or self.settings.services or STDIO_SERVICES
        if self.smtpd.dialect.has_services and not self._services:
            text = f"backend is not ready; registering {', '.join(services)} on its behalf"
            self.journal.say(Priority.WARNING, "register", text, now)
        self._welcome_by = None
        self.smtpd.welcome(services)

    def _on_refusal(self, refusal: Refusal, now: float) -> None:
        """A request that can't be asked, or one already asked that turned out to be torn."""
        text = f"{refusal.request.operation} refused: {refusal.reason}"
        self.journal.say(Priority.WARNING, "refusal", text, now)
        backend = self._backend
        pending = backend.pending if backend is not None else None
        if backend is not None and pending is not None and pending.request is refusal.request:
            backend.abandon()
            self.smtpd.tempfail(pending, "refused", refusal.reason)
            return
        for waiting in self.smtpd.queue:
            if waiting.request is refusal.request:
                waiting.refusal = refusal.reason
                return
        self.smtpd.add(refusal, now, self.settings.deadline)

    def _advance(self, now: float) -> None:
        """Give the oldest request its turn, and those nobody can or should answer an `error`.

        Strictly in order: the imsg protocol has no other way to tell answers apart.
        """
        queue = self.smtpd.queue
        while queue:
            backend = self._backend
            if backend is not None and backend.state in (State.BUSY, State.ABANDONED):
                return
            pending = queue[0]
            objection = self._objection(pending, now)
            if objection is None and pending.request.operation is Operation.UPDATE:
                self._prepare_update(now)
                backend = self._backend
            if objection is None and (backend is None or backend.state is State.STARTING):
                if self._may_wait(backend, pending, now):
                    return
                objection = ("down", "backend is down")
            queue.popleft()
            if objection is not None:
                self.smtpd.tempfail(pending, *objection)
            elif backend is not None:
                self.actions.append(WriteBackend(backend.generation, backend.ask(pending, now)))

    def _objection(self, pending: Pending, now: float) -> tuple[str, str] | None:
        """Return why this request must not reach the backend (a label, a text), or None."""
        if pending.refusal:
            return "refused", pending.refusal
        request = pending.request
        if request.service is None:
            return None
        if self._services and request.service not in self._services:
            return "unregistered", "service not registered by the backend"
        if request.key is None:
            return None
        entry = self.quarantine.match(request.service, request.key, now)
        if entry is None:
            return None
        self.counters.quarantine_hits += 1
        text = f"{request.service} {entry.shown} refused, it is in quarantine: {entry.reason}"
        self.journal.say(Priority.INFO, "quarantine hit", text, now)
        return "quarantined", "key is in quarantine"

    def _may_wait(self, backend: Backend | None, pending: Pending, now: float) -> bool:
        """Whether a request should wait for a backend that has not finished its handshake."""
        if backend is None:
            return False
        if pending.request.operation is Operation.UPDATE:
            return True
        return now < backend.since + self.settings.start_grace

    def _prepare_update(self, now: float) -> None:
        """`smtpctl update table`: the operator says that things are different now."""
        released = self.quarantine.clear()
        if released:
            text = f"update: {released} keys released from quarantine"
            self.journal.say(Priority.NOTICE, "release", text, now)
        self.restarts.reset()
        if self._backend is None:
            self._spawn(now)

    # --- the backend's side -----------------------------------------------------------------

    def _current(self, generation: int) -> Backend | None:
        backend = self._backend
        return backend if backend is not None and backend.generation == generation else None

    def _keys_in_play(self) -> list[bytes]:
        """The keys a backend's line might quote."""
        asked = self._backend.asked if self._backend is not None else None
        return [asked.key] if asked is not None and asked.key else []

    def _spawn(self, now: float) -> None:
        assert self.smtpd.dialect is not None
        assert self.smtpd.hello is not None
        self._generation += 1
        self._start_at = None
        codec = self.smtpd.dialect.backend_codec()
        backend = Backend(self._generation, codec, now, now + self.settings.start_timeout)
        self._backend = backend
        self.actions.append(Spawn(backend.generation, self.smtpd.hello.table))
        self.actions.append(WriteBackend(backend.generation, codec.greet(self.smtpd.hello)))

    def _on_backend_event(self, backend: Backend, event: BackendEvent, now: float) -> None:
        if isinstance(event, Answer):
            self._on_answer(backend, event, now)
        elif isinstance(event, Ready):
            self._on_ready(backend, event, now)
        else:
            assert isinstance(event, Damage)
            self.counters.damage[event.kind] += 1
            self._give_up(backend, "damage", event.detail, now)

    def _on_ready(self, backend: Backend, ready: Ready, now: float) -> None:
        backend.move(Event.READY)
        backend.last_words = ""
        self._services = ready.services
        self.restarts.ready(now)
        if not self.smtpd.welcomed:
            self._welcome(now)
        self.journal.say(Priority.INFO, "ready", "backend is ready", now)

    def _on_answer(self, backend: Backend, answer: Answer, now: float) -> None:
        pending = backend.done()
        if pending is None:
            return
        if answer.verdict is Verdict.ERROR:
            self._blame(backend, pending, now)
        self.smtpd.reply(pending, answer)

    def _give_up(self, backend: Backend, why: str, detail: str, now: float) -> None:
        """Answer for a backend that can't, and replace it. smtpd comes first."""
        pending, backend.pending = backend.pending, None
        if pending is not None:
            self.smtpd.tempfail(pending, why, f"backend failed: {why}")
        backend.move(Event.GAVE_UP)
        self._backend = None
        self.actions.append(Kill(backend.generation))
        self.counters.restarts[why] += 1
        delay = self.restarts.lost(now)
        if delay > 0:
            self._start_at = now + delay
        else:
            self._spawn(now)
        show_keys = self.settings.log.show_keys
        text = wording.loss(backend, pending, why, detail, delay, show_keys=show_keys)
        self.journal.say(Priority.WARNING, "lost " + why, text, now)
        if pending is not None:
            self._blame(backend, pending, now)
        if not self.smtpd.welcomed:
            self._welcome(now)

    def _blame(self, backend: Backend, pending: Pending, now: float) -> None:
        """Quarantine the key if the database refused it for what it is."""
        service, key = pending.request.service, pending.request.key
        cause = backend.evidence.query_error
        if not cause or service is None or key is None:
            return
        shown = wording.shown_key(service, key, show_keys=self.settings.log.show_keys)
        if self.quarantine.add(service, key, shown, cause, now) is not None:
            seconds = self.settings.quarantine.duration
            text = (
                f"{service} {shown} ({describe_key(key)}) quarantined for {seconds:.0f} s: {cause}"
            )
            self.journal.say(Priority.WARNING, "quarantine", text, now)

"""One table: what smtpd and the backends do comes in, what is to be done comes out.

The way of a lookup: :meth:`TableCore.from_smtpd` queues it, :meth:`TableCore._advance` hands it to
the backend, :meth:`TableCore.from_backend` passes the answer on. Whatever goes wrong in between
ends in :meth:`TableCore._give_up`: smtpd gets its answer first, then the backend is replaced.

Around it stand four helpers: :class:`SmtpdSide` (who waits, and that each gets one answer),
:class:`Pool` (the backend processes), :class:`Judge` (which requests may be asked, and who is to
blame when one fails) and :class:`Guard` (what the active backend spends).

In observe mode bytes are passed on as they come, before anything is decided; everything is decided
all the same, and :meth:`TableCore._would` logs it instead of doing it.
"""

from __future__ import annotations

import math
import random
from collections import deque

from tablewatch.config.settings import Config
from tablewatch.core import wording
from tablewatch.core.actions import (
    Action,
    Leave,
    Priority,
    Usage,
    WriteBackend,
    WriteSmtpd,
)
from tablewatch.core.backend import Backend, Pending
from tablewatch.core.counters import Counters
from tablewatch.core.guard import Guard
from tablewatch.core.journal import Journal
from tablewatch.core.judge import Judge, Objection
from tablewatch.core.pool import Pool
from tablewatch.core.smtpd_side import SmtpdSide
from tablewatch.core.states import State
from tablewatch.knowledge.classify import Classifier
from tablewatch.policy.breaker import State as BreakerState
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
        """`salt`: 16 to 64 random bytes, see KeyHasher."""
        self.actions: deque[Action] = deque()
        self.counters = Counters()
        self.settings = config.defaults
        self.journal = Journal(self.settings.log, "", self.actions.append)
        self.smtpd = SmtpdSide(self.actions, self.counters)
        self.pool = Pool(self.settings, self.actions, self.counters, rng)
        self.judge = Judge(self.settings, salt, rng, self.journal)
        self.guard = Guard(self.settings, self.judge.budget, self.actions, self.counters)
        self._config = config
        self._rng = rng
        self._classifier = Classifier()
        self._services: tuple[str, ...] = ()
        self._welcome_by: float | None = None

    # --- events -----------------------------------------------------------------------------

    def from_smtpd(self, now: float, data: bytes) -> None:
        """Take bytes that smtpd sent."""
        events = self.smtpd.receive(data)
        active = self.pool.active
        passed = self._observing and active is not None and active.state is not State.STARTING
        passed = passed and all(each.passed for each in self.smtpd.queue)  # nobody is overtaken
        if passed and active is not None:
            self.actions.append(WriteBackend(active.generation, data))
        for event in events:
            self._on_smtpd_event(event, now, passed=passed)
        self._advance(now)

    def smtpd_closed(self, now: float) -> None:
        """smtpd closed its end: everything ends with it."""
        self.journal.flush(now)
        self.report(now, "smtpd is gone")
        self.actions.append(Leave())

    def from_backend(self, now: float, generation: int, data: bytes) -> None:
        """Take bytes that a backend sent."""
        backend = self.pool.find(generation)
        if backend is None:
            return
        if self._observing and backend is self.pool.active:
            if backend.state is not State.STARTING or not self.smtpd.welcomed:
                self.actions.append(WriteSmtpd(data))
            if backend.blind:
                self._lose_sight(backend)
                return
        for event in backend.codec.receive(data):
            self._on_backend_event(backend, event, now)
            if backend.state is State.GONE:  # what it says from now on is void
                break
        self._advance(now)

    def from_stderr(self, now: float, generation: int, lines: list[bytes]) -> None:
        """Take lines that a backend wrote to its stderr; the last words of one gone are logged."""
        backend = self.pool.find(generation)
        keys = self._keys_in_play()
        broke = False
        for line in lines:
            reading = self._classifier.read(line)
            self.journal.relay(reading, keys, now)
            if backend is not None and not self.guard.read(backend, reading, now):
                broke = True
        active = self.pool.active
        if backend is None or backend is not active:
            return
        if self.guard.overspent(backend, broke=broke, now=now):
            self._give_up(backend, "retries", wording.retries(backend, broke=broke), now)
            self._advance(now)
        elif backend.paused:
            text = f"backend is throttled: it reconnects ({wording.retries(backend, broke=broke)})"
            self.journal.say(Priority.WARNING, "throttle", text, now)

    def backend_lost(self, now: float, generation: int, how: str) -> None:
        """A backend exited, closed its connection, or could not be started; `how` says it."""
        backend = self.pool.find(generation)
        if backend is not None:
            why = "start" if backend.state is State.STARTING else "exit"
            self._give_up(backend, why, how, now)
            self._advance(now)

    def measured(self, now: float, generation: int, usage: Usage) -> None:
        """Take what Measure asked for."""
        backend = self.pool.find(generation)
        if backend is None or backend is not self.pool.active:
            return
        finding = self.guard.measured(backend, usage, now)
        if finding is not None and finding.recycle:
            self._recycle(backend, finding.why, finding.text, now)
        elif finding is not None:
            self._give_up(backend, finding.why, finding.text, now)
        elif backend.paused:
            self.journal.say(Priority.WARNING, "throttle", "backend is throttled: it spins", now)
        self._advance(now)

    def tick(self, now: float) -> None:
        """Do what is due at `now`; call it at next_deadline() at the latest."""
        for backend in list(self.pool):
            if backend.state is not State.IDLE and now >= backend.deadline:
                why = "start" if backend.state is State.STARTING else "deadline"
                self._give_up(backend, why, f"silent for {now - backend.since:.1f} s", now)
        if self._welcome_by is not None and now >= self._welcome_by:
            self._welcome(now)
        if not self._observing:
            for pending in self.smtpd.overdue(now):
                self.smtpd.tempfail(pending, "deadline", "no answer in time")
        if self.pool.active is not None:
            finding = self.guard.tick(self.pool.active, now)
            if finding is not None:
                self._give_up(self.pool.active, finding.why, finding.text, now)
        exceeded = self.guard.exceeded(now)
        if exceeded:
            self.journal.say(Priority.WARNING, "rates", f"above its limits: {exceeded}", now)
        self.journal.tick(now)
        self._advance(now)

    def next_deadline(self, now: float) -> float | None:
        """Return when tick() is needed next, in monotonic seconds; None: only after an event."""
        active = self.pool.active
        times = [
            self.journal.next_due(),
            self.smtpd.next_deadline() if not self._observing else None,
            self._welcome_by,
            self.pool.next_due(self.judge.budget, now),
            self.guard.next_due(active, now) if active is not None else None,
            self.judge.breaker.due() if self._may_probe() else None,
        ]
        times += [each.deadline for each in self.pool if each.state is not State.IDLE]
        queue = self.smtpd.queue
        starting = active is not None and active.state is State.STARTING
        if active is not None and starting and queue and not queue[0].is_update:
            times.append(active.since + self.settings.start_grace)
        return min((time for time in times if time is not None), default=None)

    def failed(self, now: float, error: str) -> None:
        """An exception of our own: answer everything outstanding, begin with a new backend."""
        self.counters.internal_errors += 1
        waiting = list(self.smtpd.queue)
        self.smtpd.queue.clear()
        backend = self.pool.active
        if backend is not None:
            if backend.pending is not None and not backend.pending.probe:
                waiting.insert(0, backend.pending)
            backend.pending = None
        for pending in waiting:
            if not pending.answered:
                self.smtpd.tempfail(pending, "internal", "internal error")
        if backend is not None:
            self._lose(backend, "internal", now)
        self.journal.say(Priority.ERROR, "internal", f"internal error: {error}", now)

    def reload(self, now: float, config: Config) -> None:
        """Go by another configuration from now on; what is known of keys stays known."""
        self.journal.flush(now)
        was_observing, backend = self._observing, self.pool.active
        self._config = config
        self._configure()
        self.journal.say(Priority.NOTICE, "reload", "configuration read anew", now)
        switched = was_observing is not self._observing
        working = backend is not None and backend.state in (State.BUSY, State.ABANDONED)
        if backend is not None and switched and (backend.blind or working):
            # Half of what it is at went by the other mode, and a deadline may be overlooked.
            self._give_up(backend, "reload", "another mode", now)
        self._advance(now)

    @property
    def config(self) -> Config:
        """The configuration gone by."""
        return self._config

    def report(self, now: float, occasion: str) -> None:
        """Log the counters."""
        kept = f"{len(self.judge.quarantine)} keys in quarantine"
        text = f"{occasion}: {self.counters.summary()}, {kept}"
        self.journal.say(Priority.INFO, "report", text, now)

    # --- smtpd's side -----------------------------------------------------------------------

    @property
    def _observing(self) -> bool:
        return self.settings.mode == "observe"

    def _configure(self) -> None:
        table = self.smtpd.hello.table if self.smtpd.hello is not None else ""
        self.settings = self._config.table(table)
        self.journal.configure(self.settings.log, table)
        self.pool.configure(self.settings)
        self.judge.configure(self.settings)
        self.guard.configure(self.settings, self.judge.budget)

    def _on_smtpd_event(self, event: SmtpdEvent, now: float, *, passed: bool) -> None:
        if isinstance(event, Request):
            update = event.operation is Operation.UPDATE
            limit = self.settings.update_deadline if update else self.settings.deadline
            self.smtpd.add(event, now, limit, passed=passed)
            self.guard.asked(now)
        elif isinstance(event, Refusal):
            self._on_refusal(event, now, passed=passed)
        elif isinstance(event, Hello):
            self._on_hello(event, now)
        elif isinstance(event, Close):
            self.smtpd_closed(now)
        else:
            self.counters.damage["smtpd-" + event.kind] += 1
            text = f"smtpd sent {event.detail}: ignored"
            self.journal.say(Priority.ERROR, "smtpd damage", text, now)

    def _on_hello(self, hello: Hello, now: float) -> None:
        assert self.smtpd.dialect is not None
        dialect = self.smtpd.dialect
        self.smtpd.hello = hello
        self._configure()
        version = f" of smtpd {hello.version}" if hello.version else ""
        mode = "observing" if self._observing else "supervising"
        self.journal.say(Priority.INFO, "hello", f"{mode} ({dialect.name}{version})", now)
        self._welcome_by = now + self.settings.register_wait
        self.pool.begin(hello, dialect, now)
        if not dialect.has_services and not self._observing:
            self._welcome(now)  # nothing to ask the backend first: smtpd need not wait

    def _welcome(self, now: float) -> None:
        """Finish smtpd's handshake, whether or not the backend could be asked."""
        assert self.smtpd.dialect is not None
        services = self._services or self.settings.services or STDIO_SERVICES
        if self.smtpd.dialect.has_services and not self._services:
            text = f"backend is not ready; registering {', '.join(services)} on its behalf"
            self.journal.say(Priority.WARNING, "register", text, now)
        self._welcome_by = None
        self.smtpd.welcome(services)

    def _on_refusal(self, refusal: Refusal, now: float, *, passed: bool) -> None:
        """A request that can't be asked, or one already asked that turned out to be torn."""
        text = f"{refusal.request.operation} refused: {refusal.reason}"
        backend = self.pool.active
        pending = backend.pending if backend is not None else None
        asked = pending is not None and pending.request is refusal.request
        queued = next((each for each in self.smtpd.queue if each.request is refusal.request), None)
        if self._observing:
            self._would("refused", text, now)
            if not asked and queued is None:
                self.smtpd.add(refusal.request, now, self.settings.deadline, passed=passed)
            return
        self.journal.say(Priority.WARNING, "refusal", text, now)
        if asked and backend is not None and pending is not None:
            backend.abandon()
            self.smtpd.tempfail(pending, "refused", refusal.reason)
        elif queued is not None:
            queued.refusal = refusal.reason
        else:
            self.smtpd.add(refusal, now, self.settings.deadline)

    def _advance(self, now: float) -> None:
        """Give the oldest request its turn, and those nobody can or should answer an `error`.

        Strictly in order: the imsg protocol has no other way to tell answers apart.
        """
        if self.pool.fill(self.judge.budget, now):
            self.guard.begin(now)
        queue = self.smtpd.queue
        while queue:
            backend = self.pool.active
            if backend is not None and backend.state in (State.BUSY, State.ABANDONED):
                return
            pending = queue[0]
            if pending.is_update and not pending.refusal and not pending.prepared:
                pending.prepared = True  # once: a start that fails must not be repeated at once
                self._prepare_update(now)
                backend = self.pool.active
            objection = self._known_objection(pending, now)
            if objection is None and backend is not None and backend.state is State.IDLE:
                objection = self.judge.objection(pending.request, now)
            if objection is not None and self._observing:
                self._would(
                    objection.why, f"answered {objection.verdict.value}, {objection.text}", now
                )
                objection = None
            if objection is None and (backend is None or backend.state is State.STARTING):
                if self._may_wait(backend, pending, now):
                    return
                objection = Objection("down", "backend is down")
            queue.popleft()
            if objection is not None:
                self.smtpd.refuse(pending, objection)
            elif backend is not None:
                data = backend.ask(pending, now)
                if not pending.passed:
                    self.actions.append(WriteBackend(backend.generation, data))
        self._probe(now)

    def _known_objection(self, pending: Pending, now: float) -> Objection | None:
        """Return what speaks against a request whatever the backend does at present."""
        if pending.refusal:
            return Objection("refused", pending.refusal)
        service = pending.request.service
        if service is not None and self._services and service not in self._services:
            return Objection("unregistered", "service not registered by the backend")
        if service is not None and self.guard.storm(now):
            return Objection("rate", "too many lookups")
        return self.judge.known_bad(pending.request, now)

    def _may_wait(self, backend: Backend | None, pending: Pending, now: float) -> bool:
        """Whether a request should wait for a backend that has not finished its handshake."""
        if backend is None or pending.refusal:
            return False
        if pending.is_update:
            return True
        return now < backend.since + self.settings.start_grace

    def _prepare_update(self, now: float) -> None:
        """`smtpctl update table`: the operator says that things are different now."""
        self.judge.pardon(now)
        self.pool.restart_now(now)

    # --- the backend's side -----------------------------------------------------------------

    def _keys_in_play(self) -> list[bytes]:
        """The keys a backend's line might quote."""
        asked = self.pool.active.asked if self.pool.active is not None else None
        return [asked.key] if asked is not None and asked.key else []

    def _probe(self, now: float) -> None:
        """While the breaker is half-open: ask the configured lookup, if there is one."""
        backend = self.pool.active
        if backend is None or not self._may_probe():
            return
        if self.judge.breaker.state(now) is not BreakerState.HALF_OPEN:
            return
        dialect, hello = self.smtpd.dialect, self.smtpd.hello
        if dialect is None or hello is None or not self.judge.breaker.allow(now):
            return
        service, _, key = self.settings.breaker.probe.partition(" ")
        request = dialect.request(
            hello.table, Operation.LOOKUP, service, key.encode(), number=self._rng.getrandbits(32)
        )
        pending = Pending(request, now, now + self.settings.deadline, probe=True)
        self.actions.append(WriteBackend(backend.generation, backend.ask(pending, now)))

    def _may_probe(self) -> bool:
        """Whether a lookup of our own may be asked; in observe mode smtpd would get its answer."""
        active = self.pool.active
        idle = active is not None and active.state is State.IDLE
        return idle and bool(self.settings.breaker.probe) and not self._observing

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
        backend.ready(now)
        if backend is not self.pool.active:
            self.journal.say(Priority.DEBUG, "spare", "spare is ready", now)
            return
        self._services = ready.services
        self.guard.begin(now)
        if not self.smtpd.welcomed:
            if self._observing:  # smtpd has the backend's own handshake
                self.smtpd.welcomed, self._welcome_by = True, None
            else:
                self._welcome(now)
        self.journal.say(Priority.INFO, "ready", "backend is ready", now)

    def _on_answer(self, backend: Backend, answer: Answer, now: float) -> None:
        pending = backend.done()
        self.guard.answered(backend, now)
        if pending is None:
            return
        request = pending.request
        if answer.verdict is Verdict.ERROR:
            self.judge.bad(request, backend.evidence, "error", now)
        else:
            self.judge.good(request, now)
        stuck = self.judge.stuck_after(request, answer.verdict, backend.evidence, now)
        if stuck:
            self._recycle(backend, "stuck", stuck, now)
        if self._observing:
            self.smtpd.passed_on(pending, answer)
        elif not pending.probe:
            self.smtpd.reply(pending, answer)

    def _recycle(self, backend: Backend, why: str, text: str, now: float) -> None:
        """Have `backend` replaced between two lookups, a spare first."""
        if not self.pool.recycle(backend, why):
            return
        if self._observing:
            self._would(why, f"recycled the backend: {text}", now)
        else:
            text = f"backend is recycled: {text}"
            self.journal.say(Priority.WARNING, "recycle " + why, text, now)

    def _give_up(self, backend: Backend, why: str, detail: str, now: float) -> None:
        """Answer for a backend that can't, and replace it. smtpd comes first."""
        is_spare = backend is not self.pool.active
        passing = self._observing and not is_spare and backend.state is not State.STARTING
        if passing and why not in ("exit", "reload"):
            self._overlook(backend, why, detail, now)
            return
        pending, backend.pending = backend.pending, None
        if pending is not None and not pending.probe:
            self.smtpd.tempfail(pending, why, f"backend failed: {why}")
        excused = pending is not None and self.judge.excuses(pending.request, backend.evidence)
        delay = self._lose(backend, why, now, excused=excused)
        show_keys = self.settings.log.show_keys
        text = wording.loss(backend, pending, why, detail, delay, show_keys=show_keys)
        if is_spare:
            self.journal.say(Priority.INFO, "spare lost", f"spare: {text}", now)
            return
        self.journal.say(Priority.WARNING, "lost " + why, text, now)
        if pending is not None and why != "reload":
            self.judge.bad(pending.request, backend.evidence, why, now)
        self.judge.stuck.recycled(now)
        if not self.smtpd.welcomed:
            self._welcome(now)

    def _lose(self, backend: Backend, why: str, now: float, *, excused: bool = False) -> float:
        """Replace `backend`; return the delay if that can't be done at once."""
        if backend is not self.pool.active:
            return self.pool.lose(backend, "spare", now)
        self.guard.end(backend, now)
        delay = self.pool.lose(backend, why, now, excused=excused)
        for waiting in self.smtpd.queue:
            waiting.passed = False  # whatever was passed on, the new backend has not seen it
        if self.pool.active is not None and self.pool.active.state is State.IDLE:
            self.guard.begin(now)
        return delay

    # --- observe mode -------------------------------------------------------------------------

    def _overlook(self, backend: Backend, why: str, detail: str, now: float) -> None:
        """Observe mode: the backend would have been given up now."""
        pending = backend.pending
        if why == "damage":
            backend.blind = True
            self._lose_sight(backend)
        if pending is not None and pending.noted:
            return
        backend.deadline = math.inf
        if pending is not None:
            pending.noted = True
            self.judge.bad(pending.request, backend.evidence, why, now)
        show_keys = self.settings.log.show_keys
        self._would(why, wording.loss(backend, pending, why, detail, 0.0, show_keys=show_keys), now)

    def _lose_sight(self, backend: Backend) -> None:
        """Observe mode: it broke the protocol; what it says now is all that smtpd waits for."""
        waiting = list(self.smtpd.queue)
        self.smtpd.queue.clear()
        if backend.pending is not None:
            waiting.append(backend.pending)
            backend.abandon()
        backend.deadline = math.inf
        for pending in waiting:
            self.smtpd.passed_on(pending, Answer(Verdict.ERROR))

    def _would(self, why: str, text: str, now: float) -> None:
        self.counters.observed[why] += 1
        self.journal.say(Priority.NOTICE, "would " + why, f"would have: {text}", now)

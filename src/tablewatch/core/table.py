"""One table: what smtpd and the backends do comes in, what is to be done comes out.

The way of nearly every lookup is the short one of :class:`PlainLookups`. What is not plain goes
the long way: :meth:`TableCore.from_smtpd` queues it, :meth:`Dispatcher.advance` hands it to
the backend, :meth:`TableCore.from_backend` passes the answer on. Whatever goes wrong in between
ends in :meth:`TableCore._give_up`: smtpd gets its answer first, then the backend is replaced.

Around it stand its helpers: :class:`SmtpdSide` (who waits, and that each gets one answer),
:class:`Pool` (the backend processes), :class:`Dispatcher` (whose turn it is), :class:`Judge` (which
requests may be asked, and who is to blame when one fails), :class:`Guard` (what the active backend
spends) and :class:`Incidents` (what went wrong, until it is over).

In observe mode bytes are passed on as they come, before anything is decided; everything is decided
all the same, and :class:`Observer` logs it instead of doing it.
"""

from __future__ import annotations

import random

from tablewatch.config.settings import Config
from tablewatch.core import wording
from tablewatch.core.actions import (
    Actions,
    Leave,
    Priority,
    Trace,
    Usage,
    WriteBackend,
    WriteSmtpd,
)
from tablewatch.core.backend import Backend, Pending
from tablewatch.core.counters import Counters
from tablewatch.core.dispatcher import Dispatcher
from tablewatch.core.guard import Guard
from tablewatch.core.incidents import Incidents
from tablewatch.core.journal import Journal
from tablewatch.core.judge import Judge
from tablewatch.core.observer import Observer
from tablewatch.core.plain import PlainLookups
from tablewatch.core.pool import Pool
from tablewatch.core.smtpd_side import SmtpdSide
from tablewatch.core.states import State
from tablewatch.knowledge.classify import Classifier
from tablewatch.knowledge.own import own
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
        self.actions = Actions()
        self.counters = Counters()
        self.settings = config.defaults
        self.journal = Journal(self.settings.log, "", self.actions.append)
        self.smtpd = SmtpdSide(self.actions, self.counters)
        self.pool = Pool(self.settings, self.actions, self.counters, rng)
        self.incidents = Incidents(self.settings.incidents.quiet, self.journal, self.counters)
        self.journal.witness = self.incidents.witness
        self.judge = Judge(self.settings, salt, rng, self.journal, self.incidents)
        self.observer = Observer(
            self.smtpd, self.judge, self.incidents, self.counters, self.journal
        )
        self.guard = Guard(self.settings, self.judge.budget, self.actions, self.counters)
        self.dispatcher = Dispatcher(
            self.settings,
            self.actions,
            smtpd=self.smtpd,
            pool=self.pool,
            judge=self.judge,
            guard=self.guard,
            observer=self.observer,
            rng=rng,
        )
        self.plain = PlainLookups(
            self.actions,
            self.counters,
            smtpd=self.smtpd,
            dispatcher=self.dispatcher,
            judge=self.judge,
            guard=self.guard,
            failed=self._books_failed,
        )
        self._config = config
        self._classifier = Classifier(own=own(config.patterns))
        self._welcome_by: float | None = None
        self._asked_of_lost: Request | None = None  # of the active backend lost last
        self._observing = False

    # --- events -----------------------------------------------------------------------------

    def from_smtpd(self, now: float, data: bytes) -> None:
        """Take bytes that smtpd sent."""
        if self.plain.ask(data, now):
            return
        events = self.smtpd.receive(data)  # first, so that whatever happens they are answered
        self.stir()
        active = self.pool.active
        passed = self._observing and active is not None and active.state is not State.STARTING
        passed = passed and all(each.passed for each in self.smtpd.queue)  # nobody is overtaken
        if passed and active is not None:
            self.actions.append(WriteBackend(active.generation, data))
        for event in events:
            self._on_smtpd_event(event, now, passed=passed)
        self.dispatcher.advance(now)

    def smtpd_closed(self, now: float) -> None:
        """smtpd closed its end: everything ends with it."""
        self.journal.flush(now)
        self.report(now, "smtpd is gone")
        self.actions.append(Leave())

    def from_backend(self, now: float, generation: int, data: bytes) -> None:
        """Take bytes that a backend sent."""
        if self.plain.answer(generation, data, now):
            return
        self.stir()
        backend = self.pool.find(generation)
        if backend is None:
            return
        if self._observing and backend is self.pool.active:
            if backend.state is not State.STARTING or not self.smtpd.welcomed:
                self.actions.append(WriteSmtpd(data))
            if backend.blind:
                self.observer.lose_sight(backend, now)
                return
        for event in backend.codec.receive(data):
            self._on_backend_event(backend, event, now)
            if backend.state is State.GONE:  # what it says from now on is void
                break
        self.dispatcher.advance(now)

    def from_stderr(self, now: float, generation: int, lines: list[bytes]) -> None:
        """Take lines that a backend wrote to its stderr; the last words of one gone are logged."""
        backend = self.pool.find(generation)
        costs = broke = False
        for line in lines:
            chatter = self._classifier.chatter(line)
            if chatter is not None and self.journal.repeats(chatter, now):
                continue  # it is counted, and nothing else depends on it
            reading = self._classifier.read(line)
            if not self.journal.repeats(reading.group, now):
                self.stir()
                self.journal.relay(reading, self._quotable, now)
            if reading.is_reconnect:
                self.stir()
                costs = True
            if backend is not None and not self.guard.read(backend, reading, now):
                broke = True
        if not costs or backend is None or backend is not self.pool.active:
            return
        if self.guard.overspent(backend, broke=broke, now=now):
            self._give_up(backend, "retries", wording.retries(backend, broke=broke), now)
            self.dispatcher.advance(now)
        elif backend.paused:
            text = f"backend is throttled: it reconnects ({wording.retries(backend, broke=broke)})"
            self.journal.say(Priority.WARNING, "throttle", text, now)

    def backend_lost(self, now: float, generation: int, how: str) -> None:
        """A backend exited, closed its connection, or could not be started; `how` says it."""
        self.stir()
        backend = self.pool.find(generation)
        if backend is not None:
            why = "start" if backend.state is State.STARTING else "exit"
            self._give_up(backend, why, how, now)
            self.dispatcher.advance(now)

    def measured(self, now: float, generation: int, usage: Usage) -> None:
        """Take what Measure asked for."""
        self.stir()
        backend = self.pool.find(generation)
        if backend is None or backend is not self.pool.active:
            return
        self.incidents.sample(now, usage)
        finding = self.guard.measured(backend, usage, now)
        if finding is not None and finding.recycle:
            self._recycle(backend, finding.why, finding.text, now)
        elif finding is not None:
            self._give_up(backend, finding.why, finding.text, now)
        elif backend.paused:
            self.journal.say(Priority.WARNING, "throttle", "backend is throttled: it spins", now)
        self.dispatcher.advance(now)

    def tick(self, now: float) -> None:
        """Do what is due at `now`; call it at next_deadline() at the latest."""
        self.stir()
        for backend in list(self.pool):
            if backend.state is not State.IDLE and now >= backend.deadline:
                why = "start" if backend.state is State.STARTING else "deadline"
                self._give_up(backend, why, f"silent for {now - backend.since:.1f} s", now)
        if self._welcome_by is not None and now >= self._welcome_by:
            self._welcome(now)
        if not self._observing:
            for pending in self.smtpd.overdue(now):
                self.smtpd.tempfail(pending, "deadline", "no answer in time", now)
        if self.pool.active is not None:
            finding = self.guard.tick(self.pool.active, now)
            if finding is not None:
                self._give_up(self.pool.active, finding.why, finding.text, now)
        exceeded = self.guard.exceeded(now)
        if exceeded:
            self.journal.say(Priority.WARNING, "rates", f"above its limits: {exceeded}", now)
        if self.answers(now):
            self.incidents.tick(now)
        self.journal.tick(now)
        self.dispatcher.advance(now)

    def next_deadline(self, now: float) -> float | None:
        """Return when tick() is needed next, in monotonic seconds; None: only after an event."""
        if not self.plain.settled:
            calm = self.pool.active if self._is_calm() else None
            self.plain.settle(self._find_due(now), calm, self.settings.deadline)
        return self.plain.due

    def stir(self) -> None:
        """Note that more than a plain lookup is to happen: all is to be looked at anew."""
        self.plain.stir()

    def _is_calm(self) -> bool:
        """Whether lookups can be plain, until something stirs."""
        if self._observing or self.smtpd.queue or not self.smtpd.welcomed:
            return False
        return self.pool.is_complete and self.judge.is_calm and not self.guard.may_refuse

    def _find_due(self, now: float) -> float | None:
        active = self.pool.active
        times = [
            self.journal.next_due(),
            self.smtpd.next_deadline() if not self._observing else None,
            self._welcome_by,
            self.dispatcher.next_due(now),
            self.guard.next_due(active, now) if active is not None else None,
            self.incidents.next_due() if self.answers(now) else None,
        ]
        times += [each.deadline for each in self.pool if each.state is not State.IDLE]
        return min((time for time in times if time is not None), default=None)

    def failed(self, now: float, error: str) -> None:
        """An exception of our own: answer everything outstanding, begin with a new backend."""
        self.stir()
        backend = self.pool.active
        waiting = self.smtpd.give_up(backend.pending if backend is not None else None, now)
        if backend is not None:
            backend.pending = None
        for pending in waiting:
            self.smtpd.tempfail(pending, "internal", "internal error", now)
        if backend is not None:
            self._lose(backend, "internal", now)
        self._note_failure(error, now, tempfails=len(waiting), restarts=int(backend is not None))

    def _books_failed(self, error: Exception, now: float) -> None:
        self._note_failure(wording.whence(error), now)

    def _note_failure(self, text: str, now: float, **cost: int) -> None:
        self.counters.internal_errors += 1
        self.journal.say(Priority.ERROR, "internal", f"internal error: {text}", now)
        self.incidents.note(None, "internal", now, **cost)

    def reload(self, now: float, config: Config) -> None:
        """Go by another configuration from now on; what is known of keys stays known."""
        self.stir()
        self.journal.flush(now)
        was_observing, backend = self._observing, self.pool.active
        self._config = config
        self._classifier = Classifier(own=own(config.patterns))
        self._configure()
        self.journal.say(Priority.NOTICE, "reload", "configuration read anew", now)
        self.incidents.end("settings", now)
        switched = was_observing is not self._observing
        working = backend is not None and backend.state in (State.BUSY, State.ABANDONED)
        if backend is not None and switched and (backend.blind or working):
            # Half of what it is at went by the other mode, and a deadline may be overlooked.
            self._give_up(backend, "reload", "another mode", now)
        self.dispatcher.advance(now)

    @property
    def config(self) -> Config:
        """The configuration gone by."""
        return self._config

    def misconfigured(self, problems: list[str], now: float) -> None:
        """Tell that tablewatch.yml can't be used; what is in force stays so."""
        self.stir()
        for problem in problems:
            self.counters.config_errors += 1
            self.journal.say(Priority.ERROR, "config " + problem, problem, now)
        if problems:
            self.incidents.note(None, "settings", now)

    def answers(self, now: float) -> bool:
        """Return whether lookups are answered by a backend at present."""
        active = self.pool.active
        closed = self.judge.breaker.state(now) is BreakerState.CLOSED
        return closed and active is not None and active.state is not State.STARTING

    def report(self, now: float, occasion: str) -> None:
        """Log the counters."""
        self.stir()
        kept = f"{self.judge.quarantine.size(now)} keys in quarantine"
        text = f"{occasion}: {self.counters.summary()}, {kept}"
        self.journal.report(text)

    # --- smtpd's side -----------------------------------------------------------------------

    def _configure(self) -> None:
        table = self.smtpd.hello.table if self.smtpd.hello is not None else ""
        self.settings = self._config.table(table)
        self._observing = self.settings.mode == "observe"
        self.journal.configure(self.settings.log, table)
        self.pool.configure(self.settings)
        self.judge.configure(self.settings)
        self.guard.configure(self.settings, self.judge.budget)
        self.dispatcher.configure(self.settings)
        self.incidents.quiet = self.settings.incidents.quiet
        self.incidents.table = table

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
        self._welcome_by = now + self.settings.register_wait
        self.pool.begin(hello, dialect, now)
        version = f" of smtpd {hello.version}" if hello.version else ""
        mode = "observing" if self._observing else "supervising"
        self.journal.say(Priority.INFO, "hello", f"{mode} ({dialect.name}{version})", now)
        if not dialect.has_services and not self._observing:
            self._welcome(now)  # nothing to ask the backend first: smtpd need not wait

    def _welcome(self, now: float) -> None:
        """Finish smtpd's handshake, whether or not the backend could be asked."""
        assert self.smtpd.dialect is not None
        services = self.dispatcher.services or self.settings.services or STDIO_SERVICES
        if self.smtpd.dialect.has_services and not self.dispatcher.services:
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
            self.observer.would("refused", text, now)
            if not asked and queued is None:
                self.smtpd.add(refusal.request, now, self.settings.deadline, passed=passed)
            return
        self.journal.say(Priority.WARNING, "refusal", text, now)
        if asked and backend is not None and pending is not None:
            backend.abandon()
            self.smtpd.tempfail(pending, "refused", refusal.reason, now)
        elif queued is not None:
            queued.refusal = refusal.reason
        else:
            self.smtpd.add(refusal, now, self.settings.deadline)

    # --- the backend's side -----------------------------------------------------------------

    def _quotable(self) -> tuple[list[bytes], list[bytes]]:
        """What a backend's line might quote: asked last, or passed on already (observe mode)."""
        asked = [self._asked_of_lost]  # its last words may be read when it is gone
        asked += [self.pool.active.asked] if self.pool.active is not None else []
        asked += [each.request for each in self.smtpd.queue if each.passed]
        return wording.quotable(asked)

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
        self.dispatcher.services = ready.services
        self.counters.offer(ready.services)
        self.guard.begin(now)
        if not self.smtpd.welcomed:
            if self._observing:  # smtpd has the backend's own handshake
                self.smtpd.welcomed, self._welcome_by = True, None
            else:
                self._welcome(now)
        self.journal.say(Priority.INFO, "ready", "backend is ready", now)

    def _on_answer(self, backend: Backend, answer: Answer, now: float) -> None:
        """smtpd comes first, then those who learn from it."""
        pending = backend.done()
        if pending is not None and self._observing:
            self.smtpd.passed_on(pending, answer, now)
        elif pending is not None and not pending.probe:
            self.smtpd.reply(pending, answer, now)
        self.guard.answered(backend, now)
        if pending is not None:
            self._learn_from(backend, pending, answer.verdict, now)
        backend.evidence.clear()  # what it writes from now on is about nobody's lookup

    def _learn_from(self, backend: Backend, pending: Pending, verdict: Verdict, now: float) -> None:
        request, evidence = pending.request, backend.evidence
        if verdict is Verdict.ERROR:
            self.counters.backend_errors += 1
        else:
            self.counters.last_good = now
        if pending.noted:
            return  # observe mode has judged it: it would have had its answer long ago
        if verdict is not Verdict.ERROR:
            self.judge.good(request, now)
        else:
            if evidence.error is not None:
                self.incidents.note(evidence, "error", now)
            self.judge.bad(request, evidence, "error", now)
        stuck = self.judge.stuck_after(request, verdict, evidence, now)
        if stuck:
            self._recycle(backend, "stuck", stuck, now)

    def _recycle(self, backend: Backend, why: str, text: str, now: float) -> None:
        """Have `backend` replaced between two lookups, a spare first."""
        if not self.pool.recycle(backend, why):
            return
        self.incidents.note(backend.evidence if why == "stuck" else None, why, now)
        done = "the backend is replaced between two lookups"
        if self._observing:
            self.incidents.did(f"would have: {done}")
            self.observer.would(why, f"recycled the backend: {text}", now)
        else:
            self.incidents.did(done)
            text = f"backend is recycled: {text}"
            self.journal.say(Priority.WARNING, "recycle " + why, text, now)

    def _give_up(self, backend: Backend, why: str, detail: str, now: float) -> None:
        """Answer for a backend that can't, and replace it. smtpd comes first."""
        is_spare = backend is not self.pool.active
        passing = self._observing and not is_spare and backend.state is not State.STARTING
        if passing and why not in ("exit", "reload"):
            show_keys = self.settings.log.show_keys
            self.observer.overlook(backend, why, detail, now, show_keys=show_keys)
            return
        pending, backend.pending = backend.pending, None
        asked = pending is not None and not pending.probe
        if pending is not None and asked:
            self.smtpd.tempfail(pending, why, f"backend failed: {why}", now)
        if not is_spare:
            self._look_at(backend, why)
        excused = pending is not None and self.judge.excuses(pending.request, backend.evidence)
        delay = self._lose(backend, why, now, excused=excused)
        show_keys = self.settings.log.show_keys
        text = wording.loss(backend, pending, why, detail, delay, show_keys=show_keys)
        if is_spare:
            self.journal.say(Priority.INFO, "spare lost", f"spare: {text}", now)
            return
        self.journal.say(Priority.WARNING, "lost " + why, text, now)
        if why != "reload":
            self.incidents.note(backend.evidence, why, now, tempfails=int(asked), restarts=1)
            self.incidents.did(wording.replaced(pending))
        if pending is not None and why != "reload":
            self.judge.bad(pending.request, backend.evidence, why, now)
        self.judge.stuck.recycled(now)
        if not self.smtpd.welcomed:
            self._welcome(now)

    def _look_at(self, backend: Backend, why: str) -> None:
        """Have a runaway traced for the incident it is about to open, if that is wanted."""
        trace = self.settings.trace
        if not trace.enabled or why not in ("retries", "spin", "throttled", "deadline"):
            return
        incident = self.incidents.expects(backend.evidence, why)
        if incident:
            keys, secrets = self._quotable()
            if not secrets:  # what the database says of a password is nobody's business
                keys_told = tuple(keys)
                self.actions.append(Trace(backend.generation, incident, keys_told, trace.seconds))

    def _lose(self, backend: Backend, why: str, now: float, *, excused: bool = False) -> float:
        """Replace `backend`; return the delay if that can't be done at once."""
        if backend is not self.pool.active:
            return self.pool.lose(backend, "spare", now)
        self.guard.end(backend, now)
        self._asked_of_lost = backend.asked
        delay = self.pool.lose(backend, why, now, excused=excused)
        for waiting in self.smtpd.queue:
            waiting.passed = False  # whatever was passed on, the new backend has not seen it
        if self.pool.active is not None and self.pool.active.state is State.IDLE:
            self.guard.begin(now)
        return delay

"""smtpd's side of the core: the handshake, who is waiting, and that each gets one answer."""

from __future__ import annotations

from collections import deque

from tablewatch.core.actions import Actions, WriteSmtpd
from tablewatch.core.backend import Pending
from tablewatch.core.counters import Counters
from tablewatch.core.judge import Objection
from tablewatch.protocol import Dialect, SmtpdCodec
from tablewatch.protocol.detect import dialect_of
from tablewatch.protocol.messages import (
    Answer,
    Damage,
    Hello,
    Refusal,
    Request,
    SmtpdEvent,
    Verdict,
)


class SmtpdSide:
    """The conversation with smtpd. The only place that writes to it."""

    def __init__(self, actions: Actions, counters: Counters) -> None:
        self.dialect: Dialect | None = None
        self.hello: Hello | None = None
        self.welcomed = False
        self.queue: deque[Pending] = deque()
        # Everything smtpd waits for, from the moment it was read: whatever goes wrong in between,
        # it is known who must not be forgotten.
        self._unanswered: list[Request] = []
        self._codec: SmtpdCodec | None = None
        self._actions = actions
        self._counters = counters

    def receive(self, data: bytes) -> list[SmtpdEvent]:
        """Take bytes that smtpd sent; return the messages they complete."""
        if self._codec is None:
            self.dialect = dialect_of(data)
            if self.dialect is None:
                return [Damage("unknown-protocol", "something that is no protocol known to us")]
            self._codec = self.dialect.smtpd_codec()
        events = self._codec.receive(data)
        for event in events:
            if isinstance(event, Request):
                self._unanswered.append(event)
            elif isinstance(event, Refusal) and not self._is_open(event.request):
                self._unanswered.append(event.request)
        return events

    def plain(self, data: bytes) -> Request | None:
        """Take bytes that are one lookup or check and nothing else; None: they were not taken."""
        request = self._codec.plain(data) if self._codec is not None else None
        if request is not None:
            self._unanswered.append(request)
        return request

    def welcome(self, services: tuple[str, ...]) -> None:
        """Finish smtpd's handshake."""
        assert self._codec is not None
        self.welcomed = True
        self._actions.append(WriteSmtpd(self._codec.welcome(services)))

    def add(
        self, event: Request | Refusal, now: float, limit: float, *, passed: bool = False
    ) -> None:
        """Queue a request that must be answered within `limit` seconds.

        `passed`: the backend has its bytes already (observe mode).
        """
        request = event if isinstance(event, Request) else event.request
        self._counters.asked(request.operation, request.service)
        self.queue.append(Pending(event, now, now + limit, passed=passed))

    def overdue(self, now: float) -> list[Pending]:
        """Take the waiting requests whose deadline has passed out of the queue."""
        late = [pending for pending in self.queue if now >= pending.deadline]
        for pending in late:
            self.queue.remove(pending)
        return late

    def next_deadline(self) -> float | None:
        """Return the earliest deadline of a waiting request."""
        return min((pending.deadline for pending in self.queue), default=None)

    def reply(self, pending: Pending, answer: Answer, now: float) -> None:
        """Answer `pending`. A second answer to one request is a defect (AssertionError)."""
        self.write(pending, answer)
        self.count(pending, answer, now)

    def write(self, pending: Pending, answer: Answer) -> None:
        """Answer `pending` as reply() does, to be counted later."""
        assert self._codec is not None
        assert not pending.answered
        pending.answered = True
        self._close(pending.request)
        self._actions.to_smtpd(self._codec.answer(pending.request, answer))

    def count(self, pending: Pending, answer: Answer, now: float) -> None:
        """Count an answer, and how long smtpd waited for it."""
        waited = max(0.0, now - pending.arrived)
        self._counters.answered(pending.request.operation, answer.verdict, waited)

    def passed_on(self, pending: Pending, answer: Answer, now: float) -> None:
        """Note that smtpd has the backend's own answer (observe mode)."""
        assert self._codec is not None
        assert not pending.answered
        pending.answered = True
        self._close(pending.request)
        self.count(pending, answer, now)
        self._codec.answer(pending.request, answer)  # written already, but it must know

    def refuse(self, pending: Pending, objection: Objection, now: float) -> None:
        """Answer a request that is not asked."""
        if objection.verdict is Verdict.ERROR:
            self.tempfail(pending, objection.why, objection.text, now)
        else:
            self._counters.refusals[objection.why] += 1
            self.reply(pending, Answer(objection.verdict), now)

    def tempfail(self, pending: Pending, why: str, text: str, now: float) -> None:
        """Answer `error`: smtpd says 421 or 451 and the mail client tries again later.

        `why` is one of a fixed few words, counted; `text` may reach the mail log.
        """
        self._counters.tempfails[why] += 1
        self._counters.deadline_misses += why == "deadline"
        self.reply(pending, Answer(Verdict.ERROR, message=f"tablewatch: {text}".encode()), now)

    def give_up(self, asked: Pending | None, now: float) -> list[Pending]:
        """Empty the queue; return all that is not answered yet, in the order it came.

        `asked`: the one that is with the backend.
        """
        waiting = [*self.queue, asked] if asked is not None else self.queue
        known = {id(pending.request): pending for pending in waiting if not pending.answered}
        self.queue.clear()
        return [known.get(id(each)) or Pending(each, now, now) for each in self._unanswered]

    def _is_open(self, request: Request) -> bool:
        return any(each is request for each in self._unanswered)

    def _close(self, request: Request) -> None:
        """Note that `request` is answered; by identity, for two may say the same (imsg)."""
        if self._unanswered and self._unanswered[0] is request:  # nearly always
            del self._unanswered[0]
            return
        for number, each in enumerate(self._unanswered):
            if each is request:
                del self._unanswered[number]
                return

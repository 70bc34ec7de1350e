"""One generation of the backend: its state, its codec, and the request that is with it."""

from __future__ import annotations

from tablewatch.core.evidence import Evidence
from tablewatch.core.states import TRANSITIONS, Event, State
from tablewatch.knowledge.classify import Reading, Sign
from tablewatch.protocol import BackendCodec
from tablewatch.protocol.messages import Operation, Refusal, Request


class Pending:
    """A request that has not been answered yet, smtpd's or a probe of our own.

    ``arrived`` and ``deadline`` are monotonic seconds. A request with a ``refusal`` is answered
    ``error`` when its turn comes, without asking the backend. ``noted`` says that, in observe
    mode, it was logged already what would have been done about it; ``passed``, that the backend has
    its bytes already; ``prepared``, that what an update stands for was done.
    """

    __slots__ = (
        "answered",
        "arrived",
        "deadline",
        "is_update",
        "noted",
        "passed",
        "prepared",
        "probe",
        "refusal",
        "request",
    )

    def __init__(
        self,
        event: Request | Refusal,
        arrived: float,
        deadline: float,
        *,
        probe: bool = False,
        passed: bool = False,
    ) -> None:
        self.request = event if isinstance(event, Request) else event.request
        self.refusal = "" if isinstance(event, Request) else event.reason
        self.arrived = arrived
        self.deadline = deadline
        self.answered = False
        self.noted = False
        self.prepared = False
        self.is_update = self.request.operation is Operation.UPDATE
        self.probe = probe
        self.passed = passed


class Backend:
    """What the core knows of one backend process."""

    __slots__ = (
        "answers",
        "asked",
        "blind",
        "born",
        "codec",
        "deadline",
        "evidence",
        "generation",
        "last_words",
        "paused",
        "pending",
        "ready_at",
        "retiring",
        "since",
        "state",
        "unpaid_retry",
    )

    def __init__(self, generation: int, codec: BackendCodec, now: float, deadline: float) -> None:
        """`deadline`: when the handshake must be done. ``since``: start of what it does now."""
        self.generation = generation
        self.codec = codec
        self.state = State.STARTING
        self.since = self.born = now
        self.deadline = deadline
        self.ready_at: float | None = None
        self.pending: Pending | None = None
        self.asked: Request | None = None  # last, and whose key its lines may quote
        self.evidence = Evidence()
        self.last_words = ""
        self.answers = 0
        self.retiring = ""  # why it is to be replaced between two lookups
        self.blind = False  # observe mode: it broke the protocol, its bytes are not read any more
        self.paused = False
        self.unpaid_retry = False

    def move(self, event: Event) -> None:
        """Change state; a transition that is not in the table is a defect (KeyError)."""
        self.state = TRANSITIONS[self.state, event]

    def ready(self, now: float) -> None:
        """Its handshake is done."""
        self.move(Event.READY)
        self.ready_at = now
        self.last_words = ""
        self.evidence.clear()

    def ask(self, pending: Pending, now: float) -> bytes:
        """Take `pending` over; return the bytes to send."""
        self.move(Event.ASKED)
        self.pending = pending
        self.asked = pending.request
        self.since = now
        self.deadline = pending.deadline
        self.last_words = ""  # it may quote the key asked before
        self.evidence.clear()
        return self.codec.ask(pending.request)

    def abandon(self) -> None:
        """The current request was answered without us; what comes back is not to be used."""
        self.move(Event.TORN)
        self.pending = None

    def done(self) -> Pending | None:
        """Finish the current request; return it unless it was abandoned."""
        self.move(Event.ANSWERED)
        self.answers += 1
        pending, self.pending = self.pending, None
        return pending

    def note(self, reading: Reading) -> int:
        """Remember what it wrote to its stderr; return how many reconnects that tells of.

        A retry line and the reconnect line that follows it tell of one and the same.
        """
        self.evidence.note(reading)
        if reading.error_class is not None or reading.sign is Sign.FATAL:
            self.last_words = reading.text
        if reading.sign is Sign.RETRY:
            self.unpaid_retry = True
            return 1
        if reading.sign is Sign.RECONNECT:
            told_before, self.unpaid_retry = self.unpaid_retry, False
            return 0 if told_before else 1
        return 0

    def overspent(self, max_retries: int) -> bool:
        """Return whether the current request has cost more than `max_retries` reconnects."""
        if self.state not in (State.BUSY, State.ABANDONED):
            return False
        if self.pending is not None and self.pending.is_update:
            return self.evidence.retries > max_retries  # an update may reconnect: it is asked to
        return self.evidence.spent > max_retries

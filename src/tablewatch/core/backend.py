"""One generation of the backend: its state, its codec, and the request that is with it."""

from __future__ import annotations

from tablewatch.core.evidence import Evidence
from tablewatch.core.states import TRANSITIONS, Event, State
from tablewatch.knowledge.classify import Reading, Sign
from tablewatch.protocol import BackendCodec
from tablewatch.protocol.messages import Operation, Refusal, Request


class Pending:
    """A request of smtpd's that has not been answered yet.

    ``arrived`` and ``deadline`` are monotonic seconds. A request with a ``refusal`` is answered
    ``error`` when its turn comes, without asking the backend.
    """

    __slots__ = ("answered", "arrived", "deadline", "refusal", "request")

    def __init__(self, event: Request | Refusal, arrived: float, deadline: float) -> None:
        self.request = event if isinstance(event, Request) else event.request
        self.refusal = "" if isinstance(event, Request) else event.reason
        self.arrived = arrived
        self.deadline = deadline
        self.answered = False


class Backend:
    """What the core knows of one backend process."""

    __slots__ = (
        "asked",
        "codec",
        "deadline",
        "evidence",
        "generation",
        "last_words",
        "pending",
        "since",
        "state",
    )

    def __init__(self, generation: int, codec: BackendCodec, now: float, deadline: float) -> None:
        """`deadline`: when the handshake must be done. ``since``: start of what it does now."""
        self.generation = generation
        self.codec = codec
        self.state = State.STARTING
        self.since = now
        self.deadline = deadline
        self.pending: Pending | None = None
        self.asked: Request | None = None  # last, and whose key its lines may quote
        self.evidence = Evidence()
        self.last_words = ""

    def move(self, event: Event) -> None:
        """Change state; a transition that is not in the table is a defect (KeyError)."""
        self.state = TRANSITIONS[self.state, event]

    def ask(self, pending: Pending, now: float) -> bytes:
        """Take `pending` over; return the bytes to send."""
        self.state = TRANSITIONS[self.state, Event.ASKED]
        self.pending = pending
        self.asked = pending.request
        self.since = now
        self.deadline = pending.deadline
        self.evidence.clear()
        return self.codec.ask(pending.request)

    def abandon(self) -> None:
        """The current request was answered without us; what comes back is not to be used."""
        self.state = TRANSITIONS[self.state, Event.TORN]
        self.pending = None

    def note(self, reading: Reading) -> None:
        """Remember what the backend wrote to its stderr."""
        self.evidence.note(reading)
        if reading.error_class is not None or reading.sign is Sign.FATAL:
            self.last_words = reading.text

    def overspent(self, max_retries: int) -> bool:
        """Return whether the current request has cost more than `max_retries` reconnects."""
        if self.state not in (State.BUSY, State.ABANDONED):
            return False
        if self.pending is not None and self.pending.request.operation is Operation.UPDATE:
            return self.evidence.retries > max_retries  # an update may reconnect: it is asked to
        return self.evidence.spent > max_retries

    def done(self) -> Pending | None:
        """Finish the current request; return it unless it was abandoned."""
        self.state = TRANSITIONS[self.state, Event.ANSWERED]
        pending, self.pending = self.pending, None
        return pending

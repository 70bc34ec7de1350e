"""The simulated smtpd: asks, waits as its version does, and checks what it is answered.

It knows the protocols from their descriptions, not from our codecs, and is stricter than the real
one: whatever would end it, hang it or make it believe something wrong is a violation.
"""

from collections import deque
from dataclasses import dataclass, field

from tests.simulation import imsg_wire, text_wire
from tests.simulation.violation import Violation

_BACKLOG = 60


@dataclass
class Question:
    """One request. `said`: what backends answered to it, as far as the core listened to them."""

    number: int
    operation: str
    service: str | None
    key: bytes | None
    sent: float
    by: float = float("inf")
    torn: bool = False
    bare: bool = False  # it can't be asked: not a request any backend could take
    said: set = field(default_factory=set)


class Smtpd:
    """`version` None speaks imsg. All before 7.9 send one request and wait."""

    def __init__(self, world, version):
        self.world = world
        self.version = version
        self.wire = imsg_wire if version is None else text_wire
        self.reader = self.wire.SmtpdReader()
        self.pipelines = version is not None and version >= "7.9"
        self.open = {}
        self.asked = 0
        self.answered = 0
        self.greeted_at = None
        self.gone = False
        self._backlog = deque()

    @property
    def welcomed(self):
        """Whether the handshake is done."""
        return self.reader.services is not None

    @property
    def waiting(self):
        """How many requests are not answered yet."""
        return len(self.open) + len(self._backlog)

    def greet(self):
        """Begin the conversation."""
        if self.greeted_at is None:
            self.greeted_at = self.world.clock.now
            self.world.to_core(self.wire.greeting("creds", self.version))

    def want(self, operation, service, key, *, raw=None, torn=False):
        """Ask as soon as that can be; `raw` in place of what would be sent."""
        if len(self._backlog) < _BACKLOG:
            self._backlog.append((operation, service, key, raw, torn))
            self.go()

    def go(self):
        """Send what may be sent now."""
        data, sent = b"", []
        while self._backlog and self.welcomed and not self.gone:
            if not self.pipelines and (self.open or sent):
                break
            operation, service, key, raw, torn = self._backlog.popleft()
            self.asked += 1
            question = Question(self.asked, operation, service, key, self.world.clock.now)
            question.torn, question.bare = torn, raw is not None
            if raw is None:
                raw = self.wire.request(question.number, operation, service, key)
                raw += b"victim@example.org\n" if torn else b""
                if torn:  # the rest comes with it or a moment later
                    at = raw.index(b"\n") + 1
                    if self.world.script.cut != "whole":
                        self.world.to_core(raw[:at])
                        raw = raw[at:]
            else:
                raw = raw.replace(b"IDENTITY", b"%08x" % question.number)
            self.open[question.number] = question
            sent.append(question)
            data += raw
        if data:
            self.world.to_core(data, sent)

    def match(self, request):
        """Return the question that a backend was given as `request`; None for a probe of ours."""
        id_, operation, service, key = request
        if id_ is not None:
            question = self.open.get(int(id_, 16))
        else:
            question = next(iter(self.open.values()), None)
        if question is None or (operation, service) != (question.operation, question.service):
            return None
        same = key == question.key or (question.torn and key is not None)
        return question if same else None

    def read(self, data):
        """Take what the core wrote. Raises Violation."""
        try:
            answers = self.reader.read(data)
        except text_wire.WireError as error:
            raise Violation("smtpd lives", f"smtpd would exit on {error}") from None
        for operation, id_, verdict, rest in answers:
            number = int(id_, 16) if id_ is not None else next(iter(self.open), 0)
            question = self.open.pop(number, None)
            if question is None:
                raise Violation("one answer each", "an answer to no question that is open")
            if operation not in (None, question.operation):
                raise Violation("smtpd lives", "the answer to another operation")
            self.answered += 1
            yield question, verdict, rest
        self.world.clock.after(1e-4, self.go)

"""smtpd's role in the imsg protocol: greets a backend, asks it, checks what comes back.

smtpd's own checks (table_proc.c) and some more: it also takes a number other than 1, 0 and -1 for
a result, an empty value, and a value cut short by a NUL. A newline inside a value is passed on:
smtpd takes it, and no framing depends on it.
"""

from __future__ import annotations

from tablewatch.protocol.frames import HEADER_SIZE, Frames
from tablewatch.protocol.imsg_words import HAVE_VALUES, OK, RESULT, VALUE_AT, VERDICTS
from tablewatch.protocol.messages import (
    EMPTY_VALUE,
    HANDSHAKE,
    MALFORMED,
    UNSOLICITED,
    Answer,
    BackendEvent,
    Damage,
    Hello,
    Operation,
    Ready,
    Request,
    Verdict,
)


class ImsgBackend:
    """smtpd's role towards one backend process.

    After the first Damage everything it sends is ignored.
    """

    def __init__(self) -> None:
        self._frames = Frames(only_type=OK)
        self._ready = False
        self._damaged = False
        self._asked: Request | None = None

    def greet(self, hello: Hello) -> bytes:
        """Return smtpd's own greeting, to be repeated as it was."""
        return hello.raw

    def ask(self, request: Request) -> bytes:
        """Return the message of `request`. RuntimeError if another one is still unanswered."""
        if self._asked is not None:
            raise RuntimeError("a backend is asked one request at a time")
        self._asked = request
        return request.raw

    def receive(self, data: bytes) -> list[BackendEvent]:
        """Take the bytes just read; return Ready, the answer asked for, or what is wrong."""
        events: list[BackendEvent] = []
        if self._damaged:
            return events
        for message in self._frames.split(data):
            event = self._judge(message)
            events.append(event)
            if isinstance(event, Damage):
                self._damaged = True
                return events
        damage = self._judge_pending() if self._frames.pending else None
        if damage is not None:
            self._damaged = True
            events.append(damage)
        return events

    def plain(self, data: bytes) -> Answer | None:
        """Take `data` if it is the answer asked for, and an ordinary one; see BackendCodec."""
        request = self._asked
        if request is None or self._damaged or self._frames.only(data) != OK:
            return None
        if request.operation is Operation.UPDATE:
            return None
        answer = _parse(request.operation, data)
        if type(answer) is not Answer or answer.verdict is Verdict.ERROR:
            return None
        self._asked = None
        return answer

    def _judge_pending(self) -> Damage | None:
        """Find what is wrong with bytes that are no whole message."""
        if self._ready and self._asked is None:
            return Damage(UNSOLICITED, "an answer nobody asked for")
        if self._frames.problem:
            return Damage(MALFORMED if self._ready else HANDSHAKE, self._frames.problem)
        return None

    def _judge(self, message: bytes) -> Ready | Answer | Damage:
        """Check a message: the empty OK of the handshake first, answers from then on."""
        if not self._ready:
            if len(message) != HEADER_SIZE:
                return Damage(HANDSHAKE, "stray bytes in the handshake")
            self._ready = True
            return Ready(())
        request = self._asked
        if request is None:
            return Damage(UNSOLICITED, "an answer nobody asked for")
        answer = _parse(request.operation, message)
        if isinstance(answer, Answer):
            self._asked = None
        return answer


def _parse(operation: Operation, message: bytes) -> Answer | Damage:
    if len(message) < VALUE_AT:
        return Damage(MALFORMED, "an answer without a result")
    (number,) = RESULT.unpack_from(message, HEADER_SIZE)
    verdict = VERDICTS.get(number)
    if verdict is None:
        return Damage(MALFORMED, f"an answer with the unknown result {number}")
    if operation is Operation.UPDATE and verdict is not Verdict.FOUND:
        verdict = Verdict.ERROR  # lka.c: anything but 1 is a failed update
    value = message[VALUE_AT:]
    if verdict is not Verdict.FOUND or operation not in HAVE_VALUES:
        if value:
            return Damage(MALFORMED, "an answer with stray bytes")
        return Answer(verdict, b"", b"", message)
    # smtpd exits on no value at all; an empty string is of no use to it for any service.
    if value in (b"", b"\0"):
        return Damage(EMPTY_VALUE, "a found answer with an empty value")
    if value.find(b"\0") != len(value) - 1:
        return Damage(MALFORMED, "a value not ended by its only NUL")
    return Answer(verdict, value[:-1], b"", message)

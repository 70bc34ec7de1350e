"""smtpd's role in the text protocol: greets a backend, asks it, checks what comes back.

What smtpd accepts is taken from its table_proc.c as of 7.6.0p1 to 7.8.0p1; what is passed on to
it satisfies all of them. Some rules here are stricter than smtpd's, which compares only the
beginning of some words (``foundation`` passes for ``found``) and ends a line at a NUL.
"""

from __future__ import annotations

import re

from tablewatch.protocol.lines import Lines
from tablewatch.protocol.messages import (
    EMPTY_VALUE,
    FOREIGN_ID,
    HANDSHAKE,
    MALFORMED,
    OVERSIZED,
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
from tablewatch.protocol.text_words import LINE_LIMIT, RESULTS, SERVICE_NAMES

# A backend that registers more than this is not telling services; smtpd knows 13.
MAX_SERVICES = 64
_KNOWN_RESULTS = frozenset(RESULTS.values())


class TextBackend:
    """smtpd's role towards one backend process.

    After the first Damage everything it sends is ignored.
    """

    def __init__(self) -> None:
        self._lines = Lines(LINE_LIMIT)
        self._services: dict[str, None] = {}
        self._ready = False
        self._damaged = False
        self._asked: Request | None = None
        self._expected = b""  # the beginning of its answer

    def greet(self, hello: Hello) -> bytes:
        """Return smtpd's own greeting, to be repeated as it was."""
        return hello.raw

    def ask(self, request: Request) -> bytes:
        """Return the line of `request`. RuntimeError if another one is still unanswered."""
        if self._asked is not None:
            raise RuntimeError("a backend is asked one request at a time")
        self._asked = request
        self._expected = b"%b|%b|" % (RESULTS[request.operation], request.id)
        return request.raw

    def receive(self, data: bytes) -> list[BackendEvent]:
        """Take the bytes just read; return Ready, the answer asked for, or what is wrong."""
        events: list[BackendEvent] = []
        if self._damaged:
            return events
        for line in self._lines.split(data):
            event = self._judge(line) if self._ready else self._register(line)
            if event is not None:
                events.append(event)
            if isinstance(event, Damage):
                self._damaged = True
                return events
        if self._lines.pending:
            damage = self._judge_pending()
            if damage is not None:
                self._damaged = True
                events.append(damage)
        return events

    def plain(self, data: bytes) -> Answer | None:
        """Take `data` if it is the answer asked for, and an ordinary one; see BackendCodec."""
        request, expected = self._asked, self._expected
        if request is None or self._damaged or not data.startswith(expected):
            return None
        if not self._lines.is_one(data) or b"\0" in data:
            return None
        outcome, operation = data[len(expected) : -1], request.operation
        if operation is Operation.LOOKUP and outcome.startswith(b"found|") and len(outcome) > 6:
            answer = Answer(Verdict.FOUND, outcome[6:], b"", data)
        elif operation is Operation.CHECK and outcome == b"found":
            answer = Answer(Verdict.FOUND, b"", b"", data)
        elif operation is not Operation.UPDATE and outcome == b"not-found":
            answer = Answer(Verdict.NOT_FOUND, b"", b"", data)
        else:
            return None
        self._asked = None
        return answer

    def _judge_pending(self) -> Damage | None:
        """Find what is wrong with the beginning of a line already."""
        if self._ready and self._asked is None:
            return Damage(UNSOLICITED, "an answer nobody asked for")
        if self._lines.overlong:
            return self._overlong()
        return None

    def _overlong(self) -> Damage:
        kind = OVERSIZED if self._ready else HANDSHAKE
        return Damage(kind, f"a line of more than {LINE_LIMIT} bytes")

    def _register(self, line: bytes) -> Ready | Damage | None:
        """Take one line of the handshake; smtpd exits on each of the things refused here."""
        if line[-1] != 10:
            return self._overlong()
        if not line.startswith(b"register|"):
            return Damage(HANDSHAKE, "a line in the handshake that registers nothing")
        name = line[9:-1]
        if name == b"ready":
            if not self._services:
                return Damage(HANDSHAKE, "no service registered")
            self._ready = True
            return Ready(tuple(self._services))
        # A name unknown to us may be known to a newer smtpd.
        if not re.fullmatch(rb"[!-{}~]+", name) or name == b"none":
            return Damage(HANDSHAKE, "a registered service that is no name")
        if len(self._services) >= MAX_SERVICES:
            return Damage(HANDSHAKE, f"more than {MAX_SERVICES} services registered")
        self._services[SERVICE_NAMES.get(name) or name.decode("ascii")] = None
        return None

    def _judge(self, line: bytes) -> Answer | Damage:
        """Check a line against the request it should answer: ``OPERATION-result|ID|...``."""
        request = self._asked
        if request is None:
            return Damage(UNSOLICITED, "an answer nobody asked for")
        if line[-1] != 10:
            return self._overlong()
        fields = line[:-1].split(b"|", 2)
        if len(fields) < 3 or fields[0] not in _KNOWN_RESULTS:
            return Damage(MALFORMED, "a line that is no answer")
        result, id_, outcome = fields
        if id_ != request.id:
            return Damage(FOREIGN_ID, "an answer with the id of another request")
        operation = request.operation
        if result != RESULTS[operation]:
            return Damage(MALFORMED, "an answer to another operation than was asked")
        # smtpd would cut the line at a NUL. A carriage return at the end of a value (a database
        # filled from a file of another system) it takes, and so do we.
        if b"\0" in line:
            return Damage(MALFORMED, "an answer with a NUL")
        answer = _parse(operation, outcome, line)
        if isinstance(answer, Answer):
            self._asked = None
        return answer


def _parse(operation: Operation, outcome: bytes, raw: bytes) -> Answer | Damage:
    """Read what stands behind the id of an answer."""
    word, bar, rest = outcome.partition(b"|")
    if word == b"error":
        return Answer(Verdict.ERROR, b"", rest, raw)
    if operation is Operation.UPDATE:
        if outcome == b"ok":
            return Answer(Verdict.FOUND, b"", b"", raw)
    elif outcome == b"not-found":
        return Answer(Verdict.NOT_FOUND, b"", b"", raw)
    elif word == b"found":
        if operation is Operation.CHECK:  # smtpd reads no further than the word
            return Answer(Verdict.FOUND, b"", b"", raw)
        if rest:
            return Answer(Verdict.FOUND, rest, b"", raw)
        if bar:
            return Damage(EMPTY_VALUE, "a found answer with an empty value")
    return Damage(MALFORMED, "an answer with an unknown or incomplete result")

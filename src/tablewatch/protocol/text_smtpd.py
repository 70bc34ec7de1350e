"""The table's role in the text protocol: reads smtpd's requests, writes answers to it.

**The newline rule.** smtpd 7.6, 7.7 and 7.8.0p0 send a newline inside a key as it is, and a
client may put one there (``AUTH PLAIN``). 7.8.0p1, which calls itself 7.8.0 just the same, and
later versions answer such a key themselves. The versions before 7.9 wait for each answer before
they send anything else, so for them whatever follows the line of a request that has not been
answered is the rest of a torn key: it is thrown away unread, and the request is refused. The
refusal waits for the newline that ends the rest, because smtpd is still writing until then; what
came after the answer could not be told from a new request.
"""

from __future__ import annotations

import re

from tablewatch.protocol.lines import Lines
from tablewatch.protocol.messages import (
    MALFORMED,
    OVERSIZED,
    STDIO_SERVICES,
    Answer,
    Damage,
    Hello,
    Operation,
    Refusal,
    Request,
    SmtpdEvent,
    Verdict,
)
from tablewatch.protocol.text_words import LINE_LIMIT, REQUESTS, SERVICE_NAMES

# Bytes of a whole greeting; a real one is four short lines.
GREETING_LIMIT = 65536
# Bytes of the text behind `error`; it ends up in one line of the mail log.
MESSAGE_LIMIT = 256

NEWLINE_IN_KEY = "newline in key"
# smtpd-tables(7) asks for a message with every error, though no smtpd so far insists.
_NO_MESSAGE = b"temporary failure"
# What a lookup or check looks like, with so many fields before it.
_PLAIN = (
    rb"table\|(?:[^|\r\n\0]*\|){%d}(lookup|check)\|([^|\r\n\0]+)\|([^|\r\n\0]+)\|([^\r\n\0]*)\n"
)
_NEVER = re.compile(rb"(?!)")
_CONTROL = bytes(range(0x20)) + b"\x7f"


def waits_for_answers(version: str) -> bool:
    """Return whether smtpd of this version sends nothing while it waits for an answer.

    That is known of all before 7.9. A version that can't be read counts as a later one.
    """
    number = re.match(r"([0-9]{1,4})(?:\.([0-9]{1,4}))?(?![0-9])", version)
    return number is not None and (int(number[1]), int(number[2] or 0)) < (7, 9)


class TextSmtpd:
    """The table's role towards smtpd.

    A request may be told twice, first as a Request and then, while it is unanswered, as a Refusal
    of the same object: the rest of its torn key came in a later read. It is still to be answered
    once, with `error`; :meth:`answer` sees to that even if a backend's answer is given to it.
    """

    def __init__(self) -> None:
        self._lines = Lines(LINE_LIMIT)
        self._hello: Hello | None = None
        self._greeting = bytearray()
        self._config: dict[bytes, str] = {}
        # The field of a request line that names the operation; further on if the table's name
        # contains a `|`, which smtpd.conf allows and smtpd does not escape.
        self._at = 4
        self._plain = _NEVER.fullmatch
        # The rest serves the newline rule and is used only with an smtpd that waits for answers.
        self._waits = False
        self._open: Request | None = None  # read, not answered
        self._untold: Request | Refusal | None = None  # the same, before it was told
        self._torn = False
        self._refused = False

    def receive(self, data: bytes) -> list[SmtpdEvent]:
        """Take the bytes just read; return the messages they complete, in order.

        A line that is no request and has no id to answer to is a Damage, and skipped.
        """
        if self._hello is not None and not self._waits:
            return [self._read(line) for line in self._lines.split(data)]
        events: list[SmtpdEvent] = []
        begin = 0
        while begin < len(data):
            if self._open is not None:
                self._torn = True
                self._lines.skip(data[begin:])
                break
            end = data.find(b"\n", begin) + 1 or len(data)
            for line in self._lines.split(data[begin:end]):  # one at most
                event = self._greet(line) if self._hello is None else self._read(line)
                if isinstance(event, Request | Refusal) and self._waits:
                    self._untold = event
                    self._open = event if isinstance(event, Request) else event.request
                elif event is not None:
                    events.append(event)
            begin = end
        if self._open is not None:
            events += self._tell(self._open)
        return events

    def plain(self, data: bytes) -> Request | None:
        """Take `data` if it is one lookup or check and nothing else; see SmtpdCodec."""
        found = self._plain(data)
        if found is None or len(data) > LINE_LIMIT or self._lines.pending or self._open is not None:
            return None
        word, name, id_, key = found.groups()
        service = SERVICE_NAMES.get(name)
        if service is None:
            return None
        request = Request(REQUESTS[word][0], service, key, id_, data)
        if self._waits:
            self._open = request
        return request

    def _tell(self, request: Request) -> list[SmtpdEvent]:
        """Return what is to be said of the open request now."""
        event: SmtpdEvent | None = self._untold
        if self._torn:
            if self._refused or self._lines.skipping:
                return []
            event = Refusal(request, NEWLINE_IN_KEY)
        elif event is None:
            return []
        self._untold = None
        self._refused = isinstance(event, Refusal)
        return [event]

    def _greet(self, line: bytes) -> Hello | Damage | None:
        """Take one line of the greeting."""
        if line == b"config|ready\n":
            table = self._config.get(b"tablename", "")
            self._at += table.count("|")
            self._plain = re.compile(_PLAIN % (self._at - 1)).fullmatch
            version = self._config.get(b"smtpd-version", "")
            self._waits = waits_for_answers(version)
            self._hello = Hello(table, version, bytes(self._greeting) + line)
            return self._hello
        if not line.startswith(b"config|") or line[-1:] != b"\n":
            return Damage(MALFORMED, "a line in the greeting that is no configuration")
        if len(self._greeting) + len(line) > GREETING_LIMIT:
            return Damage(OVERSIZED, f"a greeting of more than {GREETING_LIMIT} bytes")
        self._greeting += line
        name, _, value = line[7:-1].partition(b"|")
        if name in (b"smtpd-version", b"tablename"):
            self._config[name] = _decode(value)
        return None

    def _read(self, line: bytes) -> Request | Refusal | Damage:
        """Read one request line: ``table|0.1|TIME|TABLE|OPERATION|...``."""
        at = self._at
        whole = line[-1:] == b"\n"
        fields = (line[:-1] if whole else line).split(b"|", at + 3)
        count = len(fields) - at
        if count < 2 or fields[0] != b"table":
            return Damage(MALFORMED, "a line that is no request")
        operation, expected = REQUESTS.get(fields[at], (None, count))
        service = key = None
        if operation is Operation.UPDATE or (operation is None and count == 2):
            id_ = fields[at + 1]
        else:
            id_ = fields[at + 2] if count > 2 else b""
            service = SERVICE_NAMES.get(fields[at + 1]) or _decode(fields[at + 1])
            key = fields[at + 3] if count > 3 else None
        if not id_:
            return Damage(MALFORMED, "a request without an id")
        request = Request(operation or Operation.LOOKUP, service, key, id_, line)
        if not whole:
            return Refusal(request, f"request of more than {LINE_LIMIT} bytes")
        if operation is None:
            return Refusal(request, "unknown operation")
        if count != expected:
            return Refusal(request, "wrong number of fields")
        # smtpd's keys are C strings, and since 7.8.0p1 it answers one with a CR itself: `error`.
        if b"\r" in line or b"\0" in line:
            return Refusal(request, "control character in request")
        return request

    def welcome(self, services: tuple[str, ...]) -> bytes:
        """Return ``register`` lines for `services` and the end of the handshake.

        Without any, those of table_stdio: smtpd exits when a table registers nothing.
        """
        names = (*(services or STDIO_SERVICES), "ready")
        return "".join(f"register|{name}\n" for name in names).encode()

    def answer(self, request: Request, answer: Answer) -> bytes:
        """Return the line that answers `request`, the backend's own where there is one.

        The message of an error loses its control characters and whatever exceeds 256 bytes. A
        found value that no line can carry (empty, or with a newline or NUL) becomes an error.
        """
        if self._waits:
            if self._torn and answer.verdict is not Verdict.ERROR:
                answer = Answer(Verdict.ERROR, message=NEWLINE_IN_KEY.encode())
            self._open = self._untold = None
            self._torn = self._refused = False
        if answer.raw:
            return answer.raw
        # From the line, because the operation may be one that we do not know.
        word = request.raw.split(b"|", self._at + 1)[self._at]
        return b"%b-result|%b|%b\n" % (word, request.id, _outcome(request.operation, answer))


def _outcome(operation: Operation, answer: Answer) -> bytes:
    """Return the last fields of an answer line of our own."""
    if answer.verdict is Verdict.FOUND:
        if operation is Operation.UPDATE:
            return b"ok"
        if operation is Operation.CHECK:
            return b"found"
        if answer.value and not re.search(rb"[\n\0]", answer.value):
            return b"found|" + answer.value
    elif answer.verdict is Verdict.NOT_FOUND and operation is not Operation.UPDATE:
        return b"not-found"
    message = answer.message.translate(None, _CONTROL)[:MESSAGE_LIMIT]
    return b"error|" + (message or _NO_MESSAGE)


def _decode(word: bytes) -> str:
    return word.decode("utf-8", "backslashreplace")

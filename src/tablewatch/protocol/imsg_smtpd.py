"""The table's role in the imsg protocol: reads smtpd's requests, writes answers to it."""

from __future__ import annotations

from tablewatch.protocol.frames import HEADER_SIZE, MAX_SIZE, Frames, compose, type_of
from tablewatch.protocol.imsg_words import (
    API_VERSION,
    CHECK,
    CLOSE,
    HAVE_VALUES,
    KEY_AT,
    LOOKUP,
    OK,
    OPEN,
    OPENING,
    OPERATIONS,
    QUERY,
    RESULT,
    SERVICE_NAMES,
    VALUE_AT,
    VERDICTS,
)
from tablewatch.protocol.messages import (
    MALFORMED,
    Answer,
    Close,
    Damage,
    Hello,
    Operation,
    Refusal,
    Request,
    SmtpdEvent,
    Verdict,
)

_WITH_KEY = {CHECK: Operation.CHECK, LOOKUP: Operation.LOOKUP}
_NUMBERS = {verdict: RESULT.pack(number) for number, verdict in VERDICTS.items()}


class ImsgSmtpd:
    """The table's role towards smtpd.

    There are no request ids: answers must be given in the order of the requests. After a message
    of impossible length everything is ignored, see Frames.
    """

    def __init__(self) -> None:
        self._frames = Frames()

    def receive(self, data: bytes) -> list[SmtpdEvent]:
        """Take the bytes just read; return the messages they complete, in order."""
        if self._frames.problem:
            return []
        events = [_read(message) for message in self._frames.split(data)]
        if self._frames.problem:
            events.append(Damage(MALFORMED, self._frames.problem))
        return events

    def plain(self, data: bytes) -> Request | None:
        """Take `data` if it is one lookup or check and nothing else; see SmtpdCodec."""
        type_ = self._frames.only(data)
        operation = _WITH_KEY.get(type_) if type_ is not None else None
        end = data.find(b"\0", KEY_AT)
        if operation is None or end < 0 or end != len(data) - 1:
            return None
        bits, parameters = QUERY.unpack_from(data, HEADER_SIZE)
        service = SERVICE_NAMES.get(bits)
        if service is None or parameters:
            return None
        return Request(operation, service, data[KEY_AT:-1], b"", data)

    def welcome(self, services: tuple[str, ...]) -> bytes:
        """Return the empty OK that finishes the handshake; this protocol names no services."""
        return compose(OK)

    def answer(self, request: Request, answer: Answer) -> bytes:
        """Return the message that answers `request`, the backend's own where there is one.

        A found value that no message can carry (empty, with a NUL, or longer than 16363 bytes)
        becomes an error. The text of an error has no place in this protocol.
        """
        if answer.raw:
            return answer.raw
        if answer.verdict is Verdict.FOUND and request.operation in HAVE_VALUES:
            value = answer.value
            if not value or b"\0" in value or VALUE_AT + len(value) + 1 > MAX_SIZE:
                return compose(OK, _NUMBERS[Verdict.ERROR])
            return compose(OK, _NUMBERS[Verdict.FOUND] + value + b"\0")
        return compose(OK, _NUMBERS[answer.verdict])


def _read(message: bytes) -> SmtpdEvent:
    type_ = type_of(message)
    operation = OPERATIONS.get(type_)
    if operation is not None:
        return _read_request(operation, message)
    if type_ == OPEN:
        return _read_opening(message)
    if type_ == CLOSE:
        return Close()
    # smtpd has no other type, so it waits for no answer to one.
    return Damage(MALFORMED, f"a message of unknown type {type_}")


def _read_opening(message: bytes) -> Hello | Damage:
    if len(message) != HEADER_SIZE + OPENING.size:
        return Damage(MALFORMED, "a greeting of the wrong length")
    version, field = OPENING.unpack_from(message, HEADER_SIZE)
    name, end, _ = field.partition(b"\0")
    if version != API_VERSION or not end:
        return Damage(MALFORMED, f"a greeting of version {version}, or without a table's name")
    return Hello(name.decode("utf-8", "backslashreplace"), "", message)


def _read_request(operation: Operation, message: bytes) -> Request | Refusal:
    if operation is Operation.UPDATE:
        request = Request(operation, None, None, b"", message)
        return request if len(message) == HEADER_SIZE else Refusal(request, "stray bytes")
    if len(message) < KEY_AT:
        return Refusal(Request(operation, None, None, b"", message), "request too short")
    bits, parameters = QUERY.unpack_from(message, HEADER_SIZE)
    service = SERVICE_NAMES.get(bits) or f"{bits & 0xFFFFFFFF:#x}"
    if operation is Operation.FETCH:
        request = Request(operation, service, None, b"", message)
        fits = len(message) == KEY_AT
    else:
        key, end, rest = message[KEY_AT:].partition(b"\0")
        request = Request(operation, service, key, b"", message)
        fits = bool(end) and not rest
    if parameters:
        return Refusal(request, "parameters")
    return request if fits else Refusal(request, "key not terminated by a NUL, or stray bytes")

"""smtpd's role in the imsg protocol: nothing but the answer asked for gets through."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tablewatch.protocol.imsg import IMSG
from tablewatch.protocol.imsg_backend import ImsgBackend
from tablewatch.protocol.messages import (
    EMPTY_VALUE,
    HANDSHAKE,
    MALFORMED,
    UNSOLICITED,
    Answer,
    BackendEvent,
    Damage,
    Operation,
    Ready,
    Request,
    Verdict,
)

LOOKUP = IMSG.request("creds", Operation.LOOKUP, "credentials", b"alice")
CHECK = IMSG.request("creds", Operation.CHECK, "domain", b"example.org")
FETCH = IMSG.request("creds", Operation.FETCH, "source")
UPDATE = IMSG.request("creds", Operation.UPDATE)


def message(payload: bytes, type_: int = 0, flags: int = 0) -> bytes:
    return struct.pack("=IHHII", type_, 16 + len(payload), flags, 7, 4711) + payload


def result(number: int, rest: bytes = b"") -> bytes:
    return message(struct.pack("=i", number) + rest)


OK = message(b"")
GOOD = result(1, b"secret\0")


def ready() -> ImsgBackend:
    codec = ImsgBackend()
    assert codec.receive(OK) == [Ready(())]
    return codec


def asked(request: Request) -> ImsgBackend:
    codec = ready()
    assert codec.ask(request) == request.raw
    return codec


def feed(codec: ImsgBackend, chunks: Iterable[bytes]) -> list[BackendEvent]:
    return [event for chunk in chunks for event in codec.receive(chunk)]


def singly(data: bytes) -> list[bytes]:
    return [data[at : at + 1] for at in range(len(data))]


def cut(data: bytes, cuts: list[int]) -> list[bytes]:
    edges = [0, *sorted(min(at, len(data)) for at in cuts), len(data)]
    return [data[begin:end] for begin, end in pairwise(edges)]


def kinds(events: list[BackendEvent]) -> list[str]:
    return [event.kind if isinstance(event, Damage) else type(event).__name__ for event in events]


def test_the_backend_is_greeted_with_smtpds_own_words() -> None:
    hello = IMSG.hello("creds")
    assert ImsgBackend().greet(hello) == hello.raw


@pytest.mark.parametrize(
    "raw",
    [
        message(b"x"),
        message(b"", type_=1),
        result(1),
        b"table-mysql: starting\n",
        struct.pack("=IHHII", 0, 15, 0, 0, 0),
    ],
)
def test_anything_but_an_empty_ok_in_the_handshake_is_damage(raw: bytes) -> None:
    for chunks in ([raw], singly(raw)):
        codec = ImsgBackend()
        assert kinds(feed(codec, chunks)) == [HANDSHAKE]
        assert codec.receive(OK) == []


@pytest.mark.parametrize(
    ("request_", "raw", "verdict", "value"),
    [
        (LOOKUP, GOOD, Verdict.FOUND, b"secret"),
        (LOOKUP, result(1, b"a\nb|\xff\0"), Verdict.FOUND, b"a\nb|\xff"),
        (LOOKUP, result(1, b"v" * 16363 + b"\0"), Verdict.FOUND, b"v" * 16363),
        (LOOKUP, result(0), Verdict.NOT_FOUND, b""),
        (LOOKUP, result(-1), Verdict.ERROR, b""),
        (FETCH, result(1, b"::1\0"), Verdict.FOUND, b"::1"),
        (FETCH, result(0), Verdict.NOT_FOUND, b""),
        (CHECK, result(1), Verdict.FOUND, b""),
        (CHECK, result(0), Verdict.NOT_FOUND, b""),
        (CHECK, result(-1), Verdict.ERROR, b""),
        (UPDATE, result(1), Verdict.FOUND, b""),
        (UPDATE, result(0), Verdict.ERROR, b""),  # lka.c: anything but 1 failed
        (UPDATE, result(-1), Verdict.ERROR, b""),
        (LOOKUP, message(struct.pack("=i", 0), flags=1), Verdict.NOT_FOUND, b""),
    ],
)
def test_answers_are_read_and_kept_as_they_are(
    request_: Request, raw: bytes, verdict: Verdict, value: bytes
) -> None:
    for chunks in ([raw], singly(raw)):
        assert feed(asked(request_), chunks) == [Answer(verdict, value, b"", raw)]


@pytest.mark.parametrize(
    ("request_", "raw", "kind"),
    [
        (LOOKUP, result(1), EMPTY_VALUE),
        (LOOKUP, result(1, b"\0"), EMPTY_VALUE),
        (FETCH, result(1), EMPTY_VALUE),
        (LOOKUP, result(1, b"secret"), MALFORMED),
        (LOOKUP, result(1, b"sec\0ret\0"), MALFORMED),
        (LOOKUP, result(1, b"\0\0"), MALFORMED),
        (LOOKUP, result(0, b"x\0"), MALFORMED),
        (LOOKUP, result(-1, b"x"), MALFORMED),
        (LOOKUP, result(2, b"x\0"), MALFORMED),
        (LOOKUP, result(-2), MALFORMED),
        (LOOKUP, message(b"abc"), MALFORMED),
        (LOOKUP, OK, MALFORMED),
        (CHECK, result(1, b"value\0"), MALFORMED),
        (UPDATE, result(1, b"value\0"), MALFORMED),
        (UPDATE, result(3), MALFORMED),
        (LOOKUP, message(struct.pack("=i", 0), type_=1), MALFORMED),
        (LOOKUP, message(struct.pack("=i", 0), type_=6), MALFORMED),
        (LOOKUP, struct.pack("=IHHII", 0, 16385, 0, 0, 0), MALFORMED),
        (LOOKUP, struct.pack("=IHHII", 0, 0, 0, 0, 0), MALFORMED),
        (LOOKUP, b"warn: a line of text on the wrong descriptor", MALFORMED),
    ],
)
def test_whatever_is_no_answer_to_the_request_is_damage(
    request_: Request, raw: bytes, kind: str
) -> None:
    for chunks in ([raw], singly(raw)):
        codec = asked(request_)
        assert kinds(feed(codec, chunks)) == [kind]
        assert codec.receive(GOOD) == []  # not to be trusted again


def test_damage_never_shows_a_value() -> None:
    (event,) = asked(LOOKUP).receive(result(1, b"secret"))
    assert isinstance(event, Damage)
    assert "secret" not in event.detail


@pytest.mark.parametrize("tail", [b"x", GOOD, GOOD[:-1], b"junk" * 9, OK])
@given(cuts=st.lists(st.integers(0, 80)))
def test_bytes_behind_a_good_answer_spoil_what_follows_but_not_the_answer(
    tail: bytes, cuts: list[int]
) -> None:
    events = feed(asked(LOOKUP), cut(GOOD + tail, cuts))
    assert kinds(events) == ["Answer", UNSOLICITED]
    assert events[0] == Answer(Verdict.FOUND, b"secret", b"", GOOD)


@pytest.mark.parametrize("data", [b"\0", GOOD, OK, b"junk" * 9])
def test_nothing_may_come_unasked(data: bytes) -> None:
    assert kinds(ready().receive(data)) == [UNSOLICITED]
    assert kinds(feed(ready(), singly(data))) == [UNSOLICITED]
    assert kinds(ImsgBackend().receive(OK + data)) == ["Ready", UNSOLICITED]


def test_a_second_answer_never_becomes_the_answer_to_the_next_question() -> None:
    codec = asked(LOOKUP)
    assert kinds(codec.receive(GOOD)) == ["Answer"]
    assert kinds(codec.receive(GOOD)) == [UNSOLICITED]
    codec.ask(LOOKUP)
    assert codec.receive(GOOD) == []


def test_one_request_at_a_time() -> None:
    codec = asked(LOOKUP)
    with pytest.raises(RuntimeError):
        codec.ask(CHECK)
    assert kinds(codec.receive(GOOD)) == ["Answer"]
    assert codec.ask(CHECK) == CHECK.raw
    assert kinds(codec.receive(result(0))) == ["Answer"]

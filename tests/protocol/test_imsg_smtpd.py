"""The table's role in the imsg protocol: smtpd's bytes in, answers out."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tablewatch.protocol.imsg import IMSG
from tablewatch.protocol.imsg_smtpd import ImsgSmtpd
from tablewatch.protocol.messages import (
    MALFORMED,
    SERVICES,
    Answer,
    Close,
    Damage,
    Operation,
    Refusal,
    Request,
    SmtpdEvent,
    Verdict,
)

SIZE_T = struct.calcsize("@N")
ZERO = struct.pack("@N", 0)
CLOSE = struct.pack("=IHHII", 3, 16, 0, 0, 0)

HELLO = IMSG.hello("creds")
LOOKUP = IMSG.request("creds", Operation.LOOKUP, "credentials", b"alice")
CHECK = IMSG.request("creds", Operation.CHECK, "domain", b"example.org")
FETCH = IMSG.request("creds", Operation.FETCH, "source")
UPDATE = IMSG.request("creds", Operation.UPDATE)


def message(type_: int, payload: bytes = b"", pid: int = 4711) -> bytes:
    return struct.pack("=IHHII", type_, 16 + len(payload), 0, 0, pid) + payload


def query(bits: int, rest: bytes) -> bytes:
    return struct.pack("=I", bits) + rest


def feed(codec: ImsgSmtpd, chunks: Iterable[bytes]) -> list[SmtpdEvent]:
    return [event for chunk in chunks for event in codec.receive(chunk)]


def singly(data: bytes) -> list[bytes]:
    return [data[at : at + 1] for at in range(len(data))]


def test_the_handshake_is_answered_by_an_empty_ok() -> None:
    codec = ImsgSmtpd()
    assert codec.receive(HELLO.raw) == [HELLO]
    assert codec.welcome(("alias",)) == struct.pack("=IHHII", 0, 16, 0, 0, 0)


@given(st.lists(st.integers(0, 2500)))
def test_every_operation_is_read_however_it_is_split(cuts: list[int]) -> None:
    requests = [LOOKUP, CHECK, FETCH, UPDATE]
    data = HELLO.raw + b"".join(request.raw for request in requests) + CLOSE
    edges = [0, *sorted(min(at, len(data)) for at in cuts), len(data)]
    chunks = [data[begin:end] for begin, end in pairwise(edges)]
    assert feed(ImsgSmtpd(), chunks) == [HELLO, *requests, Close()]
    assert feed(ImsgSmtpd(), singly(data)) == [HELLO, *requests, Close()]


@pytest.mark.parametrize("bit", range(12))
def test_services_are_bits(bit: int) -> None:
    raw = message(5, query(1 << bit, ZERO + b"key\0"))
    expected = Request(Operation.CHECK, SERVICES[bit], b"key", b"", raw)
    assert ImsgSmtpd().receive(raw) == [expected]


@pytest.mark.parametrize(
    ("bits", "name"),
    [(0x1000, "0x1000"), (3, "0x3"), (0, "0x0"), (0xFFFFFFFF, "0xffffffff")],
)
def test_an_unknown_service_is_still_a_request(bits: int, name: str) -> None:
    raw = message(6, query(bits, ZERO + b"key\0"))
    assert ImsgSmtpd().receive(raw) == [Request(Operation.LOOKUP, name, b"key", b"", raw)]


@pytest.mark.parametrize("key", [b"", b"a|b", b"new\nline\r", b"\xff\xc5\x82", b"k" * 16000])
def test_a_key_is_any_string(key: bytes) -> None:
    raw = message(6, query(4, ZERO + key + b"\0"))
    assert ImsgSmtpd().receive(raw) == [Request(Operation.LOOKUP, "credentials", key, b"", raw)]


@pytest.mark.parametrize(
    ("raw", "operation"),
    [
        (message(6, query(4, ZERO + b"alice")), Operation.LOOKUP),
        (message(6, query(4, ZERO + b"al\0ice\0")), Operation.LOOKUP),
        (message(6, query(4, ZERO)), Operation.LOOKUP),
        (message(5, query(4, ZERO[:-1])), Operation.CHECK),
        (message(5, b""), Operation.CHECK),
        (message(5, query(4, struct.pack("@N", 1) + b"k\0v\0key\0")), Operation.CHECK),
        (message(7, query(0x20, ZERO + b"x")), Operation.FETCH),
        (message(7, query(0x20, struct.pack("@N", 1))), Operation.FETCH),
        (message(7, b"abc"), Operation.FETCH),
        (message(4, b"x"), Operation.UPDATE),
    ],
)
def test_a_request_that_can_not_be_asked_is_refused_and_answered(
    raw: bytes, operation: Operation
) -> None:
    codec = ImsgSmtpd()
    refusal, follower = codec.receive(raw + LOOKUP.raw)
    assert isinstance(refusal, Refusal)
    assert refusal.request.operation is operation
    assert refusal.request.raw == raw
    assert refusal.reason
    answer = codec.answer(refusal.request, Answer(Verdict.ERROR, message=b"refused"))
    assert answer[:4] + answer[16:] == struct.pack("=Ii", 0, -1)
    assert follower == LOOKUP


@pytest.mark.parametrize(
    "raw",
    [
        message(0),
        message(1),
        message(8),
        message(0xFFFFFFFF, b"payload"),
        message(2, struct.pack("=I2048s", 1, b"creds")),
        message(2, struct.pack("=I2048s", 2, b"c" * 2048)),
        message(2, struct.pack("=I", 2)),
        message(2, struct.pack("=I2048s", 2, b"creds") + b"x"),
    ],
)
def test_a_message_smtpd_never_sends_is_damage_and_skipped(raw: bytes) -> None:
    damage, follower = ImsgSmtpd().receive(raw + LOOKUP.raw)
    assert isinstance(damage, Damage)
    assert damage.kind == MALFORMED
    assert follower == LOOKUP


@pytest.mark.parametrize("length", [0, 15, 16385, 65535])
def test_an_impossible_length_is_one_damage_and_the_end(length: int) -> None:
    data = LOOKUP.raw + struct.pack("=IHHII", 6, length, 0, 0, 0) + LOOKUP.raw
    for chunks in ([data], singly(data)):
        codec = ImsgSmtpd()
        events = feed(codec, chunks)
        assert [type(event) for event in events] == [Request, Damage]
        assert codec.receive(LOOKUP.raw) == []


@pytest.mark.parametrize(
    ("request_", "answer", "payload"),
    [
        (LOOKUP, Answer(Verdict.FOUND, b"a\nb"), struct.pack("=i", 1) + b"a\nb\0"),
        (FETCH, Answer(Verdict.FOUND, b"::1"), struct.pack("=i", 1) + b"::1\0"),
        (CHECK, Answer(Verdict.FOUND, b"unused"), struct.pack("=i", 1)),
        (UPDATE, Answer(Verdict.FOUND), struct.pack("=i", 1)),
        (LOOKUP, Answer(Verdict.NOT_FOUND), struct.pack("=i", 0)),
        (CHECK, Answer(Verdict.NOT_FOUND), struct.pack("=i", 0)),
        (LOOKUP, Answer(Verdict.ERROR, message=b"no room"), struct.pack("=i", -1)),
        (UPDATE, Answer(Verdict.ERROR), struct.pack("=i", -1)),
        # never what smtpd would exit on
        (LOOKUP, Answer(Verdict.FOUND), struct.pack("=i", -1)),
        (LOOKUP, Answer(Verdict.FOUND, b"a\0b"), struct.pack("=i", -1)),
        (LOOKUP, Answer(Verdict.FOUND, b"v" * 16364), struct.pack("=i", -1)),
        (LOOKUP, Answer(Verdict.FOUND, b"v" * 16363), struct.pack("=i", 1) + b"v" * 16363 + b"\0"),
    ],
)
def test_answers_of_our_own_are_messages_smtpd_takes(
    request_: Request, answer: Answer, payload: bytes
) -> None:
    raw = ImsgSmtpd().answer(request_, answer)
    assert raw == struct.pack("=IHHII", 0, 16 + len(payload), 0, 0, 0) + payload
    assert len(raw) <= 16384


def test_a_backends_answer_is_forwarded_as_it_is() -> None:
    raw = message(0, struct.pack("=i", 0))
    assert ImsgSmtpd().answer(LOOKUP, Answer(Verdict.NOT_FOUND, raw=raw)) is raw

"""What smtpd says in the imsg protocol, composed by us and read back by our own codec."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tablewatch.protocol.imsg import IMSG
from tablewatch.protocol.messages import SERVICES, Operation, Request

keys = st.binary(max_size=60).filter(lambda key: 0 not in key)


@st.composite
def requests(draw: st.DrawFn) -> Request:
    operation = draw(st.sampled_from(Operation))
    service = None if operation is Operation.UPDATE else draw(st.sampled_from(SERVICES[:12]))
    key = draw(keys) if operation in (Operation.CHECK, Operation.LOOKUP) else None
    return IMSG.request("creds", operation, service, key)


def test_a_greeting_is_version_2_and_the_name_in_2048_bytes() -> None:
    raw = IMSG.hello("devs", "7.5.0").raw
    assert len(raw) == 16 + 4 + 2048
    assert raw[:20] == struct.pack("@IHHIII", 2, 2068, 0, 0, 0, 2)
    assert raw[20:].rstrip(b"\0") == b"devs"


def test_a_lookup_is_laid_out_as_smtpd_writes_it() -> None:
    # enum, size_t and string one after the other; "@" is what a C compiler would use
    key = b"a\xc5\x82|\nb"
    raw = IMSG.request("devs", Operation.LOOKUP, "mailaddrmap", key).raw
    count = struct.pack("@N", 0)
    body = struct.pack("@i", 0x100) + count + key + b"\0"
    assert raw == struct.pack("@IHHII", 6, 16 + len(body), 0, 0, 0) + body


@given(requests())
def test_what_is_composed_is_read_back(request_: Request) -> None:
    hello = IMSG.hello("creds")
    codec = IMSG.smtpd_codec()
    assert codec.receive(hello.raw) == [hello]
    assert codec.receive(request_.raw) == [request_]


@pytest.mark.parametrize(
    ("operation", "service", "key"),
    [
        (Operation.UPDATE, "alias", None),
        (Operation.FETCH, None, None),
        (Operation.FETCH, "source", b"key"),
        (Operation.LOOKUP, "alias", None),
        (Operation.CHECK, None, b"key"),
        (Operation.CHECK, "alias", b"nul\0"),
        (Operation.CHECK, "auth", b"user:password"),
        (Operation.CHECK, "alias", b"k" * 16384),
    ],
)
def test_what_no_message_can_say_is_not_composed(
    operation: Operation, service: str | None, key: bytes | None
) -> None:
    with pytest.raises(ValueError, match=r"request|service|NUL|imsg"):
        IMSG.request("t", operation, service, key)


def test_a_name_must_fit_with_its_nul() -> None:
    assert IMSG.smtpd_codec().receive(IMSG.hello("n" * 2047).raw) == [IMSG.hello("n" * 2047)]
    for name in ("n" * 2048, "nul\0"):
        with pytest.raises(ValueError, match="name"):
            IMSG.hello(name)

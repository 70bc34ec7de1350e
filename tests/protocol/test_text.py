"""What smtpd says in the text protocol, composed by us and read back by our own codec."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tablewatch.protocol.messages import SERVICES, Operation, Request
from tablewatch.protocol.text import TEXT

keys = st.binary(max_size=60).filter(lambda key: not set(key) & set(b"\r\n\0"))


@st.composite
def requests(draw: st.DrawFn, table: str = "creds") -> Request:
    operation = draw(st.sampled_from(Operation))
    service = None if operation is Operation.UPDATE else draw(st.sampled_from(SERVICES))
    key = draw(keys) if operation in (Operation.CHECK, Operation.LOOKUP) else None
    return TEXT.request(
        table, operation, service, key, number=draw(st.integers(0, 2**32 - 1)), stamp=1.5
    )


def test_a_greeting_is_four_lines() -> None:
    assert TEXT.hello("devs", "7.6.0").raw == (
        b"config|smtpd-version|7.6.0\nconfig|protocol|0.1\nconfig|tablename|devs\nconfig|ready\n"
    )


def test_requests_look_as_in_the_manual() -> None:
    # smtpd-tables(7), EXAMPLES
    stamp = 1713795103.314423
    make = TEXT.request
    assert make("devs", Operation.UPDATE, number=0x478FF0D2, stamp=1713795097.394049).raw == (
        b"table|0.1|1713795097.394049|devs|update|478ff0d2\n"
    )
    key = b"192.168.0.7"
    assert make("devs", Operation.CHECK, "netaddr", key, number=0xE5862859, stamp=stamp).raw == (
        b"table|0.1|1713795103.314423|devs|check|netaddr|e5862859|192.168.0.7\n"
    )
    assert make("devs", Operation.FETCH, "source", number=1, stamp=stamp).raw == (
        b"table|0.1|1713795103.314423|devs|fetch|source|00000001\n"
    )


@pytest.mark.parametrize("table", ["creds", "a|b", "lookup|alias", "ünï"])
@pytest.mark.parametrize("version", ["7.6.0", "7.9.0"])
@given(st.data())
def test_what_is_composed_is_read_back(table: str, version: str, data: st.DataObject) -> None:
    hello = TEXT.hello(table, version)
    codec = TEXT.smtpd_codec()
    assert codec.receive(hello.raw) == [hello]
    request = data.draw(requests(table))
    assert codec.receive(request.raw) == [request]


@pytest.mark.parametrize(
    ("operation", "service", "key"),
    [
        (Operation.UPDATE, "alias", None),
        (Operation.UPDATE, None, b"key"),
        (Operation.FETCH, None, None),
        (Operation.FETCH, "source", b"key"),
        (Operation.LOOKUP, "alias", None),
        (Operation.CHECK, None, b"key"),
        (Operation.CHECK, "alias", b"new\nline"),
        (Operation.CHECK, "alias", b"return\r"),
        (Operation.CHECK, "alias", b"nul\0"),
    ],
)
def test_what_no_line_can_say_is_not_composed(
    operation: Operation, service: str | None, key: bytes | None
) -> None:
    with pytest.raises(ValueError, match="request"):
        TEXT.request("t", operation, service, key)


def test_a_greeting_has_no_newline_in_a_name() -> None:
    with pytest.raises(ValueError, match="name"):
        TEXT.hello("two\nlines", "7.6.0")

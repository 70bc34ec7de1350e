"""Telling the protocols apart."""

from __future__ import annotations

import sys

import pytest

from tablewatch.protocol import Dialect
from tablewatch.protocol.detect import dialect_of
from tablewatch.protocol.imsg import IMSG
from tablewatch.protocol.text import TEXT


@pytest.mark.parametrize("dialect", [TEXT, IMSG])
def test_the_first_byte_of_a_greeting_tells_the_dialect(dialect: Dialect) -> None:
    raw = TEXT.hello("t", "7.6.0").raw if dialect is TEXT else IMSG.hello("t").raw
    assert dialect_of(raw) is dialect
    assert dialect_of(raw[:1]) is dialect


def test_anything_else_is_neither() -> None:
    known = {b"c", b"\x02" if sys.byteorder == "little" else b"\x00"}
    others = {bytes([byte]) for byte in range(256)} - known
    assert len(others) == 254
    assert {dialect_of(byte + b"onfig|") for byte in others} == {None}
    assert dialect_of(b"") is None


def test_only_the_text_protocol_tells_services() -> None:
    assert (TEXT.name, TEXT.has_services) == ("text", True)
    assert (IMSG.name, IMSG.has_services) == ("imsg", False)

"""imsg messages, however the stream is split."""

from __future__ import annotations

import struct
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tablewatch.protocol.frames import HEADER_SIZE, MAX_SIZE, Frames, compose, type_of


def header(type_: int, length: int) -> bytes:
    return struct.pack("=IHHII", type_, length, 0, 7, 4711)


def test_the_length_in_the_header_includes_the_header() -> None:
    assert compose(6, b"abc") == struct.pack("=IHHII", 6, 19, 0, 0, 0) + b"abc"
    assert type_of(compose(6, b"abc")) == 6


@given(
    st.lists(st.binary(max_size=40)),
    st.lists(st.integers(0, 600), max_size=20),
    st.binary(max_size=HEADER_SIZE - 1),
)
def test_the_messages_do_not_depend_on_how_the_stream_is_split(
    payloads: list[bytes], cuts: list[int], rest: bytes
) -> None:
    messages = [compose(number, payload) for number, payload in enumerate(payloads)]
    data = b"".join(messages) + rest
    frames = Frames()
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    got = [message for begin, end in pairwise(edges) for message in frames.split(data[begin:end])]
    assert got == messages
    assert frames.pending == bool(rest)
    by_byte = Frames()
    assert [m for at in range(len(data)) for m in by_byte.split(data[at : at + 1])] == messages


def test_a_message_has_at_most_16384_bytes() -> None:
    largest = compose(0, b"x" * (MAX_SIZE - HEADER_SIZE))
    assert len(largest) == 16384
    assert Frames().split(largest) == [largest]
    with pytest.raises(ValueError, match="16384"):
        compose(0, b"x" * (MAX_SIZE - HEADER_SIZE + 1))


@pytest.mark.parametrize("length", [0, 15, 16385, 65535])
def test_an_impossible_length_ends_the_stream(length: int) -> None:
    good = compose(0, b"good")
    frames = Frames()
    assert frames.split(good + header(0, length) + good) == [good]
    assert "length" in frames.problem
    assert frames.pending
    assert frames.split(good) == []


def test_another_type_than_the_only_one_is_found_in_the_header() -> None:
    frames = Frames(only_type=0)
    assert frames.split(header(1, 1000)[:-1]) == []
    assert frames.problem == ""
    assert frames.split(b"\0") == []
    assert "type" in frames.problem


def test_no_more_than_one_message_is_kept() -> None:
    frames = Frames()
    message = compose(0, b"x" * (MAX_SIZE - HEADER_SIZE))
    for _ in range(20):
        assert frames.split(message[:-1]) == []
        assert len(frames._buffer) == MAX_SIZE - 1
        assert frames.split(message[-1:]) == [message]
        assert len(frames._buffer) == 0
    frames.split(header(0, 3) + b"x" * 1000)
    assert len(frames._buffer) == 0


def test_an_unfinished_message_is_not_copied_at_every_byte() -> None:
    frames = Frames()
    frames.split(header(0, MAX_SIZE)[:10])
    assert frames._needed == HEADER_SIZE
    frames.split(header(0, MAX_SIZE)[10:])
    assert frames._needed == MAX_SIZE  # nothing is looked at before this many are there
    assert len(frames.split(b"x" * (MAX_SIZE - HEADER_SIZE))) == 1
    assert frames._needed == HEADER_SIZE

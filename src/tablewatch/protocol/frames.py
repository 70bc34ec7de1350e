"""Cuts a stream of bytes into imsg messages, in linear time however it is split."""

from __future__ import annotations

import struct

# type, length, flags, peerid, pid. Neither end looks at the last two; a flag would announce a
# file descriptor, which nobody sends.
_HEADER = struct.Struct("=IHHII")
_TYPE_AND_LENGTH = struct.Struct("=IH")
HEADER_SIZE = _HEADER.size
# imsg.h, MAX_IMSGSIZE: the length in the header includes the header and is at most this.
MAX_SIZE = 16384


def compose(type_: int, payload: bytes = b"") -> bytes:
    """Return one message. ValueError if it would be longer than 16384 bytes."""
    length = HEADER_SIZE + len(payload)
    if length > MAX_SIZE:
        raise ValueError(f"an imsg has at most {MAX_SIZE} bytes, not {length}")
    return _HEADER.pack(type_, length, 0, 0, 0) + payload


def type_of(message: bytes) -> int:
    """Return the type in a message's header."""
    return int(_TYPE_AND_LENGTH.unpack_from(message)[0])


class Frames:
    """Collects bytes until a message is whole.

    A stream with an impossible length can't be brought back into step: ``problem`` says so, and
    everything from there on is ignored. With `only_type`, a header of any other type does the
    same, so that text printed by mistake is found out at once instead of being waited for up to
    its "length". At most one message is kept between two reads.
    """

    __slots__ = ("_buffer", "_needed", "_only_type", "problem")

    def __init__(self, only_type: int | None = None) -> None:
        self._buffer = bytearray()
        self._needed = HEADER_SIZE  # bytes in the buffer before there is anything to decide
        self._only_type = only_type
        self.problem = ""

    @property
    def pending(self) -> bool:
        """Whether there are bytes that belong to no whole message."""
        return bool(self._buffer or self.problem)

    def only(self, data: bytes) -> int | None:
        """Return the type of the one whole message that `data` is; None if it is not that."""
        size = len(data)
        if not HEADER_SIZE <= size <= MAX_SIZE or self._buffer or self.problem:
            return None
        type_, length = _TYPE_AND_LENGTH.unpack_from(data)
        return int(type_) if length == size else None

    def split(self, data: bytes) -> list[bytes]:
        """Take the bytes just read; return the messages they complete."""
        if self.problem:
            return []
        if self._buffer:
            self._buffer += data
            if len(self._buffer) < self._needed:
                return []
            data = bytes(self._buffer)
            self._buffer.clear()
        self._needed = HEADER_SIZE
        messages: list[bytes] = []
        begin, end = 0, len(data)
        while end - begin >= HEADER_SIZE:
            type_, length = _TYPE_AND_LENGTH.unpack_from(data, begin)
            if not HEADER_SIZE <= length <= MAX_SIZE:
                self.problem = f"a message of impossible length ({length} bytes)"
                return messages
            if self._only_type is not None and type_ != self._only_type:
                self.problem = "a message of the wrong type"
                return messages
            if end - begin < length:
                self._needed = length
                break
            messages.append(data[begin : begin + length])
            begin += length
        if begin < end:
            self._buffer += data[begin:]
        return messages

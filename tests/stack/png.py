"""Pictures of pages made small: a palette of 256 colours holds all that an eye can tell apart.

The format: RFC 2083. What is read is what Chromium writes: 8 bits a channel, not interlaced.
"""

from __future__ import annotations

import struct
import zlib
from collections import Counter
from collections.abc import Iterator

SIGNATURE = b"\x89PNG\r\n\x1a\n"
COLOURS = 256
CHANNELS = {2: 3, 6: 4}  # of the colour types RGB and RGBA


def small(data: bytes) -> bytes:
    """The same picture with at most 256 colours, those used most; the others become the nearest."""
    chunks = dict(_chunks(data))
    width, height, depth, kind, *_ = struct.unpack(">IIBBBBB", chunks[b"IHDR"])
    if depth != 8 or kind not in CHANNELS:
        raise ValueError("not a picture as Chromium makes them")
    step = CHANNELS[kind]
    packed = b"".join(content for name, content in _chunks(data) if name == b"IDAT")
    rows = _rows(zlib.decompress(packed), width * step, height, step)
    pixels = [[row[at : at + 3] for at in range(0, len(row), step)] for row in rows]
    used = Counter(pixel for row in pixels for pixel in row)
    palette = [colour for colour, _ in used.most_common(COLOURS)]
    number = {colour: _nearest(colour, palette) for colour in used}
    number |= {colour: place for place, colour in enumerate(palette)}
    lines = b"".join(b"\0" + bytes(number[pixel] for pixel in row) for row in pixels)
    return SIGNATURE + b"".join(
        (
            _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)),
            _chunk(b"PLTE", b"".join(palette)),
            _chunk(b"IDAT", zlib.compress(lines, 9)),
            _chunk(b"IEND", b""),
        )
    )


def size(data: bytes) -> tuple[int, int]:
    """Width and height."""
    if not data.startswith(SIGNATURE):
        raise ValueError("not a PNG")
    width, height = struct.unpack_from(">II", data, 16)
    return int(width), int(height)


def _nearest(colour: bytes, palette: list[bytes]) -> int:
    def distance(place: int) -> int:
        return sum((one - other) ** 2 for one, other in zip(colour, palette[place], strict=True))

    return min(range(len(palette)), key=distance)


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = len(SIGNATURE)
    while at < len(data):
        length, name = struct.unpack_from(">I4s", data, at)
        yield name, data[at + 8 : at + 8 + length]
        at += 12 + length


def _chunk(name: bytes, content: bytes) -> bytes:
    check = zlib.crc32(name + content)
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", check)


def _rows(raw: bytes, width: int, height: int, step: int) -> Iterator[bytes]:
    """Undo the filters (RFC 2083, 6); `width` and `step` (of a pixel) in bytes."""
    above = bytearray(width)
    for number in range(height):
        begin = number * (width + 1)
        kind, row = raw[begin], bytearray(raw[begin + 1 : begin + 1 + width])
        for at in range(width):
            left = row[at - step] if at >= step else 0
            corner = above[at - step] if at >= step else 0
            row[at] = (row[at] + _predicted(kind, left, above[at], corner)) & 255
        yield bytes(row)
        above = row


def _predicted(kind: int, left: int, up: int, corner: int) -> int:
    if kind == 4:
        guess = left + up - corner
        return min((left, up, corner), key=lambda each: abs(guess - each))
    return (0, left, up, (left + up) // 2)[kind]

"""Pictures made small: nothing that an eye could tell may change."""

from __future__ import annotations

import random
import struct
import zlib

import pytest

from . import png

WIDTH, HEIGHT = 23, 40


def picture(rows: list[list[bytes]]) -> bytes:
    """A PNG whose rows are filtered in each of the five ways in turn (RFC 2083, 6)."""
    lines, above = [], bytes(3 * WIDTH)
    for number, row in enumerate(rows):
        data, kind = b"".join(row), number % 5
        line = bytearray([kind])
        for at, value in enumerate(data):
            left = data[at - 3] if at >= 3 else 0
            corner = above[at - 3] if at >= 3 else 0
            up = above[at]
            guess = left + up - corner
            paeth = min((left, up, corner), key=lambda each: abs(guess - each))
            line.append((value - (0, left, up, (left + up) // 2, paeth)[kind]) & 255)
        lines.append(bytes(line))
        above = data
    header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, 2, 0, 0, 0)
    packed = zlib.compress(b"".join(lines))
    half = len(packed) // 2
    parts = [(b"IHDR", header), (b"IDAT", packed[:half]), (b"IDAT", packed[half:]), (b"IEND", b"")]
    chunks = [
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in parts
    ]
    return png.SIGNATURE + b"".join(chunks)


def shown(data: bytes) -> list[list[bytes]]:
    """The colours of a picture that ``small`` made."""
    chunks, at = {}, len(png.SIGNATURE)
    while at < len(data):
        length, name = struct.unpack_from(">I4s", data, at)
        content = data[at + 8 : at + 8 + length]
        (check,) = struct.unpack_from(">I", data, at + 8 + length)
        assert check == zlib.crc32(name + content)
        chunks[name] = content
        at += 12 + length
    palette, lines = chunks[b"PLTE"], zlib.decompress(chunks[b"IDAT"])
    rows = [lines[1 + y * (WIDTH + 1) : (y + 1) * (WIDTH + 1)] for y in range(HEIGHT)]
    return [[palette[3 * each : 3 * each + 3] for each in row] for row in rows]


@pytest.fixture
def chance() -> random.Random:
    return random.Random(1)


def test_a_picture_of_few_colours_stays_as_it_is(chance: random.Random) -> None:
    colours = [chance.randbytes(3) for _ in range(256)]
    rows = [[chance.choice(colours) for _ in range(WIDTH)] for _ in range(HEIGHT)]
    small = png.small(picture(rows))
    assert shown(small) == rows
    assert png.size(small) == (WIDTH, HEIGHT)


def test_of_many_colours_the_rare_ones_become_the_nearest(chance: random.Random) -> None:
    grey = [bytes([each] * 3) for each in range(0, 256, 2)] * 4
    rare = [bytes([each, each, each + 1]) for each in range(0, 256, 2)]
    rare += [bytes([each, each + 1, each]) for each in range(0, 256, 2)]
    pixels = grey + rare
    pixels += [grey[0]] * (WIDTH * HEIGHT - len(pixels))
    chance.shuffle(pixels)
    rows = [pixels[y * WIDTH : (y + 1) * WIDTH] for y in range(HEIGHT)]
    for before, after in zip(rows, shown(png.small(picture(rows))), strict=True):
        for one, other in zip(before, after, strict=True):
            assert max(abs(a - b) for a, b in zip(one, other, strict=True)) <= 1


def test_what_is_no_picture_is_refused() -> None:
    with pytest.raises(ValueError, match="not a PNG"):
        png.size(b"GIF89a")

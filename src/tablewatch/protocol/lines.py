"""Cuts a stream of bytes into lines of bounded length, in linear time however it is split."""

from __future__ import annotations


class Lines:
    """Collects bytes until their newline.

    A line longer than `limit` bytes (its newline not counted) comes out cut to `limit` bytes and
    *without* a newline, once its newline has arrived; that is how it is told apart. At most
    `limit` + 1 bytes are kept between two reads.
    """

    __slots__ = ("_limit", "_start", "skipping")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._start = bytearray()
        # The rest of the current line is being thrown away.
        self.skipping = False

    @property
    def pending(self) -> bool:
        """Whether the last line has begun and its newline has not arrived."""
        return bool(self._start) or self.skipping

    @property
    def overlong(self) -> bool:
        """Whether the line that has begun is too long already."""
        return len(self._start) > self._limit

    def is_one(self, data: bytes) -> bool:
        """Whether `data` is exactly one whole line of bearable length, and none is unfinished."""
        end = data.find(b"\n") + 1
        return end == len(data) and 0 < end <= self._limit and not (self._start or self.skipping)

    def split(self, data: bytes) -> list[bytes]:
        """Take the bytes just read; return the lines they complete."""
        lines: list[bytes] = []
        begin, end = 0, data.find(b"\n") + 1
        while end:
            self._add(data[begin : end - 1])
            if self.skipping:
                self.skipping = False
            elif self.overlong:
                lines.append(bytes(self._start[: self._limit]))
            else:
                lines.append(bytes(self._start) + b"\n")
            self._start.clear()
            begin = end
            end = data.find(b"\n", begin) + 1
        self._add(data[begin:])
        return lines

    def skip(self, data: bytes) -> None:
        """Throw `data` away, and what is still to come of a line that it leaves unfinished."""
        if data:
            self._start.clear()
            self.skipping = not data.endswith(b"\n")

    def _add(self, piece: bytes) -> None:
        if not self.skipping:
            self._start += piece[: self._limit + 1 - len(self._start)]

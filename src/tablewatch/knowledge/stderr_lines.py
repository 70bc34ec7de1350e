"""A backend's stderr, cut into lines."""

from __future__ import annotations

# Backends read keys of at most LINE_MAX (2048) bytes; a line that is longer repeats one of them,
# and what it says is in its beginning.
LINE_LIMIT = 2048


class StderrLines:
    """Takes bytes as they come and gives back whole lines, without their newlines.

    Of a line longer than `limit` bytes only the beginning is kept, so never more than `limit`
    bytes wait here. ``cut_lines`` counts such lines, ``lost_bytes`` what they lost.
    """

    __slots__ = ("_cut", "_limit", "_partial", "cut_lines", "lost_bytes")

    def __init__(self, limit: int = LINE_LIMIT) -> None:
        self._limit = limit
        self._partial = b""
        self._cut = False
        self.cut_lines = 0
        self.lost_bytes = 0

    def feed(self, chunk: bytes) -> list[bytes]:
        """Take the bytes just read; return the lines they end, in order."""
        if len(self._partial) + len(chunk) <= self._limit:  # no line can be too long
            *lines, self._partial = (self._partial + chunk).split(b"\n")
            return lines
        *ended, rest = chunk.split(b"\n")
        lines = []
        for piece in ended:
            self._extend(piece)
            lines.append(self._partial)
            self._partial = b""
            self._cut = False
        self._extend(rest)
        return lines

    def flush(self) -> list[bytes]:
        """Return the line that was begun but not ended, if any: the backend is gone."""
        partial, self._partial = self._partial, b""
        self._cut = False
        return [partial] if partial else []

    def _extend(self, piece: bytes) -> None:
        room = self._limit - len(self._partial)
        if len(piece) > room:
            self.cut_lines += not self._cut
            self._cut = True
            self.lost_bytes += len(piece) - room
            piece = piece[:room]
        self._partial += piece

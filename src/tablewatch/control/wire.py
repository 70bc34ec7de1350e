"""Messages between supervisor, daemon and tools: one JSON object per line, of bounded length.

Every conversation begins with the version. A peer that speaks another one is told so and left
alone; within a version fields are only added (see :mod:`tablewatch.control.records`).

Supervisor and daemon, over link.sock::

    supervisor  {"type": "hello", "version": 1, "table": "creds", "pid": 4711, ...}
    daemon      {"type": "welcome", "version": 1}  or  {"type": "refused", "reason": "..."}
    daemon      {"type": "ask", "id": 7}
    supervisor  {"type": "status", "id": 7, "status": {...}}
    supervisor  {"type": "event", "priority": 4, "text": "..."}
    supervisor  {"type": "incident", "incident": {...}}, in place of what it said before of this one
    daemon      {"type": "do", "id": 8, "command": "release", "arguments": {...}}
    supervisor  {"type": "done", "id": 8, "ok": true, "text": "...", "data": {...}}

Tool and daemon, over control.sock, one question after the other::

    tool        {"version": 1, "command": "status", "table": "", "arguments": {}}
    daemon      {"ok": true, "text": "", "data": {...}}
"""

from __future__ import annotations

import json
import math
from typing import Any

from tablewatch.errors import ControlError

VERSION = 1

# The status of a table takes 8 KB, a page of the quarantine 100; a host with a hundred tables 1 MB.
MAX_LINE = 256 * 1024
MAX_REPLY = 16 * 1024 * 1024  # of the daemon to a tool
MAX_ORDER = 128 * 1024  # of the daemon to a supervisor: a key of 16 KB, each byte escaped

Message = dict[str, Any]


def _finite(text: str) -> float:
    """Return a number; json takes ones that no line of ours can hold."""
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return number


# Made once: json.dumps makes one for each message that is not written as it likes best.
_ENCODER = json.JSONEncoder(separators=(",", ":"), allow_nan=False)
_DECODER = json.JSONDecoder(parse_float=_finite, parse_constant=_finite)


def encode(message: Message) -> bytes:
    """Return the line for `message`. Raises ControlError for what JSON can't hold."""
    try:
        return _ENCODER.encode(message).encode() + b"\n"
    except (ValueError, RecursionError):
        raise ControlError("a message that can't be written as JSON") from None


def decode(line: bytes) -> Message:
    """Return the message in `line`. Raises ControlError."""
    try:
        message = _DECODER.decode(line.decode())
    except (ValueError, RecursionError):
        raise ControlError("a line that is no JSON") from None
    if not isinstance(message, dict):
        raise ControlError("a line that is no JSON object")
    return message


class LineReader:
    """Bytes as they come in to messages.

    A byte is looked through when it comes, and once more when a line ends; so a reply of 16 MB in
    thousands of pieces is no more work than its length.
    """

    def __init__(self, limit: int = MAX_LINE) -> None:
        """`limit`: the longest line in bytes; what is longer is an error, not kept."""
        self._limit = limit
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[Message]:
        """Return the messages that `data` completes.

        Raises ControlError for a line that is too long or no JSON object; the conversation is then
        to be ended, as nothing that follows can be trusted.
        """
        self._buffer += data
        lines: list[bytearray] = []
        if b"\n" in data:  # what was there before has none
            *lines, self._buffer = self._buffer.split(b"\n")
        if any(len(line) > self._limit for line in (*lines, self._buffer)):
            raise ControlError(f"a line of more than {self._limit} bytes")
        return [decode(bytes(line)) for line in lines]


def text_of(message: Message, key: str, limit: int = 256) -> str:
    """Return the text `key` of `message`, "" if it is missing. Raises ControlError."""
    value = message.get(key, "")
    if not isinstance(value, str) or len(value) > limit:
        raise ControlError(f"{key} is no text of up to {limit} characters")
    return value


def number_of(message: Message, key: str) -> int:
    """Return the whole number `key` of `message`, 0 if it is missing. Raises ControlError."""
    value = message.get(key, 0)
    if type(value) is not int or not 0 <= value < 1 << 63:
        raise ControlError(f"{key} is no whole number")
    return value

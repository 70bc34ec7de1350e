"""What smtpd makes of an answer (table_proc.c of 6.8.0p2, and of 7.6.0p1 to 7.8.0p1)."""

from __future__ import annotations

import struct

from tablewatch.protocol import Dialect
from tablewatch.protocol.messages import Operation, Request, Verdict
from tablewatch.protocol.text import TEXT


class NoAnswer(Exception):
    """smtpd would exit on this, or wait for more, or take what follows for another answer."""


def smtpd_reads(dialect: Dialect, request: Request, stream: bytes) -> Verdict:
    """Return what `stream` says to `request`. Raises NoAnswer."""
    reads = _text if dialect is TEXT else _imsg
    return reads(request, stream)


def _text(request: Request, stream: bytes) -> Verdict:
    line, newline, rest = stream.partition(b"\n")
    if not newline or rest or b"\0" in line:
        raise NoAnswer
    prefix = request.operation.encode() + b"-result|" + request.id + b"|"
    if not line.startswith(prefix):
        raise NoAnswer
    outcome = line[len(prefix) :]
    if outcome == b"error" or outcome.startswith(b"error|"):
        return Verdict.ERROR
    if request.operation is Operation.UPDATE:
        if outcome == b"ok":
            return Verdict.FOUND
    elif outcome == b"not-found":
        return Verdict.NOT_FOUND
    elif request.operation is Operation.CHECK:
        if outcome == b"found" or outcome.startswith(b"found|"):
            return Verdict.FOUND
    elif len(outcome) > len(b"found|") and outcome.startswith(b"found|"):
        return Verdict.FOUND
    raise NoAnswer


def _imsg(request: Request, stream: bytes) -> Verdict:
    if len(stream) < 20:
        raise NoAnswer
    type_, length, _, _, _, number = struct.unpack_from("=IHHIIi", stream)
    value = stream[20:]
    if type_ != 0 or length != len(stream) or length > 16384:
        raise NoAnswer
    if number == 1 and request.operation in (Operation.LOOKUP, Operation.FETCH):
        if len(value) < 2 or value.find(0) != len(value) - 1:
            raise NoAnswer
    elif value:
        raise NoAnswer
    if number not in (1, 0, -1):
        raise NoAnswer
    if request.operation is Operation.UPDATE and number != 1:
        return Verdict.ERROR
    return {1: Verdict.FOUND, 0: Verdict.NOT_FOUND, -1: Verdict.ERROR}[number]

"""The output of strace(1) and of OpenBSD's kdump(1), as the few events that matter.

What a process *sends* is never looked at: it holds passwords. Of what it receives only the messages
of errors are kept (:mod:`tablewatch.knowledge.tracing`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from tablewatch.knowledge.keys import CUT_MARK, printable


class Seen(NamedTuple):
    """One event. ``what`` is call, connect or received.

    ``text`` is the name of the call or where it connects to, ``data`` what was received; it ends
    with CUT_MARK where more was. ``time`` is seconds of any clock, None where the line has none.
    """

    what: str
    text: str = ""
    data: bytes = b""
    time: float | None = None


# The longest error message is shorter: so many bytes of what is received, and no more.
_MOST = "512"
# What strace is to be called with, before -p PID: its children, too, every string in hexadecimal,
# so that nothing in it can look like syntax.
STRACE = ("-f", "-qq", "-ttt", "-xx", "-s", _MOST)
# The same of ktrace(1) and kdump(1), see the manual pages of OpenBSD: calls, I/O, and structures,
# which hold the addresses; absolute times.
KTRACE = ("-di", "-t", "cit")
KDUMP = ("-T", "-x", "-m", _MOST)

_CUT = CUT_MARK.encode()
_HEX = r"((?:\\x[0-9a-f]{2})*)"
_STRACE_LINE = re.compile(
    r"(?:\[pid +\d+\] +)?(\d{1,12}\.\d{1,9}) (?:(\w+)\(|<\.\.\. (\w+) resumed>)(.*)"
)
_UNIX = re.compile(rf'sun_path=(@?)"{_HEX}"')
_INET = re.compile(
    r"sin6?_port=htons\((\d+)\)[^}]{0,100}?"
    rf'(?:inet_addr\("|inet_pton\(AF_INET6, "){_HEX}"'
)
_READS = ("read", "recvfrom", "recvmsg", "recv", "readv")
_QUOTED = re.compile(rf'"{_HEX}"(\.\.\.)?')

_KDUMP_LINE = re.compile(
    r" *\d+(?:/\d+)? +\S+ +(?:(\d{1,12}\.\d{1,9}) +)?(CALL|RET|GIO|STRU|NAMI|PSIG) +(.*)"
)
_KDUMP_CALL = re.compile(r"(?:\(via syscall\) )?(\w+)\(")
_KDUMP_READ = re.compile(r"fd \d+ read (\d+) bytes")
_KDUMP_ADDRESS = re.compile(r"struct sockaddr \{ AF_\w+, (.*) \}")
_KDUMP_DATA = re.compile(r"\t[0-9a-f]{2}(?: [0-9a-f]{2})* ?")


def from_strace(lines: Iterable[str]) -> Iterator[Seen]:
    """Read what ``strace`` with the options STRACE wrote; lines that can't be read are left out."""
    for line in lines:
        match = _STRACE_LINE.match(line)
        if match is None:
            continue
        time, rest = float(match[1]), match[4]
        if match[2]:
            yield Seen("call", match[2], time=time)
        if match[2] == "connect":
            where = _address(rest)
            if where:
                yield Seen("connect", where, time=time)
        elif (match[2] or match[3]) in _READS:
            data = b"".join(
                _bytes(text) + (_CUT if more else b"") for text, more in _QUOTED.findall(rest)
            )
            if data:
                yield Seen("received", data=data, time=time)


def from_kdump(lines: Iterable[str]) -> Iterator[Seen]:
    """Read what ``kdump`` with the options KDUMP wrote; lines that can't be read are left out."""
    connecting = False
    received, expected = bytearray(), 0  # of the record whose lines we are in
    time: float | None = None
    for line in lines:
        match = _KDUMP_LINE.match(line)
        if match is None:
            if expected and _KDUMP_DATA.fullmatch(line):
                received += bytes.fromhex(line)
            continue
        yield from _received(received, expected, time)
        received, expected = bytearray(), 0
        time = float(match[1]) if match[1] else time
        kind, rest = match[2], match[3]
        if kind == "CALL" and (call := _KDUMP_CALL.match(rest)):
            connecting = call[1] == "connect"
            yield Seen("call", call[1], time=time)
        elif kind == "STRU" and connecting and (address := _KDUMP_ADDRESS.match(rest)):
            yield Seen("connect", printable(address[1].strip('"').encode()), time=time)
        elif kind == "GIO" and (read := _KDUMP_READ.match(rest)):
            expected = int(read[1][:9])
    yield from _received(received, expected, time)


def _received(data: bytearray, expected: int, time: float | None) -> Iterator[Seen]:
    if data:
        more = _CUT if len(data) < expected else b""
        yield Seen("received", data=bytes(data) + more, time=time)


def _address(text: str) -> str:
    unix = _UNIX.search(text)
    if unix is not None:
        return unix[1] + _plain(unix[2])
    inet = _INET.search(text)
    if inet is None:
        return ""
    host = _plain(inet[2])
    return f"[{host}]:{inet[1]}" if ":" in host else f"{host}:{inet[1]}"


def _bytes(escaped: str) -> bytes:
    return bytes.fromhex(escaped.replace("\\x", ""))


def _plain(escaped: str) -> str:
    return printable(_bytes(escaped))

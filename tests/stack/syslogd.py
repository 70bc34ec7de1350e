"""A private syslogd: what the programs of one world log, as it arrived."""

from __future__ import annotations

import contextlib
import re
import socket
import threading
from pathlib import Path
from typing import NamedTuple

from .world import wait_until

LOG_MAIL = 2  # facility, syslog(3)
_MESSAGE = re.compile(rb"<(\d+)>\w{3} [ \d]\d [\d:]{8} ([^\[: ]+)(?:\[(\d+)\])?: (.*)", re.S)


class Line(NamedTuple):
    """One message. ``facility`` and ``severity`` are syslog(3)'s numbers."""

    facility: int
    severity: int
    program: str
    pid: int
    text: str


def parse(datagram: bytes) -> Line:
    """Take a datagram of syslog(3) apart; ValueError if it is none."""
    match = _MESSAGE.fullmatch(datagram.rstrip(b"\n\0"))
    if match is None:
        raise ValueError(f"no syslog message: {datagram!r}")
    code = int(match[1])
    program, text = (part.decode("utf-8", "backslashreplace") for part in (match[2], match[4]))
    return Line(code >> 3, code & 7, program, int(match[3] or 0), text)


class Syslogd:
    """A receiver of log messages, from ``listen`` to ``close``."""

    def __init__(self) -> None:
        self.datagrams: list[bytes] = []
        self._hearing = threading.Event()
        self._hearing.set()
        self._socket: socket.socket | None = None
        self._reader: threading.Thread | None = None

    def listen(self, path: Path) -> None:
        """Receive what everybody sends to ``path``, which must not exist."""
        receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        receiver.bind(str(path))
        path.chmod(0o666)
        self._socket = receiver
        self._reader = threading.Thread(target=self._receive, args=(receiver,), daemon=True)
        self._reader.start()

    def stall(self) -> None:
        """Receive no more, as a syslogd that hangs; whoever sends to it waits for ever."""
        self._hearing.clear()

    def close(self) -> None:
        """Stop; what was received can still be looked at."""
        if self._socket is not None:
            self._hearing.set()
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)
            if self._reader is not None:
                self._reader.join(timeout=10)
            self._socket.close()
            self._socket = None

    def lines(self) -> list[Line]:
        """Everything received so far; ValueError if something was no syslog message."""
        return [parse(datagram) for datagram in list(self.datagrams)]

    def having(self, *words: str) -> list[Line]:
        """The lines that hold all these words."""
        return [line for line in self.lines() if all(word in line.text for word in words)]

    def wait_for(self, *words: str, seconds: float = 20.0) -> Line:
        """The first line that holds all these words, now or soon; StackError if none comes."""
        wait_until(lambda: self.having(*words), f"a log line with {words}", seconds=seconds)
        return self.having(*words)[0]

    def _receive(self, receiver: socket.socket) -> None:
        while True:
            try:
                datagram = receiver.recv(65536)
            except OSError:
                return
            if not datagram:  # closed; nobody sends empty messages
                return
            self.datagrams.append(datagram)
            self._hearing.wait()

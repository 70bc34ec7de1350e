"""smtpd's end of a table: the process it starts, and the conversation with it."""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import time

from tablewatch.errors import BackendFailed
from tablewatch.protocol.messages import Answer, Damage, Operation, Ready
from tablewatch.protocol.text import TEXT

VERSION = "7.6.0"  # of the smtpd that is played here
HANDSHAKE_LIMIT = 30.0  # seconds; smtpd itself would wait for ever
_CHUNK = 65536
# What smtpd's children find ignored when they start.
_IGNORED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGPIPE)


class TableGone(Exception):
    """The table broke the rules or went away; smtpd would exit. The text says what it did."""


class Table:
    """A table that is being served by a program; :meth:`ask` and :meth:`receive` never wait."""

    def __init__(self, name: str, program: str, conf: str, environment: dict[str, str]) -> None:
        """Start `program` as smtpd does. Raises OSError."""
        self.name = name
        self._codec = TEXT.backend_codec()
        self._number = 0
        self._lines = b""
        self.connection, theirs = socket.socketpair()
        with theirs:
            self.process = subprocess.Popen(
                [name, conf],
                executable=program,
                stdin=theirs.fileno(),
                stdout=theirs.fileno(),
                stderr=subprocess.PIPE,
                env=environment,
                restore_signals=False,
                preexec_fn=_ignore_signals,  # noqa: PLW1509 - there are no threads here
            )
        assert self.process.stderr is not None
        self.stderr = self.process.stderr.fileno()
        os.set_blocking(self.stderr, False)
        self.connection.setblocking(False)
        self.connection.send(self._codec.greet(TEXT.hello(name, VERSION)))

    def wait_ready(self) -> None:
        """Wait for the end of the handshake. Raises BackendFailed."""
        limit = time.monotonic() + HANDSHAKE_LIMIT
        while True:
            rest = limit - time.monotonic()
            if rest <= 0 or not select.select([self.connection], [], [], rest)[0]:
                raise BackendFailed(f"table {self.name}: no answer in the handshake")
            try:
                events = self._events()
            except TableGone as gone:
                words = " ".join(self.read_stderr() or ["nothing"])
                raise BackendFailed(f"table {self.name}: {gone}; it said: {words}") from None
            if any(isinstance(event, Ready) for event in events):
                return

    def ask(self, service: str, key: str) -> None:
        """Send a lookup. Raises TableGone."""
        self._number += 1
        request = TEXT.request(
            self.name,
            Operation.LOOKUP,
            service,
            key.encode(),
            number=self._number,
            stamp=time.time(),
        )
        try:
            self.connection.send(self._codec.ask(request))
        except OSError as error:
            raise TableGone(f"its connection is lost ({error.strerror})") from None

    def receive(self) -> Answer | None:
        """Read what has come; return the answer if that completes it. Raises TableGone."""
        for event in self._events():
            if isinstance(event, Answer):
                return event
        return None

    def read_stderr(self) -> list[str] | None:
        """Return the lines it wrote since the last call; None once nobody can write any more."""
        try:
            data = os.read(self.stderr, 1 << 20)
        except BlockingIOError:
            return []
        if not data:
            return None
        *lines, self._lines = (self._lines + data).split(b"\n")
        return [line.decode("utf-8", "backslashreplace") for line in lines]

    def close(self) -> None:
        """Close the connection, as happens when smtpd exits; stderr stays open."""
        self.connection.close()

    def _events(self) -> list[Answer | Ready]:
        try:
            data = self.connection.recv(_CHUNK)
        except BlockingIOError:
            return []
        except OSError:
            data = b""
        if not data:
            raise TableGone("it closed its connection")
        events: list[Answer | Ready] = []
        for event in self._codec.receive(data):
            if isinstance(event, Damage):
                raise TableGone(f"it sent {event.detail}")
            events.append(event)
        return events


def _ignore_signals() -> None:
    for number in _IGNORED:
        signal.signal(number, signal.SIG_IGN)

"""The supervisor's connection to tablewatchd: it may be there or not, and never costs a lookup.

Nothing here blocks or raises. What can't be sent is dropped and counted, a daemon that hangs or
talks nonsense is left and tried again later.
"""

from __future__ import annotations

import contextlib
import os
import random
import select
import socket
from collections.abc import Callable

from tablewatch.config.loader import sockets_trouble
from tablewatch.control.wire import (
    MAX_ORDER,
    VERSION,
    LineReader,
    Message,
    encode,
    number_of,
    text_of,
)
from tablewatch.errors import ControlError
from tablewatch.knowledge.keys import printable

# Between attempts to connect, in seconds. The file may appear at any time, as smtpd starts before
# the daemon does (OpenBSD boots so); looking for it costs microseconds, and a table is missing on
# the status page for no longer than this.
MIN_WAIT = 0.5
MAX_WAIT = 10.0

# The daemon says "welcome" within milliseconds; one that hangs is not worth a descriptor.
WELCOME_WITHIN = 30.0

# Bytes waiting for a daemon that does not read: a few dozen reports.
MAX_OUTGOING = 512 * 1024

# Bytes read in one turn of the loop, and no further than to the end of a message: a daemon gone
# mad, whose questions never end, can't keep us from smtpd.
_READ = 4096

_MAX_EVENT = 2000  # characters; what is longer repeats a key or what a backend said


class Link:
    """A line to the daemon that is made again whenever it breaks."""

    def __init__(self, poll: select.poll, rng: random.Random) -> None:
        self.made = 0  # connections that were welcomed
        self.dropped = 0  # events nobody heard of
        self.trouble = ""  # why it is not trusted or was refused; for the log, once
        self._poll = poll
        self._rng = rng
        self._path = ""
        self._connection: socket.socket | None = None
        self._reader = LineReader(MAX_ORDER)
        self._outgoing = bytearray()
        self._welcomed = False
        self._wait = MIN_WAIT
        self._due: float | None = 0.0  # the next attempt, or the end of our patience
        self._told_dropped = 0

    def configure(self, path: str, now: float) -> None:
        """Use the socket `path` from now on."""
        if path != self._path:
            self._path = path
            self._lose(now)
            self._wait, self._due = MIN_WAIT, now

    def owns(self, descriptor: int) -> bool:
        """Return whether `descriptor` is ours."""
        return self._connection is not None and self._connection.fileno() == descriptor

    def next_due(self) -> float | None:
        """Return when tick() has something to do, in monotonic seconds."""
        return self._due

    def tick(self, now: float, hello: Callable[[], Message]) -> None:
        """Connect, or give up on a daemon that does not say a word; `hello` introduces us."""
        if self._due is None or now < self._due:
            return
        if self._connection is None:
            self._connect(now, hello)
        else:
            self._lose(now)

    def dispatch(self, events: int, now: float) -> list[Message]:
        """Take what poll(2) said of our descriptor; return what the daemon wants."""
        if events & select.POLLOUT:
            self._flush(now)
        if self._connection is None or not events & ~select.POLLOUT:
            return []
        try:
            waiting = self._connection.recv(_READ, socket.MSG_PEEK)
            data = self._connection.recv(waiting.find(b"\n") + 1 or _READ)
            if not data:
                self._lose(now)
                return []
            return [each for each in self._reader.feed(data) if self._wanted(each, now)]
        except BlockingIOError:
            return []
        except (OSError, ControlError):
            self._lose(now)
            return []

    def event(self, priority: int, text: str, now: float) -> None:
        """Tell the daemon of something; dropped if it does not listen."""
        if not self._welcomed:
            self.dropped += 1
            return
        missed, self._told_dropped = self.dropped - self._told_dropped, self.dropped
        if missed:
            told = f"{missed} earlier events were not told to the daemon"
            self.send({"type": "event", "priority": 5, "text": told}, now)
        self.send({"type": "event", "priority": priority, "text": text[:_MAX_EVENT]}, now)

    def send(self, message: Message, now: float) -> None:
        """Send `message` as soon as the daemon takes it."""
        if self._connection is None:
            return
        self._outgoing += encode(message)
        self._flush(now)

    @property
    def is_welcomed(self) -> bool:
        """Whether the daemon listens to us."""
        return self._welcomed

    @property
    def is_behind(self) -> bool:
        """Whether the daemon has not taken yet what was sent."""
        return bool(self._outgoing)

    def close(self) -> None:
        """Close the connection."""
        self._lose(0.0)

    # --- how it is done -----------------------------------------------------------------------

    def _wanted(self, message: Message, now: float) -> bool:
        kind = text_of(message, "type")
        if kind == "welcome":
            self.made += not self._welcomed
            self._welcomed = True
            self.trouble = ""
            self._wait, self._due = MIN_WAIT, None
            return False
        if kind == "refused":
            reason = text_of(message, "reason").encode("utf-8", "backslashreplace")
            self.trouble = "tablewatchd refused us: " + printable(reason)
            self._lose(now)
            return False
        number_of(message, "id")
        return self._welcomed

    def _connect(self, now: float, hello: Callable[[], Message]) -> None:
        self._wait = min(MAX_WAIT, self._wait * 2)
        self._due = now + self._wait * self._rng.uniform(0.5, 1.0)
        if not self._is_safe():
            return
        try:
            connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        except OSError:  # as many descriptors as there may be
            return
        connection.setblocking(False)
        try:
            connection.connect(self._path)
        except (OSError, ValueError):  # nobody there, too busy, or no path at all
            connection.close()
            return
        self._connection = connection
        self._reader = LineReader(MAX_ORDER)
        self._due = now + WELCOME_WITHIN
        self._poll.register(connection, select.POLLIN)
        self.send({"type": "hello", "version": VERSION, **hello()}, now)

    def _is_safe(self) -> bool:
        """Return whether only the daemon's user can have put a socket there."""
        folder = os.path.dirname(self._path)
        trouble = sockets_trouble(folder)
        if trouble:
            self.trouble = f"not connecting to tablewatchd: {folder} {trouble}"
        return not trouble

    def _flush(self, now: float) -> None:
        if self._connection is None:
            return
        try:
            while self._outgoing:
                del self._outgoing[: self._connection.send(self._outgoing)]
        except BlockingIOError:
            pass
        except OSError:
            self._lose(now)
            return
        if len(self._outgoing) > MAX_OUTGOING:
            self._lose(now)
            return
        waiting = select.POLLOUT if self._outgoing else 0
        self._poll.modify(self._connection, select.POLLIN | waiting)

    def _lose(self, now: float) -> None:
        connection, self._connection = self._connection, None
        if connection is None:
            return
        with contextlib.suppress(KeyError):
            self._poll.unregister(connection)
        connection.close()
        self._outgoing.clear()
        self._welcomed = False
        self._wait = min(MAX_WAIT, self._wait * 2)
        self._due = now + self._wait * self._rng.uniform(0.5, 1.0)

"""One connection to the daemon: bytes in, messages out, both bounded."""

from __future__ import annotations

import selectors
import socket
from collections.abc import Callable

from tablewatch.control.peers import Peer
from tablewatch.control.wire import MAX_LINE, LineReader, Message, encode
from tablewatch.errors import ControlError


class Stream:
    """A non-blocking socket in a selector. ``closed`` says that it is of no more use."""

    def __init__(
        self,
        connection: socket.socket,
        peer: Peer | None,
        selector: selectors.BaseSelector,
        *,
        max_outgoing: int,
        deadline: float | None,
    ) -> None:
        """`max_outgoing`, bytes: a peer that lets more wait is left.

        `deadline`, monotonic seconds: it is left then, None for never.
        """
        self.peer = peer
        self.deadline = deadline
        self.closed = False
        self.on_close: Callable[[Stream], None] = lambda stream: None
        self._connection = connection
        self._selector = selector
        self._reader = LineReader(MAX_LINE)
        self._outgoing = bytearray()
        self._max_outgoing = max_outgoing
        connection.setblocking(False)
        self._events = selectors.EVENT_READ
        selector.register(connection, self._events, self)

    def receive(self) -> list[Message]:
        """Return the messages that came in; closes at the end, and at nonsense."""
        try:
            data = self._connection.recv(65536)
        except BlockingIOError:
            return []
        except OSError:
            data = b""
        if not data:
            self.close()
            return []
        try:
            return self._reader.feed(data)
        except ControlError:
            self.close()
            return []

    def send(self, message: Message) -> None:
        """Send `message` now or as soon as the peer reads."""
        self.write(encode(message))

    def write(self, line: bytes) -> None:
        """Send a message that is encoded already."""
        if not self.closed:
            self._outgoing += line
            self.flush()

    def flush(self) -> None:
        """Send more of what is waiting."""
        if self.closed:
            return
        try:
            while self._outgoing:
                del self._outgoing[: self._connection.send(self._outgoing[:262144])]
        except BlockingIOError:
            pass
        except OSError:
            self.close()
            return
        if len(self._outgoing) > self._max_outgoing:
            self.close()
            return
        wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if self._outgoing else 0)
        if wanted != self._events:
            self._events = wanted
            self._selector.modify(self._connection, wanted, self)

    @property
    def is_drained(self) -> bool:
        """Whether everything was sent."""
        return not self._outgoing

    def close(self) -> None:
        """Close it. May be called twice."""
        if not self.closed:
            self.closed = True
            self._selector.unregister(self._connection)
            self._connection.close()
            self.on_close(self)

"""One client: its request in, the answer out, each within a time that it can't stretch.

Every wait is for what is left of the whole, so a byte every few seconds buys nothing. While the
next move is the client's it may be cut off to make room for another one (see Stage).
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
from dataclasses import dataclass
from enum import IntEnum

_CHUNK = 65536
# What a client may still send after its answer, before it is cut off (bytes, seconds).
_MOST_REST = 256 * 1024
_LINGER = 1.0


@dataclass(frozen=True, slots=True)
class Limits:
    """What clients may take. Times are seconds."""

    # Half of them is plenty for a Prometheus, a check and some browsers; each may cost a thread.
    connections: int = 32
    # From one address, unless it is this host: the others are for everybody else.
    per_address: int = 24
    # TLS handshake and request; both are over after a few round trips.
    request: float = 10.0
    # A megabyte over a bad line.
    answer: float = 15.0
    # Browsers add the cookies of every service on localhost.
    head: int = 32 * 1024


class Stage(IntEnum):
    """Where a conversation is; the higher, the less is lost when the client is cut off."""

    ANSWERING = 0  # the next move is ours
    WRITING = 1  # it has to take its answer
    READING = 2  # it has not asked yet
    DONE = 3  # it has its answer, and could close


class Connection:
    """A connected socket, plain or TLS. :meth:`cut` may be called by any thread."""

    def __init__(self, sock: socket.socket, peer: str, limits: Limits) -> None:
        self._socket = sock
        self._limits = limits
        self._lock = threading.Lock()
        self._until = time.monotonic() + limits.request
        self.peer = peer
        self.stage = Stage.READING

    @property
    def until(self) -> float:
        """When the present wait is over, in monotonic seconds."""
        return self._until

    @property
    def local_address(self) -> str:
        """The address of ours that the client came to."""
        name = self._socket.getsockname()
        return str(name[0])

    def secure(self, context: ssl.SSLContext) -> bool:
        """Begin TLS; False if the client speaks plain HTTP, as we do to it from then on.

        Raises OSError if the client does neither, or not in time.
        """
        with self._lock:
            self._socket = secured = context.wrap_socket(
                self._socket, server_side=True, do_handshake_on_connect=False
            )
        secured.settimeout(self._left())
        try:
            secured.do_handshake()
        except ssl.SSLError as error:
            if error.reason != "HTTP_REQUEST":
                raise
            with self._lock:
                self._socket = socket.socket(fileno=secured.detach())
            return False
        return True

    def read_head(self) -> bytes | None:
        """Return the request up to its empty line; b"" if the client left, None if it is too long.

        Raises TimeoutError, OSError.
        """
        data = bytearray()
        while True:
            self._socket.settimeout(self._left())
            received = self._socket.recv(4096)
            if not received:
                return b""
            seen = len(data)
            data += received
            if not seen:
                data = data.lstrip(b"\r\n")  # RFC 9112, 2.2
            ends = [data.find(each, max(0, seen - 4)) for each in (b"\r\n\r\n", b"\n\n")]
            end = min((each for each in ends if each >= 0), default=-1)
            # Without an end: all but the last three bytes, which may begin one, are head.
            if (end if end >= 0 else len(data) - 3) > self._limits.head:
                return None
            if end >= 0:
                return bytes(data[:end])

    def write(self, *parts: bytes) -> None:
        """Send `parts`. Raises TimeoutError, OSError."""
        self._until = time.monotonic() + self._limits.answer
        self.stage = Stage.WRITING
        view = memoryview(b"".join(parts))
        while view:
            self._socket.settimeout(self._left())
            view = view[self._socket.send(view[:_CHUNK]) :]

    def finish(self) -> None:
        """Say that there is no more, and wait a moment for the client to close.

        Closed at once, what it has sent meanwhile would make the kernel throw the answer away.
        """
        self.stage = Stage.DONE
        until = time.monotonic() + _LINGER
        left = _MOST_REST
        # Those of the plain socket: a client that has its answer needs no more TLS.
        with contextlib.suppress(OSError):
            socket.socket.shutdown(self._socket, socket.SHUT_WR)
            while left > 0 and (wait := until - time.monotonic()) > 0:
                self._socket.settimeout(wait)
                received = len(socket.socket.recv(self._socket, _CHUNK))
                if not received:
                    break
                left -= received

    def cut(self) -> None:
        """Make whoever waits for the client stop waiting."""
        with self._lock, contextlib.suppress(OSError):
            socket.socket.shutdown(self._socket, socket.SHUT_RDWR)

    def close(self) -> None:
        """Close the socket."""
        with self._lock, contextlib.suppress(OSError):
            self._socket.close()

    def _left(self) -> float:
        left = self._until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left

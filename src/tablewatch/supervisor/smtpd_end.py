"""The descriptors that lead to smtpd: 0, and for the text protocol 1 for what we say."""

from __future__ import annotations

import contextlib
import os
import select

CHUNK = 65536  # more than the longest message of either protocol; one read takes it whole


class SmtpdEnd:
    """Reads from and writes to smtpd, never blocking."""

    def __init__(self, poll: select.poll) -> None:
        self._poll = poll
        self._output = 0
        self._waiting = bytearray()

    def open(self) -> None:
        """Begin to listen."""
        os.set_blocking(0, False)
        os.set_blocking(1, False)
        self._poll.register(0, select.POLLIN)

    def read(self) -> bytes | None:
        """Return what smtpd sent, empty if it is gone, None if there is nothing."""
        try:
            return os.read(0, CHUNK)
        except BlockingIOError:
            return None
        except OSError:
            return b""

    def send(self, data: bytes, *, separate: bool) -> bool:
        """Send `data` now or as soon as smtpd reads; return whether it is still there.

        `separate`: over descriptor 1, as the text protocol has it.
        """
        self._output = 1 if separate else 0
        if self._waiting:
            self._waiting += data
            return True
        try:
            written = os.write(self._output, data)
        except BlockingIOError:
            written = 0
        except OSError:
            return False
        if written < len(data):
            self._waiting += data[written:]
            self._watch(writable=True)
        return True

    def flush(self) -> bool:
        """Send more of what is waiting; return whether smtpd is still there."""
        try:
            written = os.write(self._output, self._waiting) if self._waiting else 0
        except BlockingIOError:
            written = 0
        except OSError:
            self._waiting.clear()
            return False
        del self._waiting[:written]
        self._watch(writable=bool(self._waiting))
        return True

    def _watch(self, *, writable: bool) -> None:
        if self._output == 0:
            self._poll.register(0, select.POLLIN | (select.POLLOUT if writable else 0))
        elif writable:
            self._poll.register(1, select.POLLOUT)
        else:
            with contextlib.suppress(KeyError):
                self._poll.unregister(1)

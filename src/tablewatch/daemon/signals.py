"""Signals as something to wait for, instead of interruptions."""

from __future__ import annotations

import contextlib
import signal
import socket
import types


class Signals:
    """The signals a process expects. Only one object of this, in the main thread."""

    def __init__(self) -> None:
        self._come: set[signal.Signals] = set()
        # Python's own part writes to it whenever a signal comes, in whichever thread; what is
        # written does not matter, and nothing is lost when it is full.
        self._sleep, self._wake = socket.socketpair()
        self._wake.setblocking(False)
        signal.set_wakeup_fd(self._wake.fileno(), warn_on_full_buffer=False)

    def expect(self, *numbers: signal.Signals) -> None:
        """From now on these are waited for; until then they do what they do by default."""
        for number in numbers:
            signal.signal(number, self._note)

    def wait(self) -> set[signal.Signals]:
        """Wait for any of them, or for :meth:`wake`; return those that have come, each once."""
        if not self._come:
            self._sleep.recv(4096)
        come, self._come = self._come, set()
        return come

    def wake(self) -> None:
        """Have wait() return; from any thread."""
        with contextlib.suppress(BlockingIOError):  # there is enough to wake it already
            self._wake.send(b".")

    def _note(self, number: int, frame: types.FrameType | None) -> None:
        self._come.add(signal.Signals(number))

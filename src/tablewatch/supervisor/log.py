"""Writing log lines where neither a stuck syslogd nor a full pipe can hold up a lookup."""

from __future__ import annotations

import os
import queue
import select
import syslog
import threading

from tablewatch.config.settings import LogSettings
from tablewatch.core.actions import Log

# Lines waiting to be written; beyond that they are dropped and counted. A stuck syslogd must cost
# neither memory nor time.
MAX_WAITING = 1000

# A line waits this many milliseconds for whoever reads our stderr. After one that waited in vain
# the next don't wait until it is read again: syslog, written by the same thread, must not suffer.
_STDERR_PATIENCE = 100


class LogWriter:
    """Writes to syslog (facility mail, program ``tablewatch``) and to stderr, in a thread.

    syslog(3) blocks while the receiver's queue is full, so it must not be called where lookups are
    answered. The thread is started with the first line.
    """

    def __init__(self) -> None:
        self.dropped = 0
        self._stderr_stuck = False
        self._lines: queue.SimpleQueue[tuple[Log, LogSettings] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def write(self, line: Log, settings: LogSettings) -> None:
        """Have `line` written soon, where `settings` say; never blocks, never raises."""
        if self._lines.qsize() >= MAX_WAITING:
            self.dropped += 1
            return
        self._lines.put((line, settings))
        if self._thread is None:
            thread = threading.Thread(target=self._run, name="log", daemon=True)
            try:
                thread.start()
            except RuntimeError:  # as many threads as there may be; the next line tries again
                return
            self._thread = thread

    def close(self, timeout: float) -> None:
        """Give the lines still waiting up to `timeout` seconds."""
        self._lines.put(None)
        if self._thread is not None:
            self._thread.join(timeout)

    def _run(self) -> None:
        syslog.openlog("tablewatch", syslog.LOG_PID, syslog.LOG_MAIL)
        while (item := self._lines.get()) is not None:
            try:
                self._emit(*item)
            except (OSError, ValueError):  # nowhere left to say it
                self.dropped += 1

    def _emit(self, line: Log, settings: LogSettings) -> None:
        if settings.syslog:
            syslog.syslog(line.priority, line.text)
        if settings.stderr:
            self._to_stderr(f"tablewatch[{os.getpid()}]: {line.text}\n".encode())

    def _to_stderr(self, data: bytes) -> None:
        poll = select.poll()
        poll.register(2, select.POLLOUT)
        events = poll.poll(0 if self._stderr_stuck else _STDERR_PATIENCE)
        self._stderr_stuck = not (events and events[0][1] & select.POLLOUT)
        if self._stderr_stuck:
            self.dropped += 1
        else:
            os.write(2, data)

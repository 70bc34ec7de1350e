"""What tablewatchd says: plain lines on standard error, which whoever started it hands to syslog.

On OpenBSD that is rc.subr(8) with logger(1), on Linux the journal; both know the time and the
name, so a line has neither.
"""

from __future__ import annotations

import os
import select
import syslog
import threading
import traceback

# A line waits this many milliseconds for whoever reads our stderr; what can't be written by then
# is dropped and counted. A logger that hangs must not stop those who log.
PATIENCE = 100

# So much fits into a pipe that poll(2) says can be written (PIPE_BUF of OpenBSD; Linux has more).
_PIECE = 512

_LONGEST = 2000  # characters of a line; syslogd cuts at 8192 bytes

# In front of a line, because neither logger(1) nor a terminal shows priorities.
_WORDS = {
    syslog.LOG_EMERG: "error: ",
    syslog.LOG_ALERT: "error: ",
    syslog.LOG_CRIT: "error: ",
    syslog.LOG_ERR: "error: ",
    syslog.LOG_WARNING: "warning: ",
    syslog.LOG_DEBUG: "debug: ",
}


# How much is said: what an administrator wants to know, single connections as well, and where in
# the program an unforeseen exception came from as well.
NORMAL, VERBOSE, DEBUG = range(3)


class Log:
    """Call it with a priority of syslog(3) and a text; from any thread, it never raises."""

    def __init__(self, verbosity: int = NORMAL, *, descriptor: int = 2, stream: str = "") -> None:
        """`verbosity`: one of the above. `stream`: the environment's JOURNAL_STREAM."""
        self.dropped = 0
        self._most = syslog.LOG_INFO if verbosity == NORMAL else syslog.LOG_DEBUG
        self._with_traceback = verbosity >= DEBUG
        self._descriptor = descriptor
        self._journal = _is_journal(descriptor, stream)
        self._lock = threading.Lock()
        self._stuck = False
        self._told_dropped = 0

    def __call__(self, priority: int, text: str) -> None:
        """Write one line, if it is of interest and anybody reads it."""
        if priority > self._most:
            return
        with self._lock:
            missed = self.dropped - self._told_dropped
            if missed and self._write(syslog.LOG_WARNING, f"{missed} lines were not written"):
                self._told_dropped += missed
            if not self._write(priority, text):
                self.dropped += 1

    def failure(self, error: BaseException, where: str) -> None:
        """Write of an exception nobody foresaw, and where it came from if that is of interest."""
        what = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        self(syslog.LOG_ERR, f"internal error in {where}: {what}; please report it")
        if self._with_traceback:
            for line in "".join(traceback.format_exception(error)).splitlines():
                self(syslog.LOG_DEBUG, line)

    def _write(self, priority: int, text: str) -> bool:
        shown = "".join(each if each.isprintable() else " " for each in text[:_LONGEST])
        mark = f"<{priority}>" if self._journal else ""
        line = f"{mark}{_WORDS.get(priority, '')}{shown}\n".encode(errors="backslashreplace")
        for start in range(0, len(line), _PIECE):
            if not self._is_ready():
                return False
            try:
                os.write(self._descriptor, line[start : start + _PIECE])
            except OSError:
                return False
        return True

    def _is_ready(self) -> bool:
        poll = select.poll()
        poll.register(self._descriptor, select.POLLOUT)
        # After one that waited in vain nobody waits until there is a reader again.
        events = poll.poll(0 if self._stuck else PATIENCE)
        self._stuck = not (events and events[0][1] & select.POLLOUT)
        return not self._stuck


def _is_journal(descriptor: int, stream: str) -> bool:
    """Return whether systemd-journald(8) reads there, which takes sd-daemon(3)'s priorities."""
    try:
        status = os.fstat(descriptor)
    except OSError:
        return False
    return stream == f"{status.st_dev}:{status.st_ino}"

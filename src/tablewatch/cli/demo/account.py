"""What the demo tells while it happens: plain lines of at most 79 columns.

On a terminal they have colour (unless NO_COLOR is set), and one line is updated in place.
"""

from __future__ import annotations

import os
import re
import textwrap
from typing import TextIO

from tablewatch.cli.demo.measured import Run, Visit
from tablewatch.cli.demo.scenario import TEXTS, Reply

WIDTH = 79
_STYLES = {"": "", "bold": "\x1b[1m", "dim": "\x1b[2m", "good": "\x1b[32m", "bad": "\x1b[31m"}
_OFF = "\x1b[0m"
_ERASE = "\r\x1b[K"
# Lines of the backend's stderr that are shown before it is only counted.
_BACKEND_LINES = 6
# Between two lines about a runaway where none can be updated in place, in seconds.
_STORM_INTERVAL = 2.0
_SUPERVISOR_LINE = re.compile(r"tablewatch\[\d+\]: ")


class Account:
    """Writes to `stream`; on a terminal in colour, with a line that is updated in place."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._live = stream.isatty() and os.environ.get("TERM", "dumb") != "dumb"
        self._colour = self._live and not os.environ.get("NO_COLOR")
        self._open = False
        self._backend_lines = 0
        self._next_storm = 0.0
        self._last_storm = ""

    # --- words ----------------------------------------------------------------------------

    def line(self, text: str = "", style: str = "") -> None:
        """Write one line as it is."""
        if self._open:
            self._stream.write(_ERASE)
            self._open = False
        if self._colour and _STYLES[style]:
            text = f"{_STYLES[style]}{text}{_OFF}"
        self._stream.write(text + "\n")
        self._stream.flush()

    def title(self, text: str) -> None:
        """Begin a part."""
        self.line()
        self.line(text, "bold")
        self.line()

    def say(self, text: str, style: str = "") -> None:
        """Write a paragraph."""
        for part in textwrap.wrap(text, WIDTH):
            self.line(part, style)

    def note(self, text: str) -> None:
        """Write a remark on what has just happened."""
        for part in textwrap.wrap(text, WIDTH - 8):
            self.line(" " * 8 + part)

    # --- events ---------------------------------------------------------------------------

    def poisoned(self, visit: Visit, run: Run) -> None:
        """The poisoned login is about to be looked up."""
        self._backend_lines = 0
        self._next_storm = 0.0
        self._event(visit.arrived - run.began, visit.session.title, "is looked up", "bad")

    def waits(self, visit: Visit, run: Run) -> None:
        """A client has come while another one's lookup is not answered."""
        text = "waits"
        if visit.session.table != "creds":
            text += f" (for table {visit.session.table})"
        self._event(visit.arrived - run.began, visit.session.title, text, "bad")

    def answered(self, visit: Visit, run: Run) -> None:
        """A client was told something."""
        reply, took, answered = visit.reply, visit.took, visit.answered
        assert reply is not None
        assert took is not None
        assert answered is not None
        text = f"{int(reply)} {TEXTS[reply]}, after {milliseconds(took)}"
        later = reply in (Reply.LOGIN_LATER, Reply.MAIL_LATER)
        style = "good" if visit.right and not later else ""
        self._event(answered - run.began, visit.session.title, text, style)

    def stderr(self, line: str, run: Run) -> None:
        """The program behind a table has written a line to its stderr."""
        supervisor = _SUPERVISOR_LINE.match(line)
        if supervisor is not None:
            line = line[supervisor.end() :]
        elif run.poisoned is None:  # a healthy start needs no lines
            return
        else:
            self._backend_lines += 1
            if self._backend_lines > _BACKEND_LINES:
                return
        for part in textwrap.wrap(line, WIDTH - 10):
            self.line(" " * 8 + "| " + part, "dim")
        if self._backend_lines == _BACKEND_LINES:
            self.line(" " * 8 + "| ... (smtpd has it on /dev/null: nobody sees it)", "dim")

    def storm(self, at: float, retries: float, connections: float) -> None:
        """The database is being hammered, this often per second."""
        text = f"{at:5.1f} s {retries:,.0f} retries/s, {connections:,.0f} database connections/s"
        if self._live:
            self._stream.write(_ERASE + text[:WIDTH])
            self._stream.flush()
            self._open = True
            self._last_storm = text
        elif at >= self._next_storm:
            self._next_storm = at + _STORM_INTERVAL
            self.line(text)

    def settle(self) -> None:
        """Leave the line that is updated in place as it is now."""
        if self._open:
            self.line(self._last_storm)

    def _event(self, at: float, what: str, text: str, style: str) -> None:
        self.line(f"{at:5.1f} s {what:<31} {text}", style)


def milliseconds(seconds: float) -> str:
    """Return ``0.4 ms``, ``12 ms`` or ``2.3 s``."""
    if seconds >= 1:
        return f"{seconds:.1f} s"
    return f"{seconds * 1000:.1f} ms" if seconds < 0.01 else f"{seconds * 1000:.0f} ms"

"""What the core has to say, free of secrets and of floods."""

from __future__ import annotations

from collections.abc import Callable

from tablewatch.config.settings import LogSettings
from tablewatch.core.actions import Log, Priority
from tablewatch.knowledge.classify import Reading, Sign
from tablewatch.knowledge.masking import scrub
from tablewatch.policy.collapse import Collapser

_PRIORITY_OF_SIGN = {
    Sign.OTHER: Priority.INFO,
    Sign.CONNECTED: Priority.DEBUG,
    Sign.RECONNECT: Priority.INFO,
}
# The keys that a backend's line might quote, and what of `auth` it may in no case show.
Quotable = Callable[[], tuple[list[bytes], list[bytes]]]


class Journal:
    """Turns messages and backend lines into Log actions, one per signature and interval."""

    def __init__(self, settings: LogSettings, table: str, emit: Callable[[Log], None]) -> None:
        self._emit = emit
        self.witness: Callable[[float, str, str], None] = lambda *_: None  # of what is logged
        self.backend_lines = 0
        self.collapsed = 0  # lines of the backend that were not logged themselves
        self.configure(settings, table)

    def configure(self, settings: LogSettings, table: str) -> None:
        """Go by these settings from now on."""
        self._settings = settings
        self._table = table
        self._collapser = Collapser(settings.interval)

    def say(self, priority: Priority, signature: str, text: str, now: float) -> None:
        """Log a message of our own; those of one `signature` are collapsed."""
        line = self._collapser.admit(signature, text, now)
        if line is not None and priority <= Priority.NOTICE and not self._settings.show_keys:
            self.witness(now, "decision" if priority <= Priority.WARNING else "note", line)
        self._log(priority, line)

    def report(self, text: str) -> None:
        """Log what somebody asked for, however much else there is to log."""
        self._log(Priority.INFO, text)

    def repeats(self, group: str, now: float) -> bool:
        """Count a line of the backend's if it is like one logged before; return whether it is.

        A blank line is like any other.
        """
        if group:
            if not self._collapser.repeats("backend " + group, now):
                return False
            self.collapsed += 1
        self.backend_lines += 1
        return True

    def relay(self, reading: Reading, quotable: Quotable, now: float) -> None:
        """Log a line of the backend's. `quotable` tells what it might quote."""
        self.backend_lines += 1
        if not reading.text:
            return  # PostgreSQL's messages have blank lines

        def text() -> str:  # made for what is written only: a flood must stay cheap
            keys, secrets = quotable()
            show_keys = self._settings.show_keys
            return "backend: " + scrub(reading.text, keys, show_keys=show_keys, secrets=secrets)

        line = self._collapser.admit("backend " + reading.group, text, now)
        self.collapsed += line is None
        if line is not None and not self._settings.show_keys:
            self.witness(now, "signal", line.removeprefix("backend: "))
        self._log(_PRIORITY_OF_SIGN.get(reading.sign, Priority.WARNING), line)

    def tick(self, now: float) -> None:
        """Log the summaries that are due at `now`."""
        for text in self._collapser.due(now):
            self._log(Priority.NOTICE, text)

    def next_due(self) -> float | None:
        """Return when tick() has something to log, in monotonic seconds."""
        return self._collapser.next_due()

    def flush(self, now: float) -> None:
        """Log what was collapsed and not reported yet."""
        for text in self._collapser.flush(now):
            self._log(Priority.NOTICE, text)

    def _log(self, priority: Priority, text: str | None) -> None:
        if text is not None:
            line = f"table {self._table}: {text}" if self._table else text
            self._emit(Log(priority, line, private=self._settings.show_keys))

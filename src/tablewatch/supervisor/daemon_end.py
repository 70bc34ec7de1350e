"""All of a supervisor that has to do with tablewatchd."""

from __future__ import annotations

import os
import random
import select
from collections.abc import Callable

from tablewatch.config.daemon_settings import LINK_SOCKET
from tablewatch.core.actions import Log, Priority
from tablewatch.core.table import TableCore
from tablewatch.supervisor.children import Children
from tablewatch.supervisor.link import Link
from tablewatch.supervisor.log import LogWriter
from tablewatch.supervisor.reporter import Reporter
from tablewatch.supervisor.teller import Teller


class DaemonEnd:
    """The link, what is answered over it, and what is told unasked."""

    def __init__(
        self,
        core: TableCore,
        children: Children,
        log: LogWriter,
        poll: select.poll,
        *,
        backend: str,
        reload: Callable[[float], list[str]],
        started: float,
        linked: bool,
    ) -> None:
        """See Reporter; without `linked` the daemon hears nothing of this table."""
        self._core = core
        self._linked = linked
        self._link = Link(poll, random.Random())  # noqa: S311 - jitter only
        self._reporter = Reporter(
            core, children, log, self._link, backend=backend, reload=reload, started=started
        )
        self._teller = Teller(core, self._link, backend)
        self._told_trouble = ""

    def owns(self, descriptor: int) -> bool:
        """Return whether `descriptor` is ours."""
        return self._link.owns(descriptor)

    def next_due(self) -> float | None:
        """Return when tick() has something to do, in monotonic seconds."""
        if not self._has_table():
            return None
        times = (self._link.next_due(), self._teller.next_due())
        return min((time for time in times if time is not None), default=None)

    def tick(self, now: float) -> None:
        """Connect, give up, tell: whatever is due."""
        if not self._has_table():
            return
        directory = self._core.config.daemon.directory
        self._link.configure(os.path.join(directory, LINK_SOCKET), now)
        self._link.tick(now, self._reporter.hello)
        self._teller.tick(now)
        trouble = self._link.trouble
        if trouble != self._told_trouble:
            self._told_trouble = trouble
            if trouble:
                self._core.journal.say(Priority.WARNING, "link", trouble, now)

    def dispatch(self, events: int, now: float) -> None:
        """Take what poll(2) said of our descriptor, and do what the daemon wants."""
        for message in self._link.dispatch(events, now):
            answer = self._reporter.answer(message, now)
            if answer is not None:
                self._link.send(answer, now)

    def logged(self, line: Log, now: float) -> None:
        """Tell of a line of the log, if it matters."""
        # Whoever wants keys in the log has not said that everybody on the host may read them.
        if line.priority <= Priority.NOTICE and not line.private:
            self._link.event(line.priority, line.text, now)

    def close(self) -> None:
        """Close the connection."""
        self._link.close()

    def _has_table(self) -> bool:
        """Before smtpd's hello there is nothing to tell."""
        return self._linked and self._core.smtpd.hello is not None

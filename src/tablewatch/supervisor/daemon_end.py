"""All of a supervisor that has to do with tablewatchd."""

from __future__ import annotations

import os
import random
import select
from collections.abc import Callable
from typing import TYPE_CHECKING

from tablewatch.config.daemon_settings import LINK_SOCKET
from tablewatch.core.actions import Log, Priority
from tablewatch.core.table import TableCore
from tablewatch.supervisor.children import Children
from tablewatch.supervisor.link import Link
from tablewatch.supervisor.log import LogWriter

if TYPE_CHECKING:
    from tablewatch.supervisor.reporter import Reporter
    from tablewatch.supervisor.teller import Teller

# Seconds after our start in which we don't look for the daemon: smtpd comes first, and asks at
# once; who reads the status page can't tell.
QUIET = 0.5


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
        self._begin = started + QUIET

        def hire() -> tuple[Reporter, Teller]:
            # Imported only now, when smtpd has its handshake; not as late as when the daemon is
            # first there, for the files may be another release's by then.
            from tablewatch.supervisor.reporter import Reporter  # noqa: PLC0415
            from tablewatch.supervisor.teller import Teller  # noqa: PLC0415

            reporter = Reporter(
                core, children, log, self._link, backend=backend, reload=reload, started=started
            )
            return reporter, Teller(core, self._link, backend)

        self._hire = hire
        self._reporter: Reporter | None = None
        self._teller: Teller | None = None
        self._told_trouble = ""
        self._due: float | None = None  # what next_due() found
        self._still = False  # nothing has happened since then
        self._changes = 0  # of the incidents, then

    def owns(self, descriptor: int) -> bool:
        """Return whether `descriptor` is ours."""
        return self._link.owns(descriptor)

    def next_due(self) -> float | None:
        """Return when tick() has something to do, in monotonic seconds."""
        changes = self._core.incidents.changes
        if not self._still or changes != self._changes:
            self._due, self._changes = self._find_due(), changes
            self._still = self._has_table()
        return self._due

    def _find_due(self) -> float | None:
        if not self._has_table():
            return None
        due = self._link.next_due()
        if due is not None:
            due = max(due, self._begin)
        news = self._teller.next_due() if self._teller is not None else None
        return min((time for time in (due, news) if time is not None), default=None)

    def tick(self, now: float) -> None:
        """Connect, give up, tell: whatever is due."""
        if not self._has_table() or now < self._begin:
            return
        self._still = False
        if self._reporter is None:
            self._reporter, self._teller = self._hire()
        directory = self._core.config.daemon.directory
        self._link.configure(os.path.join(directory, LINK_SOCKET), now)
        self._link.tick(now, self._reporter.hello)
        if self._teller is not None:
            self._teller.tick(now)
        trouble = self._link.trouble
        if trouble != self._told_trouble:
            self._told_trouble = trouble
            if trouble:
                self._core.journal.say(Priority.WARNING, "link", trouble, now)

    def dispatch(self, events: int, now: float) -> None:
        """Take what poll(2) said of our descriptor, and do what the daemon wants."""
        self._still = False
        for message in self._link.dispatch(events, now):
            assert self._reporter is not None  # who asks was said hello to
            answer = self._reporter.answer(message, now)
            if answer is not None:
                self._link.send(answer, now)

    def logged(self, line: Log, now: float) -> None:
        """Tell of a line of the log, if it matters."""
        self._still = False
        # Whoever wants keys in the log has not said that everybody on the host may read them.
        if line.priority <= Priority.NOTICE and not line.private:
            self._link.event(line.priority, line.text, now)

    def close(self) -> None:
        """Close the connection."""
        self._link.close()

    def _has_table(self) -> bool:
        """Before smtpd's hello there is nothing to tell."""
        return self._linked and self._core.smtpd.hello is not None

"""Telling tablewatchd of incidents: at once when one opens or closes, otherwise now and then.

One after the other, as the daemon takes them: all at once they would be more than the link keeps.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

from tablewatch import __version__
from tablewatch.control.casebook import incident_report
from tablewatch.control.records import to_plain
from tablewatch.core.incidents import Incident
from tablewatch.core.table import TableCore
from tablewatch.supervisor.link import Link

# An incident that goes on changes with every lookup; once in so many seconds is soon enough for
# whoever reads it.
EVERY = 2.0


class Teller:
    """What the daemon has been told, over this very connection."""

    def __init__(self, core: TableCore, link: Link, backend: str) -> None:
        """`backend`: mysql for table-mysql."""
        self._core = core
        self._link = link
        self._backend = backend
        self._token = os.urandom(4).hex()  # of this supervisor: its incidents are numbered from 1
        self._connection = 0
        self._changes = 0
        self._told: dict[int, tuple[int, bool, float]] = {}  # version, whether open, when

    def next_due(self) -> float | None:
        """Return when tick() has something to tell, in monotonic seconds; None: nothing."""
        if not self._link.is_welcomed or self._link.is_behind:
            return None
        if self._connection != self._link.made:
            return 0.0
        if self._changes == self._core.incidents.changes:
            return None
        return min(self._due(), default=None)

    def tick(self, now: float) -> None:
        """Tell what is due; a daemon that has just come is told everything that is still known."""
        if not self._link.is_welcomed:
            return
        if self._connection != self._link.made:
            self._connection = self._link.made
            self._told.clear()
        for incident in self._known():
            due = self._due_of(incident)
            if due is not None and now >= due and not self._link.is_behind:
                self._tell(incident, now)
        if not list(self._due()):
            self._changes = self._core.incidents.changes
            known = {each.id for each in self._known()}
            self._told = {id_: told for id_, told in self._told.items() if id_ in known}

    def _known(self) -> list[Incident]:
        return [*self._core.incidents.closed, *self._core.incidents.open]

    def _due(self) -> Iterator[float]:
        for incident in self._known():
            due = self._due_of(incident)
            if due is not None:
                yield due

    def _due_of(self, incident: Incident) -> float | None:
        version, was_open, at = self._told.get(incident.id, (-1, False, 0.0))
        if version == incident.version:
            return None
        is_open = incident.closed is None
        return at + EVERY if is_open and was_open else 0.0

    def _tell(self, incident: Incident, now: float) -> None:
        report = incident_report(
            self._core,
            incident,
            now,
            id_=f"{self._token}-{incident.id}",
            backend=self._backend,
            release=__version__,
        )
        self._told[incident.id] = (incident.version, incident.closed is None, now)
        self._link.send({"type": "incident", "incident": to_plain(report)}, now)

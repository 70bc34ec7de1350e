"""What went wrong with a table, from its first sign until the table was well again.

One incident per cause, not one per retry: errors of the database are told apart by their kind, an
outage is one however many errors it shows, and what a backend did without a word is named by that.
"""

from __future__ import annotations

from collections import Counter, deque
from typing import NamedTuple

from tablewatch.config.durations import format_duration
from tablewatch.core import wording
from tablewatch.core.actions import Priority, Usage
from tablewatch.core.casefile import CaseFile, Recent, Spent, Step
from tablewatch.core.counters import CLASSES, Counters
from tablewatch.core.evidence import Evidence
from tablewatch.core.journal import Journal
from tablewatch.knowledge.records import ErrorClass
from tablewatch.knowledge.repair import Repair
from tablewatch.knowledge.repairs.silent import SILENT, UNEXPLAINED
from tablewatch.record import Record, field

# Kept in memory: more causes at a time than anybody has seen, and the last few that are over.
MAX_OPEN = 16
MAX_CLOSED = 8
# What was done is told in its last few different steps.
MAX_STEPS = 5

_OUTAGE = "database-connection"
_SETTINGS = "backend-settings"  # over when a good file is read, and not before
_SILENT = {
    "deadline": "the backend did not answer in time, and said nothing",
    "spin": "the backend took a whole processor without answering",
    "throttled": "the backend did not recover while it was slowed down",
    "damage": "the backend broke the protocol",
    "exit": "the backend went away",
    "start": "the backend did not start",
    "retries": "the backend kept reconnecting to its database",
    "stuck": "the backend answered nothing but errors",
    "memory": "the backend grew beyond its limit of memory",
    "descriptors": "the backend grew beyond its limit of open descriptors",
    "internal": "an error in tablewatch itself",
    "settings": "tablewatch.yml is broken: what was in force before stays so",
    "error": "the database complained",
}


class Incident(Record, frozen=False):
    """One cause. Times are monotonic seconds; ``closed`` is None while it is open."""

    id: int
    signature: str
    error_class: str
    cause: str
    repair: Repair
    case: CaseFile
    opened: float
    last: float
    closed: float | None = None
    count: int = 0
    version: int = 0  # counts its changes
    done: deque[str] = field(default_factory=lambda: deque(maxlen=MAX_STEPS))

    @property
    def todo(self) -> str:
        """What the administrator can do, in a sentence."""
        return self.repair.summary


class Incidents:
    """The open incidents of one table, and the last closed ones."""

    def __init__(self, quiet: float, journal: Journal, counters: Counters) -> None:
        """`quiet`: seconds, above 0, without a sign after which an incident is over."""
        self.changes = 0  # of any incident; whoever tells of them looks at this
        self.quiet = quiet
        self.table = ""  # named in the commands that help; empty where it is not known yet
        self.opened = Counter(dict.fromkeys(CLASSES, 0))
        self.closed: deque[Incident] = deque(maxlen=MAX_CLOSED)
        self._journal = journal
        self._counters = counters
        self._recent = Recent()
        self._open: dict[str, Incident] = {}
        self._current: Incident | None = None

    @property
    def open(self) -> list[Incident]:
        """Those not over yet, the one seen last at the end."""
        return sorted(self._open.values(), key=lambda each: each.last)

    def note(
        self,
        evidence: Evidence | None,
        why: str,
        now: float,
        *,
        tempfails: int = 0,
        restarts: int = 0,
    ) -> None:
        """Take a sign of trouble; the first of its cause opens an incident.

        `evidence`: what the backend wrote, None where that is no matter; `why`: what it did.
        `tempfails` and `restarts` are what it has cost already, beside what is in the evidence.
        """
        subject = _subject(evidence, why)
        incident = self._open.get(subject.signature)
        if incident is None:
            sign = Spent(0, 0, tempfails, restarts, 0.0)
            if evidence is not None:
                sign = sign._replace(
                    retries=evidence.retries,
                    reconnects=evidence.reconnects,
                    throttled=evidence.throttled,
                )
            case = CaseFile(Spent.of(self._counters).since(sign))
            incident = self._begin(subject, case, now)
        if incident.cause != subject.cause:
            incident.cause = subject.cause
            incident.repair = subject.repair.for_table(self.table)
        incident.last = now
        incident.count += 1
        self._current = incident
        self._changed(incident)

    def expects(self, evidence: Evidence | None, why: str) -> int:
        """Return the id of the incident that such a sign would open; 0 if it is open already."""
        return 0 if _subject(evidence, why).signature in self._open else self.opened.total() + 1

    def witness(self, now: float, kind: str, text: str) -> None:
        """Take a step of the timeline; `kind` is signal, decision or note, `text` masked."""
        step = Step.of(now, kind, text)
        self._recent.add(step)
        for incident in self._open.values():
            incident.case.add(step)
            self._changed(incident)

    def involve(self, service: str, shown: str, traits: str) -> None:
        """Note a masked key as involved in the sign noted last."""
        if self._current is not None:
            self._current.case.add_key(service, shown, traits)

    def sample(self, now: float, usage: Usage) -> None:
        """Note what the active backend uses."""
        for incident in self._open.values():
            incident.case.samples.append((now, usage))

    def traced(self, id_: int, lines: list[str]) -> None:
        """Note what a backend was seen to do."""
        for incident in (*self._open.values(), *self.closed):
            if incident.id == id_:
                incident.case.trace = lines
                self._changed(incident)

    def _changed(self, incident: Incident) -> None:
        if incident.closed is None:
            incident.case.spent(self._counters)
        incident.version += 1
        self.changes += 1

    def did(self, text: str) -> None:
        """Note what was done about the sign noted last; no secrets in `text`."""
        if self._current is not None and text not in self._current.done:
            self._current.done.append(text)
            self._changed(self._current)

    def end(self, why: str, now: float) -> None:
        """The trouble noted without evidence as `why` is over."""
        incident = self._open.get(f"backend-{why}")
        if incident is not None:
            self._close(incident, now)

    def tick(self, now: float) -> None:
        """Close what is over at `now`, when the table answers."""
        for incident in self._passing():
            if now >= incident.last + self.quiet:
                self._close(incident, now)

    def next_due(self) -> float | None:
        """Return when tick() has something to close."""
        if not self._open:  # the usual case costs nothing
            return None
        return min((each.last + self.quiet for each in self._passing()), default=None)

    def _passing(self) -> list[Incident]:
        """Those that are over without anybody's help, the one seen last at the end."""
        return [each for each in self.open if each.signature != _SETTINGS]

    def _begin(self, subject: _Subject, case: CaseFile, now: float) -> Incident:
        if len(self._open) >= MAX_OPEN:
            self._close(self._passing()[0], now)
        self.opened[subject.error_class] += 1
        for step in self._recent.before(now):
            case.add(step)
        repair = subject.repair.for_table(self.table)
        incident = Incident(
            id=self.opened.total(),
            signature=subject.signature,
            error_class=subject.error_class,
            cause=subject.cause,
            repair=repair,
            case=case,
            opened=now,
            last=now,
        )
        self._open[subject.signature] = incident
        text = f"incident: {subject.cause}; to do: {repair.summary}"
        self._journal.say(Priority.NOTICE, f"incident {subject.signature}", text, now)
        return incident

    def _close(self, incident: Incident, now: float) -> None:
        lasted = format_duration(float(round(now - incident.opened)))
        text = (
            f"incident over after {lasted}, seen {wording.times(incident.count)}: {incident.cause}"
        )
        self._journal.say(Priority.NOTICE, f"over {incident.signature}", text, now)
        self._changed(incident)
        incident.closed = now
        self.closed.append(incident)
        del self._open[incident.signature]
        if self._current is incident:
            self._current = None


class _Subject(NamedTuple):
    """What an incident is about."""

    signature: str
    error_class: str
    cause: str
    repair: Repair


def _subject(evidence: Evidence | None, why: str) -> _Subject:
    error = evidence.error if evidence is not None else None
    if error is None or error.error_class is None:
        signature = f"backend-{why}"
        cause = _SILENT.get(why, f"backend: {why}")
        repair = SILENT.get(signature, UNEXPLAINED)
        return _Subject(signature, ErrorClass.UNKNOWN.value, cause, repair)
    outage = error.error_class is ErrorClass.CONNECTION
    signature = _OUTAGE if outage else error.signature
    cause, repair = error.cause or _SILENT["error"], error.repair or UNEXPLAINED
    return _Subject(signature, error.error_class.value, cause, repair)

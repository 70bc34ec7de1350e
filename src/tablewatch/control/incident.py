"""One incident in full, as a supervisor tells it and the daemon keeps it.

The short form, for the status, is :class:`tablewatch.control.status.Incident`. Nothing in here is
a password, a hash or an unmasked key. Points in time are ages, seconds before the moment of the
report; :class:`Kept` adds the wall clock.
"""

from __future__ import annotations

from tablewatch.record import Record, field

# What a supervisor keeps of one incident; the beginning matters as much as the end.
MAX_STEPS = 60
MAX_LINES = 20
MAX_KEYS = 8
MAX_SAMPLES = 30


class Step(Record):
    """One step of the timeline; ``kind`` is signal, decision or note. ``text`` is one line."""

    age: float
    kind: str
    text: str


class Key(Record):
    """A key that was involved: masked, and what about it makes databases fail, in words."""

    service: str
    shown: str
    traits: str = ""


class Sample(Record):
    """What the active backend used then: seconds, bytes, numbers. None where it can't be told."""

    age: float
    cpu: float | None = None
    memory: int | None = None
    descriptors: int | None = None
    connections: int | None = None


class Cost(Record):
    """What was spent while it was open. ``throttled`` in seconds."""

    retries: int = 0
    reconnects: int = 0
    tempfails: int = 0
    restarts: int = 0
    throttled: float = 0.0


class Repair(Record):
    """What to do: a sentence, commands and lines to copy, and where to read about it."""

    summary: str = ""
    steps: list[str] = field(default_factory=list)
    references: list[str] = field(default_factory=list)


class IncidentReport(Record):
    """An incident as its supervisor tells it, each time in full.

    ``id`` is unique among all supervisors: a few letters for the supervisor, and a number.
    ``closed`` is None while it is open.
    """

    id: str
    table: str
    backend: str
    signature: str
    error_class: str
    cause: str
    opened: float
    last: float
    closed: float | None = None
    count: int = 1
    release: str = ""
    protocol: str = ""
    smtpd_version: str = ""
    mode: str = "enforce"
    program: str = ""  # the backend's file
    steps: list[Step] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)  # the backend's last, masked
    keys: list[Key] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)
    cost: Cost = field(default_factory=Cost)
    repair: Repair = field(default_factory=Repair)
    trace: str = ""  # what the backend was seen to do, condensed; several lines


class Kept(Record):
    """An incident as the daemon keeps it. ``told`` is when its report came, by the wall clock
    (seconds since the epoch): ages in the report count back from there.
    """

    told: float
    report: IncidentReport

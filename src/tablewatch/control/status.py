"""How a table, and a host with its tables, is doing: what is asked, shown and exported everywhere.

A supervisor makes a :class:`TableStatus` of itself, the daemon a :class:`HostStatus` of all of
them; the status page, the metrics, the API, ``tablewatch status`` and ``check_tablewatch`` are
views of it. Nothing in here is a key, a password or an unmasked text.

Points in time are *ages*, seconds before the moment of the report, because the clocks of two
processes have nothing else in common; :attr:`HostStatus.time` is that moment by the wall clock.
Counters only grow while their supervisor lives.
"""

from __future__ import annotations

from tablewatch.policy import latency
from tablewatch.record import Record, field, replace

LATENCY_BUCKETS = (
    latency.LATENCY_BUCKETS
)  # seconds; the last bucket, without a bound, is not listed

# The state of a table, of no concern to a person yet, or of some, or of all users of it.
OK = "ok"
WARNING = "warning"  # users are served, and there is something to repair or to know
CRITICAL = "critical"  # lookups get temporary errors: mail waits
UNKNOWN = "unknown"  # its supervisor does not answer

LEVELS = (OK, WARNING, CRITICAL, UNKNOWN)
WORST_FIRST = (CRITICAL, UNKNOWN, WARNING, OK)

BREAKER_STATES = ("closed", "open", "half-open")


class Condition(Record):
    """A table at a glance. ``since`` is an age; all texts are for people, and may be empty."""

    level: str
    since: float
    why: str = ""
    done: str = ""  # what tablewatch did about it
    todo: str = ""  # what the administrator can do


class Latency(Record):
    """Times from a request's arrival to its answer, as smtpd waited for it.

    ``buckets`` are the counts of answers within each of LATENCY_BUCKETS and not in the one before;
    the last is what took longer. ``total`` is the sum in seconds.
    """

    buckets: list[int]
    total: float


class Backend(Record):
    """One backend process: the active one or a spare. Figures the platform can't tell are None.

    ``cpu`` in seconds and ``memory`` in resident bytes include what the backend has started;
    ``connections`` are its sockets to others than its supervisor: to the database, as a rule.
    """

    role: str  # active, spare
    state: str  # starting, idle, busy, abandoned
    generation: int
    pid: int
    age: float
    paused: bool = False
    cpu: float | None = None
    memory: int | None = None
    descriptors: int | None = None
    connections: int | None = None


class Breaker(Record):
    """The breaker. ``rest`` is how many seconds it stays open yet; None where it does not rest."""

    state: str = "closed"  # closed, open, half-open
    why: str = ""
    rest: float | None = None
    opened: int = 0  # how often, so far


class Budget(Record):
    """The retry budget, in reconnects."""

    balance: float
    reserve: float


class Quarantine(Record):
    """Refused keys. ``kinds`` are those of which every key is refused, in words."""

    size: int = 0
    limit: int = 0
    hits: int = 0
    evictions: int = 0
    kinds: list[str] = field(default_factory=list)


class Incident(Record):
    """Something that went wrong, from its first sign until the table was well again.

    ``signature`` and ``error_class`` are of few fixed words; ``count`` is how often it was seen.
    ``opened``, ``last`` and ``closed`` are ages; an open incident has no ``closed``.
    """

    id: int  # counts up while the supervisor lives
    signature: str
    error_class: str  # query, connection, configuration, unknown
    cause: str
    opened: float
    last: float
    closed: float | None = None
    count: int = 1
    done: list[str] = field(default_factory=list)  # newest last
    todo: str = ""


class Process(Record):
    """What the supervisor itself uses. ``cpu`` in seconds, ``memory`` in resident bytes."""

    cpu: float | None = None
    memory: int | None = None
    descriptors: int | None = None


class TableStatus(Record):
    """One table as its supervisor sees it.

    The keys of the dictionaries are words of few, fixed sets: operations (update, check, lookup,
    fetch), services of smtpd, reasons, classes of errors.
    """

    table: str
    backend: str  # mysql for table-mysql
    pid: int  # the supervisor's
    release: str  # of tablewatch
    age: float
    condition: Condition
    budget: Budget
    mode: str = "enforce"  # enforce, observe
    protocol: str = ""  # imsg, text
    smtpd_version: str = ""
    config: str = ""  # the file, "" for the built-in defaults
    pause: float | None = None  # seconds left of an operator's pause
    waiting: int = 0  # requests of smtpd without an answer yet
    requests: dict[str, dict[str, int]] = field(default_factory=dict)  # operation, service
    answers: dict[str, int] = field(default_factory=dict)  # found, not-found, error
    failures: dict[str, int] = field(default_factory=dict)  # error, whoever said it, by reason
    tempfails: dict[str, int] = field(default_factory=dict)  # of these, the ones said by us
    refusals: dict[str, int] = field(default_factory=dict)  # answered not-found, unasked
    observed: dict[str, int] = field(default_factory=dict)  # what observe mode did not do
    latency: dict[str, Latency] = field(default_factory=dict)  # by operation
    last_good: float | None = None  # age of the last answer that was no error
    retries: dict[str, int] = field(default_factory=dict)  # by class
    reconnects: dict[str, int] = field(default_factory=dict)  # by class
    restarts: dict[str, int] = field(default_factory=dict)  # by reason
    promotions: int = 0
    deadline_misses: int = 0
    damage: dict[str, int] = field(default_factory=dict)  # by kind
    throttled: float = 0.0  # seconds
    breaker: Breaker = field(default_factory=Breaker)
    quarantine: Quarantine = field(default_factory=Quarantine)
    incidents: list[Incident] = field(default_factory=list)  # open ones, and the last closed ones
    incidents_opened: dict[str, int] = field(default_factory=dict)  # by class
    backends: list[Backend] = field(default_factory=list)
    stderr_lines: int = 0
    collapsed_lines: int = 0
    dropped_lines: int = 0  # of the log, because syslogd did not take them
    config_errors: int = 0
    internal_errors: int = 0
    dropped_events: int = 0  # not told to the daemon
    links: int = 0  # connections made to the daemon
    process: Process = field(default_factory=Process)


class Event(Record):
    """One line of a table's recent history; ``priority`` is that of syslog(3)."""

    age: float
    priority: int
    text: str


class TableReport(Record):
    """One table as the daemon sees it.

    Without ``status`` its supervisor did not answer (``connected``) or is gone; ``why`` says so.
    ``age`` is that of what it said last.
    """

    table: str
    connected: bool
    age: float
    why: str = ""
    status: TableStatus | None = None
    events: list[Event] = field(default_factory=list)  # newest last

    @property
    def condition(self) -> Condition:
        """What the supervisor says, or that it says nothing. Its level is one of LEVELS."""
        if self.status is not None:
            said = self.status.condition
            # One of another release may have a word of its own.
            return said if said.level in LEVELS else replace(said, level=UNKNOWN)
        todo = (
            "look for it with: pgrep -fl table-watch; restart smtpd if it hangs"
            if self.connected
            else "is smtpd running? start it; a table that was taken out is forgotten after a while"
        )
        return Condition(UNKNOWN, self.age, why=self.why, todo=todo)


class Daemon(Record):
    """tablewatchd itself."""

    release: str
    pid: int
    age: float
    config: str = ""
    supervisors: int = 0  # connected now
    refused_links: int = 0  # connections that were not let in, or were put out
    refused_controls: int = 0


class HostStatus(Record):
    """Everything one tablewatchd knows. ``time`` is seconds since the epoch."""

    time: float
    daemon: Daemon
    tables: list[TableReport] = field(default_factory=list)  # by name

    @property
    def level(self) -> str:
        """The worst level of any table; UNKNOWN is worse than WARNING, and that of no table."""
        levels = (each.condition.level for each in self.tables)
        return min(levels, key=WORST_FIRST.index, default=UNKNOWN)

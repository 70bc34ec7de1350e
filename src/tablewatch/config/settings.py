"""What can be configured, with every default and the reason for it.

Durations are seconds as floats here; in the file they are written ``5s``, ``250ms``, ``1h``.

The keys of the file are the fields of these classes. How each is written, which range is valid and
why stands in :mod:`tablewatch.config.ranges`, for whoever reads a file.
"""

from __future__ import annotations

from tablewatch.config.daemon_settings import DaemonSettings
from tablewatch.config.patterns import Pattern
from tablewatch.record import Record, field

DEFAULT_CONFIG = "/etc/tablewatch.yml"

# Where the packages of OpenBSD (ports) and of Debian put table backends.
BACKEND_PATHS = ("/usr/local/libexec/smtpd", "/usr/libexec/opensmtpd", "/usr/libexec/smtpd")

# What may be registered with smtpd for a backend, in the order of smtpd.h (`enum table_service`).
SERVICES = (
    "alias",
    "domain",
    "credentials",
    "netaddr",
    "userinfo",
    "source",
    "mailaddr",
    "addrname",
    "mailaddrmap",
    "relayhost",
    "string",
    "regex",
)


class BudgetSettings(Record):
    """How many reconnects to its database a table may cost, over all its lookups."""

    # Of every five good answers one may pay for a retry: Finagle's RetryBudget has 20 %, too.
    ratio: float = 0.2
    # A quiet table may still reconnect once a second (Finagle: 10/s, for much faster services).
    per_second: int = 1
    # What was saved up longer ago does not count; Finagle's, and its reserve is this times
    # per_second: ten reconnects at once, then one a second.
    window: float = 10.0


class BreakerSettings(Record):
    """When a database that can't answer is left alone for a while."""

    # Finagle and Envoy take a host for dead after 5 failures in a row.
    threshold: int = 5
    # A restart of mysqld takes about this long, and no mail client notices it.
    min_open: float = 1.0
    # Never a permanent failure: a database that comes back is found within this time.
    max_open: float = 60.0
    # As long without a failure, and the next outage begins with min_open again (Finagle: 300 s).
    reset_after: float = 300.0
    # A lookup of our own that asks whether the database is back, instead of a user's:
    # "credentials postmaster@example.org". Empty: the next real request is the trial.
    probe: str = ""


class RunawaySettings(Record):
    """What a backend may use of the machine."""

    # More than this without completing an answer is a spin; a busy backend completes answers.
    cpu_limit: float = 0.9
    # A lookup that computes this long without an answer is no lookup.
    window: float = 2.0
    # Loading libraries and preparing statements is work.
    grace: float = 2.0
    # table-mysql takes 10 MB; a backend at half a gigabyte leaks.
    max_memory: int = 512 * 1024 * 1024
    # The soft limit of daemons on OpenBSD is 128; table-socketmap leaks one per failed connect.
    max_descriptors: int = 100
    # What a spinning backend is slowed down to, where `on_exhausted` is throttle: a small machine
    # keeps the rest for smtpd and the database.
    throttle_cpu: float = 0.2
    # Throttling is first aid; after this the backend is replaced.
    throttle_limit: float = 60.0


class RateSettings(Record):
    """How much a table may be used per second, averaged over ten seconds; 0: no limit."""

    lookups: int = 0
    retries: int = 0
    reconnects: int = 0
    # Database round trips per lookup; a lookup of table-mysql takes one.
    amplification: int = 0
    # A storm of legitimate logins is reported, not punished.
    action: str = "report"


class FilterSettings(Record):
    """Keys that can't be in the column, refused on sight. Off: only the operator knows it."""

    # The character set of the looked-up columns; with it, keys beyond it cost nothing at all.
    charset: str = "any"
    # Characters, as in VARCHAR(n); 0: any length.
    max_length: int = 0


class QuarantineSettings(Record):
    """Refusing single keys that are known to make the backend fail."""

    # A refused key can't cost the database anything; that is the point of the program.
    enabled: bool = True
    # Long enough that a brute-force run of hours is refused at next to no cost, short enough
    # that a key repaired in the database works again the same day without anybody's help.
    duration: float = 3600.0
    # A key blamed again after its time is refused twice as long, up to this (as fail2ban's
    # bantime.increment has it): one repaired in the database works again the next day.
    max_duration: float = 86_400.0
    # Services whose refused keys are answered "not-found" (535, 550: for good) instead of "error"
    # (421, 451: try again). A trap: not-found is an answer, so the rules go on as if the key were
    # not in the table. Where being found grants something, it is refused, which is what you want.
    # Where being found denies (a deny list, a rule with "!"), the key passes.
    not_found: tuple[str, ...] = ()
    # Refuse a whole kind of key ("not in latin1") after several distinct keys of it failed and
    # none succeeded: the only defence against an attacker who never repeats a key.
    learn: bool = True
    # Bounds memory to about 4 MB (an entry takes 410 bytes); an attacker who never repeats a key
    # displaces only old entries.
    max_keys: int = 10_000


class RestartSettings(Record):
    """How fast a backend that keeps dying is started again."""

    # This many replacements may follow each other without any delay: a crash or an upgrade of the
    # backend must not cost other users their answers. Losses to keys that are quarantined for it
    # don't count.
    burst: int = 5
    # First delay after the burst is spent; s6 waits 1 s between spawns for the same reason.
    min_delay: float = 1.0
    # Never a permanent failure: a database that comes back is found within this time.
    max_delay: float = 60.0
    # A backend that stayed up this long has recovered: burst and delay start anew.
    reset_after: float = 30.0


class LogSettings(Record):
    """What is written where."""

    # smtpd runs with its stderr on /dev/null, so syslog is where backend messages become visible.
    syslog: bool = True
    # For `smtpd -d`, where an administrator looks at the terminal.
    stderr: bool = True
    # One line per signature in this time, then "repeated N times": a loop writes 3,000 lines/s.
    interval: float = 60.0
    # Keys are addresses of people, and sometimes a password typed into the wrong field.
    show_keys: bool = False


class IncidentSettings(Record):
    """When what went wrong is over."""

    # Well for so long, and the incident is closed; brute force pauses for a minute or two.
    quiet: float = 300.0


class TraceSettings(Record):
    """A look at what a runaway backend does, by strace(1) or ktrace(1), for its incident."""

    # Off: the backend goes on reconnecting while it is looked at, beyond the retry budget.
    enabled: bool = False
    # A loop takes a millisecond or two; a second shows it hundreds of times.
    seconds: float = 1.0


class TableSettings(Record):
    """One table's settings: the built-in defaults, then ``defaults:``, then ``tables: NAME:``."""

    # enforce acts; observe does nothing to what passes, and logs what it would have done.
    mode: str = "enforce"
    # smtpd waits for each answer with everything else it does; mail clients give up after 10 s or
    # more, so half of that leaves them a proper "try again" instead of a broken connection.
    deadline: float = 5.0
    # An update re-reads a file or reconnects; an operator is waiting, not a session.
    update_deadline: float = 60.0
    # table-mysql 1.2 and later give up by themselves after two; one lost connection needs one.
    max_retries: int = 2
    # A backend that is silent this long in its handshake hangs; it is replaced.
    start_timeout: float = 30.0
    # Requests wait this long for a backend that has just been started; a healthy one takes tens
    # of milliseconds, and waiting longer would queue every session behind a dead database.
    start_grace: float = 1.0
    # smtpd's own start waits this long for the backend to tell its services (text protocol).
    register_wait: float = 5.0
    # What to register for a backend that can't be asked in time; empty: those of table_stdio.
    services: tuple[str, ...] = ()
    # What happens when a lookup or the table has spent its retries: answer "error" and replace the
    # backend, or slow the backend down (stop and continue) so that retries stay in the budget.
    on_exhausted: str = "tempfail"
    # Backends kept ready, handshake done, for the moment the active one fails. Each costs a
    # process and a connection to the database.
    spares: int = 1
    # A connection that has idled for long may have been closed at the other end (wait_timeout is
    # 8 h by default, some set it to minutes); a younger spare costs nobody a retry.
    spare_max_age: float = 300.0
    budget: BudgetSettings = BudgetSettings()
    breaker: BreakerSettings = BreakerSettings()
    runaway: RunawaySettings = RunawaySettings()
    rates: RateSettings = RateSettings()
    filter: FilterSettings = FilterSettings()
    restart: RestartSettings = RestartSettings()
    quarantine: QuarantineSettings = QuarantineSettings()
    incidents: IncidentSettings = IncidentSettings()
    trace: TraceSettings = TraceSettings()
    log: LogSettings = LogSettings()


class Config(Record):
    """A whole configuration file."""

    # The file this came from, "" for the built-in defaults; not a key.
    path: str = ""
    # Searched in this order, after the directory of the link that smtpd runs.
    backend_path: tuple[str, ...] = BACKEND_PATHS
    daemon: DaemonSettings = DaemonSettings()
    defaults: TableSettings = TableSettings()
    tables: dict[str, TableSettings] = field(default_factory=dict)
    # The administrator's own, from the directory beside the file; not a key.
    patterns: tuple[Pattern, ...] = ()

    def table(self, name: str) -> TableSettings:
        """Return the settings of table `name`, the defaults where it has none of its own."""
        return self.tables.get(name, self.defaults)

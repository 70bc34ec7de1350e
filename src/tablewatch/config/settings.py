"""What can be configured, with every default and the reason for it.

Durations are seconds as floats here; in the file they are written ``5s``, ``250ms``, ``1h``.

This is the schema: the keys of the file are the fields of these classes, and a field's metadata
says how it is written, which range is valid and why.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from tablewatch.config.daemon_settings import DaemonSettings
from tablewatch.config.patterns import Pattern
from tablewatch.config.places import Directory
from tablewatch.config.values import (
    Word,
    number,
    probe,
    seconds,
    several,
    share,
    size,
    word,
)

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

_NEVER_KEPT = "its keys hold passwords and are never kept, so none of them is ever refused"
_NOT_AUTH = "smtpd would send user:clear-text-password as the key to a backend that may not know it"


@dataclass(frozen=True, slots=True)
class BudgetSettings:
    """How many reconnects to its database a table may cost, over all its lookups."""

    # Of every five good answers one may pay for a retry: Finagle's RetryBudget has 20 %, too.
    ratio: float = field(
        default=0.2,
        metadata=share("0%", "100%", "more than one retry per good answer is no budget"),
    )
    # A quiet table may still reconnect once a second (Finagle: 10/s, for much faster services).
    per_second: int = field(
        default=1,
        metadata=number(1, 1000, "with 0 a quiet table could never reconnect; more is no limit"),
    )
    # What was saved up longer ago does not count; Finagle's, and its reserve is this times
    # per_second: ten reconnects at once, then one a second.
    window: float = field(
        default=10.0,
        metadata=seconds("1s", "10m", "less saves nothing up; more allows long storms"),
    )


@dataclass(frozen=True, slots=True)
class BreakerSettings:
    """When a database that can't answer is left alone for a while."""

    # Finagle and Envoy take a host for dead after 5 failures in a row.
    threshold: int = field(
        default=5,
        metadata=number(1, 1000, "1 opens at the first lost connection; many never open"),
    )
    # A restart of mysqld takes about this long, and no mail client notices it.
    min_open: float = field(
        default=1.0,
        metadata=seconds("100ms", "1h", "less asks a dead database all the time", "max_open"),
    )
    # Never a permanent failure: a database that comes back is found within this time.
    max_open: float = field(
        default=60.0,
        metadata=seconds("100ms", "1h", "with more, mail waits long after the database came back"),
    )
    # As long without a failure, and the next outage begins with min_open again (Finagle: 300 s).
    reset_after: float = field(
        default=300.0,
        metadata=seconds("1s", "1d", "less forgets an outage at once; more remembers yesterday's"),
    )
    # A lookup of our own that asks whether the database is back, instead of a user's:
    # "credentials postmaster@example.org". Empty: the next real request is the trial.
    probe: str = field(default="", metadata=probe(SERVICES))


@dataclass(frozen=True, slots=True)
class RunawaySettings:
    """What a backend may use of the machine."""

    # More than this without completing an answer is a spin; a busy backend completes answers.
    cpu_limit: float = field(
        default=0.9,
        metadata=share("1%", "100%", "a backend that works at all uses a little"),
    )
    # A lookup that computes this long without an answer is no lookup.
    window: float = field(
        default=2.0,
        metadata=seconds("500ms", "1h", "less takes one heavy query for a spin"),
    )
    # Loading libraries and preparing statements is work.
    grace: float = field(
        default=2.0, metadata=seconds("0", "10m", "more lets a backend spin after its start")
    )
    # table-mysql takes 10 MB; a backend at half a gigabyte leaks.
    max_memory: int = field(
        default=512 * 1024 * 1024,
        metadata=size("16M", "1024G", "a healthy backend takes up to 10 MB and grows a little"),
    )
    # The soft limit of daemons on OpenBSD is 128; table-socketmap leaks one per failed connect.
    max_descriptors: int = field(
        default=100,
        metadata=number(
            16, 100_000, "a healthy backend has about ten, with less it never stays", or_none=True
        ),
    )
    # What a spinning backend is slowed down to, where `on_exhausted` is throttle: a small machine
    # keeps the rest for smtpd and the database.
    throttle_cpu: float = field(
        default=0.2,
        metadata=share(
            "1%",
            "100%",
            "less hardly lets it finish what it is at; more is no slowing down",
            at_most="cpu_limit",
        ),
    )
    # Throttling is first aid; after this the backend is replaced.
    throttle_limit: float = field(
        default=60.0, metadata=seconds("1s", "1d", "more keeps a broken backend alive for longer")
    )


@dataclass(frozen=True, slots=True)
class RateSettings:
    """How much a table may be used per second, averaged over ten seconds; 0: no limit."""

    lookups: int = field(
        default=0, metadata=number(0, 1_000_000, "a limit below real use is one that users meet")
    )
    retries: int = field(
        default=0, metadata=number(0, 1_000_000, "the budget limits them already; this reports")
    )
    reconnects: int = field(
        default=0, metadata=number(0, 1_000_000, "the budget limits them already; this reports")
    )
    # Database round trips per lookup; a lookup of table-mysql takes one.
    amplification: int = field(
        default=0, metadata=number(0, 1_000_000, "a query may take several round trips")
    )
    # A storm of legitimate logins is reported, not punished.
    action: str = field(default="report", metadata=word("report", "tempfail"))


@dataclass(frozen=True, slots=True)
class FilterSettings:
    """Keys that can't be in the column, refused on sight. Off: only the operator knows it."""

    # The character set of the looked-up columns; with it, keys beyond it cost nothing at all.
    charset: str = field(default="any", metadata=word("any", "ascii", "latin1", "utf8mb3", "utf8"))
    # Characters, as in VARCHAR(n); 0: any length.
    max_length: int = field(
        default=0,
        metadata=number(0, 16_384, "0 is no limit; a message of smtpd ends at 16384 bytes"),
    )


@dataclass(frozen=True, slots=True)
class QuarantineSettings:
    """Refusing single keys that are known to make the backend fail."""

    # A refused key can't cost the database anything; that is the point of the program.
    enabled: bool = True
    # Long enough that a brute-force run of hours is refused at next to no cost, short enough
    # that a key repaired in the database works again the same day without anybody's help.
    duration: float = field(
        default=3600.0,
        metadata=seconds(
            "1s",
            "30d",
            "less forgets a key between two tries; more outlives its repair",
            at_most="max_duration",
        ),
    )
    # A key blamed again after its time is refused twice as long, up to this (as fail2ban's
    # bantime.increment has it): one repaired in the database works again the next day.
    max_duration: float = field(
        default=86_400.0,
        metadata=seconds("1s", "30d", "more outlives the repair by more"),
    )
    # Services whose refused keys are answered "not-found" (535, 550: for good) instead of "error"
    # (421, 451: try again). A trap: not-found is an answer, so the rules go on as if the key were
    # not in the table. Where being found grants something, it is refused, which is what you want.
    # Where being found denies (a deny list, a rule with "!"), the key passes.
    not_found: tuple[str, ...] = field(
        default=(), metadata=several(Word(SERVICES, refused=(("auth", _NEVER_KEPT),)))
    )
    # Refuse a whole kind of key ("not in latin1") after several distinct keys of it failed and
    # none succeeded: the only defence against an attacker who never repeats a key.
    learn: bool = True
    # Bounds memory to about 4 MB (an entry takes 410 bytes); an attacker who never repeats a key
    # displaces only old entries.
    max_keys: int = field(
        default=10_000, metadata=number(1, 1_000_000, "a million keys take about 400 MB")
    )


@dataclass(frozen=True, slots=True)
class RestartSettings:
    """How fast a backend that keeps dying is started again."""

    # This many replacements may follow each other without any delay: a crash or an upgrade of the
    # backend must not cost other users their answers. Losses to keys that are quarantined for it
    # don't count.
    burst: int = field(
        default=5,
        metadata=number(
            0, 100, "a backend that dies at once is started this often without a pause"
        ),
    )
    # First delay after the burst is spent; s6 waits 1 s between spawns for the same reason.
    min_delay: float = field(
        default=1.0,
        metadata=seconds(
            "10ms",
            "1h",
            "starting a process takes milliseconds; less is a loop of its own",
            at_most="max_delay",
        ),
    )
    # Never a permanent failure: a database that comes back is found within this time.
    max_delay: float = field(
        default=60.0,
        metadata=seconds(
            "10ms", "1h", "with more, mail stays down long after the database came back"
        ),
    )
    # A backend that stayed up this long has recovered: burst and delay start anew.
    reset_after: float = field(
        default=30.0,
        metadata=seconds(
            "100ms", "1d", "less takes every crash for a recovery; more never forgets one"
        ),
    )


@dataclass(frozen=True, slots=True)
class LogSettings:
    """What is written where."""

    # smtpd runs with its stderr on /dev/null, so syslog is where backend messages become visible.
    syslog: bool = True
    # For `smtpd -d`, where an administrator looks at the terminal.
    stderr: bool = True
    # One line per signature in this time, then "repeated N times": a loop writes 3,000 lines/s.
    interval: float = field(
        default=60.0,
        metadata=seconds(
            "100ms", "1d", "less lets a loop fill the log; more hides that it goes on"
        ),
    )
    # Keys are addresses of people, and sometimes a password typed into the wrong field.
    show_keys: bool = False


@dataclass(frozen=True, slots=True)
class IncidentSettings:
    """When what went wrong is over."""

    # Well for so long, and the incident is closed; brute force pauses for a minute or two.
    quiet: float = field(
        default=300.0,
        metadata=seconds("1s", "1d", "less makes many of one; more shows as open what is over"),
    )


@dataclass(frozen=True, slots=True)
class TraceSettings:
    """A look at what a runaway backend does, by strace(1) or ktrace(1), for its incident."""

    # Off: the backend goes on reconnecting while it is looked at, beyond the retry budget.
    enabled: bool = False
    # A loop takes a millisecond or two; a second shows it hundreds of times.
    seconds: float = field(
        default=1.0,
        metadata=seconds("100ms", "10s", "less may see nothing; all of it loads the database"),
    )


@dataclass(frozen=True, slots=True)
class TableSettings:
    """One table's settings: the built-in defaults, then ``defaults:``, then ``tables: NAME:``."""

    # enforce acts; observe does nothing to what passes, and logs what it would have done.
    mode: str = field(default="enforce", metadata=word("enforce", "observe"))
    # smtpd waits for each answer with everything else it does; mail clients give up after 10 s or
    # more, so half of that leaves them a proper "try again" instead of a broken connection.
    deadline: float = field(
        default=5.0,
        metadata=seconds(
            "10ms",
            "5m",
            "less fails healthy lookups; after more the client has gone (RFC 5321, 4.5.3.2)",
        ),
    )
    # An update re-reads a file or reconnects; an operator is waiting, not a session.
    update_deadline: float = field(
        default=60.0,
        metadata=seconds(
            "100ms", "1h", "less fails healthy updates; smtpd answers nobody meanwhile"
        ),
    )
    # table-mysql 1.2 and later give up by themselves after two; one lost connection needs one.
    max_retries: int = field(
        default=2,
        metadata=number(
            0,
            1_000_000,
            "a runaway backend makes a hundred in a tenth of a second; with many "
            "allowed only the deadline ends it",
        ),
    )
    # A backend that is silent this long in its handshake hangs; it is replaced.
    start_timeout: float = field(
        default=30.0,
        metadata=seconds(
            "100ms", "10m", "less kills backends that are only slow; more waits for ones that hang"
        ),
    )
    # Requests wait this long for a backend that has just been started; a healthy one takes tens
    # of milliseconds, and waiting longer would queue every session behind a dead database.
    start_grace: float = field(
        default=1.0,
        metadata=seconds(
            "0", "5m", "0 answers error at once; more than the deadline is never waited"
        ),
    )
    # smtpd's own start waits this long for the backend to tell its services (text protocol).
    register_wait: float = field(
        default=5.0,
        metadata=seconds("0", "1m", "0 asks no backend; smtpd serves nobody until this is over"),
    )
    # What to register for a backend that can't be asked in time; empty: those of table_stdio.
    services: tuple[str, ...] = field(
        default=(), metadata=several(Word(SERVICES, refused=(("auth", _NOT_AUTH),)))
    )
    # What happens when a lookup or the table has spent its retries: answer "error" and replace the
    # backend, or slow the backend down (stop and continue) so that retries stay in the budget.
    on_exhausted: str = field(default="tempfail", metadata=word("tempfail", "throttle"))
    # Backends kept ready, handshake done, for the moment the active one fails. Each costs a
    # process and a connection to the database.
    spares: int = field(
        default=1, metadata=number(0, 4, "0 makes the next lookup wait for a start of the backend")
    )
    # A connection that has idled for long may have been closed at the other end (wait_timeout is
    # 8 h by default, some set it to minutes); a younger spare costs nobody a retry.
    spare_max_age: float = field(
        default=300.0,
        metadata=seconds(
            "10s", "1d", "less reconnects all the time; keep it below the database's wait_timeout"
        ),
    )
    budget: BudgetSettings = field(default_factory=BudgetSettings)
    breaker: BreakerSettings = field(default_factory=BreakerSettings)
    runaway: RunawaySettings = field(default_factory=RunawaySettings)
    rates: RateSettings = field(default_factory=RateSettings)
    filter: FilterSettings = field(default_factory=FilterSettings)
    restart: RestartSettings = field(default_factory=RestartSettings)
    quarantine: QuarantineSettings = field(default_factory=QuarantineSettings)
    incidents: IncidentSettings = field(default_factory=IncidentSettings)
    trace: TraceSettings = field(default_factory=TraceSettings)
    log: LogSettings = field(default_factory=LogSettings)


@dataclass(frozen=True, slots=True)
class Config:
    """A whole configuration file."""

    # The file this came from, "" for the built-in defaults; not a key.
    path: str = ""
    # Searched in this order, after the directory of the link that smtpd runs.
    backend_path: tuple[str, ...] = field(default=BACKEND_PATHS, metadata=several(Directory()))
    daemon: DaemonSettings = field(default_factory=DaemonSettings)
    defaults: TableSettings = field(default_factory=TableSettings)
    tables: dict[str, TableSettings] = field(default_factory=dict)
    # The administrator's own, from the directory beside the file; not a key.
    patterns: tuple[Pattern, ...] = ()

    def table(self, name: str) -> TableSettings:
        """Return the settings of table `name`, the defaults where it has none of its own."""
        return self.tables.get(name, self.defaults)

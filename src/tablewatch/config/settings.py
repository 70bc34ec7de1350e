"""What can be configured, with every default and the reason for it.

Durations are seconds as floats here; in the file they are written ``5s``, ``250ms``, ``1h``.

This is the schema: the keys of the file are the fields of these classes, and a field's metadata
says how it is written, which range is valid and why.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from tablewatch.config.values import Directory, Word, number, seconds, several

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

_NOT_AUTH = "smtpd would send user:clear-text-password as the key to a backend that may not know it"


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
            "1s", "30d", "less forgets a key between two tries; more outlives its repair"
        ),
    )
    # Bounds memory to about 2 MB; an attacker who never repeats a key displaces only old entries.
    max_keys: int = field(
        default=10_000, metadata=number(1, 1_000_000, "a million keys take about 200 MB")
    )


@dataclass(frozen=True, slots=True)
class RestartSettings:
    """How fast a backend that keeps dying is started again."""

    # This many replacements may follow each other without any delay: one bad key, one crash or
    # an upgrade of the backend must not cost other users their answers.
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
class TableSettings:
    """One table's settings: the built-in defaults, then ``defaults:``, then ``tables: NAME:``."""

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
    restart: RestartSettings = field(default_factory=RestartSettings)
    quarantine: QuarantineSettings = field(default_factory=QuarantineSettings)
    log: LogSettings = field(default_factory=LogSettings)


@dataclass(frozen=True, slots=True)
class Config:
    """A whole configuration file."""

    # The file this came from, "" for the built-in defaults; not a key.
    path: str = ""
    # Searched in this order, after the directory of the link that smtpd runs.
    backend_path: tuple[str, ...] = field(default=BACKEND_PATHS, metadata=several(Directory()))
    defaults: TableSettings = field(default_factory=TableSettings)
    tables: dict[str, TableSettings] = field(default_factory=dict)

    def table(self, name: str) -> TableSettings:
        """Return the settings of table `name`, the defaults where it has none of its own."""
        return self.tables.get(name, self.defaults)

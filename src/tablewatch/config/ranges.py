"""How each key of the file is written, which range is valid, and why.

The reason for a default stands beside it, in :mod:`tablewatch.config.settings`.
"""

from __future__ import annotations

from tablewatch.config.daemon_settings import CONTROL_SOCKET, DaemonSettings
from tablewatch.config.durations import parse_duration
from tablewatch.config.places import Address, Directory, File, User
from tablewatch.config.settings import (
    SERVICES,
    BreakerSettings,
    BudgetSettings,
    Config,
    FilterSettings,
    IncidentSettings,
    LogSettings,
    QuarantineSettings,
    RateSettings,
    RestartSettings,
    RunawaySettings,
    TableSettings,
    TraceSettings,
)
from tablewatch.config.values import Count, Duration, Kind, Named, Probe, Several, Share, Size, Word
from tablewatch.record import Record

_NEVER_KEPT = "its keys hold passwords and are never kept, so none of them is ever refused"
_NOT_AUTH = "smtpd would send user:clear-text-password as the key to a backend that may not know it"

# What is left of sockaddr_un's 104 bytes (BSD; Linux has 108) for the directory.
_LONGEST = 104 - len(f"/{CONTROL_SOCKET}\0")


def _seconds(low: str, high: str, why: str, at_most: str = "") -> Duration:
    return Duration(parse_duration(low), parse_duration(high), why, at_most)


def _share(low: str, high: str, why: str, at_most: str = "") -> Share:
    whole = Share(0.0, 1.0, why)
    return Share(whole.read(low), whole.read(high), why, at_most)


def _size(low: str, high: str, why: str) -> Size:
    whole = Size(0, 2**63, why)
    return Size(whole.read(low), whole.read(high), why)


# By the class it is a field of. What is not here is a switch, a group of its own, or no key.
KINDS: dict[type[Record], dict[str, Kind | Named]] = {
    BudgetSettings: {
        "ratio": _share("0%", "100%", "more than one retry per good answer is no budget"),
        "per_second": Count(
            1, 1000, "with 0 a quiet table could never reconnect; more is no limit"
        ),
        "window": _seconds("1s", "10m", "less saves nothing up; more allows long storms"),
    },
    BreakerSettings: {
        "threshold": Count(1, 1000, "1 opens at the first lost connection; many never open"),
        "min_open": _seconds("100ms", "1h", "less asks a dead database all the time", "max_open"),
        "max_open": _seconds(
            "100ms", "1h", "with more, mail waits long after the database came back"
        ),
        "reset_after": _seconds(
            "1s", "1d", "less forgets an outage at once; more remembers yesterday's"
        ),
        "probe": Probe(SERVICES),
    },
    RunawaySettings: {
        "cpu_limit": _share("1%", "100%", "a backend that works at all uses a little"),
        "window": _seconds("500ms", "1h", "less takes one heavy query for a spin"),
        "grace": _seconds("0", "10m", "more lets a backend spin after its start"),
        "max_memory": _size(
            "16M", "1024G", "a healthy backend takes up to 10 MB and grows a little"
        ),
        "max_descriptors": Count(
            16, 100_000, "a healthy backend has about ten, with less it never stays", or_none=True
        ),
        "throttle_cpu": _share(
            "1%",
            "100%",
            "less hardly lets it finish what it is at; more is no slowing down",
            at_most="cpu_limit",
        ),
        "throttle_limit": _seconds("1s", "1d", "more keeps a broken backend alive for longer"),
    },
    RateSettings: {
        "lookups": Count(0, 1_000_000, "a limit below real use is one that users meet"),
        "retries": Count(0, 1_000_000, "the budget limits them already; this reports"),
        "reconnects": Count(0, 1_000_000, "the budget limits them already; this reports"),
        "amplification": Count(0, 1_000_000, "a query may take several round trips"),
        "action": Word(("report", "tempfail")),
    },
    FilterSettings: {
        "charset": Word(("any", "ascii", "latin1", "utf8mb3", "utf8")),
        "max_length": Count(0, 16_384, "0 is no limit; a message of smtpd ends at 16384 bytes"),
    },
    QuarantineSettings: {
        "duration": _seconds(
            "1s",
            "30d",
            "less forgets a key between two tries; more outlives its repair",
            at_most="max_duration",
        ),
        "max_duration": _seconds("1s", "30d", "more outlives the repair by more"),
        "not_found": Several(Word(SERVICES, refused=(("auth", _NEVER_KEPT),))),
        "max_keys": Count(1, 1_000_000, "a million keys take about 400 MB"),
    },
    RestartSettings: {
        "burst": Count(0, 100, "a backend that dies at once is started this often without a pause"),
        "min_delay": _seconds(
            "10ms",
            "1h",
            "starting a process takes milliseconds; less is a loop of its own",
            at_most="max_delay",
        ),
        "max_delay": _seconds(
            "10ms", "1h", "with more, mail stays down long after the database came back"
        ),
        "reset_after": _seconds(
            "100ms", "1d", "less takes every crash for a recovery; more never forgets one"
        ),
    },
    LogSettings: {
        "interval": _seconds(
            "100ms", "1d", "less lets a loop fill the log; more hides that it goes on"
        ),
    },
    IncidentSettings: {
        "quiet": _seconds("1s", "1d", "less makes many of one; more shows as open what is over"),
    },
    TraceSettings: {
        "seconds": _seconds("100ms", "10s", "less may see nothing; all of it loads the database"),
    },
    TableSettings: {
        "mode": Word(("enforce", "observe")),
        "deadline": _seconds(
            "10ms",
            "5m",
            "less fails healthy lookups; after more the client has gone (RFC 5321, 4.5.3.2)",
        ),
        "update_deadline": _seconds(
            "100ms", "1h", "less fails healthy updates; smtpd answers nobody meanwhile"
        ),
        "max_retries": Count(
            0,
            1_000_000,
            "a runaway backend makes a hundred in a tenth of a second; with many "
            "allowed only the deadline ends it",
        ),
        "start_timeout": _seconds(
            "100ms", "10m", "less kills backends that are only slow; more waits for ones that hang"
        ),
        "start_grace": _seconds(
            "0", "5m", "0 answers error at once; more than the deadline is never waited"
        ),
        "register_wait": _seconds(
            "0", "1m", "0 asks no backend; smtpd serves nobody until this is over"
        ),
        "services": Several(Word(SERVICES, refused=(("auth", _NOT_AUTH),))),
        "on_exhausted": Word(("tempfail", "throttle")),
        "spares": Count(0, 4, "0 makes the next lookup wait for a start of the backend"),
        "spare_max_age": _seconds(
            "10s", "1d", "less reconnects all the time; keep it below the database's wait_timeout"
        ),
    },
    DaemonSettings: {
        "directory": Directory(_LONGEST),
        "listen": Several(Address()),
        "web_config": File(),
        "supervisors": Several(User()),
        "operators": Several(User()),
        "timeout": _seconds(
            "100ms", "1m", "less takes a busy host for a hang; after more the scrape has gone"
        ),
        "forget_after": _seconds(
            "1s", "30d", "less hides that smtpd is down; more shows tables that were taken out"
        ),
        "incidents_directory": Directory(),
        "max_incidents": Count(
            10, 1000, "less forgets a bad night before anybody has looked; each may take 256 KB"
        ),
    },
    Config: {
        "backend_path": Several(Directory()),
        "tables": Named(TableSettings),
    },
}

"""What may stand in a label: words of fixed sets, and names of tables and programs.

Every value of a label is a time series that Prometheus keeps for weeks, and a label can be read by
whoever reads a dashboard. What a supervisor says is therefore looked up here: a word that nobody
knows, because a newer release or a liar sent it, is counted as OTHER.
"""

from __future__ import annotations

from tablewatch.config.settings import SERVICES
from tablewatch.control.status import BREAKER_STATES, LEVELS

OTHER = "other"
NONE = "none"  # an update is of no service; a label that is empty would not be there at all

OPERATIONS = ("update", "check", "lookup", "fetch")
VERDICTS = ("found", "not-found", "error")
CLASSES = ("query", "connection", "configuration", "unknown")
ROLES = ("active", "spare")
SOCKETS = ("link", "control")

# Why a lookup was not asked, why it failed, why a backend was replaced.
REASONS = (
    *("refused", "unregistered", "rate", "quarantined", "filtered", "learned", "breaker"),
    *("paused", "down"),
    *("deadline", "retries", "spin", "throttled", "damage", "exit", "start", "internal"),
    *("stuck", "memory", "descriptors", "spare", "reload"),
    "error",  # the backend's own answer
)

_BY_BACKENDS = (
    *("unsolicited", "foreign-id", "malformed", "empty-value", "oversized", "handshake"),
)
# How bytes broke the protocol; what smtpd sent has its name in front.
DAMAGE = (*_BY_BACKENDS, *(f"smtpd-{kind}" for kind in _BY_BACKENDS))

# Of programs' names and versions; the longest known version has 14 characters.
MAX_TEXT = 64

WORDS: dict[str, frozenset[str]] = {
    label: frozenset(words)
    for label, words in {
        "level": LEVELS,
        "operation": OPERATIONS,
        "lookup_service": (*SERVICES, "auth", NONE),
        "verdict": VERDICTS,
        "reason": REASONS,
        "class": CLASSES,
        "kind": DAMAGE,
        "state": BREAKER_STATES,
        "role": ROLES,
        "socket": SOCKETS,
    }.items()
}


def word(label: str, value: str) -> str:
    """Return `value` if it is one of the words of `label`, else OTHER.

    `label` is one of WORDS; KeyError for another.
    """
    return value if value in WORDS[label] else OTHER


def name(value: str) -> str:
    """Return a table's name as UTF-8 can hold it: half a surrogate would end the whole scrape."""
    return value.encode("utf-8", "backslashreplace").decode("utf-8")


def text(value: str) -> str:
    """Return the name or version of a program, of at most MAX_TEXT characters."""
    return name(value[:MAX_TEXT])

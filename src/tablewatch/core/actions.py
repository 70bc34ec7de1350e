"""What the core asks its surroundings to do, in the order in which it is to be done."""

from __future__ import annotations

import enum
from typing import NamedTuple


class Priority(enum.IntEnum):
    """How much a log line matters; the numbers are those of syslog(3)."""

    ERROR = 3
    WARNING = 4
    NOTICE = 5
    INFO = 6
    DEBUG = 7


class Spawn(NamedTuple):
    """Start a backend; `generation` names it from now on. The table name is its argv[0]."""

    generation: int
    table: str


class WriteBackend(NamedTuple):
    """Send `data` to one backend."""

    generation: int
    data: bytes


class WriteSmtpd(NamedTuple):
    """Send `data` to smtpd."""

    data: bytes


class Kill(NamedTuple):
    """End a backend and everything it started, at once, stopped or looping."""

    generation: int


class Pause(NamedTuple):
    """Stop a backend and everything it started (SIGSTOP)."""

    generation: int


class Resume(NamedTuple):
    """Let a stopped backend go on (SIGCONT)."""

    generation: int


class Measure(NamedTuple):
    """Look at what a backend uses, and tell the core with ``measured``."""

    generation: int


class Log(NamedTuple):
    """Write one line, free of secrets, to syslog and the supervisor's own stderr."""

    priority: Priority
    text: str


class Leave(NamedTuple):
    """smtpd is gone: end every backend and exit."""


Action = Spawn | WriteBackend | WriteSmtpd | Kill | Pause | Resume | Measure | Log | Leave


class Usage(NamedTuple):
    """What a backend and its children use. None where the platform can't tell.

    ``cpu`` is user and system time in seconds since the start, ``memory`` resident bytes,
    ``switches`` voluntary context switches.
    """

    cpu: float | None
    memory: int | None
    descriptors: int | None
    switches: int | None

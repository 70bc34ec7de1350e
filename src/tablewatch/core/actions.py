"""What the core asks its surroundings to do, in the order in which it is to be done."""

from __future__ import annotations

import enum
from collections import deque
from typing import NamedTuple, Protocol


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


class Trace(NamedTuple):
    """Look for up to `seconds` at what a backend does, then end it as Kill does.

    Nobody waits for it any more. What was seen is told with ``traced`` of Incidents; `keys` may be
    quoted in it and are to be masked.
    """

    generation: int
    incident: int
    keys: tuple[bytes, ...]
    seconds: float


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
    """Write one line, free of secrets, to syslog and the supervisor's own stderr.

    One that is `private` may show keys: nobody else is to be told of it.
    """

    priority: Priority
    text: str
    private: bool = False


class Leave(NamedTuple):
    """smtpd is gone: end every backend and exit."""


# What is done to one of the backends.
BackendAction = WriteBackend | Kill | Trace | Pause | Resume | Measure
Action = Spawn | WriteSmtpd | Log | Leave | BackendAction


class Outlet(Protocol):
    """Writes at once what somebody is waiting for; it must do nothing else: the core is at work."""

    def to_smtpd(self, data: bytes) -> None:
        """Do what WriteSmtpd says."""

    def to_backend(self, generation: int, data: bytes) -> None:
        """Do what WriteBackend says."""


class Actions(deque[Action]):
    """What is to be done, in order. With an ``outlet``, what somebody waits for is written at once.

    That keeps the order: it is only done when nothing else is to be done before.
    """

    def __init__(self) -> None:
        super().__init__()
        self.outlet: Outlet | None = None

    def to_smtpd(self, data: bytes) -> None:
        """Have `data` written to smtpd, now if that can be."""
        if self or self.outlet is None:
            self.append(WriteSmtpd(data))
        else:
            self.outlet.to_smtpd(data)

    def to_backend(self, generation: int, data: bytes) -> None:
        """Have `data` written to a backend, now if that can be."""
        if self or self.outlet is None:
            self.append(WriteBackend(generation, data))
        else:
            self.outlet.to_backend(generation, data)


class Usage(NamedTuple):
    """What a backend and its children use. None where the platform can't tell.

    ``cpu`` is user and system time in seconds since the start, ``memory`` resident bytes,
    ``switches`` voluntary context switches.
    """

    cpu: float | None
    memory: int | None
    descriptors: int | None
    switches: int | None

"""Every exception tablewatch raises on purpose.

::

    TablewatchError
    ├── ConfigError          a configuration that can't be used; lists every problem found
    ├── BackendNotFound      no program for this backend name
    ├── BackendFailed        a backend could not be asked (tools; the supervisor answers instead)
    ├── InstallError         links can't be made or removed safely
    ├── DaemonError          tablewatchd can't have what it needs: an address, a socket
    ├── DoctorError          a table, or a file, that the doctor can't examine
    └── ControlError         what came over a socket of ours can't be used
        ├── DaemonAbsent     nobody listens there: tablewatchd is not running
        └── DaemonSilent     it listens and does not answer in time

Damage in what smtpd or a backend *sends* is no exception: it is an event like any other
(:class:`tablewatch.protocol.messages.Damage`), because the supervisor must go on.
"""

from __future__ import annotations

from tablewatch.record import Record


class TablewatchError(Exception):
    """The base of all; its text says what is wrong and what would be right."""


class Problem(Record):
    """One thing wrong with a configuration file.

    ``line`` counts from 1; 0 where no line is known (a missing or unreadable file).
    """

    file: str
    line: int
    key: str
    message: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}: {self.key}: {self.message}" if self.key else f"{place}: {self.message}"


class ConfigError(TablewatchError):
    """A configuration that can't be used; ``problems`` names the file, key, value and remedy."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems


class BackendNotFound(TablewatchError):
    """No executable ``table-NAME`` beside the link or in ``backend_path``."""


class BackendFailed(TablewatchError):
    """A backend did not start, left, or did not answer in time."""


class InstallError(TablewatchError):
    """A link can't be made or removed without touching what is not ours."""


class DaemonError(TablewatchError):
    """tablewatchd can't listen where it is told to."""


class DoctorError(TablewatchError):
    """A table can't be examined: its file, its driver, its database; the others still can."""


class ControlError(TablewatchError):
    """A message between supervisor, daemon and tools that breaks the protocol, or was refused."""


class DaemonAbsent(ControlError):
    """Nobody listens at the socket or address."""


class DaemonSilent(ControlError):
    """Connected, but there was no answer in time."""

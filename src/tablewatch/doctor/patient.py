"""What is examined: a table as smtpd.conf has it, with the configuration of its backend."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

# Called with a line about what is being done, for whoever waits.
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Query:
    """One ``query_SERVICE`` of a backend's configuration. ``service`` is smtpd's word for it.

    ``parameters`` and ``columns`` are what the backend's source expects; ``text`` is the SQL as
    it stands in the file, ``line`` counts from 1.
    """

    service: str
    key: str  # query_credentials
    text: str
    line: int
    parameters: int
    columns: int


@dataclass(frozen=True, slots=True)
class Patient:
    """One table and its backend's configuration.

    ``backend`` is mysql, postgres or sqlite, without ``watch-``; ``watched`` says whether that
    stood before it. ``options`` are the other keys of the file (host, username, conninfo ...);
    they may hold a password and are never shown. ``services`` are those that smtpd.conf uses the
    table for, as far as that can be read. ``connections`` is how many the backends of all tables
    hold that are at the same server, spares included. ``probe`` says whether the queries may be
    asked with keys of ours.
    """

    table: str
    backend: str
    conf: str
    watched: bool
    place: str = ""  # FILE:LINE in smtpd.conf, "" where it was named on the command line
    options: dict[str, str] = field(default_factory=dict, repr=False)
    queries: tuple[Query, ...] = ()
    services: frozenset[str] = frozenset()
    connections: int = 1
    probe: bool = True

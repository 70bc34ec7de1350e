"""The records the knowledge base is made of, and the words it classes things with."""

from __future__ import annotations

import enum
from typing import NamedTuple

from tablewatch.knowledge.repair import Repair


class Sign(enum.Enum):
    """What a line on a backend's stderr is a sign of; the values serve as metric labels."""

    RETRY = "retry"  # a statement failed, and the backend is about to reconnect because of it
    RECONNECT = "reconnect"  # a connection to the database is being made, the first one included
    CONNECTED = "connected"
    GIVE_UP = "give-up"  # the backend has ended its retries by itself
    ERROR = "error"
    FATAL = "fatal"  # the backend's last words
    OTHER = "other"


class ErrorClass(enum.Enum):
    """Whose fault an error is; the values serve as metric labels."""

    QUERY = "query"  # this key or this SQL: retrying never helps
    CONNECTION = "connection"  # the database: heals by itself
    CONFIGURATION = "configuration"  # heals when the operator acts
    UNKNOWN = "unknown"


class Signature(NamedTuple):
    """A kind of line, known by how it begins (behind ``NAME[PID]: ``).

    What follows `start` is looked up among the error texts. `error_class` is what counts when no
    text is found; None where the line is no error, whatever follows. CONNECTION and CONFIGURATION
    also say that such a line can't be about a key, as when connecting: no text makes it QUERY.
    `repair` is None where there is nothing to repair.
    """

    id: str
    sign: Sign
    error_class: ErrorClass | None
    start: str
    cause: str = ""
    repair: Repair | None = None


class ErrorText(NamedTuple):
    """An error of a database, known by the fixed parts of its message.

    The message begins with the first of `parts`; the others follow in this order, with anything
    between them. `code` is the MySQL error number, the SQLSTATE or SQLite's result code, empty
    where there is none.
    """

    id: str
    error_class: ErrorClass
    cause: str
    code: str
    parts: tuple[str, ...]
    repair: Repair | None = None


class OwnLine(NamedTuple):
    """A kind of line, known by its fixed parts, the first at its beginning."""

    id: str
    sign: Sign
    error_class: ErrorClass | None
    parts: tuple[str, ...]
    cause: str
    repair: Repair | None


class Own(NamedTuple):
    """What an administrator has added to the knowledge base; in the order of the files."""

    lines: tuple[OwnLine, ...] = ()
    messages: tuple[ErrorText, ...] = ()


# How the tables of error texts are written: errors of one class with one cause and one repair, each
# an id, a code and the parts.
Fault = tuple[ErrorClass, str, Repair, tuple[tuple[str, ...], ...]]

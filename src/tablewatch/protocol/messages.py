"""What smtpd and its table backends say to each other, whichever of the two protocols they speak.

Both codecs (:mod:`~tablewatch.protocol.imsg`, :mod:`~tablewatch.protocol.text`) turn bytes into
these records and back. They keep the bytes a message came in (``raw``), so that what needs no
rewriting is forwarded as it is.

Named tuples rather than dataclasses: one is made for every request and every answer, and they
are several times cheaper to make.
"""

from __future__ import annotations

import enum
from typing import NamedTuple

from tablewatch.config import settings

# In the order of their bits in the imsg protocol (smtpd.h, `enum table_service`).
# "auth" exists only with the text protocol (smtpd-tables(7)).
SERVICES = (*settings.SERVICES, "auth")

# What table_stdio, the library under the official backends, registers whatever the backend
# supports. Registered on behalf of a backend that can't be asked yet. Never "auth": smtpd would
# send `user:cleartext-password` as the key.
STDIO_SERVICES = SERVICES[:9]


class Operation(enum.StrEnum):
    """What smtpd asks, in the words of smtpd-tables(7)."""

    UPDATE = "update"
    CHECK = "check"
    LOOKUP = "lookup"
    FETCH = "fetch"


class Verdict(enum.Enum):
    """What an answer says. An update is answered FOUND (``ok``) or ERROR."""

    FOUND = "found"
    NOT_FOUND = "not-found"
    ERROR = "error"


class Hello(NamedTuple):
    """smtpd's side of the handshake.

    ``version`` is smtpd's own (``7.6.0``, ``7.8.0-portable``); empty in the imsg protocol, which
    does not tell. ``raw`` is the whole greeting, to be repeated to every backend.
    """

    table: str
    version: str
    raw: bytes


class Request(NamedTuple):
    """One question of smtpd's.

    ``service`` is None for an update, ``key`` None for update and fetch. ``id`` is empty in the
    imsg protocol, where order is all there is.
    """

    operation: Operation
    service: str | None
    key: bytes | None
    id: bytes
    raw: bytes


class Answer(NamedTuple):
    """One answer, already checked to be one smtpd accepts for the request it belongs to.

    ``value`` is empty except for FOUND to a lookup or fetch. ``message`` is the backend's text
    behind ``error``, if it gave one. ``raw`` is empty for an answer made by the supervisor.
    """

    verdict: Verdict
    value: bytes = b""
    message: bytes = b""
    raw: bytes = b""


class Refusal(NamedTuple):
    """A request that must be answered ``error`` without asking any backend.

    ``request`` holds what could be read of it (the key may be torn or empty).
    """

    request: Request
    reason: str


class Close(NamedTuple):
    """smtpd is done with the table (imsg CLOSE); never answered."""


class Ready(NamedTuple):
    """The backend's side of the handshake; ``services`` is empty where the protocol has none."""

    services: tuple[str, ...]


class Damage(NamedTuple):
    """Bytes that are no message, or a message that must not be passed on.

    ``kind`` is one of a fixed few words (they become metric labels); ``detail`` is for people and
    never holds a key or a value.
    """

    kind: str
    detail: str


# The kinds of damage a backend can do. On nearly all of them smtpd would exit, or take the answer
# for the one to its next question (table_proc.c).
UNSOLICITED = "unsolicited"  # an answer nobody waits for, a second answer to one request included
FOREIGN_ID = "foreign-id"
MALFORMED = "malformed"
EMPTY_VALUE = "empty-value"
OVERSIZED = "oversized"
HANDSHAKE = "handshake"

SmtpdEvent = Hello | Request | Refusal | Close | Damage
BackendEvent = Ready | Answer | Damage

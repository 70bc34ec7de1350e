"""Bytes to messages and back, without any input or output of its own.

One *dialect* is a pair of codecs: the table's role towards smtpd (:class:`SmtpdCodec`) and
smtpd's role towards a backend (:class:`BackendCodec`); the first byte smtpd sends tells which
(:func:`tablewatch.protocol.detect.dialect_of`).

Codecs never raise for what the other end sends, and never need the time: what is wrong with the
bytes is a :class:`~tablewatch.protocol.messages.Damage` among the events.
"""

from __future__ import annotations

from typing import Protocol

from tablewatch.protocol.messages import (
    Answer,
    BackendEvent,
    Hello,
    Operation,
    Request,
    SmtpdEvent,
)


class SmtpdCodec(Protocol):
    """The table's role: reads smtpd's requests, writes answers to it."""

    def receive(self, data: bytes) -> list[SmtpdEvent]:
        """Take the bytes just read; return the messages they complete, in order.

        A Request may be followed by a Refusal of the same object while it is unanswered: the rest
        of its torn key came later (text protocol). It is answered once, with `error`.
        """

    def plain(self, data: bytes) -> Request | None:
        """Do what :meth:`receive` does, where `data` is one lookup or check and nothing else.

        Otherwise None, and nothing was taken: give it to :meth:`receive`.
        """

    def welcome(self, services: tuple[str, ...]) -> bytes:
        """Return the bytes that finish the handshake with these services."""

    def answer(self, request: Request, answer: Answer) -> bytes:
        """Return the bytes that answer `request`; exactly one answer per request or refusal."""


class BackendCodec(Protocol):
    """smtpd's role: greets a backend, asks it one request at a time, checks what comes back."""

    def greet(self, hello: Hello) -> bytes:
        """Return the bytes that begin the handshake, saying what smtpd said to us."""

    def ask(self, request: Request) -> bytes:
        """Return the bytes of `request`; the next answer must be to it.

        RuntimeError if another request is still unanswered.
        """

    def receive(self, data: bytes) -> list[BackendEvent]:
        """Take the bytes just read; after a Damage the backend is not to be trusted again."""

    def plain(self, data: bytes) -> Answer | None:
        """Do what :meth:`receive` does, where `data` is what answers most lookups.

        None for the rest, errors among it, and nothing was taken: give it to :meth:`receive`.
        """


class Dialect(Protocol):
    """One of the two protocols, as a maker of codecs."""

    name: str
    # Whether a backend tells the services it supports (text), or not (imsg).
    has_services: bool

    def smtpd_codec(self) -> SmtpdCodec:
        """Return a fresh codec for smtpd's end."""

    def backend_codec(self) -> BackendCodec:
        """Return a fresh codec for one backend process."""

    def request(
        self,
        table: str,
        operation: Operation,
        service: str | None = None,
        key: bytes | None = None,
        *,
        number: int = 1,
        stamp: float = 0.0,
    ) -> Request:
        """Compose a request as smtpd would; ValueError if the protocol can't carry it."""


__all__ = ["BackendCodec", "Dialect", "SmtpdCodec"]

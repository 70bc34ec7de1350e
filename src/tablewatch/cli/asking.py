"""One table backend started and asked as smtpd would, with a limit on everything."""

from __future__ import annotations

import contextlib
import math
import os
import select
import time
from collections.abc import Callable
from types import TracebackType
from typing import NamedTuple, Protocol

from tablewatch.core.evidence import Evidence
from tablewatch.errors import BackendFailed
from tablewatch.knowledge.classify import Classifier, ErrorClass, Reading
from tablewatch.knowledge.stderr_lines import StderrLines
from tablewatch.protocol import Dialect
from tablewatch.protocol.messages import (
    Answer,
    BackendEvent,
    Damage,
    Hello,
    Operation,
    Ready,
    Request,
)
from tablewatch.supervisor.process import BackendProcess
from tablewatch.supervisor.programs import backend_name

# What we say we are: the newest version whose protocol is known.
SMTPD_VERSION = "7.8.0"
# Seconds a backend gets to leave by itself at the end of its input, as healthy ones do at once; a
# supervisor takes its own backends along then, and must not be killed before it has.
LEAVE_GRACE = 2.0
# Seconds to wait for the kernel to take a killed process away.
_REAP_LIMIT = 2.0
# Milliseconds to look out for a second answer; imsg has nothing by which to tell it from the next.
_SETTLE = 5
_CHUNK = 65536


class Speaker(Dialect, Protocol):
    """A dialect that can also compose what smtpd says."""

    def hello(self, table: str, version: str = "") -> Hello:
        """Compose a greeting."""

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
        """Compose a request. Raises ValueError if there can be no such request."""


class Target(NamedTuple):
    """What is to be started: `program` with the one argument `conf`, for the table `table`."""

    program: str
    conf: str
    table: str

    @property
    def supervised(self) -> bool:
        """Whether the program is a supervisor's link."""
        return backend_name(self.program) is not None


class Asker:
    """A running backend.

    ``heard`` is called with every line the backend writes to its stderr; ``max_retries`` bounds
    what one question may cost the database (None: no bound). As a context manager it ends the
    backend on the way out, whatever happened; :meth:`close` does the same.
    """

    def __init__(
        self,
        target: Target,
        dialect: Speaker,
        heard: Callable[[bytes], None],
        max_retries: int | None,
    ) -> None:
        """Start the backend; greet() comes next. Raises BackendFailed."""
        try:
            self._process = BackendProcess.start(
                target.program,
                [target.conf],
                target.table,
                output_is_connection=dialect.has_services,
                # A supervisor of ours is no table of the mail server's.
                environment=os.environ | {"TABLEWATCH_LINK": "no"},
            )
        except OSError as error:
            raise BackendFailed(f"can't run {target.program}: {error.strerror}") from None
        self.dialect = dialect
        self.heard = heard
        self.services: tuple[str, ...] = ()
        self._target = target
        self._codec = dialect.backend_codec()
        self._max_retries = max_retries
        self._number = 0
        self._lines = StderrLines()
        self._classifier = Classifier()
        self._evidence = Evidence()
        self._trouble: Reading | None = None
        self._poll = select.poll()
        self._poll.register(self._process.connection, select.POLLIN)
        self._poll.register(self._process.stderr, select.POLLIN)

    def __enter__(self) -> Asker:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close(at_once=error is not None)

    def greet(self, timeout: float) -> None:
        """Do the handshake within `timeout` seconds. Raises BackendFailed."""
        self._send(self._codec.greet(self.dialect.hello(self._target.table, SMTPD_VERSION)))
        event = self._next(timeout, None)
        if not isinstance(event, Ready):
            raise BackendFailed("backend answered before it was asked")
        self.services = event.services

    def ask(
        self, operation: Operation, service: str | None, key: bytes | None, timeout: float
    ) -> Answer:
        """Return the answer to one question, waiting at most `timeout` seconds for it.

        Raises BackendFailed when there is none, or one that smtpd would not survive; the backend
        is of no more use then. Raises ValueError if there is no such question in this protocol.
        """
        self._number += 1
        request = self.dialect.request(
            self._target.table, operation, service, key, number=self._number, stamp=time.time()
        )
        if service is not None and self.services and service not in self.services:
            raise BackendFailed(
                f"smtpd would not ask this: the backend registers only {', '.join(self.services)}"
            )
        self._evidence, self._trouble = Evidence(), None
        for event in self._receive():  # what it said while nobody was asking
            raise BackendFailed(_objection(event))
        self._send(self._codec.ask(request))
        event = self._next(timeout, operation)
        if not isinstance(event, Answer):
            raise BackendFailed("backend did its handshake twice")
        self._expect_silence()
        return event

    def close(self, *, at_once: bool = False) -> None:
        """End the backend and everything it has started, and wait for that. May be called twice.

        With `at_once` it is not given the time to leave by itself, except for a supervisor.
        """
        process = self._process
        if process.stderr < 0:
            return
        self.heard = _ignore  # that its connection is closed is no news
        try:
            self._forget(process.connection.fileno())
            process.connection.close()
            if self._target.supervised or not at_once:
                self._wait_for_exit(LEAVE_GRACE)
        finally:
            process.kill()
            self._wait_for_exit(_REAP_LIMIT)
            process.close()

    def _wait_for_exit(self, seconds: float) -> None:
        limit = time.monotonic() + seconds
        while self._process.poll() is None and time.monotonic() < limit:
            if not self._hear():
                time.sleep(0.005)
        self._hear()

    def _send(self, data: bytes) -> None:
        with contextlib.suppress(OSError):  # it is gone, or does not read: waiting for it tells
            self._process.connection.send(data)

    def _next(self, timeout: float, operation: Operation | None) -> BackendEvent:
        """Return what the backend says next, to a question with `operation` or to the greeting."""
        limit = time.monotonic() + timeout
        while True:
            left = limit - time.monotonic()
            self._poll.poll(max(0, math.ceil(left * 1000)))
            if self._hear() and operation is not None:
                self._check_retries(operation)
            events = self._receive()
            for event in events:
                if isinstance(event, Damage):
                    raise BackendFailed(_objection(event))
            if events:
                return events[0]
            if left <= 0:
                what = "no answer" if operation else "handshake not finished"
                raise BackendFailed(f"{what} within {timeout:g} s{self._explanation()}")

    def _receive(self) -> list[BackendEvent]:
        """Read what the backend has sent, without waiting. Raises BackendFailed at its end."""
        try:
            data = self._process.connection.recv(_CHUNK)
        except BlockingIOError:
            return []
        except OSError:
            data = b""
        if data:
            return self._codec.receive(data)
        end = self._process.wait_briefly()
        self._hear()
        raise BackendFailed(f"backend {end or 'closed its connection'}{self._explanation()}")

    def _expect_silence(self) -> None:
        """Raise BackendFailed if a second answer follows the first at once."""
        self._poll.poll(_SETTLE)
        self._hear()
        with contextlib.suppress(OSError):  # nothing there, or the end: the next question tells
            for event in self._codec.receive(self._process.connection.recv(_CHUNK)):
                raise BackendFailed(_objection(event))

    def _hear(self) -> bool:
        """Read some of its stderr, without waiting; return whether there was any."""
        try:
            data = os.read(self._process.stderr, _CHUNK)
        except BlockingIOError:
            return False
        except OSError:
            data = b""
        if not data:
            self._forget(self._process.stderr)
        for line in self._lines.feed(data) if data else self._lines.flush():
            reading = self._classifier.read(line)
            self._evidence.note(reading)
            worse = self._trouble is None or self._trouble.error_class is not ErrorClass.QUERY
            if reading.cause and worse:  # what is wrong with the query says most
                self._trouble = reading
            self.heard(line)
        return bool(data)

    def _forget(self, descriptor: int) -> None:
        with contextlib.suppress(KeyError, ValueError):
            self._poll.unregister(descriptor)

    def _check_retries(self, operation: Operation) -> None:
        evidence = self._evidence
        spent = evidence.retries if operation is Operation.UPDATE else evidence.spent
        if self._max_retries is not None and spent > self._max_retries:
            raise BackendFailed(f"ended after {spent} retries{self._explanation()}")

    @property
    def cause(self) -> str:
        """What the backend has logged since it was asked, in plain words; "" if it says nothing."""
        return self._trouble.cause if self._trouble is not None else ""

    def _explanation(self) -> str:
        return f": {self.cause}" if self.cause else ""


def _ignore(_: bytes) -> None:
    pass


def _objection(event: BackendEvent) -> str:
    detail = event.detail if isinstance(event, Damage) else "an answer nobody asked for"
    return f"backend sent {detail}; smtpd would exit or hang on that"

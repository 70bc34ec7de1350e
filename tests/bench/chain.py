"""Ways from smtpd to a backend, and the measuring end, which plays smtpd.

A backend is started as smtpd starts it: one end of a socket pair on descriptor 0, with the text
protocol on 1 as well. Whatever stands in between is started the same way and starts the backend.
"""

from __future__ import annotations

import contextlib
import gc
import itertools
import os
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil
from tests.bench.machine import Backend, BenchError, environment

from tablewatch.protocol.imsg import IMSG
from tablewatch.protocol.messages import Answer, Hello, Operation, Ready, Verdict
from tablewatch.protocol.text import TEXT

SUBJECTS = ("bare", "socat", "relay", "supervised")
TABLE = "creds"
VERSION = "7.6.0"  # smtpd's, as Debian 13 has it
PATIENCE = 30  # seconds until a missing answer ends the run
# Distinct requests: smtpd numbers them, and no number comes twice in a row.
RING = 1000
RELAY = Path(__file__).with_name("relay.py")


def command(subject: str, directory: Path) -> list[str]:
    """What is run between smtpd and the backend that `directory` holds."""
    backend = str(directory / "table-bench")
    return {
        "bare": [backend, "conf"],
        "socat": ["socat", "STDIO", "EXEC:./table-bench conf"],
        "relay": [sys.executable, str(RELAY), backend, "conf"],
        "supervised": [str(directory / "table-watch-bench"), "conf"],
    }[subject]


class Chain:
    """One subject at work, started by entering the context; leaving it ends all its processes."""

    def __init__(
        self,
        subject: str,
        backend: Backend,
        config: str = "tablewatch.yml",
        *,
        table: str = TABLE,
        more: Mapping[str, str] | None = None,
    ) -> None:
        """`config`: the supervisor's configuration, a file in the backend's directory.

        `more` is added to its environment.
        """
        self.subject = subject
        self.table = table
        self.backend = backend
        self.began = 0.0  # when it was started
        self._dialect = IMSG if backend.protocol == "imsg" else TEXT
        self._codec = self._dialect.backend_codec()
        config_file = str(backend.directory / config)
        self._environment = {"TABLEWATCH_CONFIG": config_file} | dict(more or {})
        self._length = 0
        self._tail = b""

    def __enter__(self) -> Self:
        directory = self.backend.directory
        ours, theirs = socket.socketpair()
        # Blocking, as smtpd reads; with a limit, so that a defect is no hang.
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("@ll", PATIENCE, 0))
        both = self.backend.protocol == "text" or self.subject == "socat"
        with theirs, (directory / "log").open("ab") as log:
            self.began = time.perf_counter()
            self.process = subprocess.Popen(
                command(self.subject, directory),
                cwd=directory,
                stdin=theirs.fileno(),
                stdout=theirs.fileno() if both else subprocess.DEVNULL,
                stderr=log if self.subject == "supervised" else subprocess.DEVNULL,
                env=environment(**self._environment),
            )
        self._connection = ours
        self._descriptor = ours.fileno()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        left = self.children()
        self._connection.close()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        for each in left:
            with contextlib.suppress(psutil.NoSuchProcess):
                each.kill()  # psutil makes sure that it is still the same process

    def handshake(self) -> None:
        """Say what smtpd says first, and wait until the backend is ready for smtpd."""
        self._send(self._codec.greet(self._hello()))
        events = self._codec.receive(self._receive())
        while not events:
            events = self._codec.receive(self._receive())
        if not isinstance(events[0], Ready):
            raise BenchError(f"{self}: {events[0]} instead of a handshake")

    def ask(self, key: bytes) -> tuple[Verdict, float]:
        """Look one key up: the verdict, and the time it took in seconds."""
        request = self._dialect.request(
            self.table, Operation.LOOKUP, self.backend.service, key, number=next(_NUMBERS)
        )
        data = self._codec.ask(request)
        began = time.perf_counter()
        self._send(data)
        events = self._codec.receive(self._receive())
        while not events:
            events = self._codec.receive(self._receive())
        took = time.perf_counter() - began
        if not isinstance(events[0], Answer):
            raise BenchError(f"{self}: {events[0]} instead of an answer")
        return events[0].verdict, took

    def get_ready(self) -> None:
        """Learn what a good answer looks like: its length and its end."""
        limit = time.monotonic() + PATIENCE
        while True:  # a supervisor may greet before its backend is there, and answers `error`
            verdict, _ = self.ask(self.backend.key)
            if verdict is Verdict.FOUND:
                break
            if time.monotonic() > limit:
                raise BenchError(f"{self}: {verdict.value} for a key that is there")
            time.sleep(0.05)
        self._requests = itertools.cycle(list(self._ring()))
        self._send(next(self._requests))
        answer = self._receive()
        self._length = len(answer)
        self._tail = answer[-8:]

    def block(self, count: int) -> list[int]:
        """Look up `count` times, one after another; the times in nanoseconds.

        Nothing but writing, reading and the clock, the same for all subjects. BenchError if an
        answer is not the right one.
        """
        descriptor, length, tail = self._descriptor, self._length, self._tail
        write, read, clock = os.write, os.read, time.perf_counter_ns
        times = []
        gc.disable()
        try:
            for request in itertools.islice(self._requests, count):
                began = clock()
                write(descriptor, request)
                answer = read(descriptor, 65536)
                while len(answer) < length:
                    more = read(descriptor, 65536)
                    if not more:
                        raise BenchError(f"{self}: ended")
                    answer += more
                times.append(clock() - began)
                if not answer.endswith(tail):
                    raise BenchError(f"{self}: another answer than before")
        except OSError as error:
            raise BenchError(f"{self}: no answer within {PATIENCE} s ({error.strerror})") from error
        finally:
            gc.enable()
        return times

    def children(self) -> list[psutil.Process]:
        """What it has started: backends, and a spare."""
        with contextlib.suppress(psutil.NoSuchProcess):
            return psutil.Process(self.process.pid).children(recursive=True)
        return []

    def __str__(self) -> str:
        return f"{self.backend.protocol} {self.backend.name}, {self.subject}"

    def _hello(self) -> Hello:
        return self._dialect.hello(self.table, VERSION)

    def _ring(self) -> Iterator[bytes]:
        for number in range(RING):
            yield self._dialect.request(
                self.table,
                Operation.LOOKUP,
                self.backend.service,
                self.backend.key,
                number=0x10000000 + number,
            ).raw

    def _send(self, data: bytes) -> None:
        try:
            self._connection.sendall(data)
        except OSError as error:
            raise BenchError(f"{self}: ended ({error.strerror})") from error

    def _receive(self) -> bytes:
        try:
            data = self._connection.recv(65536)
        except OSError as error:
            raise BenchError(f"{self}: no answer within {PATIENCE} s ({error.strerror})") from error
        if not data:
            raise BenchError(f"{self}: ended")
        return data


_NUMBERS = itertools.count(1)

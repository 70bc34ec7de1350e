"""Targets: what a hostile daemon sends to a supervisor."""

from __future__ import annotations

import contextlib
import json
import random
import select
import shutil
import socket
import tempfile
from pathlib import Path

from tests.core.player import Player
from tests.fuzz.messages import CONTROL, WORDS, near
from tests.fuzz.target import chance, cut

from tablewatch.control.records import from_plain
from tablewatch.control.status import TableStatus
from tablewatch.supervisor.children import Children
from tablewatch.supervisor.link import MAX_OUTGOING, Link
from tablewatch.supervisor.log import LogWriter
from tablewatch.supervisor.reporter import Reporter


class Supervised:
    """The supervisor's side without its processes: link, reporter and core, with the time given;
    and a daemon to talk to.
    """

    def __init__(self, folder: Path) -> None:
        self.now = 1000.0
        self.player = Player().start()
        self.poll = select.poll()
        self.link = Link(self.poll, random.Random(1))
        self.reporter = Reporter(
            self.player.core,
            Children(self.poll),
            LogWriter(),
            self.link,
            backend="mysql",
            reload=lambda now: [],
            started=self.now,
        )
        path = folder / "link.sock"
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.bind(str(path))
        self.listener.listen(50)
        self.link.configure(str(path), self.now)

    def close(self) -> None:
        """Close everything."""
        self.link.close()
        self.listener.close()

    def connect(self) -> socket.socket:
        """Have the time pass until it has connected."""
        while True:
            due = self.link.next_due()
            assert due is not None, "it waits for nothing, and will never connect"
            self.now = max(self.now, due)
            self.link.tick(self.now, self.reporter.hello)
            self.listener.setblocking(False)
            try:
                connection, _ = self.listener.accept()
            except BlockingIOError:
                continue
            connection.setblocking(False)
            return connection

    def turns(self, most: int = 1000) -> None:
        """Do what the loop does, for as long as there is anything to do."""
        for _ in range(most):
            ready = self.poll.poll(0)
            if not ready:
                return
            for descriptor, events in ready:
                assert self.link.owns(descriptor)
                for message in self.link.dispatch(events, self.now):
                    answer = self.reporter.answer(message, self.now)
                    if answer is not None:
                        self.link.send(answer, self.now)
            assert len(self.link._outgoing) <= MAX_OUTGOING
            self.player.settle()


def read(connection: socket.socket) -> bytes:
    """Return everything that is there."""
    data = bytearray()
    with contextlib.suppress(BlockingIOError, ConnectionError):
        while piece := connection.recv(1 << 20):
            data += piece
    return bytes(data)


@CONTROL("supervisor-link", near, WORDS, grows=False)
def supervisor_link(data: bytes) -> None:
    """Whatever a daemon sends a supervisor, nothing is raised, what waits is bounded, lookups are
    answered, and an honest daemon that comes after it is told how the table is.
    """
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    supervised = Supervised(folder)
    choose = chance(data)
    try:
        for piece in [data, *cut(data, choose)][: choose.randint(1, 3)]:
            with supervised.connect() as connection:
                welcomed = choose.random() < 0.8
                with contextlib.suppress(BlockingIOError, ConnectionError):
                    connection.sendall(b'{"type":"welcome","version":1}\n' * welcomed + piece)
                supervised.turns()
                if choose.random() < 0.5:
                    read(connection)
                    supervised.turns()
            supervised.turns()
        supervised.player.core.judge.paused_until = None  # it may well have been told to
        serves(supervised)
    finally:
        supervised.close()
        shutil.rmtree(folder)


def serves(supervised: Supervised) -> None:
    """Assert that a lookup is answered, and an honest daemon."""
    asked = supervised.player.ask("nobody-else")
    assert supervised.player.reached_backend(asked)
    supervised.player.answer(asked)
    assert supervised.player.answer_to(asked).startswith("found")
    with supervised.connect() as honest:
        honest.sendall(b'{"type":"welcome","version":1}\n{"type":"ask","id":7}\n')
        supervised.turns()
        hello, *_, status = [json.loads(each) for each in read(honest).splitlines()]
    assert hello["type"] == "hello"
    assert status["id"] == 7
    assert from_plain(TableStatus, status["status"]).table == "creds"

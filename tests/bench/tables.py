"""Plays the supervisors of very many tables in one process: ``python -m tests.bench.tables``.

They answer at once, and what they answer is the report of a busy table. So what a scrape takes is
the daemon's own time.
"""

from __future__ import annotations

import importlib
import json
import os
import select
import socket
import sys
from typing import Any

from tablewatch.control.records import to_plain

PATIENCE = 60.0  # seconds
STATUSES = importlib.import_module("tests.support.statuses")  # which has no types


class Played:
    """One table's supervisor."""

    def __init__(self, path: str, table: str) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(PATIENCE)
        self.socket.connect(path)
        self._data = b""
        self._status = json.dumps(to_plain(STATUSES.well(table))).encode()
        hello = {"type": "hello", "version": 1, "table": table, "pid": os.getpid()}
        try:
            self._send(hello | {"release": "0.1.0"})
            self.is_in = self._receive_one() == "welcome"
        except ConnectionError:  # a daemon that has enough of them
            self.is_in = False

    def answer(self) -> bool:
        """Read and answer what was asked; return whether the daemon is still there."""
        data = self.socket.recv(65536)
        self._data += data
        self.answer_held()
        return bool(data)

    def answer_held(self) -> None:
        """Answer what was read already."""
        *lines, self._data = self._data.split(b"\n")
        for line in lines:
            message = json.loads(line)
            if message["type"] == "ask":
                number = message["id"]
                self.socket.sendall(
                    b'{"type":"status","id":%d,"status":%b}\n' % (number, self._status)
                )

    def _send(self, message: dict[str, Any]) -> None:
        self.socket.sendall(json.dumps(message).encode() + b"\n")

    def _receive_one(self) -> str:
        while b"\n" not in self._data:
            data = self.socket.recv(65536)
            if not data:
                return ""
            self._data += data
        line, _, self._data = self._data.partition(b"\n")
        return str(json.loads(line)["type"])


def main() -> None:
    """Play so many supervisors until stdin closes; print how many were welcome."""
    path, count = sys.argv[1], int(sys.argv[2])
    poll = select.poll()
    poll.register(0, select.POLLIN)
    tables: dict[int, Played] = {}
    for number in range(count):
        played = Played(path, f"table{number:04d}")
        if played.is_in:
            tables[played.socket.fileno()] = played
            poll.register(played.socket, select.POLLIN)
            played.answer_held()  # the first question may have come with the welcome
        answer_all(poll, tables, 0)
    print(len(tables), flush=True)
    while answer_all(poll, tables, None):
        pass


def answer_all(poll: select.poll, tables: dict[int, Played], timeout: int | None) -> bool:
    """Answer whoever asked; return whether stdin is still open."""
    for descriptor, _ in poll.poll(timeout):
        if descriptor == 0:
            return False
        if not tables[descriptor].answer():
            poll.unregister(descriptor)
    return True


if __name__ == "__main__":
    main()

"""How tools ask tablewatchd, over its control socket."""

from __future__ import annotations

import os
import shlex
import socket
import time
from typing import Any

from tablewatch.control.records import from_plain
from tablewatch.control.status import HostStatus
from tablewatch.control.wire import MAX_REPLY, VERSION, LineReader, encode, text_of
from tablewatch.errors import ControlError, DaemonAbsent, DaemonSilent
from tablewatch.record import Record, field


class Reply(Record):
    """What the daemon said. ``data`` depends on the command; see :class:`Control`."""

    ok: bool
    text: str = ""
    data: dict[str, Any] = field(default_factory=dict)


class Control:
    """A connection to the control socket, made anew for every question.

    The status is for everybody. Commands about tables are for root, the daemon's own user and its
    operators (``table``: one table's name, or "" for all):

    ``quarantine``: ``data`` has ``tables``: name to a list of entries (see QuarantineEntry in
    :mod:`tablewatch.control.entries`). ``release`` with ``id``, or ``service`` and ``key``, or
    ``all``. ``add`` with ``service``, ``key``, ``seconds``. ``reset``. ``pause`` with ``seconds``.
    ``resume``. ``reload``. Each gives ``data`` with ``tables``: name to ``{"ok", "text"}``.

    ``incidents``: ``data`` has ``incidents``, a list of summaries (see
    :mod:`tablewatch.control.incident_summary`); with ``id``, ``incident``, a
    :class:`tablewatch.control.incident.Kept`.
    """

    def __init__(self, path: str, timeout: float) -> None:
        """`timeout`: seconds for a whole question and its answer."""
        self._path = path
        self._timeout = timeout

    def status(self) -> HostStatus:
        """Return how the host is doing. Raises ControlError and its kinds."""
        reply = self.ask("status")
        if not reply.ok:
            raise ControlError(reply.text)
        return from_plain(HostStatus, reply.data.get("status"))

    def ask(self, command: str, table: str = "", **arguments: object) -> Reply:
        """Return the reply to one command; raises ControlError and its kinds."""
        question = {"version": VERSION, "command": command, "table": table, "arguments": arguments}
        line = self._exchange(encode(question))
        ok, data = line.get("ok"), line.get("data", {})
        if not isinstance(ok, bool) or not isinstance(data, dict):
            raise ControlError(f"{self._path}: tablewatchd's answer can't be understood")
        return Reply(ok, text_of(line, "text", 4000), data)

    def _exchange(self, data: bytes) -> dict[str, Any]:
        until = time.monotonic() + self._timeout
        reader = LineReader(MAX_REPLY)
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            try:
                self._connect(connection, until)
                connection.settimeout(_left(until))
                connection.sendall(data)
                while True:
                    connection.settimeout(_left(until))
                    received = connection.recv(65536)
                    if not received:
                        raise DaemonAbsent(f"{self._path}: tablewatchd closed the connection")
                    messages = reader.feed(received)
                    if messages:
                        return messages[0]
                    if time.monotonic() >= until:
                        raise TimeoutError
            except TimeoutError:
                raise DaemonSilent(
                    f"{self._path}: no answer within {self._timeout:g} s; tablewatchd hangs or is "
                    "overloaded: look at its log, then restart it"
                ) from None
            except PermissionError:
                raise ControlError(f"{self._path}: permission denied; {self._remedy()}") from None
            except (FileNotFoundError, ConnectionError):
                raise DaemonAbsent(
                    f"{self._path}: nobody listens; is tablewatchd running? start it with: "
                    "rcctl start tablewatchd, or systemctl start tablewatchd"
                ) from None
            except OSError as error:
                raise ControlError(f"{self._path}: {error.strerror or error}") from None

    def _connect(self, connection: socket.socket, until: float) -> None:
        while True:
            connection.settimeout(_left(until))
            try:
                connection.connect(self._path)
            except BlockingIOError:  # Linux, when too many wait to be let in
                if time.monotonic() >= until:
                    raise TimeoutError from None
                time.sleep(0.02)
            else:
                return

    def _remedy(self) -> str:
        """Return what lets everybody in again, as tablewatchd had it: the path, or the socket."""
        socket_path = closed = os.path.abspath(self._path)
        while not os.path.exists(closed):
            closed = os.path.dirname(closed)
        mode = "a+rw" if closed == socket_path else "o+x"
        return f"every user may ask, so let them: chmod {mode} {shlex.quote(closed)}"


def _left(until: float) -> float:
    return max(0.001, until - time.monotonic())

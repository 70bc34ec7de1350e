"""The HTTP server of tablewatchd: a thread that lets clients in, and one for each client.

A client gets one answer to one request, then the connection is closed: nobody holds a place for
longer than a request takes, and what that may take is bounded (see Limits). Answers wait for
supervisors only as long as they are told to.
"""

from __future__ import annotations

import contextlib
import errno
import os
import select
import socket
import threading
import time
from collections.abc import Callable

from tablewatch.config.places import split_address
from tablewatch.control.status import HostStatus
from tablewatch.daemon.incidents import Incidents
from tablewatch.daemon.web.access import Access
from tablewatch.daemon.web.clients import Clients
from tablewatch.daemon.web.connection import Connection, Limits
from tablewatch.daemon.web.listening import close, listen_on
from tablewatch.daemon.web.routes import Site
from tablewatch.daemon.web.service import Log, Service
from tablewatch.errors import ConfigError, DaemonError

_CONGESTED = 0.05  # seconds until we look again whether somebody can be let in


class Web:
    """The server. All methods are for one thread, the daemon's own."""

    def __init__(
        self,
        listen: tuple[str, ...],
        web_config: str,
        *,
        ask: Callable[[float], HostStatus],
        metrics: Callable[[str | None, float], tuple[bytes, str]],
        count: Callable[[str, int], None],
        timeout: float,
        ready: Callable[[], str],
        incidents: Incidents,
        log: Callable[[str], None] | None = None,
        limits: Limits | None = None,
    ) -> None:
        """Nothing is read or bound before :meth:`start`.

        `listen`, `web_config`: as in DaemonSettings. `ask` and `metrics` may take as many seconds
        as they are told, `timeout` at most; the latter is given the Accept header and returns a
        body and its content type. `count` is told path and status of each answer. `ready` returns
        why the daemon is not ready, "" if it is. `log` takes a line, stderr if it is None. All of
        these, and `incidents`, are used by several threads.
        """
        self._listen = listen
        self._web_config = web_config
        self._site = Site(
            ask=ask, metrics=metrics, ready=ready, incidents=incidents, timeout=timeout
        )
        self._count = count
        self._log = Log(log)
        self._limits = limits or Limits()
        self._clients = Clients(self._limits)
        self._sockets: dict[str, list[socket.socket]] = {}
        self._service: Service | None = None
        self._door: threading.Thread | None = None
        self._wake, self._waker = -1, -1

    @property
    def addresses(self) -> list[tuple[str, int]]:
        """Where it listens now, host and port, port 0 resolved."""
        names = [each.getsockname() for each in self._listeners()]
        return [(str(name[0]), int(name[1])) for name in names]

    def start(self) -> None:
        """Bind all addresses and begin to answer.

        Raises ConfigError for a web configuration that can't be used, DaemonError for an address.
        """
        access = Access(self._listen, self._web_config)
        self._service = Service(access, self._site, self._count, self._log)
        try:
            for address in self._listen:
                self._sockets[address] = listen_on(address)
        except DaemonError:
            self._close_listeners(list(self._sockets))
            raise
        self._open_door()

    def reload(self, listen: tuple[str, ...], web_config: str) -> list[str]:
        """Listen on `listen`, by the rules of `web_config`, both read anew; return what is wrong.

        With anything wrong everything stays as it was. Clients that are being served are served.
        """
        try:
            access = Access(listen, web_config)
        except ConfigError as error:
            return [str(each) for each in error.problems]
        self._close_door()
        try:
            problems = self._move(listen)
            # Before the door opens: nobody comes to a new address by the old rules.
            if not problems and self._service is not None:
                self._service.access = access
        finally:
            self._open_door()
        return problems

    def set_timeout(self, timeout: float) -> None:
        """Let answers take so many seconds from now on."""
        self._site.timeout = timeout

    def close(self) -> None:
        """Stop at once; who is being served is cut off."""
        self._close_door()
        self._close_listeners(list(self._sockets))
        self._clients.cut_all()

    def _move(self, listen: tuple[str, ...]) -> list[str]:
        """Change the sockets; either all of them, or none."""
        fresh: dict[str, list[socket.socket]] = {}
        problems = _bind([each for each in listen if each not in self._sockets], fresh)
        # 127.0.0.1:10099 is in the way of :10099, so it has to go first.
        blocked = [each for each in listen if each not in self._sockets and each not in fresh]
        ports = {split_address(each)[1] for each in blocked}
        left = [each for each in self._sockets if each not in listen]
        in_the_way = [each for each in left if split_address(each)[1] in ports]
        if in_the_way:
            self._close_listeners(in_the_way)
            problems = _bind(blocked, fresh)
            if problems:
                problems += _bind(in_the_way, self._sockets)
        if problems:
            for sockets in fresh.values():
                close(sockets)
            return problems
        self._close_listeners([each for each in left if each not in in_the_way])
        self._sockets |= fresh
        return []

    def _listeners(self) -> list[socket.socket]:
        return [each for sockets in self._sockets.values() for each in sockets]

    def _close_listeners(self, addresses: list[str]) -> None:
        for each in addresses:
            close(self._sockets.pop(each))

    def _open_door(self) -> None:
        self._wake, self._waker = os.pipe()
        self._door = threading.Thread(target=self._stand_at_door, name="web", daemon=True)
        self._door.start()

    def _close_door(self) -> None:
        if self._door is None:
            return
        os.close(self._waker)
        self._door.join()
        os.close(self._wake)
        self._door = None

    def _stand_at_door(self) -> None:
        """Let clients in until the other end of the pipe is closed."""
        listeners = {each.fileno(): each for each in self._listeners()}
        while True:
            poll = select.poll()
            poll.register(self._wake, select.POLLIN)
            full = self._clients.full
            if not full:
                for descriptor in listeners:
                    poll.register(descriptor, select.POLLIN)
            for descriptor, _ in poll.poll(_CONGESTED * 1000 if full else None):
                if descriptor == self._wake:
                    return
                try:
                    self._let_in(listeners[descriptor])
                except Exception as error:  # the door stays open whatever happens at it
                    self._log.trouble("accept", error)
                    time.sleep(_CONGESTED)

    def _let_in(self, listener: socket.socket) -> None:
        try:
            sock, address = listener.accept()
        except OSError as error:
            if error.errno in (errno.EAGAIN, errno.EWOULDBLOCK, errno.ECONNABORTED, errno.EINTR):
                return
            raise
        service = self._service
        assert service is not None
        connection = Connection(sock, str(address[0]), self._limits)
        if not self._clients.add(connection):
            connection.close()
            return
        try:
            threading.Thread(
                target=self._serve, args=(service, connection), name="web client", daemon=True
            ).start()
        except RuntimeError:
            self._clients.remove(connection)
            connection.close()
            raise

    def _serve(self, service: Service, connection: Connection) -> None:
        try:
            # What the client does wrong, or does not do, is no concern of ours.
            with contextlib.suppress(OSError):
                service.serve(connection)
        except Exception as error:
            self._log.trouble("client", error)
        finally:
            connection.close()
            self._clients.remove(connection)


def _bind(addresses: list[str], into: dict[str, list[socket.socket]]) -> list[str]:
    problems = []
    for address in addresses:
        try:
            into[address] = listen_on(address)
        except DaemonError as error:
            problems.append(str(error))
    return problems

"""Where supervisors and tools meet: one thread that owns all their connections.

Everything a peer can do is bounded: how many connections a user has, how long each may take, how
much may wait for it. Nothing here blocks.
"""

from __future__ import annotations

import contextlib
import os
import queue
import selectors
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future

from tablewatch import __version__
from tablewatch.config.daemon_settings import CONTROL_SOCKET, LINK_SOCKET, DaemonSettings
from tablewatch.control.peers import peer_of, uids_of
from tablewatch.control.status import Daemon, HostStatus
from tablewatch.control.wire import MAX_REPLY, encode
from tablewatch.daemon.capacity import room
from tablewatch.daemon.controls import Controls
from tablewatch.daemon.crowd import Crowd
from tablewatch.daemon.incidents import Incidents
from tablewatch.daemon.links import HELLO_WITHIN, Links
from tablewatch.daemon.links import MAX_OUTGOING as LINK_OUTGOING
from tablewatch.daemon.registry import Registry
from tablewatch.daemon.rounds import Rounds
from tablewatch.daemon.sockets import check, listen
from tablewatch.daemon.stream import Stream
from tablewatch.errors import DaemonError

# Connections of one user to the control socket at a time; a tool has one, for milliseconds.
MAX_CONTROLS = 16
# Of all together: one may be thousands of users (subuid(5)). Operators are let in all the same.
MAX_TOOLS = 128
# A tool that keeps its connection for longer (seconds) is left. `status --watch` connects anew.
CONTROL_WITHIN = 60.0

_DEBUG, _WARNING = 7, 4


class Hub:
    """Listens on the two sockets and knows how every table is doing."""

    def __init__(
        self, settings: DaemonSettings, config_path: str, log: Callable[[int, str], None]
    ) -> None:
        """`config_path` is only shown; `log` takes a priority of syslog(3) and a line."""
        self._settings = settings
        self._directory = settings.directory
        self._config_path = config_path
        self._log = log
        self._selector = selectors.DefaultSelector()
        self._registry = Registry(settings.forget_after)
        self._kept_in = settings.incidents_directory
        self.incidents = Incidents(settings.incidents_directory, settings.max_incidents, log)
        self._links = Links(self._registry, self.incidents, log)
        self._rounds = Rounds(self._links, self._report)
        self._controls = Controls(self._links, self._registry, self._rounds, self.incidents, log)
        self._crowd = Crowd()
        self._room = room()
        self._refused_controls = 0
        self._listeners: dict[str, socket.socket] = {}
        self._wake, self._waker = socket.socketpair()
        self._calls: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="hub", daemon=True)
        self._running = False
        self._started = time.monotonic()
        self._apply(settings)

    def check(self) -> None:
        """Raise DaemonError if start() could not listen; another daemon may be running."""
        for name in (LINK_SOCKET, CONTROL_SOCKET):
            check(os.path.join(self._settings.directory, name))

    def start(self) -> None:
        """Listen, and serve from now on. Raises DaemonError."""
        try:
            for name, mode in ((LINK_SOCKET, 0o660), (CONTROL_SOCKET, 0o666)):
                self._listeners[name] = listen(os.path.join(self._directory, name), mode)
        except DaemonError:
            self._unlisten()
            raise
        for end in (self._wake, self._waker):
            end.setblocking(False)
        self._selector.register(self._wake, selectors.EVENT_READ, None)
        for name, listener in self._listeners.items():
            self._selector.register(listener, selectors.EVENT_READ, name)
        self.incidents.start()
        self._running = True
        self._thread.start()

    def status(self, timeout: float) -> HostStatus:
        """Ask all supervisors, for up to `timeout` seconds, and return what is known then.

        May be called from every thread. Raises DaemonError when the hub is closed or stuck.
        """
        future: Future[HostStatus] = Future()
        patience = min(timeout, self._settings.timeout)

        def want() -> None:
            now = time.monotonic()
            self._rounds.want(future, now + patience, now)

        self._call(want)
        if reason := self.ready():  # now, and not before: what is called till then is answered
            raise DaemonError(reason)
        try:
            return future.result(timeout + 5.0)
        except Exception as error:
            raise DaemonError(f"the tables could not be asked: {type(error).__name__}") from None

    def ready(self) -> str:
        """Return "" while it serves, or why it does not."""
        return "" if self._running and self._thread.is_alive() else "not serving"

    def reload(self, settings: DaemonSettings) -> list[str]:
        """Go by `settings` from now on; return what that does not change until a restart."""
        remarks = []
        if settings.directory != self._directory:
            remarks.append("daemon.directory takes effect when tablewatchd is restarted")
        if settings.incidents_directory != self._kept_in:
            remarks.append("daemon.incidents_directory takes effect when tablewatchd is restarted")
        self.incidents.keep(settings.max_incidents)
        self._call(lambda: self._apply(settings))
        return remarks

    def close(self) -> None:
        """End everything. May be called twice."""
        if self._running:
            self._running = False
            self._call(lambda: None)
            self._thread.join(10.0)
        self.incidents.close()
        self._unlisten()
        for end in (self._wake, self._waker):
            end.close()

    # --- the thread ---------------------------------------------------------------------------

    def _run(self) -> None:
        while self._running:
            now = time.monotonic()
            due = self._next_due()
            timeout = None if due is None else max(0.0, due - now)
            for key, events in self._selector.select(timeout):
                try:
                    self._dispatch(key, events)
                except Exception as error:  # one peer's trouble must not be everybody's
                    self._survive(key.data, error)
            try:
                self._tick(time.monotonic())
            except Exception as error:
                self._survive(None, error)
                time.sleep(0.1)  # a fault that repeats must not become a spin
        self._crowd.close()
        self._on_calls()
        self._rounds.end()
        self._selector.close()

    def _dispatch(self, key: selectors.SelectorKey, events: int) -> None:
        if key.data is None:
            self._on_calls()
        elif isinstance(key.data, str):
            self._accept(key.data)
        elif isinstance(key.data, Stream):
            self._on_stream(key.data, events)

    def _on_calls(self) -> None:
        with contextlib.suppress(BlockingIOError):
            self._wake.recv(4096)
        while True:
            try:
                call = self._calls.get_nowait()
            except queue.Empty:
                return
            call()

    def _on_stream(self, stream: Stream, events: int) -> None:
        now = time.monotonic()
        if events & selectors.EVENT_WRITE:
            stream.flush()
        if events & selectors.EVENT_READ and not stream.closed:
            messages = stream.receive()
            link = self._crowd.link_of(stream)
            if link is not None:
                self._links.receive(link, messages, now)
            else:
                self._controls.receive(stream, messages, now)

    def _accept(self, name: str) -> None:
        try:
            connection, _ = self._listeners[name].accept()
        except OSError:  # gone again, or out of descriptors: it will be tried again
            time.sleep(0.01)
            return
        peer = peer_of(connection)
        uid = peer.uid if peer is not None else -1
        is_link = name == LINK_SOCKET
        if self._refuses_link(connection, uid) if is_link else self._refuses_tool(uid):
            self._log(_DEBUG, f"{name}: refused a connection of uid {uid}")
            connection.close()
            return
        stream = Stream(
            connection,
            peer,
            self._selector,
            max_outgoing=LINK_OUTGOING if is_link else MAX_REPLY,
            deadline=time.monotonic() + (HELLO_WITHIN if is_link else CONTROL_WITHIN),
        )
        self._crowd.add(stream, uid, self._links.add(stream) if is_link else None)

    def _refuses_link(self, connection: socket.socket, uid: int) -> bool:
        if uid != -1 and uid not in self._supervisors:
            self._links.refused += 1
            return True
        if self._crowd.links < self._room.links:
            return False
        self._links.full(self._room.why, time.monotonic())
        with contextlib.suppress(OSError):  # for its log; it tries again
            connection.setblocking(False)
            connection.send(encode({"type": "refused", "reason": self._room.why}))
        return True

    def _refuses_tool(self, uid: int) -> bool:
        refused = self._crowd.tools(uid) >= MAX_CONTROLS
        refused |= uid not in self._controls.operators and self._crowd.tools() >= MAX_TOOLS
        self._refused_controls += refused
        return refused

    def _tick(self, now: float) -> None:
        self._crowd.expire(now)
        self._sweep(now)
        self._rounds.check(now)
        self._controls.tick(now)

    def _sweep(self, now: float) -> None:
        """Forget connections that are closed."""
        for stream, link in self._crowd.left():
            if link is None:
                self._controls.drop(stream)
            else:
                self._links.drop(link, now)
                self._rounds.forget()

    def _next_due(self) -> float | None:
        times = (self._rounds.next_due(), self._controls.next_due(), self._crowd.next_due())
        return min((time for time in times if time is not None), default=None)

    def _survive(self, data: object, error: Exception) -> None:
        self._log(_WARNING, f"internal error with a connection: {type(error).__name__}: {error}")
        if isinstance(data, Stream):
            data.close()
            self._sweep(time.monotonic())

    # --- what others ask for ------------------------------------------------------------------

    def _call(self, call: Callable[[], None]) -> None:
        """Have the thread call `call`."""
        self._calls.put(call)
        with contextlib.suppress(OSError):
            self._waker.send(b".")

    def _apply(self, settings: DaemonSettings) -> None:
        self._settings = settings
        self._registry.forget_after = settings.forget_after
        self._supervisors = uids_of(settings.supervisors)
        self._controls.operators = uids_of(settings.operators)
        self._controls.timeout = settings.timeout

    def _report(self, asked: float, now: float) -> HostStatus:
        daemon = Daemon(
            release=__version__,
            pid=os.getpid(),
            age=now - self._started,
            config=self._config_path,
            supervisors=len(self._links),
            refused_links=self._links.refused,
            refused_controls=self._refused_controls,
        )
        return HostStatus(time.time(), daemon, self._registry.reports(asked, now))

    def _unlisten(self) -> None:
        for name, listener in self._listeners.items():
            listener.close()
            with contextlib.suppress(OSError):
                os.unlink(os.path.join(self._directory, name))
        self._listeners.clear()

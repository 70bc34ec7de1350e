"""The event loop: bytes, lines, deaths and the time go to the core; its actions are carried out."""

from __future__ import annotations

import contextlib
import math
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Callable

from tablewatch.config.settings import Config
from tablewatch.core.table import TableCore
from tablewatch.core.wording import whence
from tablewatch.policy.duty import Duty
from tablewatch.supervisor.children import Child, Children
from tablewatch.supervisor.daemon_end import DaemonEnd
from tablewatch.supervisor.log import LogWriter
from tablewatch.supervisor.performer import Performer
from tablewatch.supervisor.smtpd_end import CHUNK, SmtpdEnd
from tablewatch.supervisor.tracer import Tracer

_LONGEST_WAIT = 3600  # seconds; poll(2) takes milliseconds in a C int
_UNKNOWN = 0.1  # seconds until the next look when it can't be told when there is something to do
_READABLE = select.POLLIN | select.POLLHUP | select.POLLERR | select.POLLNVAL


class Loop:
    """One supervisor at work. :meth:`run` returns when smtpd is gone, and only then."""

    def __init__(
        self,
        core: TableCore,
        find_program: Callable[[], str],
        arguments: list[str],
        log: LogWriter,
        *,
        read_config: Callable[[], tuple[Config | None, list[str]]],
        backend: str,
        linked: bool = True,
    ) -> None:
        """Set what is used at every start of a backend, and at SIGHUP.

        `find_program` is asked at every start: a missing backend may be installed later.
        `read_config` returns the configuration, or None and what is wrong with it. `backend` is
        what the program is called in smtpd.conf: mysql for table-mysql. Without `linked`
        tablewatchd hears nothing of this table.
        """
        self._core = core
        self._read_config = read_config
        self._poll = select.poll()
        self._children = Children(self._poll)
        self._duty = Duty()
        self._smtpd = SmtpdEnd(self._poll)
        self._daemon = DaemonEnd(
            core,
            self._children,
            log,
            self._poll,
            backend=backend,
            reload=self._reload,
            started=time.monotonic(),
            linked=linked,
        )
        self._tracer = Tracer(self._be_woken)
        self._performer = Performer(
            core,
            self._children,
            self._poll,
            smtpd=self._smtpd,
            daemon=self._daemon,
            log=log,
            tracer=self._tracer,
            find_program=find_program,
            arguments=arguments,
        )
        self._wake, self._waker = socket.socketpair()
        self._report_wanted = False
        self._reload_wanted = False

    def run(self) -> None:
        """Serve smtpd until it closes its end."""
        for end in (self._wake, self._waker):
            end.setblocking(False)
        self._smtpd.open()
        signal.set_wakeup_fd(self._waker.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)  # only to wake poll()
        signal.signal(signal.SIGUSR1, self._want_report)
        signal.signal(signal.SIGHUP, self._want_reload)
        self._poll.register(self._wake, select.POLLIN)
        while not self._performer.leaves:
            try:
                self._turn()
            except Exception as error:
                self._survive(error)
        self._daemon.close()
        for traced in self._tracer.end():
            self._children.end(traced.process)
        self._children.end_all()

    def _turn(self) -> None:
        now = time.monotonic()
        due = self._due(now)
        ready = self._poll.poll(_milliseconds(min(due, self._children.rest_until) - now))
        now = time.monotonic()
        if len(ready) > 1:
            ready.sort(key=lambda item: self._turn_of(item[0]))
        for descriptor, events in ready:
            self._dispatch(descriptor, events, now)
            self._performer.perform(now)
        if now >= self._children.rest_until:
            self._children.listen()
        if now >= due:
            self._tick(now)

    def _tick(self, now: float) -> None:
        """Do what is due."""
        perform = self._performer.perform
        self._performer.do_delayed(now)
        self._core.tick(now)
        perform(now)
        self._daemon.tick(now)
        perform(now)

    def _due(self, now: float) -> float:
        """Return when there is something to do, in monotonic seconds; infinity: never.

        Whatever is wrong with that, smtpd is listened to.
        """
        try:
            core, daemon = self._core.next_deadline(now), self._daemon.next_due()
        except Exception as error:
            self._survive(error)
            return now + _UNKNOWN
        due = self._performer.due
        if core is not None and core < due:
            due = core
        return daemon if daemon is not None and daemon < due else due

    def _turn_of(self, descriptor: int) -> int:
        """Stderr first: what was written before an answer belongs to the request answered.

        Signals later: a backend may answer and leave. The daemon last: lookups come first.
        """
        if self._daemon.owns(descriptor):
            return 3
        if descriptor == self._wake.fileno():
            return 2
        return 0 if self._children.is_stderr(descriptor) else 1

    def _dispatch(self, descriptor: int, events: int, now: float) -> None:
        if descriptor == 0 and events == select.POLLIN:
            self._read_smtpd(now)
            return
        child = self._children.owner(descriptor)
        if child is not None:
            if descriptor == child.process.stderr:
                self._listen_to(child, now)
                return
            if events & select.POLLOUT:
                child.flush(self._poll)
            if events & _READABLE:
                self._read_backend(child, now)
        elif descriptor == self._wake.fileno():
            self._on_signal(now)
        elif self._daemon.owns(descriptor):
            self._daemon.dispatch(events, now)
        else:
            if (events & select.POLLOUT or descriptor != 0) and not self._smtpd.flush():
                self._core.smtpd_closed(now)
            if events & _READABLE and descriptor == 0:
                self._read_smtpd(now)

    # --- reading ----------------------------------------------------------------------------

    def _read_smtpd(self, now: float) -> None:
        data = self._smtpd.read()
        if data:
            self._core.from_smtpd(now, data)
        elif data is not None:
            self._core.smtpd_closed(now)

    def _read_backend(self, child: Child, now: float) -> None:
        if child.rests:
            self._read_stderr(child, now)  # what it wrote before it said this
        try:
            data = child.process.connection.recv(CHUNK)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if data:
            self._core.from_backend(now, child.generation, data)
        else:
            self._lost(child, now)

    def _listen_to(self, child: Child, now: float) -> None:
        """Read what a backend has written to its stderr, and rest if that is too much work."""
        began = time.thread_time()
        self._read_stderr(child, now)
        until = self._duty.worked(time.thread_time() - began, now)
        if until > now:
            self._children.rest(child, until)

    def _read_stderr(self, child: Child, now: float) -> bool:
        """Read one chunk; return whether there may be more."""
        try:
            data = os.read(child.process.stderr, CHUNK)
        except BlockingIOError:
            return False
        except OSError:
            data = b""
        lines = child.lines.feed(data) if data else child.lines.flush()
        if lines:
            self._core.from_stderr(now, child.generation, lines)
        if not data:
            self._children.stop_stderr(child)
        return bool(data)

    def _on_signal(self, now: float) -> None:
        with contextlib.suppress(BlockingIOError):
            self._wake.recv(CHUNK)
        if self._report_wanted:
            self._report_wanted = False
            self._core.report(now, "counters")
        if self._reload_wanted:
            self._reload_wanted = False
            self._reload(now)
        for traced in self._tracer.finished():
            self._children.end(traced.process)
            self._core.incidents.traced(traced.incident, traced.lines)
        for child in self._children.exited():
            self._lost(child, now)

    def _be_woken(self) -> None:
        """Make poll() return; from whichever thread."""
        with contextlib.suppress(OSError):
            self._waker.send(b".")

    def _want_report(self, *_: object) -> None:
        self._report_wanted = True

    def _want_reload(self, *_: object) -> None:
        self._reload_wanted = True

    def _reload(self, now: float) -> list[str]:
        """Read the configuration anew; return what is wrong. A broken one changes nothing."""
        config, problems = self._read_config()
        self._core.misconfigured(problems, now)
        if config is not None:
            self._core.reload(now, config)
        return problems

    def _lost(self, child: Child, now: float) -> None:
        """A backend is gone or has closed its end; its last words come before the news."""
        while child.process.stderr >= 0 and self._read_stderr(child, now):
            pass
        how = child.process.wait_briefly()
        self._children.drop_connection(child)
        text = str(how) if how is not None else "closed its connection"
        self._core.backend_lost(now, child.generation, text)
        self._performer.perform(now)
        self._children.kill(child.generation)  # whatever the core made of it

    def _survive(self, error: Exception) -> None:
        """An exception of our own: say where, then go on."""
        try:
            now = time.monotonic()
            self._core.failed(now, whence(error))
            self._performer.perform(now)
        except Exception:
            sys.exc_info()
        time.sleep(0.01)  # a fault that repeats must not become a spin


def _milliseconds(seconds: float) -> int:
    """Round up, for poll(2); what is due may be due infinitely long ago, or never."""
    if 0.0 < seconds < _LONGEST_WAIT:
        return math.ceil(seconds * 1000)
    return _LONGEST_WAIT * 1000 if seconds > 0.0 else 0

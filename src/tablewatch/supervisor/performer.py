"""Carries out what the core asks for: writes, starts, stops, ends, measures, logs."""

from __future__ import annotations

import select
from collections.abc import Callable

from tablewatch.core.actions import (
    BackendAction,
    Kill,
    Leave,
    Log,
    Measure,
    Pause,
    Resume,
    Spawn,
    Trace,
    WriteBackend,
    WriteSmtpd,
)
from tablewatch.core.states import State
from tablewatch.core.table import TableCore
from tablewatch.errors import BackendNotFound
from tablewatch.supervisor.children import Child, Children
from tablewatch.supervisor.daemon_end import DaemonEnd
from tablewatch.supervisor.delayed import Delayed
from tablewatch.supervisor.log import LogWriter
from tablewatch.supervisor.smtpd_end import SmtpdEnd
from tablewatch.supervisor.tracer import Tracer
from tablewatch.supervisor.usage import usage_of


class Performer:
    """Performs the actions of one core; what somebody waits for at once, as its Outlet.

    ``leaves`` says that smtpd is gone and all is to end.
    """

    def __init__(
        self,
        core: TableCore,
        children: Children,
        poll: select.poll,
        *,
        smtpd: SmtpdEnd,
        daemon: DaemonEnd,
        log: LogWriter,
        tracer: Tracer,
        find_program: Callable[[], str],
        arguments: list[str],
    ) -> None:
        """`find_program` and `arguments`: what is started as a backend."""
        self.leaves = False
        self._core = core
        self._children = children
        self._poll = poll
        self._smtpd = smtpd
        self._daemon = daemon
        self._log = log
        self._tracer = tracer
        self._find_program = find_program
        self._arguments = arguments
        self._delayed = Delayed()
        self._smtpd_lost = False
        core.actions.outlet = self

    @property
    def due(self) -> float:
        """When do_delayed() has something to do, in monotonic seconds; infinity: never."""
        return self._delayed.due

    def do_delayed(self, now: float) -> None:
        """End and start what could wait until now."""
        if self._delayed.take_ends(now):
            self._children.end_stopped()
        for action in self._delayed.take(now):
            if isinstance(action, Spawn):
                self._spawn(action, now)
            else:
                self.to_backend(action.generation, action.data)

    def perform(self, now: float) -> None:
        """Do everything that waits."""
        actions = self._core.actions
        while actions:
            action = actions.popleft()
            if isinstance(action, WriteSmtpd):
                self.to_smtpd(action.data)
            elif isinstance(action, WriteBackend):
                self.to_backend(action.generation, action.data)
            elif isinstance(action, Log):
                self._log.write(action, self._core.settings.log)
                self._daemon.logged(action, now)
            elif isinstance(action, Spawn):
                self._start(action, now)
            elif isinstance(action, Leave):
                self.leaves = True
            else:
                child = self._children.get(action.generation)
                if child is not None:
                    self._do_with(child, action, now)
                elif isinstance(action, Kill):
                    self._delayed.forget(action.generation)
        if self._smtpd_lost:
            self._smtpd_lost = False
            self._core.smtpd_closed(now)
            self.perform(now)

    def to_smtpd(self, data: bytes) -> None:
        """Write to smtpd; that it is gone is told to the core when its turn has come."""
        dialect = self._core.smtpd.dialect
        separate = dialect is not None and dialect.has_services
        if not self._smtpd.send(data, separate=separate):
            self._smtpd_lost = True

    def to_backend(self, generation: int, data: bytes) -> None:
        """Write to a backend; that it is gone is told by reading."""
        child = self._children.get(generation)
        if child is not None:
            child.send(data, self._poll)
        else:
            self._delayed.send(generation, data)

    def _do_with(self, child: Child, action: BackendAction, now: float) -> None:
        if isinstance(action, Measure):
            self._core.measured(now, action.generation, usage_of(child.process.pid))
        elif isinstance(action, Pause):
            child.process.pause()
        elif isinstance(action, Resume):
            child.process.resume()
        elif isinstance(action, Trace):
            self._trace(action)
        else:
            assert isinstance(action, Kill)
            self._end(action.generation, now)

    def _start(self, action: Spawn, now: float) -> None:
        """Start a backend now if users wait for it, a spare a little later."""
        active = self._core.pool.active
        if active is None or active.generation == action.generation:
            self._spawn(action, now)
        else:
            self._delayed.hold(action, now)

    def _end(self, generation: int, now: float) -> None:
        """End a backend; where another one may be asked already, stop it now and end it later."""
        active = self._core.pool.active
        if active is None or active.state is State.STARTING:
            self._children.kill(generation)
        else:
            self._children.stop(generation)
            self._delayed.end(now)

    def _spawn(self, action: Spawn, now: float) -> None:
        dialect = self._core.smtpd.dialect
        assert dialect is not None
        try:
            self._children.start(
                action.generation,
                self._find_program(),
                self._arguments,
                action.table,
                output_is_connection=dialect.has_services,
            )
        except (OSError, BackendNotFound) as error:
            self._core.backend_lost(now, action.generation, str(error))

    def _trace(self, action: Trace) -> None:
        process = self._children.release(action.generation)
        if process is None:
            return
        process.resume()  # a throttled one is stopped
        if not self._tracer.trace(action.incident, process, action.keys, action.seconds):
            self._children.end(process)

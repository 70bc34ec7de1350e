"""One run: clients come, the lookup process asks the tables, and all of it is measured.

smtpd's lookup process is played as it is: one process for all tables, which waits for each answer
without a time limit. Only the run as a whole ends when nothing has moved for a while.
"""

from __future__ import annotations

import contextlib
import select
import time
from collections import deque
from dataclasses import dataclass

import psutil

from tablewatch.cli.demo.account import Account
from tablewatch.cli.demo.general_log import LogReader
from tablewatch.cli.demo.measured import Run, Visit
from tablewatch.cli.demo.scenario import QUERIES, Session
from tablewatch.cli.demo.smtpd import Table, TableGone
from tablewatch.cli.demo.workshop import Workshop
from tablewatch.errors import BackendFailed


@dataclass(frozen=True)
class Pace:
    """How fast the demo goes, in seconds.

    ``step``: between two clients; ``patience``: without any answer before the run is ended;
    ``watch``: looking at what is left running afterwards.
    """

    step: float
    patience: float
    watch: float


FULL = Pace(step=0.4, patience=8.0, watch=1.5)
QUICK = Pace(step=0.1, patience=3.0, watch=0.5)

_TICK = 0.25  # seconds between two looks at the database's log
_RUNAWAY = 100  # refused statements per second; healthy is none


class Attack:
    """One run against tables that are served by `program`."""

    def __init__(
        self,
        name: str,
        program: str,
        workshop: Workshop,
        *,
        sessions: list[Session],
        pace: Pace,
        account: Account,
    ) -> None:
        """`name` is the run's name, in file names too."""
        self.run = Run(name)
        self._program = program
        self._workshop = workshop
        self._pace = pace
        self._account = account
        self._log = LogReader(workshop.general_log(name))
        self._coming = deque(sessions)
        self._waiting: deque[Visit] = deque()
        self._current: Visit | None = None
        self._tables: dict[str, Table] = {}
        self._poll = select.poll()
        self._moved = 0.0
        self._cpu_before = 0.0
        self._look_at = 0.0

    def play(self) -> Run:
        """Play the whole run. Raises BackendFailed if it can't even begin."""
        for name in QUERIES:
            self._start(name)
        self.run.began = self._moved = time.monotonic()
        try:
            while self._turn():
                pass
        except TableGone as gone:
            self.run.table_gone = str(gone)
            self._account.note(f"smtpd exits: {gone}")
        self._account.settle()
        self.run.ended = time.monotonic()
        self._measure()
        return self.run

    def leave(self) -> list[psutil.Process]:
        """Close all connections, as when smtpd exits; return what is still running then."""
        run = self.run
        for table in self._tables.values():
            self._poll.unregister(table.connection)
            table.close()
        left, run.leaving_took = self._workshop.await_end(run.name)
        run.left_over = [process.pid for process in left]
        if left:
            begin = time.monotonic()
            end = begin + self._pace.watch
            while (now := time.monotonic()) < end:
                self._listen(min(_TICK, end - now))
                self._show_rate(now, begin)
            self._log.read()
            self._account.settle()
            run.left_over_rate = self._log.count("refuse", begin, end) / (end - begin)
        return left

    def _start(self, name: str) -> None:
        try:
            table = self._workshop.start(self.run.name, self._program, name)
        except OSError as error:
            raise BackendFailed(
                f"can't run {self._program}: {error.strerror}; "
                "TMPDIR may name a directory where programs can be run"
            ) from None
        table.wait_ready()
        self._tables[name] = table
        self._poll.register(table.connection, select.POLLIN)
        self._poll.register(table.stderr, select.POLLIN)

    def _turn(self) -> bool:
        """Let clients come, ask, wait a moment for what happens; return whether to go on."""
        now = time.monotonic()
        while self._coming and now >= self._due():
            self._arrive(self._coming.popleft())
        if self._current is None:
            if self._waiting:
                self._ask(self._waiting.popleft())
            elif not self._coming:
                return False
            else:
                self._moved = now
        elif now - self._moved > self._pace.patience:
            return False
        ticks = self._current is not None and self._current.session.poisoned
        pause = self._due() - now if self._coming else self._pace.patience
        self._listen(max(0.0, min(pause, _TICK if ticks else pause)))
        if self._current is not None and self._current.asked is not None:
            self._show_rate(now, self._current.asked)
        return True

    def _arrive(self, session: Session) -> None:
        first = session.poisoned and self.run.poisoned is None
        if first:
            self._cpu_before = self._cpu_time()  # takes a while, which is not the client's
        visit = Visit(session, time.monotonic())
        self.run.visits.append(visit)
        if first:
            self._account.poisoned(visit, self.run)
        if self._current is None and not self._waiting:
            self._ask(visit)
        else:
            self._waiting.append(visit)
            self._account.waits(visit, self.run)

    def _due(self) -> float:
        return self.run.began + self._coming[0].step * self._pace.step

    def _ask(self, visit: Visit) -> None:
        session = visit.session
        self._current = visit
        visit.asked = self._moved = time.monotonic()
        self._tables[session.table].ask(session.service, session.key)

    def _listen(self, seconds: float) -> None:
        """Read what comes within `seconds`, until something has come."""
        ready = {descriptor for descriptor, _ in self._poll.poll(seconds * 1000)}
        for table in self._tables.values():
            if table.connection.fileno() in ready:
                self._answered(table)
            if table.stderr in ready:
                self._stderr(table)

    def _answered(self, table: Table) -> None:
        answer = table.receive()
        visit = self._current
        if answer is None or visit is None:
            return
        visit.answered = self._moved = time.monotonic()
        visit.reply = visit.session.judge(answer)
        self._current = None
        self._account.answered(visit, self.run)

    def _stderr(self, table: Table) -> None:
        lines = table.read_stderr()
        if lines is None:
            self._poll.unregister(table.stderr)
            return
        for line in lines:
            if self.run.poisoned is not None and not self.run.ended:
                self.run.stderr_lines += 1
            self._account.stderr(line, self.run)

    def _show_rate(self, now: float, since: float) -> None:
        """Show what the database had to bear in the last second, or `since` then, if it is much.

        At most every quarter of a second.
        """
        if now < max(self._look_at, since + _TICK):
            return
        self._look_at = now + _TICK
        self._log.read()
        begin = max(since, now - 1.0)
        retries = self._log.count("refuse", begin, now) / (now - begin)
        if retries > _RUNAWAY:
            connections = self._log.count("connect", begin, now) / (now - begin)
            self._account.storm(now - self.run.began, retries, connections)

    def _measure(self) -> None:
        """Count what the poisoned login cost the database and the processor."""
        run, log = self.run, self._log
        log.read()
        if run.poisoned is None or run.poisoned.asked is None:
            return
        begin, end = run.poisoned.asked, run.ended
        again = run.repeated.asked if run.repeated is not None else None
        until = again or end
        run.retries = log.count("refuse", begin, until)
        run.connections = log.count("connect", begin, until)
        run.retry_rate = run.retries / (until - begin)
        run.connection_rate = run.connections / (until - begin)
        if again is not None:
            run.repeat_connections = log.count("connect", again, end)
        run.cpu_share = (self._cpu_time() - self._cpu_before) / (end - begin)

    def _cpu_time(self) -> float:
        """Processor seconds used so far by all processes of the run, ended ones included."""
        total = 0.0
        for process in self._workshop.processes(self.run.name):
            with contextlib.suppress(psutil.Error):
                spent = process.cpu_times()
                total += spent.user + spent.system + spent.children_user + spent.children_system
        return total

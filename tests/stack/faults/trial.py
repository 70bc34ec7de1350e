"""Do one fault to one mail server, and see what becomes of it."""

from __future__ import annotations

import contextlib
import time

from ..mariadb import MariaDB
from ..world import StackError
from .fault import Fault, Stage
from .lane import PATIENCE, Lane, Unsure
from .people import Held, everybody, is_well, wait_for
from .seen import Seen, Tally
from .watch import Watch, left

# How long is waited until all is well again after the fault's end, seconds. A breaker rests for
# no more than a minute.
HEALING = {False: 10.0, True: 75.0}
WELL = 30.0  # before it
GONE = 3.0  # after smtpd's end: the second that is promised, and what a busy machine takes
DEAD = 1.0  # how long a dead server is looked at


class Trial:
    """One cell of the table."""

    def __init__(self, lane: Lane, fault: Fault, supervised: bool) -> None:
        self._fault = fault
        self._database = lane.database
        self._server, directory = lane.server(fault, supervised)
        self._stage = Stage(self._server, lane.database, supervised, directory)
        self._seen = Seen(fault.name, lane.flavour, supervised)
        self._patience = PATIENCE[supervised]
        self._act = contextlib.ExitStack()

    def run(self) -> Seen:
        """Do it; what could not be done or undone is told in ``broken``."""
        try:
            with self._act, contextlib.ExitStack() as stack:
                if self._fault.at_boot:
                    self._begin()
                stack.enter_context(self._server)
                stack.callback(self._act.close)  # undone before the server goes, at the latest
                self._suffer()
        except Exception as error:
            self._seen.broken = f"{type(error).__name__}: {error}"
        return self._seen

    def _begin(self) -> None:
        self._bill = Bill(self._database)
        self._act.enter_context(self._fault.act(self._stage))

    def _suffer(self) -> None:
        server, seen = self._server, self._seen
        seen.greeted = server.greeted
        if not self._fault.at_boot and not self._is_well():
            raise StackError(f"not well before the fault: {server.log_text()[-2000:]}")
        with Held(*everybody(server), patience=self._patience) as load, Watch(server) as watch:
            if not self._fault.at_boot:
                self._begin()
            seen.beside = len(self._stage.suspects)
            with Held(*self._stage.suspects, patience=self._patience) as suspects:
                self._last(server)
                suspects.stop()
                if self._fault.ends_smtpd:
                    self._look()  # before anything is undone
                self._act.close()
                self._heal()
            load.stop()
        seen.dead_after, seen.lost = watch.dead_after, watch.lost
        for outcome in load.outcomes:
            seen.people.setdefault(outcome.who, Tally()).count_in(outcome)
        seen.suspects = Tally.of(suspects.outcomes)
        seen.paid, seen.connections, seen.statements = self._bill.presented()
        self._end()

    def _is_well(self) -> bool:
        return wait_for(lambda: is_well(self._server, self._patience), WELL) is not None

    def _last(self, server: Unsure) -> None:
        """Let the time of the fault go by; a dead server does not come back in it."""
        began = time.monotonic()
        wait_for(lambda: not server.alive(), self._fault.seconds)
        rest = self._fault.seconds - (time.monotonic() - began)
        if not self._fault.ends_smtpd:
            rest = min(rest, DEAD)
        time.sleep(max(0.0, rest))

    def _heal(self) -> None:
        server = self._server
        if not server.alive():
            return
        self._seen.healed = wait_for(
            lambda: not server.alive() or is_well(server, self._patience),
            HEALING[self._seen.supervised],
        )
        if not server.alive():
            self._seen.healed = None

    def _end(self) -> None:
        """End smtpd, and see what its tables do then."""
        self._server.kill()
        if not self._fault.ends_smtpd:
            self._look()
        if self._seen.left:
            self._seen.left_rate = self._database.connection_rate()

    def _look(self) -> None:
        """What is left of the tables of an smtpd that has ended."""
        if wait_for(lambda: not self._server.table_processes(), GONE) is None:
            self._seen.left = left(self._server)


class Bill:
    """What a database pays from now on; it must be up."""

    def __init__(self, database: MariaDB) -> None:
        self._database = database
        self._began = time.monotonic()
        self._pid = database.pid
        self._before = self._counters()

    def presented(self) -> tuple[float, int | None, int | None]:
        """Seconds, connections and statements; None where nobody can tell."""
        seconds = time.monotonic() - self._began
        if not self._database.alive():
            return seconds, None, None
        connections, statements = self._counters()
        if self._database.pid == self._pid:  # another one counts from its own start
            connections -= self._before[0]
            statements -= self._before[1]
        return seconds, connections, statements

    def _counters(self) -> tuple[int, int]:
        connections = self._database.connections()
        rows = self._database.execute("SHOW GLOBAL STATUS LIKE 'Com_stmt_execute'", database="")
        return connections, int(rows[0][1])

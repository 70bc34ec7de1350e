"""What went wrong with the tables, as their supervisors told it: kept, and written to the disk.

The memory is what is shown; the disk is for the time after a restart. A thread of its own brings
the disk to what the memory has, so nobody else waits for one that is slow, full or gone.
"""

from __future__ import annotations

import re
import threading
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

from tablewatch.control.incident import IncidentReport, Kept, Step
from tablewatch.control.incident_summary import Summary, is_id, summary
from tablewatch.control.incident_words import LEFT
from tablewatch.control.records import from_plain, to_plain
from tablewatch.control.wire import decode, encode
from tablewatch.daemon.incident_files import MAX_BYTES, IncidentFiles
from tablewatch.errors import ControlError
from tablewatch.record import Record, replace

# Between two rounds of writing, in seconds: whoever changes incidents without end is written so
# often, and no more.
PACE = 1.0
# After a failure the disk is tried again, even when nothing new is told.
RETRY = 60.0
# What a stop waits for a disk that hangs; what is not written is told again by the supervisors.
_PATIENCE = 3.0

_INFO, _WARNING = 6, 4

_NUMBER = re.compile(r"[0-9]+$")


class _Entry(Record):
    """One incident. ``line`` is its Kept as JSON: smaller than the records, and ready to write.

    ``teller`` is the supervisor's connection, None once it is closed. ``version`` differs between
    any two entries there have ever been.
    """

    brief: Summary
    line: bytes
    teller: object
    version: int

    @property
    def is_over(self) -> bool:
        return self.brief.closed is not None or self.teller is None

    @property
    def ended(self) -> float:
        """When it was over or last seen, in seconds since the epoch."""
        age = self.brief.last if self.brief.closed is None else self.brief.closed
        return self.brief.told - age


class _Job(NamedTuple):
    """What the disk lacks; without an entry, a file is to go."""

    name: str
    entry: _Entry | None


class Incidents:
    """All incidents that are kept. Every method may be called from every thread."""

    def __init__(self, directory: str, limit: int, log: Callable[[int, str], None]) -> None:
        """`limit`: how many are kept, 1 or more. Nothing is read or written before start()."""
        self._files = IncidentFiles(directory)
        self._limit = limit
        self._log = log
        self._entries: dict[str, _Entry] = {}
        self._version = 0
        # Versions of what is on the disk; for the thread alone, once it runs.
        self._written: dict[str, int] = {}
        self._turn = threading.Condition()
        self._changed = False
        self._closing = threading.Event()
        self._failing = False
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Read what was kept, and write from now on."""
        try:
            with self._files.opened() as folder:
                found, strange = folder.read()
        except OSError as error:
            self._fail(error)
            found, strange = [], []
        for each in strange:
            self._log(_WARNING, f"incidents: {self._files.path}/{each}")
        with self._turn:
            for kept in found:
                self._put(kept, None)
                self._written[kept.report.id] = self._version
            self._bound()
            self._changed = True
        self._thread = threading.Thread(target=self._run, name="incidents", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Write what is left, unless that takes long. May be called twice."""
        self._closing.set()
        with self._turn:
            self._turn.notify()
        if self._thread is not None:
            self._thread.join(_PATIENCE)

    def keep(self, limit: int) -> None:
        """Keep so many from now on."""
        with self._turn:
            self._limit = limit
            self._bound()
            self._notify()

    def tell(self, teller: object, report: IncidentReport, now: float) -> None:
        """Take what a supervisor says of an incident; it replaces what was said before.

        `teller`: its connection. `now`: seconds since the epoch. Raises ControlError for what
        can't be kept.
        """
        if not is_id(report.id):
            raise ControlError("no incident has such an id")
        with self._turn:
            before = self._entries.get(report.id)
            if before is not None and before.brief.table != report.table:
                raise ControlError("it told of an incident of another table")
            self._put(Kept(now, report), teller)
            self._bound()
            self._notify()

    def left(self, teller: object) -> None:
        """A supervisor's connection is closed: nobody tells how its open incidents go on."""
        with self._turn:
            for name, entry in self._entries.items():
                if entry.teller is teller:
                    self._entries[name] = replace(entry, teller=None)

    def briefs(self, table: str = "") -> list[Summary]:
        """Return all, or those of `table`; the one that was opened last comes first."""
        with self._turn:
            found = [_seen(each) for each in self._entries.values()]
        chosen = [each for each in found if table in ("", each.table)]
        return sorted(chosen, key=lambda each: (each.opened - each.told, each.id))

    def get(self, name: str) -> Kept | None:
        """Return the incident with the id `name`; None if it is not kept."""
        with self._turn:
            entry = self._entries.get(name)
        if entry is None:
            return None
        kept = from_plain(Kept, decode(entry.line))
        if entry.teller is None and kept.report.closed is None:
            steps = [*kept.report.steps, Step(0.0, "note", LEFT)]
            kept = replace(kept, report=replace(kept.report, closed=0.0, steps=steps))
        return kept

    def ids(self, table: str) -> dict[int, str]:
        """Return the ids of those that the supervisor of `table` has told, by their numbers.

        The number is what the status calls them by.
        """
        with self._turn:
            told = [name for name, each in self._entries.items() if each.teller is not None
                    and each.brief.table == table]  # fmt: skip
        return {int(match[0]): each for each in told if (match := _NUMBER.search(each))}

    # --- in memory; the lock is held --------------------------------------------------------------

    def _put(self, kept: Kept, teller: object) -> None:
        line = encode(to_plain(kept))
        if len(line) > MAX_BYTES:
            raise ControlError(f"an incident of more than {MAX_BYTES} bytes")
        self._version += 1
        self._entries[kept.report.id] = _Entry(summary(kept), line, teller, self._version)

    def _bound(self) -> None:
        """Forget what is over, the oldest first, of the table that has most: a table in trouble all
        the time costs no other its history.
        """
        while len(self._entries) > self._limit:
            numbers = Counter(each.brief.table for each in self._entries.values())
            over = [each for each in self._entries.values() if each.is_over]
            candidates = over or list(self._entries.values())
            first = min(candidates, key=lambda each: (-numbers[each.brief.table], each.ended))
            del self._entries[first.brief.id]

    def _notify(self) -> None:
        self._changed = True
        self._turn.notify()

    # --- the thread -------------------------------------------------------------------------------

    def _run(self) -> None:
        while True:
            with self._turn:
                self._turn.wait_for(
                    lambda: self._changed or self._closing.is_set(),
                    RETRY if self._failing else None,
                )
                last = self._closing.is_set()
                self._changed = False
                jobs = self._jobs()
            self._write(jobs)
            if last:
                return
            self._closing.wait(PACE)

    def _jobs(self) -> list[_Job]:
        """Return what to do, files that are to go first: that makes room."""
        gone = [_Job(name, None) for name in self._written if name not in self._entries]
        return gone + [
            _Job(name, entry)
            for name, entry in self._entries.items()
            if self._written.get(name) != entry.version
        ]

    def _write(self, jobs: list[_Job]) -> None:
        failure: OSError | None = None
        try:
            with self._files.opened() as folder:
                for name, entry in jobs:
                    try:
                        if entry is None:
                            folder.remove(name)
                            del self._written[name]
                        else:
                            folder.write(name, entry.line)
                            self._written[name] = entry.version
                    except OSError as error:
                        failure = error  # another one may be written all the same
        except OSError as error:
            failure = error
        if failure is not None:
            self._fail(failure)
        elif self._failing:
            self._failing = False
            self._log(_INFO, f"incidents: {self._files.path}: written again")

    def _fail(self, error: OSError) -> None:
        """Say that the disk can't be used, once."""
        if not self._failing:
            self._failing = True
            trouble = self._files.trouble(error)
            self._log(_WARNING, f"incidents: kept in memory alone: {trouble}")


def _seen(entry: _Entry) -> Summary:
    """Return what to show: nobody can say more of an open one whose supervisor has left."""
    brief = entry.brief
    return replace(brief, closed=0.0) if brief.closed is None and entry.teller is None else brief

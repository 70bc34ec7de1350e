"""What is known of the tables of this host."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from tablewatch.control.status import Event, TableReport, TableStatus
from tablewatch.daemon.capacity import MAX_TABLES

# A screenful of history for each table; the log has the rest.
MAX_EVENTS = 50


@dataclass(slots=True)
class Table:
    """One table. Times are monotonic seconds; ``left`` is None while its supervisor is here."""

    name: str
    heard: float
    left: float | None = None
    status: TableStatus | None = None
    events: deque[tuple[float, int, str]] = field(default_factory=lambda: deque(maxlen=MAX_EVENTS))


class Registry:
    """The tables whose supervisors are connected, and those that were not long ago."""

    def __init__(self, forget_after: float) -> None:
        """`forget_after`: seconds for which a table without a supervisor is still shown."""
        self.forget_after = forget_after
        self._tables: dict[str, Table] = {}

    def __len__(self) -> int:
        return len(self._tables)

    def __contains__(self, name: str) -> bool:
        return name in self._tables

    def arrived(self, name: str, now: float) -> None:
        """A supervisor introduced itself; too many, and who is gone for longest is forgotten."""
        table = self._tables.setdefault(name, Table(name, now))
        table.left = table.status = None  # what the one before it said is not its answer
        table.heard = now
        while len(self._tables) > MAX_TABLES:
            gone = [each for each in self._tables.values() if each.left is not None]
            oldest = min(gone or self._tables.values(), key=lambda each: each.left or each.heard)
            del self._tables[oldest.name]

    def told(self, name: str, status: TableStatus, now: float) -> None:
        """A supervisor told how it is doing."""
        if name in self._tables:
            self._tables[name].status = status
            self._tables[name].heard = now

    def happened(self, name: str, priority: int, text: str, at: float) -> None:
        """A supervisor told of something that happened `at` that time."""
        if name in self._tables:
            self._tables[name].events.append((at, priority, text))

    def departed(self, name: str, now: float) -> None:
        """A supervisor closed its connection."""
        if name in self._tables:
            self._tables[name].left = now

    def reports(self, asked: float, now: float) -> list[TableReport]:
        """Return a report on each table; what was heard before `asked` is no answer."""
        for table in [each for each in self._tables.values() if each.left is not None]:
            if now - (table.left or 0.0) >= self.forget_after:
                del self._tables[table.name]
        return [self._report(self._tables[name], asked, now) for name in sorted(self._tables)]

    def _report(self, table: Table, asked: float, now: float) -> TableReport:
        answered = table.left is None and table.status is not None and table.heard >= asked
        why = ""
        if table.left is not None:
            why = "its supervisor has left"
        elif not answered:
            why = "its supervisor does not answer"
        return TableReport(
            table=table.name,
            connected=table.left is None,
            age=now - table.heard,
            why=why,
            status=table.status if answered else None,
            events=[Event(max(0.0, now - at), *rest) for at, *rest in table.events],  # type: ignore[arg-type]
        )

"""Reading the database's log while it grows: who connected, and what was refused, when."""

from __future__ import annotations

from typing import NamedTuple


class Entry(NamedTuple):
    """One line; ``at`` is monotonic seconds, as in every process of this machine."""

    at: float
    pid: int
    event: str


class LogReader:
    """All entries so far of a log that may not exist yet."""

    def __init__(self, path: str) -> None:
        self.entries: list[Entry] = []
        self._path = path
        self._offset = 0

    def read(self) -> None:
        """Add what was written since the last call."""
        try:
            with open(self._path, "rb") as file:
                file.seek(self._offset)
                data = file.read()
        except FileNotFoundError:
            return
        data = data[: data.rfind(b"\n") + 1]
        self._offset += len(data)
        for line in data.splitlines():
            at, pid, event = line.split()
            self.entries.append(Entry(float(at), int(pid), event.decode()))

    def count(self, event: str, begin: float, end: float) -> int:
        """Return how often `event` happened from `begin` until before `end`."""
        return sum(entry.event == event and begin <= entry.at < end for entry in self.entries)

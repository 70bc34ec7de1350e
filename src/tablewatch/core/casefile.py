"""Everything that is kept of one incident, bounded: what came before, what was seen and done."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from tablewatch.core.actions import Usage
from tablewatch.core.counters import Counters
from tablewatch.knowledge.keys import CUT_MARK

# The beginning of an incident tells most, and the end what became of it.
MAX_FIRST = 30
MAX_LAST = 30
MAX_LINES = 20
MAX_KEYS = 8
MAX_SAMPLES = 30
# Steps before the first sign that belong to it: the retries that led to it, above all.
MAX_BEFORE = 12
BEFORE = 30.0  # seconds
# Of one text, in bytes of UTF-8; what we say ourselves is shorter.
MAX_TEXT = 400


def cut(text: str, most: int) -> str:
    """Return `text`, or the beginning of it that takes `most` bytes of UTF-8."""
    data = text.encode("utf-8", "backslashreplace")
    if len(data) <= most:
        return text
    return data[: most - len(CUT_MARK)].decode("utf-8", "ignore") + CUT_MARK


class Step(NamedTuple):
    """One step; ``kind`` is signal (the backend's words), decision or note."""

    at: float
    kind: str
    text: str

    @classmethod
    def of(cls, at: float, kind: str, text: str) -> Step:
        """Return the step, its text cut where it is too long."""
        return cls(at, kind, cut(text, MAX_TEXT))


class Spent(NamedTuple):
    """What a table has cost so far."""

    retries: int
    reconnects: int
    tempfails: int
    restarts: int
    throttled: float

    @classmethod
    def of(cls, counters: Counters) -> Spent:
        """Return what `counters` tell."""
        return cls(
            counters.retries.total(),
            counters.reconnects.total(),
            counters.tempfails.total(),
            counters.restarts.total(),
            counters.throttled,
        )

    def since(self, before: Spent) -> Spent:
        """Return what was spent between the two."""
        return Spent(
            self.retries - before.retries,
            self.reconnects - before.reconnects,
            self.tempfails - before.tempfails,
            self.restarts - before.restarts,
            self.throttled - before.throttled,
        )


class CaseFile:
    """The record of one incident. Texts in it are masked already; times are monotonic seconds."""

    def __init__(self, before: Spent) -> None:
        """`before`: what the table had cost when the incident opened."""
        self.lines: deque[str] = deque(maxlen=MAX_LINES)
        self.keys: dict[tuple[str, str, str], None] = {}
        self.samples: deque[tuple[float, Usage]] = deque(maxlen=MAX_SAMPLES)
        self.trace: list[str] = []
        self.cost = Spent(0, 0, 0, 0, 0.0)
        self._before = before
        self._first: list[Step] = []
        self._last: deque[Step] = deque(maxlen=MAX_LAST)

    @property
    def steps(self) -> list[Step]:
        """The timeline, oldest first."""
        return [*self._first, *self._last]

    def add(self, step: Step) -> None:
        """Take one more step."""
        if len(self._first) < MAX_FIRST:
            self._first.append(step)
        else:
            self._last.append(step)
        if step.kind == "signal":
            self.lines.append(step.text)

    def add_key(self, service: str, shown: str, traits: str) -> None:
        """Note a key that was involved, masked."""
        if len(self.keys) < MAX_KEYS:
            self.keys[service, shown, traits] = None

    def spent(self, counters: Counters) -> None:
        """Book what it has cost up to now."""
        self.cost = Spent.of(counters).since(self._before)


class Recent:
    """The last steps of a table, for the beginning of the next incident."""

    def __init__(self) -> None:
        self._steps: deque[Step] = deque(maxlen=MAX_BEFORE)

    def add(self, step: Step) -> None:
        """Take one more step."""
        self._steps.append(step)

    def before(self, now: float) -> list[Step]:
        """Return those that are not too old to belong to what begins `now`."""
        return [step for step in self._steps if now - step.at <= BEFORE]

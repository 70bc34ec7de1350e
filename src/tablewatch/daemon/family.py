"""One metric: its name, its kind, its meaning, and where its figures come from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Generic, TypeVar

from tablewatch.control.status import LATENCY_BUCKETS, Backend, Latency, TableStatus
from tablewatch.daemon.labels import OTHER, ROLES, WORDS, word
from tablewatch.daemon.series import Around, around, number
from tablewatch.daemon.starts import Starts

T = TypeVar("T")
Value = float | Latency
Samples = Iterable[tuple[tuple[str, ...], Value]]
Words = Mapping[str, int]

COUNTER = "counter"
GAUGE = "gauge"
HISTOGRAM = "histogram"
INFO = "info"

# OpenMetrics has these for the samples only, not for the metric.
_SUFFIXES = {COUNTER: "_total", INFO: "_info"}
# Words are fewer by far, but programs call themselves what they like.
_MOST_KNOWN = 256
_BOUNDS = (*(str(bound) for bound in LATENCY_BUCKETS), "+Inf")


@dataclass(frozen=True, slots=True)
class Family(Generic[T]):
    """One metric. ``take`` gives the values of ``labels`` and the figure, for each there is.

    What can't be told is left out by it: a zero would be a lie.
    """

    name: str
    kind: str
    meaning: str
    take: Callable[[T], Samples]
    labels: tuple[str, ...] = ()
    # What stands around a source's name in the lines of these values of ``labels``: it is the same
    # in every scrape.
    _known: dict[tuple[str, ...], list[Around]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def text(
        self, sources: Iterable[tuple[str, T]], source: str = "table", *, openmetrics: bool = False
    ) -> bytes:
        """Return the metric of all `sources`, whose names go into the label called `source`.

        The names are escaped already. With `source` empty there is no such label, and one source
        only. Without a sample there is nothing: a name and its meaning alone say nothing.
        """
        tell = self._histogram if self.kind == HISTOGRAM else self._plain
        lines = [line for name, origin in sources for line in tell(source, name, origin)]
        return "".join([self._head(openmetrics), *lines]).encode() if lines else b""

    def _head(self, openmetrics: bool) -> str:
        name, kind = self.name, self.kind
        if openmetrics:
            name = name.removesuffix(_SUFFIXES.get(kind, ""))
        elif kind == INFO:
            kind = GAUGE
        return f"# HELP {name} {self.meaning}\n# TYPE {name} {kind}\n"

    def _plain(self, source: str, name: str, origin: T) -> list[str]:
        known, lines = self._known, []
        for labels, value in self.take(origin):
            pieces = known.get(labels) or self._learn(source, labels)
            before, after = pieces[0]
            lines.append(f"{before}{name}{after}{number(value)}\n")  # type: ignore[arg-type]
        return lines

    def _histogram(self, source: str, name: str, origin: T) -> list[str]:
        lines = []
        for labels, latency in self.take(origin):
            assert isinstance(latency, Latency)
            pieces = self._known.get(labels) or self._learn(source, labels)
            counts = list(accumulate(latency.buckets))
            numbers = (*counts, counts[-1], latency.total)
            for (before, after), value in zip(pieces, numbers, strict=True):
                lines.append(f"{before}{name}{after}{number(value)}\n")
        return lines

    def _learn(self, source: str, labels: tuple[str, ...]) -> list[Around]:
        if self.kind == HISTOGRAM:
            bucket, names = f"{self.name}_bucket", (*self.labels, "le")
            pieces = [around(bucket, source, names, (*labels, bound)) for bound in _BOUNDS]
            for each in (f"{self.name}_count", f"{self.name}_sum"):
                pieces.append(around(each, source, self.labels, labels))
        else:
            pieces = [around(self.name, source, self.labels, labels)]
        if len(self._known) >= _MOST_KNOWN:
            self._known.clear()
        self._known[labels] = pieces
        return pieces


@dataclass(frozen=True, slots=True)
class View:
    """A table that answered, and when: seconds since the epoch."""

    table: str
    status: TableStatus
    taken: float
    starts: Starts

    def started(self, age: float, *who: object) -> float:
        """Return when `who`, a process of this table that is `age` seconds old, was started."""
        return self.starts.steady((self.table, *who), self.taken - age)


Take = Callable[[View], Samples]


def one(figure: Callable[[TableStatus], float | None]) -> Take:
    """A single figure of a table, or none."""

    def take(view: View) -> Samples:
        value = figure(view.status)
        return [] if value is None else [((), value)]

    return take


def words(label: str, figures: Callable[[TableStatus], Words]) -> Take:
    """A count for each word."""
    known = WORDS[label]

    def take(view: View) -> Samples:
        bounded: dict[tuple[str, ...], int] = {}
        for each, count in figures(view.status).items():
            labels = (each if each in known else OTHER,)
            bounded[labels] = bounded.get(labels, 0) + count
        return bounded.items()

    return take


def flags(now: str, states: tuple[str, ...]) -> Samples:
    """1 for the state that is, 0 for the others."""
    return [((each,), int(each == now)) for each in states]


def roles(figure: Callable[[Backend], float | None]) -> Take:
    """The sum over the backends of each role, where every one of them can be told."""

    def take(view: View) -> Iterator[tuple[tuple[str, ...], Value]]:
        for role in ROLES:
            told = [figure(each) for each in view.status.backends if each.role == role]
            known = [each for each in told if each is not None]
            if told and len(known) == len(told):
                yield (role,), sum(known)

    return take


def latencies(figures: Callable[[TableStatus], Mapping[str, Latency]]) -> Take:
    """A histogram for each operation; buckets of another release can't be compared with ours."""

    def take(view: View) -> Iterator[tuple[tuple[str, ...], Value]]:
        for operation, latency in figures(view.status).items():
            known = word("operation", operation) == operation
            if known and len(latency.buckets) == len(_BOUNDS):
                yield (operation,), latency

    return take

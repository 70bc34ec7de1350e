"""One metric: its name, its kind, its meaning, and where its figures come from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import accumulate
from typing import Generic, TypeVar

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)

from tablewatch.control.status import LATENCY_BUCKETS, Backend, Latency, TableStatus
from tablewatch.daemon.labels import ROLES, word
from tablewatch.daemon.starts import Starts

T = TypeVar("T")
Value = float | Latency
Samples = Iterable[tuple[tuple[str, ...], Value]]
Words = Mapping[str, int]

COUNTER = "counter"
GAUGE = "gauge"
HISTOGRAM = "histogram"
INFO = "info"

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

    def metric(self, sources: Iterable[tuple[str, T]], source: str = "table") -> Metric:
        """Return the metric of all `sources`, whose names go into the label called `source`.

        With `source` empty there is no such label, and one source only.
        """
        names = (source, *self.labels) if source else self.labels
        metric = _empty(self.kind, self.name, self.meaning, names)
        for name, origin in sources:
            for labels, value in self.take(origin):
                _add(metric, (name, *labels) if source else labels, value)
        return metric


_Kind = CounterMetricFamily | GaugeMetricFamily | HistogramMetricFamily | InfoMetricFamily


def _empty(kind: str, name: str, meaning: str, labels: tuple[str, ...]) -> _Kind:
    if kind == COUNTER:
        return CounterMetricFamily(name, meaning, labels=labels)
    if kind == HISTOGRAM:
        return HistogramMetricFamily(name, meaning, labels=labels)
    if kind == INFO:
        return InfoMetricFamily(name.removesuffix("_info"), meaning, labels=labels)
    return GaugeMetricFamily(name, meaning, labels=labels)


def _add(metric: _Kind, labels: tuple[str, ...], value: Value) -> None:
    if isinstance(metric, InfoMetricFamily):
        metric.add_metric(labels, {})
    elif isinstance(metric, HistogramMetricFamily):
        assert isinstance(value, Latency)
        buckets = list(zip(_BOUNDS, accumulate(value.buckets), strict=True))
        metric.add_metric(labels, buckets, value.total)
    else:
        assert not isinstance(value, Latency)
        metric.add_metric(labels, value)


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

    def take(view: View) -> Samples:
        bounded: Counter[tuple[str, ...]] = Counter()
        for each, count in figures(view.status).items():
            bounded[word(label, each),] += count
        return bounded.items()

    return take


def flags(now: str, states: tuple[str, ...]) -> Samples:
    """1 for the state that is, 0 for the others."""
    return [((each,), float(each == now)) for each in states]


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

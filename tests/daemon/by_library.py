"""The tables' metrics as prometheus_client would write them: what our own text is held against."""

from itertools import accumulate

from prometheus_client import CollectorRegistry
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
)
from prometheus_client.exposition import choose_encoder

from tablewatch.control.status import LATENCY_BUCKETS
from tablewatch.daemon.family import COUNTER, GAUGE, HISTOGRAM, INFO

KINDS = {
    COUNTER: CounterMetricFamily,
    GAUGE: GaugeMetricFamily,
    HISTOGRAM: HistogramMetricFamily,
    INFO: InfoMetricFamily,
}
BOUNDS = [*map(str, LATENCY_BUCKETS), "+Inf"]


def metric(family, sources, source="table"):
    """A Family as the library's metric."""
    name = family.name.removesuffix("_info") if family.kind == INFO else family.name
    names = (source, *family.labels) if source else family.labels
    made = KINDS[family.kind](name, family.meaning, labels=names)
    for label, origin in sources:
        for values, value in family.take(origin):
            labels = (label, *values) if source else values
            if family.kind == HISTOGRAM:
                counts = accumulate(value.buckets)
                made.add_metric(labels, list(zip(BOUNDS, counts, strict=True)), value.total)
            else:
                made.add_metric(labels, {} if family.kind == INFO else value)
    return made


def written(metrics, *, openmetrics):
    """What the library writes of them; nothing of one without samples."""

    class Collector:
        def collect(self):
            return [each for each in metrics if each.samples]

    registry = CollectorRegistry(auto_describe=False)
    registry.register(Collector())
    encode, _ = choose_encoder("application/openmetrics-text" if openmetrics else "")
    return encode(registry)

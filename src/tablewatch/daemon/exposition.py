"""The body of /metrics: everything there is to scrape, in the format the scraper asked for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from threading import Lock

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.exposition import choose_encoder

from tablewatch.daemon.collector import Ask, Collector, Failed
from tablewatch.daemon.labels import OTHER
from tablewatch.daemon.own_process import OwnProcess

PATHS = frozenset(
    {
        "/",
        "/metrics",
        "/incidents",
        "/incidents/ID",
        "/api/v1/status",
        "/api/v1/incidents",
        "/api/v1/incidents/ID",
        "/-/healthy",
        "/-/ready",
    }
)

_OPENMETRICS = "application/openmetrics-text"
# Media ranges that take the plain format, the more exact first (RFC 9110, 12.5.1).
_PLAIN = ("text/plain", "text/*", "*/*")


class HttpRequests:
    """Counts what was asked of the web server; a collector.

    prometheus_client's own Counter would add ``_created`` series, which releases before 0.18 can't
    be told to leave out.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._counts: Counter[tuple[str, str]] = Counter()

    def add(self, path: str, code: int) -> None:
        """Count one request; see Metrics.count_request."""
        path = path.partition("?")[0]
        labels = (path if path in PATHS else OTHER, str(code) if 100 <= code < 600 else OTHER)
        with self._lock:
            self._counts[labels] += 1

    def collect(self) -> Iterator[Metric]:
        """Give the counts so far."""
        metric = CounterMetricFamily(
            "tablewatch_daemon_http_requests_total",
            "Requests to tablewatchd's web server.",
            labels=("path", "code"),
        )
        with self._lock:
            counts = sorted(self._counts.items())
        for labels, count in counts:
            metric.add_metric(labels, count)
        if counts:
            yield metric


class Metrics:
    """All metrics of tablewatchd. Every method may be called from any number of threads."""

    def __init__(self, ask: Ask, failed: Failed = lambda error: None) -> None:
        """`ask` gives the state of all tables, is thread-safe, and gets the seconds it may take.

        It should not raise; if it does, there are tablewatchd's own metrics only, and `failed` is
        told, in the thread that renders.
        """
        self._tables = Collector(ask, failed)
        self._requests = HttpRequests()
        self._process = OwnProcess()

    def render(self, accept: str | None, timeout: float) -> tuple[bytes, str]:
        """Return the body of a scrape and its Content-Type.

        `accept` is the request's Accept header, `timeout` the seconds supervisors have to answer.
        """
        openmetrics = prefers_openmetrics(accept)
        scrape = self._tables.scrape(timeout, openmetrics=openmetrics)
        registry = CollectorRegistry(auto_describe=False)
        for collector in (scrape, self._requests, self._process):
            registry.register(collector)
        # The client library takes the header for well-formed and repeats parts of it in the
        # Content-Type: it gets to see one of two that we wrote.
        encode, content_type = choose_encoder(_OPENMETRICS if openmetrics else "")
        # Its text comes last, for it knows how to end one.
        return scrape.text + encode(registry), content_type

    def count_request(self, path: str, code: int) -> None:
        """Count one request to the web server: its path and the status it was answered with.

        Paths that nobody serves are one series, or whoever guesses paths could make millions.
        """
        self._requests.add(path, code)


def prefers_openmetrics(accept: str | None) -> bool:
    """Tell whether an Accept header would rather have OpenMetrics than the plain text format."""
    weights: dict[str, float] = {}
    for part in (accept or "").split(","):
        media, *parameters = (each.strip().lower() for each in part.split(";"))
        weights[media] = max(weights.get(media, 0.0), _weight(parameters))
    plain = next((weights[each] for each in _PLAIN if each in weights), 0.0)
    return weights.get(_OPENMETRICS, 0.0) > 0 and weights[_OPENMETRICS] >= plain


def _weight(parameters: list[str]) -> float:
    for each in parameters:
        key, _, value = each.partition("=")
        if key.strip() == "q":
            try:
                return min(max(float(value), 0.0), 1.0)
            except ValueError:
                return 0.0
    return 1.0

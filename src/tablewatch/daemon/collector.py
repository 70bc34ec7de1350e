"""What one scrape says about the tables: prometheus_client's metrics of a HostStatus."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Iterable, Iterator
from threading import Lock

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric

from tablewatch import __version__
from tablewatch.control.status import HostStatus, TableReport
from tablewatch.daemon.families import HOST, REPORTS, STATUSES
from tablewatch.daemon.family import View
from tablewatch.daemon.labels import name
from tablewatch.daemon.starts import Starts

Ask = Callable[[float], HostStatus]
Failed = Callable[[Exception], None]

BUILD_INFO = "Release of tablewatchd and of the Python it runs on; always 1."
DURATION = "Time it took to ask all supervisors and to reckon, for this scrape."
FAILURES = "Scrapes without tables because of an error of tablewatchd's own; please report them."


class Collector:
    """The tables' metrics. Any number of scrapes may be under way at once."""

    def __init__(self, ask: Ask, failed: Failed) -> None:
        """`ask` is thread-safe; its argument: seconds it may take.

        `failed` is told what it raises, in the thread that collects.
        """
        self._ask = ask
        self._failed = failed
        self._starts = Starts()
        self._lock = Lock()
        self._failures = 0

    def collect(self, timeout: float) -> Iterator[Metric]:
        """Give the metrics of one scrape; supervisors have `timeout` seconds to answer.

        After an error in asking, or in what was told, there are tablewatchd's own only.
        """
        begun = time.monotonic()
        try:
            told = list(self._tell(self._ask(timeout)))
        except Exception as error:
            told = []
            with self._lock:
                self._failures += 1
            self._failed(error)
        took = time.monotonic() - begun
        build = {"version": __version__, "python_version": platform.python_version()}
        yield InfoMetricFamily("tablewatch_build", BUILD_INFO, value=build)
        yield from told
        yield GaugeMetricFamily("tablewatch_daemon_collect_duration_seconds", DURATION, value=took)
        failures = "tablewatch_daemon_collect_failures_total"
        yield CounterMetricFamily(failures, FAILURES, value=self._failures)

    def _tell(self, host: HostStatus) -> Iterator[Metric]:
        # One table per name: two series of the same name would spoil both.
        reports: dict[str, TableReport] = {}
        for report in host.tables:
            reports.setdefault(name(report.table), report)
        starts = Starts(self._starts.known)
        views = {
            table: View(table, report.status, host.time - report.age, starts)
            for table, report in reports.items()
            if report.status is not None
        }
        metrics: Iterable[Metric] = [
            *(family.metric(reports.items()) for family in REPORTS),
            *(family.metric(views.items()) for family in STATUSES),
            *(family.metric([("", host)], source="") for family in HOST),
        ]
        self._starts = starts
        # Without a sample a name and its meaning say nothing.
        return (each for each in metrics if each.samples)

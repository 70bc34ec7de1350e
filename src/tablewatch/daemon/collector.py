"""What one scrape says about the tables, and about itself."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Iterator
from threading import Lock

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric

from tablewatch import __version__
from tablewatch.control.status import HostStatus, TableReport
from tablewatch.daemon.families import HOST, REPORTS, STATUSES
from tablewatch.daemon.family import View
from tablewatch.daemon.labels import name
from tablewatch.daemon.series import escape
from tablewatch.daemon.starts import Starts

Ask = Callable[[float], HostStatus]
Failed = Callable[[Exception], None]

BUILD_INFO = "Release of tablewatchd and of the Python it runs on; always 1."
DURATION = "Time it took to ask all supervisors and to reckon, for this scrape."
FAILURES = "Scrapes without tables because of an error of tablewatchd's own; please report them."


class Scrape:
    """One scrape: ``text`` is about the tables; a collector of what is to say about itself."""

    def __init__(self, text: bytes, took: float, failures: int) -> None:
        self.text = text
        self._took = took
        self._failures = failures

    def collect(self) -> Iterator[Metric]:
        """Give the metrics that are there even without tables."""
        build = {"version": __version__, "python_version": platform.python_version()}
        yield InfoMetricFamily("tablewatch_build", BUILD_INFO, value=build)
        duration = "tablewatch_daemon_collect_duration_seconds"
        yield GaugeMetricFamily(duration, DURATION, value=self._took)
        failures = "tablewatch_daemon_collect_failures_total"
        yield CounterMetricFamily(failures, FAILURES, value=self._failures)


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

    def scrape(self, timeout: float, *, openmetrics: bool) -> Scrape:
        """Make one scrape; supervisors have `timeout` seconds to answer.

        After an error in asking, or in what was told, it says nothing about tables.
        """
        begun = time.monotonic()
        try:
            text = b"".join(self._tell(self._ask(timeout), openmetrics=openmetrics))
        except Exception as error:
            text = b""
            with self._lock:
                self._failures += 1
            self._failed(error)
        return Scrape(text, time.monotonic() - begun, self._failures)

    def _tell(self, host: HostStatus, *, openmetrics: bool) -> Iterator[bytes]:
        # One table per name: two series of the same name would spoil both.
        reports: dict[str, TableReport] = {}
        for report in host.tables:
            reports.setdefault(escape(name(report.table)), report)
        starts = Starts(self._starts.known)
        views = {
            table: View(table, report.status, host.time - report.age, starts)
            for table, report in reports.items()
            if report.status is not None
        }
        for of_report in REPORTS:
            yield of_report.text(reports.items(), openmetrics=openmetrics)
        for of_view in STATUSES:
            yield of_view.text(views.items(), openmetrics=openmetrics)
        for of_host in HOST:
            yield of_host.text([("", host)], source="", openmetrics=openmetrics)
        self._starts = starts

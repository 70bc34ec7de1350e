"""The daemon's own process, by the names every Prometheus client uses.

prometheus_client has such a collector, which reads Linux' /proc and says nothing elsewhere. This
one asks psutil, each figure on its own: what a platform or the permissions can't tell is left out.
Names: https://prometheus.io/docs/instrumenting/writing_clientlibs/#process-metrics
"""

from __future__ import annotations

import resource
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import psutil
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

# What psutil raises where it can't tell: OpenBSD lacks threads for all but root, for example.
_UNTOLD = (psutil.Error, NotImplementedError, AttributeError, OSError, RuntimeError, ValueError)


@dataclass(frozen=True, slots=True)
class Figure:
    """One metric; ``take`` raises one of _UNTOLD or gives None where it can't be told."""

    name: str
    meaning: str
    take: Callable[[psutil.Process], float | None]


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _max_fds(process: psutil.Process) -> float | None:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return None if soft == resource.RLIM_INFINITY else soft


CPU = Figure("process_cpu_seconds_total", "Total user and system CPU time spent in seconds.", _cpu)
START = Figure(
    "process_start_time_seconds",
    "Start time of the process since unix epoch in seconds.",
    lambda process: process.create_time(),
)
GAUGES = (
    Figure(
        "process_resident_memory_bytes",
        "Resident memory size in bytes.",
        lambda process: process.memory_info().rss,
    ),
    Figure(
        "process_virtual_memory_bytes",
        "Virtual memory size in bytes.",
        lambda process: process.memory_info().vms,
    ),
    Figure(
        "process_open_fds", "Number of open file descriptors.", lambda process: process.num_fds()
    ),
    Figure("process_max_fds", "Maximum number of open file descriptors.", _max_fds),
    Figure(
        "process_threads", "Number of OS threads in the process.", lambda each: each.num_threads()
    ),
)


class OwnProcess:
    """A collector of the process it is asked in."""

    def __init__(self) -> None:
        self._start: float | None = None

    def collect(self) -> Iterator[Metric]:
        """Give what can be told now."""
        try:
            process = psutil.Process()
        except _UNTOLD:
            return
        cpu = _told(CPU, process)
        if cpu is not None:
            yield CounterMetricFamily(CPU.name, CPU.meaning, value=cpu)
        for figure in GAUGES:
            yield from _gauge(figure, _told(figure, process))
        # Asked once: psutil reckons from the time of boot, which moves when the clock is set.
        if self._start is None:
            self._start = _told(START, process) or None
        yield from _gauge(START, self._start)


def _told(figure: Figure, process: psutil.Process) -> float | None:
    try:
        return figure.take(process)
    except _UNTOLD:
        return None


def _gauge(figure: Figure, value: float | None) -> Iterator[Metric]:
    # No process is without memory, descriptors, threads or a start: zero is "not known".
    if value:
        yield GaugeMetricFamily(figure.name, figure.meaning, value=value)

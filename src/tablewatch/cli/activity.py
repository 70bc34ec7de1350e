"""What a table does: since its supervisor started, or between two reports."""

from __future__ import annotations

from typing import NamedTuple

from tablewatch.control.figures import lookups, quantile, waits
from tablewatch.control.status import HostStatus, TableStatus


class Activity(NamedTuple):
    """``lookups`` and ``failed`` are counts, or per second between two reports.

    ``p99``: what 99 of 100 lookups did not exceed, in seconds; ``cpu``: the active backend's share
    of one processor. None is what can't be told.
    """

    lookups: float | None
    failed: float | None
    p99: float | None
    cpu: float | None


def since_start(status: TableStatus) -> Activity:
    """Return the counts since the supervisor started; the CPU share since the backend did."""
    cpu = None
    for backend in status.backends:
        if backend.role == "active" and backend.cpu is not None and backend.age > 0:
            cpu = backend.cpu / backend.age
    return Activity(
        lookups(status), sum(status.failures.values()), quantile(waits(status), 0.99), cpu
    )


def between(before: TableStatus | None, now: TableStatus) -> Activity:
    """Return what happened per second from `before` to `now`.

    Nothing can be told of another supervisor's report, or of the same one seen twice. The time is
    the supervisor's own, so that a report which took a while to come makes no rate too high.
    """
    nothing = Activity(None, None, None, None)
    if before is None or before.pid != now.pid:
        return nothing
    seconds = now.age - before.age
    counts = (
        lookups(now) - lookups(before),
        sum(now.failures.values()) - sum(before.failures.values()),
    )
    if seconds <= 0 or min(counts) < 0:
        return nothing
    grown = [new - old for new, old in zip(waits(now) or [], waits(before) or [], strict=False)]
    p99 = quantile(grown, 0.99) if min(grown, default=0) >= 0 else None
    return Activity(counts[0] / seconds, counts[1] / seconds, p99, _cpu(before, now, seconds))


def statuses(host: HostStatus | None) -> dict[str, TableStatus]:
    """Return what is known of each table that said something."""
    reports = host.tables if host is not None else []
    return {each.table: each.status for each in reports if each.status is not None}


def _cpu(before: TableStatus, now: TableStatus, seconds: float) -> float | None:
    used = {each.generation: each.cpu for each in before.backends}
    for backend in now.backends:
        earlier = used.get(backend.generation)
        if backend.role == "active" and backend.cpu is not None and earlier is not None:
            return max(0.0, backend.cpu - earlier) / seconds
    return None

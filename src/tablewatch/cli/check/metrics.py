"""What ``--metric`` can name: figures of one table, each with its unit.

A plugin keeps nothing between two runs, so counters and latencies are those since the table's
supervisor started. Whoever draws graphs of counters (unit ``c``) gets rates out of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tablewatch.control.figures import quantile, waits
from tablewatch.control.status import TableStatus
from tablewatch.errors import ControlError


@dataclass(frozen=True, slots=True)
class Metric:
    """One figure. ``of`` gives None where there is none.

    That is for ``idle``, a reason that is nobody's fault, or because the platform can't tell.
    """

    name: str
    unit: str
    what: str
    of: Callable[[TableStatus], float | None]
    idle: str = ""
    low: float | None = 0.0
    high: Callable[[TableStatus], float | None] = lambda _: None


def _latency(share: float) -> Callable[[TableStatus], float | None]:
    def of(status: TableStatus) -> float | None:
        buckets = waits(status)
        if buckets is None:
            raise ControlError("latencies of another release; update check_tablewatch")
        return quantile(buckets, share)

    return of


def _failed(status: TableStatus) -> float | None:
    answers = sum(status.answers.values())
    return 100 * sum(status.failures.values()) / answers if answers else None


def _last_good(status: TableStatus) -> float:
    return status.age if status.last_good is None else status.last_good


def _breaker(status: TableStatus) -> float:
    return 0.0 if status.breaker.state == "closed" else status.condition.since


def _memory(status: TableStatus) -> float | None:
    known = [each.memory for each in status.backends if each.memory is not None]
    return float(sum(known)) if known or not status.backends else None


def _connections(status: TableStatus) -> float | None:
    known = [each.connections for each in status.backends if each.connections is not None]
    return float(sum(known)) if known or not status.backends else None


def _incidents(status: TableStatus) -> float:
    return float(sum(each.closed is None for each in status.incidents))


def _count(name: str, what: str, of: Callable[[TableStatus], float]) -> Metric:
    return Metric(name, "c", what, of, low=None)


NO_ANSWERS = "no lookups yet"

# Short names: graphing programs cut labels off after 19 characters.
_ALL = (
    Metric("p50", "s", "half of all lookups were answered within it", _latency(0.5), NO_ANSWERS),
    Metric("p95", "s", "95 % of all lookups were answered within it", _latency(0.95), NO_ANSWERS),
    Metric("p99", "s", "99 % of all lookups were answered within it", _latency(0.99), NO_ANSWERS),
    Metric("last-good", "s", "age of the last answer that was no error", _last_good),
    Metric("breaker", "s", "how long the breaker has not been closed", _breaker),
    Metric(
        "failed",
        "%",
        "share of the answers that were errors",
        _failed,
        NO_ANSWERS,
        high=lambda _: 100.0,
    ),
    Metric("incidents", "", "open incidents", _incidents),
    Metric(
        "quarantine",
        "",
        "keys refused at the moment",
        lambda status: status.quarantine.size,
        high=lambda status: status.quarantine.limit or None,
    ),
    Metric(
        "budget",
        "",
        "balance of the retry budget, in reconnects",
        lambda status: status.budget.balance,
        low=None,
    ),
    Metric("waiting", "", "lookups without an answer yet", lambda status: status.waiting),
    Metric("memory", "B", "resident memory of the backends", _memory),
    Metric("connections", "", "connections of the backends to the database", _connections),
    _count(
        "requests",
        "requests of smtpd",
        lambda status: sum(sum(each.values()) for each in status.requests.values()),
    ),
    _count("failures", "answers that were errors", lambda status: sum(status.failures.values())),
    _count(
        "tempfails",
        "of these, the ones by tablewatch",
        lambda status: sum(status.tempfails.values()),
    ),
    _count("misses", "requests that met their deadline", lambda status: status.deadline_misses),
    _count("retries", "retries of the backends", lambda status: sum(status.retries.values())),
    _count("restarts", "backends replaced", lambda status: sum(status.restarts.values())),
)

METRICS = {each.name: each for each in _ALL}

# In the performance data when no metric is named.
USUAL = (METRICS["requests"], METRICS["failures"])

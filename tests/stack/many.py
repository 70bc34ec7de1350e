"""One tablewatchd and very many tables: what a scrape costs. ``python -m tests.stack.many``.

Every table is asked a known number of lookups; what a scrape tells is compared with that.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import json
import os
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import psutil
from prometheus_client.parser import text_string_to_metric_families

from tablewatch.protocol.messages import Verdict

from .crowd import BACKEND, KNOWN, UNKNOWN, Crowd
from .requirements import missing_programs
from .world import StackError

# Longer than a report counts as new for the next who asks.
PAUSE = 1.0  # seconds

Say = Callable[[str], None]


@dataclass(frozen=True)
class Scrape:
    """One answer to Prometheus, and how long it took."""

    seconds: float
    size: int  # bytes
    series: int
    up: int  # tables that answered
    silent: int  # tables that did not
    lookups: dict[str, int]  # by table

    @classmethod
    def of(cls, crowd: Crowd) -> Self:
        """Scrape now."""
        began = time.monotonic()
        data = crowd.get("/metrics")
        took = time.monotonic() - began
        families = text_string_to_metric_families(data.decode())
        samples = {each.name: each.samples for each in families}
        up = [each.value for each in samples.get("tablewatch_up", [])]
        lookups: dict[str, int] = {}
        for sample in samples.get("tablewatch_requests", []):
            table = sample.labels["table"]
            lookups[table] = lookups.get(table, 0) + int(sample.value)
        series = sum(map(len, samples.values()))
        return cls(took, len(data), series, up.count(1), up.count(0), lookups)


@dataclass
class Found:
    """What was measured."""

    tables: int
    asked: int = 0  # lookups of each table
    told: int = 0  # tables of which the scrape told exactly these
    scrapes: list[float] = field(default_factory=list)  # seconds
    status: list[float] = field(default_factory=list)  # of the API
    page: list[float] = field(default_factory=list)
    size: int = 0
    series: int = 0
    daemon_cpu: float = 0.0  # seconds for one scrape
    daemon_idle: int = 0  # its own memory (unshared) before the first scrape, in bytes
    daemon_after: int = 0
    daemon_peak: int = 0  # resident, all in all
    answer_cpu: float = 0.0  # seconds of a supervisor for one answer
    idle_cpu: float = 0.0  # seconds in each second, of a supervisor that nobody asks
    supervisor: int = 0  # its own memory, the median
    supervisor_grown: int = 0  # by answering, the most of any
    backend: int = 0  # a backend's own memory, the median
    silent: float = 0.0  # seconds of a scrape while one table does not answer
    others: int = 0  # tables that did, then
    listed: int = 0  # tables with a status in the API
    shown: int = 0  # tables on the page


def measure(directory: Path, count: int, scrapes: int, say: Say) -> Found:
    """Start `count` tables, ask and scrape them, and end them."""
    found = Found(count)
    say(f"starting {count} supervisors")
    with Crowd(directory, count) as crowd:
        say("lookups")
        for table in crowd.tables:
            for key, verdict in ((KNOWN, Verdict.FOUND), (UNKNOWN, Verdict.NOT_FOUND)) * 2:
                if table.ask(key) is not verdict:
                    raise StackError(f"table {table.name}: not {verdict} for {key}")
        found.asked = 4
        daemon = psutil.Process(crowd.daemon)
        found.daemon_idle = own(daemon)
        before = [own(each) for each in crowd.supervisors()]
        say("nothing, for comparison")
        with spent(daemon) as unasked_daemon, spent(*crowd.supervisors()) as unasked:
            time.sleep(scrapes * PAUSE)
        say(f"{scrapes} scrapes")
        with spent(daemon) as asked_daemon, spent(*crowd.supervisors()) as asked:
            for _ in range(scrapes):
                time.sleep(PAUSE)
                last = Scrape.of(crowd)
                found.scrapes.append(last.seconds)
        found.daemon_cpu = (asked_daemon() - unasked_daemon()) / scrapes
        found.answer_cpu = (asked() - unasked()) / scrapes / count
        found.idle_cpu = unasked() / (scrapes * PAUSE) / count
        found.size, found.series = last.size, last.series
        found.told = sum(each == found.asked for each in last.lookups.values())
        after = [own(each) for each in crowd.supervisors()]
        found.supervisor = int(statistics.median(after))
        found.supervisor_grown = max(new - old for old, new in zip(before, after, strict=True))
        found.backend = int(statistics.median(own(each) for each in crowd.backends()))
        found.daemon_after = own(daemon)
        found.daemon_peak = peak(crowd.daemon)
        say("status and page")
        for path, seconds in (("/api/v1/status", found.status), ("/", found.page)):
            for _ in range(scrapes):
                time.sleep(PAUSE)
                seconds.append(timed(functools.partial(crowd.get, path)))
        plain = json.loads(crowd.get("/api/v1/status"))
        found.listed = sum(each["status"] is not None for each in plain["tables"])
        found.shown = crowd.get("/").count(b'id="t-table')
        say("one of them stopped")
        with stopped(crowd.tables[0].process.pid):
            time.sleep(PAUSE)
            scrape = Scrape.of(crowd)
        found.silent, found.others = scrape.seconds, scrape.up
    return found


def timed(act: Callable[[], object]) -> float:
    """How long something takes, in seconds."""
    began = time.monotonic()
    act()
    return time.monotonic() - began


def own(process: psutil.Process) -> int:
    """The memory that a process shares with no other, in bytes."""
    return int(process.memory_full_info().uss)


def peak(pid: int) -> int:
    """The most memory a process ever had resident, shared or not, in bytes."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
    (line,) = (each for each in status.splitlines() if each.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024


@contextlib.contextmanager
def spent(*processes: psutil.Process) -> Iterator[Callable[[], float]]:
    """A function that tells, after the block, the processor time spent in it, in seconds."""

    def total() -> float:
        return sum(sum(each.cpu_times()[:2]) for each in processes)

    totals = [total()]
    yield lambda: totals[1] - totals[0]
    totals.append(total())


@contextlib.contextmanager
def stopped(pid: int) -> Iterator[None]:
    """A process that hangs, for the length of a block."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def rows(found: Found) -> list[tuple[str, str]]:
    """What was found, in words."""
    return [
        ("a scrape takes, median (longest)", _times(found.scrapes)),
        ("its size", f"{found.series:,} series, {found.size / 1e6:.2f} MB"),
        ("tables of which it told every lookup", f"{found.told} of {found.tables}"),
        ("tablewatchd's processor time for it", _milliseconds(found.daemon_cpu)),
        ("a supervisor's for its answer", _milliseconds(found.answer_cpu)),
        ("a supervisor's while nobody asks, a second", _milliseconds(found.idle_cpu)),
        ("the API's status takes, median (longest)", _times(found.status)),
        ("the status page", _times(found.page)),
        ("a scrape while one supervisor is stopped", f"{found.silent:.1f} s"),
        ("tables it told of then", f"{found.others} of {found.tables}"),
        ("tablewatchd's memory before the scrapes", _size(found.daemon_idle)),
        ("after them", _size(found.daemon_after)),
        ("with what it shares with others, at most", _size(found.daemon_peak)),
        ("a supervisor's memory", _size(found.supervisor)),
        ("grown by answering, at most", _size(found.supervisor_grown)),
        ("a backend's, for comparison", _size(found.backend)),
    ]


def text(found: Found) -> str:
    """What was found, for a terminal."""
    head = f"{found.tables} tables, {len(found.scrapes)} scrapes {PAUSE:g} s apart"
    return "\n".join([head, *(f"  {name:<44}{value}" for name, value in rows(found))])


def _milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms"


def _times(seconds: Sequence[float]) -> str:
    return f"{_milliseconds(statistics.median(seconds))} ({_milliseconds(max(seconds))})"


def _size(size: int) -> str:
    return f"{size / 2**20:.1f} MiB"


def main() -> int:
    """Measure, and show what was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.stack.many", description=__doc__)
    parser.add_argument("--tables", type=int, default=100, metavar="N", help="default: 100")
    parser.add_argument("--scrapes", type=int, default=20, metavar="N", help="default: 20")
    args = parser.parse_args()
    if lacking := missing_programs(BACKEND):
        print(f"This can't be run here; missing: {'; '.join(lacking)}", file=sys.stderr)
        return 1
    began = time.monotonic()

    def say(what: str) -> None:
        print(f"{time.monotonic() - began:5.0f} s  {what}", flush=True)

    with tempfile.TemporaryDirectory(prefix="tablewatch-many-") as name:
        found = measure(Path(name), args.tables, args.scrapes, say)
    say("done")
    print("\n" + text(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())

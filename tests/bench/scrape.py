"""What a scrape takes and the daemon needs, for one table and for very many."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from tests.bench.chain import Chain
from tests.bench.daemon import Daemon
from tests.bench.machine import BenchError, Machine
from tests.bench.section import Goal, Section, Table, mebibytes, milliseconds
from tests.bench.stats import median
from tests.bench.usage import Memory, memory, spending

from tablewatch.config.daemon_settings import LINK_SOCKET

CHECKOUT = Path(__file__).resolve().parents[2]
# Longer than a report counts as new for the next who asks.
PAUSE = 1.0  # seconds
SCRAPE_LIMIT = 0.050  # seconds, for JUDGED tables
JUDGED = 100
MEMORY_LIMIT = 40 * 2**20

Say = Callable[[str], None]


@dataclass
class Scraped:
    """One daemon with so many tables."""

    kind: str  # "played" or "real" supervisors
    tables: int
    up: int = 0  # of which it told
    seconds: list[float] = field(default_factory=list)
    size: int = 0  # bytes of the last one
    cpu: float = 0.0  # the daemon's for one scrape, in seconds
    memory: Memory = field(default_factory=lambda: Memory(0, 0, 0))


def measure(machine: Machine, count: int, scrapes: int, *, real: bool, say: Say) -> Scraped:
    """Start a daemon with `count` tables and scrape it; `real` supervisors, or played ones."""
    found = Scraped("real" if real else "played", count)
    say(f"{count} {found.kind} supervisors")
    with contextlib.ExitStack() as stack:
        daemon = stack.enter_context(Daemon(machine.directory, machine.run))
        crowd = _real(machine, count) if real else _played(machine.run / LINK_SOCKET, count)
        daemon.await_tables(stack.enter_context(crowd))
        with spending([daemon.pid]) as spent:
            for _ in range(scrapes):
                time.sleep(PAUSE)
                began = time.perf_counter()
                data = daemon.scrape()
                found.seconds.append(time.perf_counter() - began)
        found.size = len(data)
        found.cpu = spent()[0].cpu / scrapes
        found.up = daemon.tables()
        found.memory = memory(daemon.pid)
    return found


@contextlib.contextmanager
def _played(socket: Path, count: int) -> Iterator[int]:
    """Played supervisors; how many of them were welcome."""
    command = [sys.executable, "-m", "tests.bench.tables", str(socket), str(count)]
    process = subprocess.Popen(command, cwd=CHECKOUT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout is not None
    try:
        told = process.stdout.readline()
        if not told:
            raise BenchError(f"the played supervisors ended with {process.wait(10)}")
        yield int(told)
    finally:
        process.kill()
        process.communicate()


@contextlib.contextmanager
def _real(machine: Machine, count: int) -> Iterator[int]:
    """Real supervisors, each with a null backend and a spare of it."""
    backend = machine.null_backend("imsg")
    with contextlib.ExitStack() as stack:
        chains = [
            stack.enter_context(Chain("supervised", backend, table=f"table{number:03d}"))
            for number in range(count)
        ]
        for chain in chains:
            chain.handshake()
            chain.get_ready()
        yield count


def section(all_found: Sequence[Scraped]) -> Section:
    """What was found."""
    head = ("tables", "told of", "a scrape", "longest", "size", "CPU", "MiB", "own MiB")
    rows = [
        (
            f"{each.tables:,} {each.kind}",
            f"{each.up:,}",
            milliseconds(median(each.seconds)),
            milliseconds(max(each.seconds)),
            f"{each.size / 1e6:.2f} MB",
            milliseconds(each.cpu),
            f"{each.memory.resident / 2**20:.1f}",
            f"{each.memory.own / 2**20:.1f}",
        )
        for each in all_found
    ]
    goals = [
        Goal(
            f"daemon, {each.tables} {each.kind} tables: scrape under 50 ms",
            f"{milliseconds(median(each.seconds))}, at most {milliseconds(max(each.seconds))}",
            median(each.seconds) <= SCRAPE_LIMIT,
        )
        for each in all_found
        if each.tables == JUDGED
    ]
    goals += [
        Goal(
            f"daemon, {each.tables} {each.kind} tables: under 40 MiB",
            f"{mebibytes(each.memory.resident)} resident, {mebibytes(each.memory.own)} its own",
            each.memory.resident <= MEMORY_LIMIT,
        )
        for each in all_found
        if each.tables == JUDGED
    ]
    goals.append(
        Goal(
            "daemon: a scrape tells of every table",
            ", ".join(f"{each.up:,} of {each.tables:,}" for each in all_found),
            all(each.up == each.tables for each in all_found),
        )
    )
    remark = (
        f"{len(all_found[0].seconds)} scrapes {PAUSE:g} s apart. `played` supervisors are one "
        "process that answers at once; the real ones share this machine's processors with the "
        "daemon, as they do in production."
    )
    return Section(
        "Scrapes",
        [Table(head, rows)],
        goals,
        [remark],
        [asdict(each) for each in all_found],
    )

"""From a poisoned request to its answer, and to the next good one, with a spare and without."""

from __future__ import annotations

import contextlib
import struct
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field

import psutil
from tests.bench.chain import PATIENCE, Chain
from tests.bench.machine import Backend, BenchError
from tests.bench.section import Goal, Section, Table, milliseconds
from tests.bench.stats import median, ratios
from tests.bench.usage import cpu_seconds

from tablewatch.config.settings import TableSettings
from tablewatch.protocol.messages import Verdict

# Each poisoned key reaches the backend, and no replacement has to wait for its turn.
SETTINGS = (
    "quarantine: {learn: no}, budget: {per_second: 1000}, spares: %d, "
    "restart: {burst: 100, min_delay: 10ms, max_delay: 100ms}"
)
BREAKING = TableSettings().max_retries  # the index of the retry line that breaks the budget
ANSWER_LIMIT = 0.002  # seconds after that line
GOOD_LIMIT = 2.0  # normal lookups
NORMAL = 50  # lookups for comparison

Say = Callable[[str], None]


@dataclass
class Poisoned:
    """One table with so many spares; seconds, one of each per round."""

    backend: str
    spares: int
    answer: list[float] = field(default_factory=list)  # since the request
    since_line: list[float] = field(default_factory=list)  # since the line that broke the budget
    good: list[float] = field(default_factory=list)  # the next good lookup
    normal: list[float] = field(default_factory=list)  # the median lookup before


def measure(
    backend: Backend, spares: int, keys: Sequence[bytes], say: Callable[[str], None]
) -> Poisoned:
    """Poison one table with these keys, one after another."""
    found = Poisoned(f"{backend.protocol}, {backend.name}", spares)
    backend.configure("poison.yml", SETTINGS % spares, backend.directory / "nowhere")
    stamps = backend.directory / "stamps"
    with Chain("supervised", backend, "poison.yml") as chain:
        chain.handshake()
        chain.get_ready()
        for number, key in enumerate(keys):
            say(f"{found.backend}, spares {spares}: poisoned lookup {number + 1} of {len(keys)}")
            settle(chain, 1 + spares)
            found.normal.append(median(chain.block(NORMAL)) / 1e9)
            verdict, took = chain.ask(key)
            answered = time.perf_counter_ns()
            good, next_took = chain.ask(backend.key)
            if (verdict, good) != (Verdict.ERROR, Verdict.FOUND):
                raise BenchError(f"{chain}: {verdict}, then {good}, for a poisoned and a good key")
            found.answer.append(took)
            found.good.append(next_took)
            if backend.name == "stand-in":
                found.since_line.append((answered - _breaking_line(stamps.read_bytes())) / 1e9)
    return found


def settle(chain: Chain, count: int) -> None:
    """Wait until the backend and its spares are there and have come to rest."""
    limit = time.monotonic() + PATIENCE
    while time.monotonic() < limit:
        before = _used(chain)
        time.sleep(0.05)
        if before == _used(chain) and len(before) == count and all(before.values()):
            return
    raise BenchError(f"{chain}: no {count} backends at rest within {PATIENCE} s")


def _used(chain: Chain) -> dict[int, float]:
    used = {}
    for each in chain.children():
        with contextlib.suppress(psutil.NoSuchProcess):
            if each.status() != psutil.STATUS_ZOMBIE:
                used[each.pid] = cpu_seconds(each.pid)
    return used


def _breaking_line(stamps: bytes) -> int:
    """When the line that broke the budget was about to be written, in nanoseconds."""
    (at,) = struct.unpack_from("=Q", stamps, 8 * BREAKING)
    return int(at)


def section(all_found: Sequence[Poisoned]) -> Section:
    """What was found."""
    rows = [
        (
            each.backend,
            str(each.spares),
            milliseconds(median(each.answer)),
            milliseconds(median(each.since_line)) if each.since_line else "-",
            milliseconds(median(each.good)),
            milliseconds(median(each.normal)),
        )
        for each in all_found
    ]
    head = ("poisoned lookup", "spares", "its answer", "after line", "next good", "normal")
    rounds = len(all_found[0].answer)
    remark = (
        f"Medians of {rounds}. The answer counts from the request, `after line` from the retry "
        "line that breaks the budget. The stand-in loops at table-mysql's pace."
    )
    return Section(
        "Poisoned lookups",
        [Table(head, rows)],
        [goal for each in all_found for goal in _goals(each)],
        [remark],
        [asdict(each) for each in all_found],
    )


def _goals(found: Poisoned) -> list[Goal]:
    goals = []
    if found.since_line:
        value = median(found.since_line)
        goals.append(
            Goal(
                f"poison, {found.backend}, spares {found.spares}: answer after line < 2 ms",
                f"{milliseconds(value)}, at most {milliseconds(max(found.since_line))}",
                value <= ANSWER_LIMIT,
            )
        )
    if found.spares:
        ratio = ratios(found.good, found.normal)
        goals.append(
            Goal(
                f"poison, {found.backend}: next good at most twice a normal one",
                f"{ratio} times",
                None if ratio is None else ratio.median <= GOOD_LIMIT,
            )
        )
    return goals

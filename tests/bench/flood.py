"""A backend that floods its stderr: what that costs, and what becomes of the answers meanwhile."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.bench.chain import PATIENCE, Chain
from tests.bench.machine import Backend, BenchError
from tests.bench.section import Goal, Section, Table, milliseconds
from tests.bench.stats import quantile
from tests.bench.usage import spending

RATE = 100_000  # lines per second
SHARE_LIMIT = 0.5
DELAY_LIMIT = 0.010  # seconds

_BLOCK = 20  # lookups between two looks whether it is over


@dataclass
class Flooded:
    """One flood. Times of the lookups meanwhile in seconds."""

    protocol: str
    offered: int  # lines per second
    taken: float  # lines per second
    share: float  # of one processor
    before: tuple[float, float]  # p50 and longest
    p50: float
    p99: float
    longest: float

    @property
    def per_line(self) -> float:
        """Processor time for one line, with the lookups meanwhile, in seconds."""
        return self.share / self.taken


def measure(backend: Backend, *, rate: int, seconds: float, say: Callable[[str], None]) -> Flooded:
    """Let the stand-in write `rate` lines per second for `seconds`, and look keys up meanwhile."""
    backend.configure("flood.yml", "", backend.directory / "nowhere")
    with Chain("supervised", backend, "flood.yml") as chain:
        chain.handshake()
        chain.get_ready()
        quiet = chain.block(2000)
        say(f"{backend.protocol}: {rate:,} lines per second for {seconds:g} s")
        times: list[int] = []
        with spending([chain.process.pid]) as spent:
            told = pour(chain, int(rate * seconds), rate, lambda: times.extend(chain.block(_BLOCK)))
        (used,) = spent()
    return Flooded(
        backend.protocol,
        rate,
        told["lines"] / told["seconds"],
        used.share,
        (quantile(quiet, 0.5) / 1e9, max(quiet) / 1e9),
        quantile(times, 0.5) / 1e9,
        quantile(times, 0.99) / 1e9,
        max(times) / 1e9,
    )


def pour(chain: Chain, lines: int, rate: int, meanwhile: Callable[[], object]) -> dict[str, float]:
    """Have the stand-in write so many lines; ``lines`` and ``seconds`` it took."""
    written = chain.backend.directory / "written"
    written.unlink(missing_ok=True)
    chain.ask(b"flood %d %d" % (lines, rate))
    limit = time.monotonic() + PATIENCE + 20 * lines / rate
    while not written.exists():
        meanwhile()
        if time.monotonic() > limit:
            raise BenchError(f"{chain}: {lines} lines not taken in time")
    return _read(written)


def _read(written: Path) -> dict[str, float]:
    with contextlib.suppress(ValueError, TypeError):
        return {key: float(value) for key, value in json.loads(written.read_text()).items()}
    raise BenchError(f"{written} is not what the stand-in writes")


def section(all_found: Sequence[Flooded]) -> Section:
    """What was found."""
    head = ("flood", "lines/s", "of a core", "per line", "p50", "p99", "longest", "without")
    rows = [
        (
            each.protocol,
            f"{each.taken:,.0f}",
            f"{each.share:.0%}",
            f"{each.per_line * 1e6:.1f} us",
            milliseconds(each.p50),
            milliseconds(each.p99),
            milliseconds(each.longest),
            milliseconds(each.before[1]),
        )
        for each in all_found
    ]
    goals = []
    for each in all_found:
        goals += [
            Goal(
                f"flood, {each.protocol}: 100,000 lines/s cost at most half a core",
                f"{each.share:.0%} for {each.taken:,.0f} lines/s of {each.offered:,} offered",
                each.share <= SHARE_LIMIT,
            ),
            Goal(
                f"flood, {each.protocol}: no answer past 10 ms",
                f"the longest {milliseconds(each.longest)}, "
                f"without a flood {milliseconds(each.before[1])}",
                each.longest <= DELAY_LIMIT,
            ),
        ]
    remark = (
        f"The stand-in offers {all_found[0].offered:,} lines per second and is held up where the "
        "supervisor takes fewer. Lookups go on meanwhile, one after another, and their processor "
        "time is in the share. `without`: the longest lookup before the flood."
    )
    return Section(
        "Floods of stderr",
        [Table(head, rows)],
        goals,
        [remark],
        [asdict(each) for each in all_found],
    )

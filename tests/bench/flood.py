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

PACE = 0.005  # seconds between two lookups: of a busy mail server, and next to no work
KINDS = ("alike", "counted", "keyed", "mixed")  # see the stand-in


@dataclass
class Flooded:
    """One flood. Times of the lookups meanwhile in seconds."""

    protocol: str
    kind: str
    offered: int  # lines per second
    taken: float  # lines per second
    share: float  # of one processor, with the lookups
    lookups: float  # their share before the flood
    before: float  # the longest lookup then
    p50: float
    p99: float
    longest: float

    @property
    def per_line(self) -> float:
        """Processor time for one line, in seconds."""
        return max(0.0, self.share - self.lookups) / self.taken


def measure(
    backend: Backend, kind: str, *, rate: int, seconds: float, say: Callable[[str], None]
) -> Flooded:
    """Let the stand-in write `rate` lines per second for `seconds`, and look keys up meanwhile."""
    backend.configure("flood.yml", "", backend.directory / "nowhere")
    with Chain("supervised", backend, "flood.yml") as chain:
        chain.handshake()
        chain.get_ready()
        chain.block(200)
        quiet: list[int] = []
        with spending([chain.process.pid]) as spent_before:
            for _ in range(int(seconds / 2 / PACE)):
                _look_up(chain, quiet)
        say(f"{backend.protocol}, {kind}: {rate:,} lines per second for {seconds:g} s")
        times: list[int] = []
        with spending([chain.process.pid]) as spent:
            told = pour(chain, kind, int(rate * seconds), rate, lambda: _look_up(chain, times))
        (before,), (used,) = spent_before(), spent()
    return Flooded(
        backend.protocol,
        kind,
        rate,
        told["lines"] / told["seconds"],
        used.share,
        before.share,
        max(quiet) / 1e9,
        quantile(times, 0.5) / 1e9,
        quantile(times, 0.99) / 1e9,
        max(times) / 1e9,
    )


def _look_up(chain: Chain, times: list[int]) -> None:
    """Look up once, and wait until it is time for the next."""
    times += chain.block(1)
    time.sleep(PACE)


def pour(
    chain: Chain, kind: str, lines: int, rate: int, meanwhile: Callable[[], object]
) -> dict[str, float]:
    """Have the stand-in write so many lines; ``lines`` and ``seconds`` it took."""
    written = chain.backend.directory / "written"
    written.unlink(missing_ok=True)
    chain.ask(b"flood %b %d %d" % (kind.encode(), lines, rate))
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
    head = (
        *("flood", "lines/s", "of a core", "per line"),
        *("p50", "p99", "longest", "without"),
    )
    rows = [
        (
            f"{each.protocol}, {each.kind}",
            f"{each.taken:,.0f}",
            f"{each.share:.0%}",
            f"{each.per_line * 1e6:.1f} us",
            milliseconds(each.p50),
            milliseconds(each.p99),
            milliseconds(each.longest),
            milliseconds(each.before),
        )
        for each in all_found
    ]
    goals = []
    for protocol in dict.fromkeys(each.protocol for each in all_found):
        found = [each for each in all_found if each.protocol == protocol]
        dearest = max(found, key=lambda each: each.share)
        slowest = max(found, key=lambda each: each.longest)
        fewest = min(each.taken for each in found)
        goals += [
            Goal(
                f"flood, {protocol}: {RATE:,} lines/s cost at most half a core",
                f"at most {dearest.share:.0%} ({dearest.kind}); "
                f"at least {fewest:,.0f} lines/s of {dearest.offered:,} offered were taken",
                dearest.share <= SHARE_LIMIT,
            ),
            Goal(
                f"flood, {protocol}: no answer past 10 ms",
                f"the longest {milliseconds(slowest.longest)} ({slowest.kind}), "
                f"without a flood {milliseconds(slowest.before)}",
                slowest.longest <= DELAY_LIMIT,
            ),
        ]
    remark = (
        f"The stand-in offers {all_found[0].offered:,} lines per second: all alike, different in a "
        "number, different in a key, or of eight kinds in turn. It is held up where the supervisor "
        f"takes fewer. Meanwhile there are lookups, one each {PACE * 1000:g} ms; they are in the "
        "share, but not in the time per line. `without`: the longest lookup before the flood."
    )
    return Section(
        "Floods of stderr",
        [Table(head, rows)],
        goals,
        [remark],
        [asdict(each) for each in all_found],
    )

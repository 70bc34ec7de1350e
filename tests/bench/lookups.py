"""What a lookup costs: every subject in turn, round by round, for each protocol and backend."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field

from tests.bench import syscalls
from tests.bench.chain import SUBJECTS, Chain
from tests.bench.machine import Backend, Machine
from tests.bench.section import Goal, Section, Table, microseconds
from tests.bench.stats import Spread, differences, median, quantile, ratios
from tests.bench.usage import spending

QUANTILES = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "p99.9": 0.999}
P99_LIMIT = 1.5

Say = Callable[[str], None]


@dataclass
class Measured:
    """One subject; a figure for each round. Times in seconds, all but ``quantiles`` per lookup."""

    quantiles: dict[str, list[float]] = field(default_factory=lambda: {q: [] for q in QUANTILES})
    rate: list[float] = field(default_factory=list)  # lookups per second
    cpu: list[float] = field(default_factory=list)  # of what stands before the backend
    switches: list[float] = field(default_factory=list)  # of the same
    calls: dict[str, float] = field(default_factory=dict)  # system calls of the same, by name

    def take(self, times: Sequence[int]) -> None:
        """Take the times of one block, in nanoseconds."""
        for name, share in QUANTILES.items():
            self.quantiles[name].append(quantile(times, share) / 1e9)


@dataclass
class Compared:
    """All subjects before one backend."""

    protocol: str
    backend: str
    block: int  # lookups of each subject in each round
    subjects: dict[str, Measured]

    @property
    def title(self) -> str:
        """In words."""
        return f"{self.protocol}, {self.backend}"

    def ratio(self, name: str, subject: str, other: str) -> Spread | None:
        """A quantile of one subject in those of another."""
        one, two = self.subjects.get(subject), self.subjects.get(other)
        return ratios(one.quantiles[name], two.quantiles[name]) if one and two else None

    def added(self, name: str, subject: str, other: str) -> Spread | None:
        """What a subject adds to a quantile, in what another adds to it."""
        bare = self.subjects["bare"].quantiles[name]
        one, two = self.subjects.get(subject), self.subjects.get(other)
        if one is None or two is None:
            return None
        return ratios(
            differences(one.quantiles[name], bare), differences(two.quantiles[name], bare)
        )


def compare(
    backend: Backend, machine: Machine, *, rounds: int, block: int, strace: int, say: Say
) -> Compared:
    """Measure all subjects before one backend.

    `block` lookups of each in each of the `rounds`; `strace` lookups under strace(1), 0 for none.
    """
    subjects = [each for each in SUBJECTS if each != "socat" or machine.has("socat")]
    found = Compared(backend.protocol, backend.name, block, {each: Measured() for each in subjects})
    with contextlib.ExitStack() as stack:
        chains = [stack.enter_context(Chain(each, backend)) for each in subjects]
        for chain in chains:
            chain.handshake()
            chain.get_ready()
            chain.block(min(block, 200))  # caches are warm in production
        for number in range(rounds):
            say(f"{found.title}: round {number + 1} of {rounds}")
            # Another one begins each round: none is always measured after the same neighbour.
            first = number % len(chains)
            for chain in chains[first:] + chains[:first]:
                one_block(chain, found.subjects[chain.subject], block)
        if strace and machine.has("strace"):
            say(f"{found.title}: system calls")
            for chain in chains:
                if chain.subject != "bare":
                    calls = syscalls.count(chain, strace, machine)
                    found.subjects[chain.subject].calls = calls
    return found


def one_block(chain: Chain, measured: Measured, block: int) -> None:
    """Measure one subject once."""
    between = [] if chain.subject == "bare" else [chain.process.pid]
    with spending(between) as spent:
        times = chain.block(block)
    measured.take(times)
    measured.rate.append(block / (sum(times) / 1e9))
    for each in spent():
        measured.cpu.append(each.cpu / block)
        measured.switches.append((each.voluntary + each.involuntary) / block)


def section(all_found: Sequence[Compared]) -> list[Section]:
    """What was found, one section for each protocol and backend."""
    return [_section(each) for each in all_found]


def _section(found: Compared) -> Section:
    head = ("us", *QUANTILES, "lookups/s", "CPU", "switches", "calls")
    rows = [(subject, *_cells(each)) for subject, each in found.subjects.items()]
    compared = [
        (f"{subject}, {name}", _show(to_bare), _show(to_socat))
        for subject in ("socat", "relay", "supervised")
        if subject in found.subjects
        for name in ("p50", "p99")
        for to_bare in [found.ratio(name, subject, "bare")]
        for to_socat in [found.ratio(name, subject, "socat") if subject != "socat" else None]
    ]
    compared += [
        (f"added {name}", "", _show(found.added(name, "supervised", "socat")))
        for name in ("p50", "p99")
    ]
    rounds = len(found.subjects["bare"].rate)
    return Section(
        f"Lookups: {found.title}",
        [Table(head, rows), Table(("times as long as", "bare", "socat"), compared)],
        _goals(found),
        [
            f"{rounds} rounds of {found.block:,} lookups each. CPU, context switches and system "
            "calls are those of what stands before the backend, for one lookup."
        ],
        asdict(found),
    )


def _cells(measured: Measured) -> list[str]:
    cells = [microseconds(median(each)) for each in measured.quantiles.values()]
    cells.append(f"{median(measured.rate):,.0f}")
    cells.append(microseconds(median(measured.cpu)) if measured.cpu else "-")
    cells.append(f"{median(measured.switches):.1f}" if measured.switches else "-")
    return [*cells, f"{sum(measured.calls.values()):.1f}" if measured.calls else "-"]


def _show(value: Spread | None) -> str:
    return "-" if value is None else str(value)


def _goals(found: Compared) -> list[Goal]:
    goals = []
    for name, limit in (("p50", 1.0), ("p99", P99_LIMIT)):
        value = found.added(name, "supervised", "socat")
        goals.append(
            Goal(
                f"{found.title}: added {name} at most {limit:g} of socat's",
                f"{_show(value)} times",
                None if value is None else value.median <= limit,
            )
        )
    return goals

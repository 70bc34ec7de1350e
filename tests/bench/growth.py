"""Whether a lookup costs more with many keys in quarantine, after a long time, after many lines."""

from __future__ import annotations

import contextlib
import re
import signal
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field

from tests.bench.chain import PATIENCE, Chain
from tests.bench.flood import RATE, pour
from tests.bench.machine import Backend, BenchError, Machine
from tests.bench.section import Goal, Section, Table, mebibytes, microseconds
from tests.bench.stats import median, quantile, ratios
from tests.bench.usage import Memory, memory

from tablewatch.protocol.messages import Verdict

SETTINGS = "quarantine: {learn: no, max_keys: 1000000}, log: {syslog: false, stderr: true}"
TOLERANCE = 1.1  # times a fresh supervisor's: what is noise

Say = Callable[[str], None]


@dataclass
class Aged:
    """One supervisor after what it has been through."""

    name: str
    p50: list[float] = field(default_factory=list)  # seconds, one per round
    p99: list[float] = field(default_factory=list)
    memory: Memory = field(default_factory=lambda: Memory(0, 0, 0))


@dataclass
class Refused:
    """A key in quarantine: the median time of its answer, in seconds."""

    keys: int
    p50: float


def measure(
    machine: Machine,
    protocol: str,
    *,
    keys: int,
    lookups: int,
    lines: int,
    rounds: int,
    block: int,
    say: Say,
) -> tuple[list[Aged], Refused]:
    """Age three supervisors, each in its own way, then measure them beside a fresh one."""
    ages: dict[str, Callable[[Chain], object]] = {
        "fresh": lambda chain: None,
        f"{keys:,} keys in quarantine": lambda chain: quarantine(chain, keys),
        f"after {lookups:,} lookups": lambda chain: chain.block(lookups),
        f"after {lines:,} lines": lambda chain: pour(
            chain, "counted", lines, RATE, lambda: time.sleep(0.1)
        ),
    }
    with contextlib.ExitStack() as stack:
        chains = []
        for name, grow_old in ages.items():
            say(f"{protocol}: {name}")
            chain = stack.enter_context(Chain("supervised", _backend(machine, protocol)))
            chain.handshake()
            chain.get_ready()
            grow_old(chain)
            chains.append(chain)
        found = [Aged(name) for name in ages]
        for number in range(rounds):
            say(f"{protocol}: round {number + 1} of {rounds}")
            for chain, aged in zip(chains, found, strict=True):
                times = chain.block(block)
                aged.p50.append(quantile(times, 0.5) / 1e9)
                aged.p99.append(quantile(times, 0.99) / 1e9)
        for chain, aged in zip(chains, found, strict=True):
            aged.memory = memory(chain.process.pid)
        refusals = [chains[1].ask(b"bad%d" % number)[1] for number in range(min(keys, 1000))]
        kept = kept_keys(chains[1])
    if kept != keys:
        raise BenchError(f"{kept} keys in quarantine, not {keys}")
    return found, Refused(keys, median(refusals))


def _backend(machine: Machine, protocol: str) -> Backend:
    backend = machine.stand_in(protocol)
    backend.configure("tablewatch.yml", SETTINGS, backend.directory / "nowhere")
    return backend


def quarantine(chain: Chain, count: int) -> None:
    """Get so many keys quarantined, each for an error of its own."""
    for number in range(count):
        bad, _ = chain.ask(b"bad%d" % number)
        good, _ = chain.ask(chain.backend.key)  # or the query would be blamed, and not the keys
        if (bad, good) != (Verdict.ERROR, Verdict.FOUND):
            raise BenchError(f"{chain}: {bad}, then {good}, for a bad and a good key")


def kept_keys(chain: Chain) -> int:
    """How many keys are in quarantine, by the supervisor's own account."""
    log = chain.backend.directory / "log"
    chain.process.send_signal(signal.SIGUSR1)
    limit = time.monotonic() + PATIENCE
    while time.monotonic() < limit:
        match = re.search(r"(\d+) keys in quarantine", log.read_text(encoding="utf-8"))
        if match:
            return int(match[1])
        time.sleep(0.05)
    raise BenchError(f"{chain}: no report within {PATIENCE} s of SIGUSR1")


def section(all_found: list[Aged], refused: Refused) -> Section:
    """What was found."""
    fresh = all_found[0]
    rows, goals = [], []
    for each in all_found:
        ratio = ratios(each.p50, fresh.p50)
        rows.append(
            (
                each.name,
                microseconds(median(each.p50)),
                microseconds(median(each.p99)),
                "-" if each is fresh else str(ratio),
                mebibytes(each.memory.resident),
                mebibytes(each.memory.own),
            )
        )
        if each is not fresh and ratio is not None:
            goals.append(
                Goal(
                    f"{each.name}: a lookup costs no more",
                    f"{ratio} times a fresh supervisor's",
                    ratio.median <= TOLERANCE,
                )
            )
    remark = (
        f"Medians of {len(fresh.p50)} rounds with the stand-in as the backend, in turn. Up to "
        f"{TOLERANCE:g} times counts as the same. A lookup of one of {refused.keys:,} keys in "
        f"quarantine is answered in {microseconds(refused.p50)} us."
    )
    return Section(
        "Age",
        [Table(("us per lookup", "p50", "p99", "to fresh", "resident", "own"), rows)],
        goals,
        [remark],
        {"aged": [asdict(each) for each in all_found], "refused": asdict(refused)},
    )

"""Where the processor time of one lookup goes, step by step, by a stopwatch in a real supervisor.

Each step is measured in a run of its own, with all that it calls. ``python -m tests.bench --only
steps`` shows it.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.bench.chain import Chain
from tests.bench.machine import Backend, BenchError
from tests.bench.section import Section, Table
from tests.bench.stats import median
from tests.bench.stopwatch import STEP, TIMES

CHECKOUT = Path(__file__).resolve().parents[2]
PROGRAM = f"""#!{sys.executable}
import sys
sys.path.insert(0, {str(CHECKOUT)!r})
from tests.bench.stopwatch import main
main()
"""
WARM = 200  # lookups that are not looked at
# Beyond it a call was interrupted, and tells of the machine instead.
KEPT = 0.95

# (how deep, what it is, where it is); {codec} is replaced by the protocol's.
CORE, LOOP = "tablewatch.core", "tablewatch.supervisor"
STEPS = (
    (0, "when to wake", f"{LOOP}.loop:Loop._due"),
    (1, "the core", f"{CORE}.table:TableCore.next_deadline"),
    (1, "the daemon", f"{LOOP}.daemon_end:DaemonEnd.next_due"),
    (0, "a request", f"{LOOP}.loop:Loop._read_smtpd"),
    (1, "read(2)", f"{LOOP}.smtpd_end:SmtpdEnd.read"),
    (1, "the core", f"{CORE}.plain:PlainLookups.ask"),
    (2, "codec: bytes to a request", f"{CORE}.smtpd_side:SmtpdSide.plain"),
    (2, "quarantine, key filter, services", f"{CORE}.dispatcher:Dispatcher.suspects"),
    (2, "deadline, state", f"{CORE}.backend:Backend.ask"),
    (2, "send(2) to the backend", f"{LOOP}.children:Child.send"),
    (2, "books of several lookups", f"{CORE}.plain:PlainLookups.keep_books"),
    (3, "rate of lookups", f"{CORE}.guard:Guard.asked"),
    (3, "budget, breaker, strikes ...", f"{CORE}.judge:Judge.learn"),
    (0, "an answer", f"{LOOP}.loop:Loop._read_backend"),
    (1, "the core", f"{CORE}.plain:PlainLookups.answer"),
    (2, "codec: is it an answer?", "{codec}Backend.plain"),
    (2, "the one answer to it", f"{CORE}.smtpd_side:SmtpdSide.write"),
    (3, "codec: answer to bytes", "{codec}Smtpd.answer"),
    (3, "write(2) to smtpd", f"{LOOP}.smtpd_end:SmtpdEnd.send"),
)


@dataclass
class Step:
    """One step: ``calls`` per lookup, microseconds in all of them."""

    depth: int
    name: str
    calls: float
    microseconds: float


@dataclass
class Way:
    """The way of one lookup; ``whole`` is the median lookup without a stopwatch, in seconds."""

    protocol: str
    whole: float
    bare: float
    steps: list[Step]


def place(step: str, protocol: str) -> str:
    """Where a step is, in one protocol."""
    part = "smtpd" if step.endswith("Smtpd.answer") else "backend"
    name = protocol.capitalize()
    return step.replace("{codec}", f"tablewatch.protocol.{protocol}_{part}:{name}")


def measure(backend: Backend, lookups: int, count: int, say: Callable[[str], None]) -> Way:
    """Look so many keys up for each of the first `count` steps."""
    whole, bare = (_whole(subject, backend, lookups) for subject in ("supervised", "bare"))
    program = backend.directory / "table-watch-bench"
    program.write_text(PROGRAM, encoding="utf-8")
    steps = []
    for depth, name, step in STEPS[:count]:
        say(f"{backend.protocol}: {name}")
        times = _times(backend, place(step, backend.protocol), lookups)
        calls = len(times) / lookups
        kept = sorted(times)[: max(1, int(len(times) * KEPT))]
        mean = sum(kept) / len(kept) / 1000 if kept else 0.0
        steps.append(Step(depth, name, calls, mean * calls))
    return Way(backend.protocol, whole, bare, steps)


def _whole(subject: str, backend: Backend, lookups: int) -> float:
    """The median lookup without a stopwatch, in seconds."""
    with Chain(subject, backend) as chain:
        chain.handshake()
        chain.get_ready()
        chain.block(WARM)
        return median(chain.block(lookups)) / 1e9


def _times(backend: Backend, step: str, lookups: int) -> array[int]:
    """How long each call took, in nanoseconds."""
    file = backend.directory / "times"
    file.unlink(missing_ok=True)
    with Chain("supervised", backend, more={STEP: step, TIMES: str(file)}) as chain:
        chain.handshake()
        chain.get_ready()
        chain.block(lookups)
    if not file.exists():
        raise BenchError(f"no times of {step}; see {backend.directory / 'log'}")
    times: array[int] = array("q")
    times.frombytes(file.read_bytes())
    return times


def section(ways: Sequence[Way]) -> Section:
    """What was found."""
    head = ["us of one lookup"]
    for way in ways:
        head += [way.protocol, "calls"]
    rows = []
    for number, step in enumerate(ways[0].steps):
        row = ["  " * step.depth + step.name]
        for way in ways:
            each = way.steps[number]
            row += [f"{each.microseconds:.1f}", f"{each.calls:.1f}"]
        rows.append(row)
    for name, seconds in (
        ("together", [sum(e.microseconds for e in way.steps if _counts(e)) / 1e6 for way in ways]),
        ("a supervised lookup", [way.whole for way in ways]),
        ("a bare one", [way.bare for way in ways]),
    ):
        row = [name]
        for value in seconds:
            row += [f"{value * 1e6:.1f}", ""]
        rows.append(row)
    remark = (
        "Processor time, but for the last two lines. What is further in is part of what is "
        "further out. The rest is poll(2), recv(2) from the backend, being woken, and the loop "
        "itself."
    )
    return Section("Steps", [Table(head, rows)], [], [remark], [asdict(way) for way in ways])


def _counts(step: Step) -> bool:
    return step.depth == 0

"""The benchmark: ``make bench``, or ``python -m tests.bench``.

Everything runs on this machine, on loopback, in a temporary directory; what the machine lacks is
said and left out. The figures go to a JSON file, to the terminal and, with --write, to the part of
a page between two marks.
"""

from __future__ import annotations

import argparse
import functools
import json
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from tests.bench import flood, growth, lookups, poison, report, rest, scrape, startup, steps
from tests.bench.daemon import Daemon
from tests.bench.machine import PROTOCOLS, Backend, BenchError, Machine
from tests.bench.section import Section
from tests.stack.world import StackError

JSON_FILE = Path("build/bench.json")

Say = Callable[[str], None]


class Extent(NamedTuple):
    """How much is done."""

    rounds: int
    block: int  # lookups of each subject in each round
    strace: int  # lookups under strace
    step: int  # lookups for each step
    steps: int
    poisons: int
    starts: int
    settle: float  # seconds
    rest: float  # seconds
    flood_rate: int  # lines per second
    flood: float  # seconds
    keys: int
    lookups: int
    lines: int
    tables: tuple[int, ...]
    real_tables: int
    scrapes: int
    protocols: tuple[str, ...]  # of poisoned lookups, starts and floods
    real: bool  # table-passwd and table-mysql as well as the null backend


FULL = Extent(
    rounds=15,
    block=2000,
    strace=1000,
    step=2000,
    steps=len(steps.STEPS),
    poisons=20,
    starts=15,
    settle=8.0,
    rest=10.0,
    flood_rate=flood.RATE,
    flood=2.0,
    keys=10_000,
    lookups=100_000,
    lines=1_000_000,
    tables=(1, 10, 100, 1000),
    real_tables=100,
    scrapes=10,
    protocols=PROTOCOLS,
    real=True,
)
# Shows that the benchmark works; its figures say nothing.
SHORT = Extent(
    rounds=1,
    block=50,
    strace=20,
    step=20,
    steps=1,
    poisons=1,
    starts=1,
    settle=0.1,
    rest=0.5,
    flood_rate=10_000,
    flood=0.2,
    keys=20,
    lookups=100,
    lines=1000,
    tables=(1, 10),
    real_tables=1,
    scrapes=1,
    protocols=("text",),
    real=False,
)


def measure_lookups(machine: Machine, extent: Extent, say: Say) -> list[Section]:
    """What a lookup costs, with tablewatchd there."""
    compare = functools.partial(
        lookups.compare,
        machine=machine,
        rounds=extent.rounds,
        block=extent.block,
        strace=extent.strace,
        say=say,
    )
    with Daemon(machine.directory, machine.run):
        found = [compare(machine.null_backend(each)) for each in PROTOCOLS]
        if extent.real:
            found += [compare(each) for each in machine.passwd()]
            say("starting a MariaDB")
            with machine.database() as address:
                found += [compare(each) for each in machine.mysql(address)] if address else []
    return lookups.section(found)


def measure_poison(machine: Machine, extent: Extent, say: Say) -> list[Section]:
    """A backend in a loop."""

    def both(backend: Backend, form: str) -> list[poison.Poisoned]:
        keys = [
            [(form % (spares, number)).encode() for number in range(extent.poisons)]
            for spares in (0, 1)
        ]
        return [poison.measure(backend, spares, keys[spares], say) for spares in (1, 0)]

    found = [each for name in extent.protocols for each in both(machine.stand_in(name), "loop%d%d")]
    if extent.real:
        say("starting a MariaDB")
        with machine.database() as address:
            for backend in machine.mysql(address) if address else ():
                found += both(backend, "ał%d.%d@example.org")
    return [poison.section(found)]


def measure_starts(machine: Machine, extent: Extent, say: Say) -> list[Section]:
    """Starts of a supervisor."""
    backends = [machine.null_backend(each) for each in extent.protocols]
    return [startup.section([startup.measure(each, extent.starts, say) for each in backends])]


def measure_rest(machine: Machine, extent: Extent, say: Say) -> list[Section]:
    """Memory, and doing nothing."""
    backend = machine.null_backend("text")
    return [
        rest.section(
            rest.measure(backend, machine, settle=extent.settle, seconds=extent.rest, say=say)
        )
    ]


def measure_flood(machine: Machine, extent: Extent, say: Say) -> list[Section]:
    """A flood of lines."""
    found = [
        flood.measure(
            machine.stand_in(each), kind, rate=extent.flood_rate, seconds=extent.flood, say=say
        )
        for each in extent.protocols
        for kind in flood.KINDS
    ]
    return [flood.section(found)]


def measure_growth(machine: Machine, extent: Extent, say: Say) -> list[Section]:
    """Many keys, lookups, lines."""
    found, refused = growth.measure(
        machine,
        "text",
        keys=extent.keys,
        lookups=extent.lookups,
        lines=extent.lines,
        rounds=extent.rounds,
        block=extent.block,
        say=say,
    )
    return [growth.section(found, refused)]


def measure_scrapes(machine: Machine, extent: Extent, say: Say) -> list[Section]:
    """Many tables."""
    plan = [(each, False) for each in extent.tables] + [(extent.real_tables, True)]
    found = [
        scrape.measure(machine, count, extent.scrapes, real=real, say=say) for count, real in plan
    ]
    return [scrape.section(found)]


def measure_steps(machine: Machine, extent: Extent, say: Say) -> list[Section]:
    """Where the time of a lookup goes."""
    backends = [machine.null_backend(each) for each in extent.protocols]
    found = [steps.measure(each, extent.step, extent.steps, say) for each in backends]
    return [steps.section(found)]


PARTS: dict[str, Callable[[Machine, Extent, Say], list[Section]]] = {
    "lookups": measure_lookups,
    "steps": measure_steps,
    "poison": measure_poison,
    "starts": measure_starts,
    "rest": measure_rest,
    "flood": measure_flood,
    "age": measure_growth,
    "scrapes": measure_scrapes,
}


def run(names: Sequence[str], extent: Extent, say: Say) -> report.Result:
    """Measure these parts."""
    began, about = time.monotonic(), report.about()
    sections: list[Section] = []
    failed: list[str] = []
    with tempfile.TemporaryDirectory(prefix="tablewatch-bench-") as directory:
        machine = Machine(Path(directory))
        for each in machine.missing:
            say(each)
        for name in names:
            try:
                sections += PARTS[name](machine, extent, functools.partial(_prefixed, say, name))
            except (BenchError, StackError) as error:
                failed.append(f"{name}: {error}")
                say(f"{name} FAILED: {error}")
        missing = list(machine.missing)
    return report.Result(sections, missing, failed, about, time.monotonic() - began)


def _prefixed(say: Say, name: str, text: str) -> None:
    say(f"{name}: {text}")


def main() -> int:
    """Measure, and show what was found."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench", description="Measures what tablewatch costs."
    )
    parser.add_argument("--short", action="store_true", help="show that it works, in half a minute")
    parser.add_argument(
        "--only", action="append", choices=PARTS, metavar="NAME", help=f"one of {', '.join(PARTS)}"
    )
    parser.add_argument("--rounds", type=int, metavar="N", help=f"default: {FULL.rounds}")
    parser.add_argument("--write", type=Path, metavar="FILE", help="put the figures into a page")
    parser.add_argument(
        "--json", type=Path, metavar="FILE", default=JSON_FILE, help=f"default: {JSON_FILE}"
    )
    args = parser.parse_args()
    extent = SHORT if args.short else FULL
    if args.rounds is not None:
        if args.rounds < 1:
            parser.error("--rounds: at least 1")
        extent = extent._replace(rounds=args.rounds)
    if args.write and (problem := report.page_problem(args.write)):
        parser.error(problem)
    began = time.monotonic()

    def say(text: str) -> None:
        print(f"{time.monotonic() - began:5.0f} s  {text}", file=sys.stderr, flush=True)

    # Whoever ends us, what was started ends with us, and the directory goes.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        result = run(args.only or list(PARTS), extent, say)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 128 + signal.SIGINT
    args.json.parent.mkdir(parents=True, exist_ok=True)
    args.json.write_text(json.dumps(result.plain(), indent=1) + "\n", encoding="utf-8")
    print(result.text())
    print(f"\nwritten to {args.json}")
    if args.write:
        report.write(args.write, result)
        print(f"and to {args.write}")
    return 1 if result.failed else 0


if __name__ == "__main__":
    sys.exit(main())

"""Memory, and what is used while nothing happens."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass

from tests.bench.chain import Chain
from tests.bench.daemon import Daemon
from tests.bench.machine import Backend, Machine
from tests.bench.section import Goal, Section, Table, mebibytes
from tests.bench.usage import Memory, Spent, memory, spending

MEMORY_LIMIT = 16 * 2**20
WAKEUPS_LIMIT = 1.0  # per second
CPU_LIMIT = 0.0005  # share of one processor: nothing that top(1) would show
WARM = 1000  # lookups before the memory is looked at


@dataclass
class Resting:
    """One process after some lookups, at rest."""

    name: str
    memory: Memory
    spent: Spent


def measure(
    backend: Backend, machine: Machine, *, settle: float, seconds: float, say: Callable[[str], None]
) -> list[Resting]:
    """Look a little up, wait `settle` seconds, then watch everything do nothing for `seconds`."""
    backend.configure("alone.yml", "", machine.directory / "nowhere")
    with contextlib.ExitStack() as stack:
        daemon = stack.enter_context(Daemon(machine.directory, machine.run))
        chains = {
            "supervisor and daemon": Chain("supervised", backend),
            "supervisor alone": Chain("supervised", backend, "alone.yml"),
            "relay": Chain("relay", backend),
        }
        if machine.has("socat"):
            chains["socat"] = Chain("socat", backend)
        for chain in chains.values():
            stack.enter_context(chain)
            chain.handshake()
            chain.get_ready()
            chain.block(WARM)
        daemon.await_tables(1)
        pids = {name: chain.process.pid for name, chain in chains.items()}
        pids["daemon, one table"] = daemon.pid
        say(f"coming to rest, {settle:.0f} s")
        time.sleep(settle)
        say(f"at rest, {seconds:.0f} s")
        with spending(list(pids.values())) as spent:
            time.sleep(seconds)
        return [
            Resting(name, memory(pid), used)
            for (name, pid), used in zip(pids.items(), spent(), strict=True)
        ]


def section(all_found: list[Resting]) -> Section:
    """What was found."""
    head = ("MiB", "resident", "own", "shared", "fair", "wake-ups/s", "CPU us/s")
    rows = [
        (
            each.name,
            _mebibytes(each.memory.resident),
            _mebibytes(each.memory.own),
            _mebibytes(each.memory.shared),
            _mebibytes(each.memory.fair) if each.memory.fair else "-",
            f"{each.spent.wakeups:.2f}",
            f"{each.spent.share * 1e6:,.0f}",
        )
        for each in all_found
    ]
    goals = []
    for each in all_found:
        if not each.name.startswith("supervisor"):
            continue
        resident, spent = each.memory.resident, each.spent
        goals += [
            Goal(
                f"{each.name}: at most 16 MiB resident",
                mebibytes(resident),
                resident <= MEMORY_LIMIT,
            ),
            Goal(
                f"{each.name}: one wake-up per second or less",
                f"{spent.wakeups:.2f} per second",
                spent.wakeups <= WAKEUPS_LIMIT,
            ),
            Goal(
                f"{each.name}: no measurable CPU",
                f"{spent.share:.4%} of one processor",
                spent.share <= CPU_LIMIT,
            ),
        ]
    remark = (
        f"The supervisors, what else may stand in their place, and the daemon, after {WARM:,} "
        f"lookups, over {all_found[0].spent.seconds:.0f} s. `own` is shared with "
        "no other process, `fair` counts what is shared by so many."
    )
    return Section(
        "Memory and rest",
        [Table(head, rows)],
        goals,
        [remark],
        [asdict(each) for each in all_found],
    )


def _mebibytes(size: int) -> str:
    return f"{size / 2**20:.1f}"

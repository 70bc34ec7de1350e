"""All of it: everything started, everything going on at once, everything ended."""

from __future__ import annotations

import contextlib
import re
import signal
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tablewatch.control.status import HostStatus, TableStatus

from .. import install, schema
from ..compare import Stack
from ..mariadb import MariaDB
from ..world import StackError, wait_until
from .bed import TABLES, Bed, made
from .crowd import delivered
from .faults import Fault
from .samples import DAEMON, Sample, Sampler, sample
from .secrets import leaks, secrets, written
from .sessions import Session, enrolled
from .storm import QUIET, Done, Storm, order
from .tools import Tools

SETTLE = 90.0  # seconds; spares, deliveries and a busy machine
TELL = 60.0  # seconds between two words about how it is going
BROKEN = re.compile(r"Traceback|internal error", re.I)

Say = Callable[[str], None]


@dataclass
class Lived:
    """What one mail server went through, and what was found afterwards."""

    flavour: str
    sessions: list[Session]
    samples: list[Sample]
    tools: Tools
    same_processes: bool  # smtpd and its supervisors, throughout
    before: Sample  # with everything ready and nobody there
    after: Sample  # the same when all was over
    statuses: list[TableStatus]  # at the end
    collect_failures: float
    accepted: set[str]
    doubtful: set[str]
    delivered: list[str]
    broken_lines: list[str]
    leaked: set[str]
    left: list[str] = field(default_factory=list)  # processes after smtpd's end


@dataclass
class Soaked:
    """A whole run."""

    seed: int
    seconds: float
    done: list[Done]
    beds: list[Lived]
    versions: dict[str, list[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Plan:
    """What is to be done: until `seconds` are over or the `faults` are."""

    seed: int
    seconds: float
    flavours: Sequence[str]
    quiet: tuple[float, float] = QUIET
    faults: Sequence[tuple[Fault, str]] | None = None  # and where; None: all, as the seed has it


def soak(plan: Plan, say: Say) -> Soaked:
    """Build all that is needed and run it; StackError if the harness itself fails."""
    with contextlib.ExitStack() as opened:
        name = opened.enter_context(tempfile.TemporaryDirectory(prefix="tablewatch-soak-"))
        directory = Path(name)
        directory.chmod(0o755)
        wheel = install.build_wheel(directory / "wheel")
        prefixes = {flavour: directory / f"prefix-{flavour}" for flavour in plan.flavours}
        for flavour, prefix in prefixes.items():
            install.install(flavour, wheel, prefix)
        database = opened.enter_context(MariaDB(directory / "mariadb"))
        schema.load(database)
        soaked = run(plan, directory, database, prefixes, say)
        stack = Stack(directory, database, prefixes)
        soaked.versions = {flavour: stack.versions(flavour) for flavour in plan.flavours}
        return soaked


def run(
    plan: Plan, directory: Path, database: MariaDB, prefixes: Mapping[str, Path], say: Say
) -> Soaked:
    """Run it with a database that has its tables, and tablewatch installed for each flavour."""
    with contextlib.ExitStack() as opened:
        opened.enter_context(enrolled(database))
        began = time.monotonic()

        def clock() -> float:
            return time.monotonic() - began

        beds = [
            opened.enter_context(
                made(each, directory / f"soak-{each}", prefixes[each], database, plan.seed, clock)
            )
            for each in plan.flavours
        ]
        before = [calm(bed, None) for bed in beds]
        say("everything is ready")
        began = time.monotonic()
        storm = Storm(plan.seed, database, beds, clock, say)
        samplers, tools = go_through(plan, storm, beds, clock, say)
        ended = clock()
        say("over; looking at what is left of it")
        lived = [look_back(*each, say) for each in zip(beds, samplers, tools, before, strict=True)]
        for bed, each in zip(beds, lived, strict=True):
            each.left = end(bed)
        return Soaked(plan.seed, ended, storm.done, lived)


def go_through(
    plan: Plan, storm: Storm, beds: Sequence[Bed], clock: Callable[[], float], say: Say
) -> tuple[list[Sampler], list[Tools]]:
    """Everything at once, for so long."""
    samplers = [Sampler(bed, clock) for bed in beds]
    tools = [Tools(bed, f"{plan.seed}-{bed.flavour}") for bed in beds]
    told = [0.0]

    def check() -> None:
        for bed, sampler, tool in zip(beds, samplers, tools, strict=True):
            for error in (*bed.crowd.broken, *sampler.broken, *tool.broken):
                raise error
            if not bed.server.alive():
                raise StackError(f"the {bed.flavour} smtpd ended: {bed.server.exit_status()}")
        if clock() > told[0] + TELL:
            told[0] = clock()
            held = ", ".join(f"{bed.flavour} {len(bed.crowd.sessions):,}" for bed in beds)
            say(f"sessions so far: {held}; faults: {len(storm.done)}")

    with contextlib.ExitStack() as going:
        for sampler, tool, bed in zip(samplers, tools, beds, strict=True):
            sampler.start()
            going.callback(sampler.end)
            tool.start()
            going.callback(tool.end)
            going.enter_context(bed.crowd)
        faults = order(plan.seed, plan.flavours) if plan.faults is None else iter(plan.faults)
        storm.rage(faults, plan.seconds, plan.quiet, check)
    check()
    return samplers, tools


def calm(bed: Bed, before: Sample | None) -> Sample:
    """Wait until every table has its backend and its spare, and all is as `before`; a sample."""
    taken = [sample(bed, 0.0)]

    def ready() -> bool:
        taken[0] = sample(bed, 0.0)
        if taken[0].backends != 2 * len(TABLES) or taken[0].zombies or taken[0].stopped:
            return False
        return before is None or same(before, taken[0])

    with contextlib.suppress(StackError):
        wait_until(ready, "every table to have a backend and a spare", seconds=SETTLE, pause=0.5)
    return taken[0]


def same(before: Sample, after: Sample) -> bool:
    """Whether supervisors and tablewatchd have no more descriptors and threads than before."""
    names = (*TABLES, DAEMON)
    return all(name in after.usages for name in names) and all(
        after.usages[name].descriptors <= before.usages[name].descriptors
        and after.usages[name].threads <= before.usages[name].threads
        for name in names
    )


def look_back(bed: Bed, sampler: Sampler, tools: Tools, before: Sample, say: Say) -> Lived:
    """See what became of a mail server whose users have gone."""
    wanted = bed.crowd.accepted
    with contextlib.suppress(StackError):
        wait_until(lambda: set(delivered(bed.server)) >= wanted, "mails", seconds=SETTLE)
    after = calm(bed, before)
    texts = written(bed)
    status = settled(bed)
    say(f"{bed.flavour}: {len(bed.crowd.sessions):,} sessions")
    failures = re.search(
        r"^tablewatch_daemon_collect_failures_total (\S+)", bed.daemon.get("/metrics"), re.M
    )
    return Lived(
        flavour=bed.flavour,
        sessions=list(bed.crowd.sessions),
        samples=sampler.samples,
        tools=tools,
        same_processes=bed.alive(),
        before=before,
        after=after,
        statuses=[each.status for each in status.tables if each.status is not None],
        collect_failures=float(failures[1]) if failures else 0.0,
        accepted=set(wanted),
        doubtful=set(bed.crowd.doubtful),
        delivered=delivered(bed.server),
        broken_lines=[
            f"{where}: {line}"
            for where, text in texts.items()
            for line in text.splitlines()
            if BROKEN.search(line)
        ],
        leaked=set(leaks(texts, secrets())) | tools.leaked,
    )


def settled(bed: Bed) -> HostStatus:
    """How the tables are, once nobody waits and every supervisor has told."""
    bed.daemon.await_tables(*TABLES)

    def still() -> bool:
        return not any(each.status is None or each.status.waiting for each in status().tables)

    def status() -> HostStatus:
        return bed.daemon.status()

    with contextlib.suppress(StackError):
        wait_until(still, "every request to be answered", seconds=SETTLE, pause=1.0)
    return status()


def end(bed: Bed) -> list[str]:
    """End smtpd; what serves its tables must go by itself. What is left of it after 10 s."""
    bed.daemon.end(signal.SIGTERM)
    bed.server.stop()
    with contextlib.suppress(StackError):
        wait_until(lambda: not bed.server.table_processes(), "nothing to be left", seconds=10)
    return [" ".join(each.argv) for each in bed.server.table_processes()]

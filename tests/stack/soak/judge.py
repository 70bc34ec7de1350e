"""What has to be true after a run, and whether it is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from . import flat
from .accounts import LONGEST, accounts, imbalance, late
from .bed import TABLES
from .run import Lived, Soaked, same
from .samples import BACKENDS, DAEMON, Sample
from .sessions import ANSWERED, HUNG_UP, KINDS, PATIENCE, UNANSWERED, Session
from .storm import Done

# Shorter runs are over before they are warm.
LEAST = 600.0  # seconds
SHOWN = 3  # of what is wrong

CODES = {kind.name: kind.code for kind in KINDS}


class Judged(NamedTuple):
    """One thing that has to be true. ``said`` is what was found."""

    name: str
    right: bool
    said: str


def quiet(flavour: str, done: Sequence[Done], session: Session) -> bool:
    """Whether all was well from the beginning of a session to its end."""
    return not any(
        each.concerns(flavour) and session.began < each.well and session.ended > each.began
        for each in done
    )


def is_wrong(session: Session) -> bool:
    """Whether somebody was answered something that is neither right nor "try again"."""
    return session.end == ANSWERED and not (
        session.code == CODES[session.kind] or 400 <= session.code < 500
    )


def judge(soaked: Soaked) -> list[Judged]:
    """All there is to judge, for all mail servers together."""
    return [Judged(*each) for each in (*_users(soaked), *_counted(soaked), *_processes(soaked))]


def _users(soaked: Soaked) -> Iterator[tuple[str, bool, str]]:
    sessions = [each for bed in soaked.beds for each in bed.sessions]
    ends = Counter(each.end for each in sessions)
    longest = max((each.seconds for each in sessions), default=0.0)
    unanswered = [f"{each.kind}: {each.why}" for each in sessions if each.end == UNANSWERED]
    yield (
        "every session ended with an answer, or by its user's hanging up",
        bool(sessions) and not unanswered and longest < PATIENCE,
        f"{ends[ANSWERED]:,} answered, {ends[HUNG_UP]:,} hung up, {len(unanswered):,} without an "
        f"answer; the longest reply took {longest:.1f} s{_shown(unanswered)}",
    )
    wrong = [f"{each.code} for: {each.kind}" for each in sessions if is_wrong(each)]
    yield (
        'nobody was answered anything but the truth or "try again"',
        not wrong,
        f"{len(wrong)} were{_shown(wrong)}",
    )
    calm = [
        each
        for bed in soaked.beds
        for each in bed.sessions
        if each.good is not None and quiet(bed.flavour, soaked.done, each)
    ]
    failed = [
        f"{each.code} for: {each.kind}, at {each.began:.0f} s" for each in calm if not each.good
    ]
    yield (
        "between the faults everybody who did everything right was served",
        bool(calm) and not failed,
        f"{len(calm) - len(failed):,} of {len(calm):,}{_shown(failed)}",
    )
    ill = [each.fault.name for each in soaked.done if each.well == float("inf")]
    yield "all was well again after every fault", not ill, f"{len(soaked.done)} done{_shown(ill)}"
    for bed in soaked.beds:
        missing, twice = bed.accepted - set(bed.delivered), _twice(bed.delivered)
        foreign = set(bed.delivered) - bed.accepted - bed.doubtful
        yield (
            f"{bed.flavour}: every mail that was accepted was delivered, once",
            bool(bed.accepted) and not missing and not twice and not foreign,
            f"{len(bed.accepted):,} accepted, {len(missing)} missing, {twice} twice",
        )


def _counted(soaked: Soaked) -> Iterator[tuple[str, bool, str]]:
    for bed in soaked.beds:
        wrong = [each.wrong() for each in accounts(bed.sessions, bed.statuses) if each.wrong()]
        asked = sum(each.asked for each in accounts(bed.sessions, bed.statuses))
        yield (
            f"{bed.flavour}: the supervisors counted what the sessions asked and heard",
            len(bed.statuses) == len(TABLES) and not wrong,
            f"{asked:,} requests{_shown(wrong)}",
        )
        reports = [*bed.tools.unbalanced, *filter(None, map(imbalance, bed.statuses))]
        fallen = bed.tools.fallen
        yield (
            f"{bed.flavour}: requests are answers and those waiting, errors have a reason each",
            not reports and not fallen,
            f"{len(reports)} of {bed.tools.reports + len(bed.statuses):,} reports and "
            f"{len(fallen)} of {bed.tools.compared:,} readings of counters say otherwise"
            f"{_shown([*reports, *fallen])}",
        )
        slow = sum(map(late, bed.statuses))
        yield (
            f"{bed.flavour}: no lookup took longer than {LONGEST:.0f} s",
            slow == 0,
            f"{slow} did, by the supervisors' clocks",
        )
        internal = sum(each.internal_errors for each in bed.statuses) + bed.collect_failures
        yield (
            f"{bed.flavour}: no errors of tablewatch's own",
            internal == 0 and not bed.broken_lines,
            f"{internal:.0f} counted, {len(bed.broken_lines)} in logs{_shown(bed.broken_lines)}",
        )
        yield (
            f"{bed.flavour}: no password and no hash in logs, incidents, pages, outputs",
            not bed.leaked,
            f"{len(bed.leaked)} found{_shown(sorted(bed.leaked))}",
        )
        yield (
            f"{bed.flavour}: every program that was called came to an end",
            bed.tools.hung == 0,
            f"{bed.tools.hung} did not",
        )


def _processes(soaked: Soaked) -> Iterator[tuple[str, bool, str]]:
    for bed in soaked.beds:
        yield (
            f"{bed.flavour}: smtpd and the supervisors are the processes of the beginning",
            bed.same_processes,
            "they are" if bed.same_processes else "they are not",
        )
        yield (
            f"{bed.flavour}: when all was over descriptors, threads and processes were as before",
            same(bed.before, bed.after)
            and (bed.after.backends, bed.after.zombies, bed.after.stopped)
            == (bed.before.backends, 0, 0),
            f"{bed.after.backends} backends, {bed.after.zombies} zombies, {bed.after.stopped} "
            f"stopped",
        )
        yield (
            f"{bed.flavour}: nothing was left when smtpd had ended",
            not bed.left,
            f"{len(bed.left)} left{_shown(bed.left)}",
        )
        if soaked.seconds >= LEAST:
            for what in dict.fromkeys(each[1] for each in FIGURES):
                yield _flat(soaked, bed, what)


Figure = Callable[[Sample], float | None]


def _of(name: str, which: str) -> Figure:
    def figure(sample: Sample) -> float | None:
        used = sample.usages.get(name)
        return None if used is None else float(getattr(used, which))

    return figure


NAMES = (*TABLES, DAEMON, BACKENDS)
# Whose, what, how to get it from a sample, its limit, and what to divide it by for people.
FIGURES: tuple[tuple[str, str, Figure, flat.Limit, float], ...] = (
    *((n, "memory", _of(n, "memory"), flat.MEMORY, flat.MEBIBYTE) for n in NAMES),
    *((n, "descriptors", _of(n, "descriptors"), flat.DESCRIPTORS, 1.0) for n in NAMES),
    *((n, "threads", _of(n, "threads"), flat.THREADS, 1.0) for n in NAMES),
    (BACKENDS, "processes", lambda sample: float(sample.backends), flat.PROCESSES, 1.0),
)


def trend(soaked: Soaked, bed: Lived, figure: Figure, limit: flat.Limit) -> flat.Trend:
    """What became of a figure in the course of a run."""
    pairs = [(each.seconds, value) for each in bed.samples if (value := figure(each)) is not None]
    return flat.trend(pairs, soaked.seconds, limit)


def _flat(soaked: Soaked, bed: Lived, what: str) -> tuple[str, bool, str]:
    those = [each for each in FIGURES if each[1] == what]
    trends = {name: trend(soaked, bed, figure, limit) for name, _, figure, limit, _ in those}
    grown = [name for name, each in trends.items() if not each.flat]
    most = max(each.last - each.second for each in trends.values()) / those[0][-1]
    return (
        f"{bed.flavour}: {what} of supervisors, tablewatchd, backends did not grow",
        not grown,
        f"by {most:+.1f} {'MiB ' if what == 'memory' else ''}at most{_shown(grown)}",
    )


def _twice(names: Sequence[str]) -> int:
    return sum(count > 1 for count in Counter(names).values())


def _shown(what: Sequence[str]) -> str:
    """The first of them, to be read after a figure."""
    if not what:
        return ""
    listed = "; ".join(list(dict.fromkeys(what))[:SHOWN])
    return f": {listed}{' ...' if len(set(what)) > SHOWN else ''}"

"""From exec to a completed handshake, and to the first answer, beyond the backend's own time."""

from __future__ import annotations

import sysconfig
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from tests.bench.chain import Chain
from tests.bench.machine import Backend
from tests.bench.section import Goal, Section, Table, milliseconds
from tests.bench.stats import differences, median

import tablewatch

LIMIT = 0.120  # seconds
SUBJECTS = ("bare", "relay", "supervised")


@dataclass
class Started:
    """Starts of one backend; seconds since the start, one per round, by subject."""

    protocol: str
    handshake: dict[str, list[float]] = field(default_factory=lambda: {s: [] for s in SUBJECTS})
    answer: dict[str, list[float]] = field(default_factory=lambda: {s: [] for s in SUBJECTS})


def measure(backend: Backend, rounds: int, say: Callable[[str], None]) -> Started:
    """Start each subject in turn, `rounds` times."""
    found = Started(backend.protocol)
    for number in range(-1 if rounds > 1 else 0, rounds):  # once for the page cache
        say(f"{backend.protocol}: start {max(0, number) + 1} of {rounds}")
        for subject in SUBJECTS:
            with Chain(subject, backend) as chain:
                chain.handshake()
                handshake = time.perf_counter() - chain.began
                chain.ask(backend.key)
                answer = time.perf_counter() - chain.began
            if number >= 0:
                found.handshake[subject].append(handshake)
                found.answer[subject].append(answer)
    return found


def installation() -> str:
    """How Python finds the supervisor, which is a part of its start."""
    place = Path(tablewatch.__file__).parent
    installed = place.parent == Path(sysconfig.get_path("purelib"))
    return "from an installation" if installed else "from a checkout; an installation is as fast"


def section(all_found: Sequence[Started]) -> Section:
    """What was found."""
    rows = [
        (
            f"{each.protocol}, {subject}",
            milliseconds(median(each.handshake[subject])),
            milliseconds(median(each.answer[subject])),
        )
        for each in all_found
        for subject in SUBJECTS
    ]
    goals = []
    for each in all_found:
        for what, times in (("handshake", each.handshake), ("first answer", each.answer)):
            added = median(differences(times["supervised"], times["bare"]))
            goals.append(
                Goal(
                    f"start, {each.protocol}: {what} within 120 ms beyond the backend's",
                    milliseconds(added),
                    added <= LIMIT,
                )
            )
    remark = (
        f"Medians of {len(all_found[0].answer['bare'])} starts, with the null backend and a "
        f"configuration file, {installation()}."
    )
    return Section(
        "Starts",
        [Table(("from exec to", "handshake", "first answer"), rows)],
        goals,
        [remark],
        [asdict(each) for each in all_found],
    )

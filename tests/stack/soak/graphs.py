"""The graphs of a run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from .bed import TABLES
from .chart import Mark, Panel, Point, chart, columns, lines
from .faults import LANES
from .flat import MEBIBYTE
from .run import Lived, Soaked
from .samples import BACKENDS, DAEMON, Usage
from .storm import EVERYWHERE, Done

MEMORY, DESCRIPTORS, ANSWERS = "soak-memory.svg", "soak-descriptors.svg", "soak-answers.svg"
BINS = 120  # columns of answers

# What is told apart in the graph of answers: by code, and 0 for none.
CODES: tuple[tuple[str, tuple[int, ...]], ...] = (
    ("235, 250", (2,)),
    ("535, 550", (5,)),
    ("421, 451", (4,)),
    ("no answer", (0,)),
)


def write(soaked: Soaked, directory: Path) -> None:
    """Write them all."""
    for name, text in drawn(soaked).items():
        (directory / name).write_text(text, encoding="utf-8")


def drawn(soaked: Soaked) -> dict[str, str]:
    """Each by its file's name."""
    used = [("supervisors", "l0"), ("tablewatchd", "l1"), ("backends", "l2")]
    answered = [(words, f"f{number}") for number, (words, _) in enumerate(CODES)]
    return {
        MEMORY: _all(soaked, "Resident memory of the largest, MiB", used, _memory),
        DESCRIPTORS: _all(soaked, "Open descriptors, the most of any", used, _descriptors),
        ANSWERS: _all(soaked, "Sessions per minute, by their last code", answered, _answers),
    }


def _all(
    soaked: Soaked,
    title: str,
    legend: Sequence[tuple[str, str]],
    panel: Callable[[Soaked, Lived], Panel],
) -> str:
    panels = [panel(soaked, bed) for bed in soaked.beds]
    flavours = [bed.flavour for bed in soaked.beds]
    marks = [_mark(each, flavours, soaked.seconds) for each in soaked.done]
    return chart(title, legend, panels, LANES, marks, soaked.seconds)


def _mark(done: Done, flavours: Sequence[str], end: float) -> Mark:
    both = done.where == EVERYWHERE or len(flavours) == 1
    halves = (0, 1) if both else (flavours.index(done.where),)
    words = f"{done.fault.lane}: {done.fault.name} ({done.where})"
    return Mark(done.began, min(done.over, end), LANES.index(done.fault.lane), halves, words)


def _bands(soaked: Soaked, bed: Lived) -> list[tuple[float, float]]:
    return [
        (each.began, min(each.well, soaked.seconds))
        for each in soaked.done
        if each.concerns(bed.flavour)
    ]


def _memory(soaked: Soaked, bed: Lived) -> Panel:
    return _used(soaked, bed, lambda used: used.memory / MEBIBYTE)


def _descriptors(soaked: Soaked, bed: Lived) -> Panel:
    return _used(soaked, bed, lambda used: used.descriptors)


def _used(soaked: Soaked, bed: Lived, figure: Callable[[Usage], float]) -> Panel:
    series = [_series(bed, names, figure) for names in (TABLES, (DAEMON,), (BACKENDS,))]
    highest = max(value for points in series for _, value in points)
    return Panel(bed.flavour, lines(series), highest, _bands(soaked, bed))


def _series(bed: Lived, names: Sequence[str], figure: Callable[[Usage], float]) -> list[Point]:
    points = []
    for sample in bed.samples:
        values = [figure(sample.usages[name]) for name in names if name in sample.usages]
        if values:
            points.append((sample.seconds, max(values)))
    return points


def _answers(soaked: Soaked, bed: Lived) -> Panel:
    each = soaked.seconds / BINS
    stacks = [[0.0] * BINS for _ in CODES]
    for session in bed.sessions:
        if session.end != "hung up":
            first = session.code // 100
            number = next(n for n, (_, firsts) in enumerate(CODES) if first in firsts)
            stacks[number][min(BINS - 1, int(session.ended / each))] += 60 / each
    highest = max(map(sum, zip(*stacks, strict=True)))
    return Panel(bed.flavour, columns(stacks, each), highest, _bands(soaked, bed))

"""Charts over time as SVG: for light and dark, and for narrow screens, with a few lines of CSS.

All lengths are in units of a drawing WIDTH wide. Where it is shown on less than half of that the
text is drawn larger, so that it can be read there, too; it has room for that.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from html import escape
from typing import NamedTuple

WIDTH = 860
LEFT, RIGHT = 172, 18
TOP = 92  # title and legend
PANEL = 190
GAP = 46  # with a panel's own title
LANE = 28
BOTTOM = 62

Point = tuple[float, float]

STYLE = """\
svg{font-family:system-ui,-apple-system,'Segoe UI',sans-serif}
text{font-size:15px;fill:#1f2328}
.title{font-size:18px;font-weight:600}
.soft{fill:#59636e}
.back{fill:#fff}
.grid{stroke:#d1d9e0;stroke-width:1}
.axis{stroke:#818b98;stroke-width:1}
.mark{fill:#8250df}
.band{fill:#8250df;fill-opacity:.09}
.line{fill:none;stroke-width:2;stroke-linejoin:round}
.s0{stroke:#0969da}.s1{stroke:#bc4c00}.s2{stroke:#1a7f37}.s3{stroke:#cf222e}
.f0{fill:#0969da}.f1{fill:#818b98}.f2{fill:#d4a72c}.f3{fill:#cf222e}
.l0{fill:#0969da}.l1{fill:#bc4c00}.l2{fill:#1a7f37}
@media (max-width:480px){
text{font-size:25px}.title{font-size:29px}.minor{display:none}.line{stroke-width:3.5}
}
@media (prefers-color-scheme:dark){
text{fill:#f0f6fc}.soft{fill:#b0b8c1}.back{fill:#0d1117}
.grid{stroke:#30363d}.axis{stroke:#656c76}
.mark{fill:#ab7df8}.band{fill:#ab7df8;fill-opacity:.16}
.s0{stroke:#4493f8}.s1{stroke:#f0883e}.s2{stroke:#3fb950}.s3{stroke:#f85149}
.f0{fill:#1f6feb}.f1{fill:#656c76}.f2{fill:#d29922}.f3{fill:#f85149}
.l0{fill:#4493f8}.l1{fill:#f0883e}.l2{fill:#3fb950}
}
"""


class Mark(NamedTuple):
    """Something that lasted from `begin` to `end`. ``rows`` are those of `lanes` it is drawn in:
    a lane has an upper and a lower half, 0 and 1.
    """

    begin: float
    end: float
    lane: int
    halves: tuple[int, ...]
    words: str


class Panel(NamedTuple):
    """One of the charts above each other. ``bands`` are times that are shaded in it."""

    title: str
    draw: Callable[[Scale], Iterable[str]]
    highest: float
    bands: Sequence[tuple[float, float]]


class Scale(NamedTuple):
    """Where things are within a panel."""

    end: float  # the last moment
    highest: float
    top: float
    height: float = PANEL

    def x(self, moment: float) -> float:
        """The place of a moment."""
        return LEFT + (WIDTH - LEFT - RIGHT) * min(max(moment / self.end, 0.0), 1.0)

    def y(self, value: float) -> float:
        """The place of a value."""
        return self.top + self.height * (1 - value / self.highest)


def lines(series: Sequence[Sequence[Point]]) -> Callable[[Scale], Iterable[str]]:
    """Draw one line for each series."""

    def draw(scale: Scale) -> Iterable[str]:
        for number, points in enumerate(series):
            places = " ".join(f"{scale.x(when):.1f},{scale.y(value):.1f}" for when, value in points)
            yield f'<polyline class="line s{number}" points="{places}"/>'

    return draw


def columns(stacks: Sequence[Sequence[float]], each: float) -> Callable[[Scale], Iterable[str]]:
    """Draw stacked columns, `each` wide in time; one sequence for each colour."""

    def draw(scale: Scale) -> Iterable[str]:
        below = [0.0] * max(map(len, stacks))
        for number, values in enumerate(stacks):
            path = []
            for place, value in enumerate(values):
                if value:
                    left, right = scale.x(place * each), scale.x((place + 1) * each)
                    low, high = scale.y(below[place]), scale.y(below[place] + value)
                    path.append(f"M{left:.1f} {low:.1f}V{high:.1f}H{right:.1f}V{low:.1f}Z")
                    below[place] += value
            yield f'<path class="f{number}" d="{"".join(path)}"/>'

    return draw


def steps(highest: float, about: int = 4) -> list[float]:
    """Round numbers from 0 to at least `highest`."""
    rough = max(highest, 1e-9) / about
    magnitude = 10 ** math.floor(math.log10(rough))
    step = next(n * magnitude for n in (1, 2, 5, 10) if n * magnitude >= rough)
    return [number * step for number in range(math.ceil(highest / step) + 1)]


def chart(
    title: str,
    legend: Sequence[tuple[str, str]],
    panels: Sequence[Panel],
    lanes: Sequence[str],
    marks: Sequence[Mark],
    end: float,
) -> str:
    """A whole drawing; `legend` has words and the CSS class of their colour, `end` in seconds."""
    lanes_top = TOP + len(panels) * (PANEL + GAP)
    height = lanes_top + len(lanes) * LANE + BOTTOM
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        f'width="{WIDTH}" height="{height}" role="img">',
        f"<title>{escape(title)}</title><style>{STYLE}</style>",
        f'<rect class="back" width="{WIDTH}" height="{height}"/>',
        f'<text class="title" x="12" y="32">{escape(title)}</text>',
        *_legend(legend),
    ]
    for number, panel in enumerate(panels):
        top = TOP + number * (PANEL + GAP) + GAP - 14
        parts += _panel(panel, end, top)
    parts += _lanes(lanes, marks, end, lanes_top + 20)
    return "\n".join([*parts, "</svg>\n"])


def _legend(legend: Sequence[tuple[str, str]]) -> Iterable[str]:
    slot = (WIDTH - 12) / len(legend)
    for number, (words, colour) in enumerate(legend):
        x = 12 + number * slot
        yield f'<rect class="{colour}" x="{x:.0f}" y="56" width="20" height="14" rx="2"/>'
        yield f'<text x="{x + 28:.0f}" y="70">{escape(words)}</text>'


def _panel(panel: Panel, end: float, top: float) -> Iterable[str]:
    ticks = steps(panel.highest)
    scale = Scale(end, ticks[-1], top)
    yield f'<text class="soft" x="{LEFT}" y="{top - 10:.0f}">{escape(panel.title)}</text>'
    for begin, over in panel.bands:
        left, right = scale.x(begin), scale.x(over)
        yield (
            f'<rect class="band" x="{left:.1f}" y="{top}" width="{max(1.0, right - left):.1f}" '
            f'height="{PANEL}"/>'
        )
    for number, tick in enumerate(ticks):
        y = scale.y(tick)
        minor = " minor" if number % 2 else ""
        yield f'<path class="grid" d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}"/>'
        yield (
            f'<text class="soft{minor}" x="{LEFT - 10}" y="{y + 6:.1f}" text-anchor="end">'
            f"{tick:,.0f}</text>"
        )
    yield from panel.draw(scale)


def _lanes(lanes: Sequence[str], marks: Sequence[Mark], end: float, top: float) -> Iterable[str]:
    scale = Scale(end, 1, top)
    for number, name in enumerate(lanes):
        y = top + number * LANE
        yield f'<path class="grid" d="M{LEFT} {y}H{WIDTH - RIGHT}"/>'
        yield f'<text x="{LEFT - 10}" y="{y + 21}" text-anchor="end">{escape(name)}</text>'
    half = LANE / 2 - 2
    for mark in marks:
        left, right = scale.x(mark.begin), scale.x(mark.end)
        y = top + mark.lane * LANE + 2 + min(mark.halves) * half
        yield (
            f'<rect class="mark" x="{left:.1f}" y="{y:.1f}" width="{max(2.5, right - left):.1f}" '
            f'height="{half * len(mark.halves):.1f}"><title>{escape(mark.words)}</title></rect>'
        )
    bottom = top + len(lanes) * LANE
    yield f'<path class="axis" d="M{LEFT} {bottom}H{WIDTH - RIGHT}"/>'
    minutes = steps(end / 60, 6)
    for number, minute in enumerate(minutes):
        if minute * 60 > end * 1.001:
            continue
        minor = ' class="soft minor"' if number % 2 else ' class="soft"'
        x = scale.x(minute * 60)
        words = f"{minute:g} min" if number == 0 else f"{minute:g}"
        yield f'<text{minor} x="{x:.1f}" y="{bottom + 27}" text-anchor="middle">{words}</text>'

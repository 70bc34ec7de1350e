"""The whole result: for a terminal, for the documentation, as JSON."""

from __future__ import annotations

import datetime
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tests.bench.section import Section, fold, goals_markdown, goals_text
from tests.stack.markdown import table

from tablewatch import __version__

BEGIN = "<!-- figures: written by make bench -->"
END = "<!-- end of figures -->"


@dataclass
class Result:
    """Everything that was found."""

    sections: Sequence[Section]
    missing: Sequence[str]
    failed: Sequence[str]  # parts of the benchmark that broke, and why
    about: dict[str, str]
    seconds: float

    def text(self) -> str:
        """For a terminal of 80 columns."""
        about = "\n".join(f"  {name:<12}{value}" for name, value in self.about.items())
        parts = [f"tablewatch {__version__}, measured in {self.seconds:.0f} s\n{about}"]
        parts += [section.text() for section in self.sections]
        parts.append(goals_text(self.sections))
        for title, each in (("Left out", self.missing), ("FAILED", self.failed)):
            if each:
                parts.append("\n".join([title, *map(fold, each)]))
        return "\n\n".join(parts)

    def markdown(self) -> str:
        """For the documentation."""
        parts = [table(("measured on", ""), list(self.about.items()), left=2)]
        parts.append(goals_markdown(self.sections))
        parts += [section.markdown() for section in self.sections]
        for title, each in (("Left out", self.missing), ("Failed", self.failed)):
            if each:
                parts.append("\n".join([f"{title}:\n", *(f"* {line}" for line in each)]))
        return "\n\n".join(parts)

    def plain(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "release": __version__,
            "about": self.about,
            "seconds": self.seconds,
            "missing": list(self.missing),
            "failed": list(self.failed),
            "goals": [asdict(goal) for section in self.sections for goal in section.goals],
            "parts": {section.title: section.data for section in self.sections},
        }


def about() -> dict[str, str]:
    """What the figures depend on."""
    return {
        "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d"),
        "system": f"{platform.system()} {platform.release()}, {platform.machine()}",
        "processor": f"{_processor()}, {os.cpu_count()} of them",
        "Python": platform.python_version(),
        "load before": _load(),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or "unknown"
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else "unknown"


def _load() -> str:
    try:
        return f"{os.getloadavg()[0]:.1f}"
    except OSError:
        return "unknown"


def page_problem(page: Path) -> str:
    """Why the figures can't be put into this page; empty if they can."""
    try:
        text = page.read_text(encoding="utf-8")
    except OSError as error:
        return f"{page}: {error.strerror}"
    if text.count(BEGIN) != 1 or text.count(END) != 1 or text.index(END) < text.index(BEGIN):
        return f"{page}: put the lines {BEGIN!r} and {END!r} where the figures are to stand"
    return ""


def write(page: Path, result: Result) -> None:
    """Put the figures between the marks of a page."""
    text = page.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    page.write_text(f"{before}{BEGIN}\n\n{result.markdown()}\n\n{END}{after}", encoding="utf-8")

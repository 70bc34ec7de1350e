"""What was seen of one fault, done to one mail server: plain figures, to be kept and judged."""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..load import Outcome

HELD_BACK = 535  # smtpd itself lets somebody with a wrong password wait


@dataclass
class Tally:
    """What sessions of one kind were answered: how often which code, 0 being no answer."""

    codes: dict[int, int] = field(default_factory=dict)
    slowest: float = 0.0  # seconds, of those that were answered, but for HELD_BACK

    @classmethod
    def of(cls, outcomes: Iterable[Outcome]) -> Tally:
        """Count the outcomes."""
        tally = cls()
        for each in outcomes:
            tally.count_in(each)
        return tally

    def count_in(self, outcome: Outcome) -> None:
        """One more."""
        self.codes[outcome.code] = self.codes.get(outcome.code, 0) + 1
        if outcome.code not in (0, HELD_BACK):
            self.slowest = max(self.slowest, outcome.seconds)

    def count(self) -> int:
        """How many sessions these were."""
        return sum(self.codes.values())


def added(tallies: Iterable[Tally]) -> Tally:
    """All of them as one."""
    codes: Counter[int] = Counter()
    longest = 0.0
    for each in tallies:
        codes.update(each.codes)
        longest = max(longest, each.slowest)
    return Tally(dict(codes), longest)


@dataclass
class Seen:
    """One fault, one flavour, bare or supervised. Times are seconds."""

    fault: str
    flavour: str
    supervised: bool
    broken: str = ""  # why the harness could not do or undo it
    greeted: float | None = 0.0  # how long smtpd took to start; None: it did not in time
    dead_after: float | None = None  # from the fault's beginning; None: smtpd lives
    lost: list[str] = field(default_factory=list)  # tables whose process smtpd saw exit
    people: dict[str, Tally] = field(default_factory=dict)
    suspects: Tally = field(default_factory=Tally)
    beside: int = 0  # suspects' sessions side by side
    healed: float | None = None  # from the fault's end; None: not while it was waited for
    left: list[str] = field(default_factory=list)  # processes after the end of smtpd
    left_rate: float = 0.0  # connections per second that they make
    paid: float = 0.0  # for so long it was counted what the database paid:
    connections: int | None = None  # None: could not be counted
    statements: int | None = None

    @property
    def everybody(self) -> Tally:
        """All sessions that had nothing to do with the fault."""
        return added(self.people.values())


def keep(path: Path, found: list[Seen]) -> None:
    """Write down what was seen so far; the file appears complete or not at all."""
    text = json.dumps([dataclasses.asdict(each) for each in found], indent=1, ensure_ascii=False)
    unfinished = path.with_name(path.name + ".new")
    unfinished.write_text(text + "\n", encoding="utf-8")
    unfinished.rename(path)


def kept(path: Path) -> list[Seen]:
    """What was written down; nothing if there is no such file."""
    if not path.exists():
        return []
    return [_seen(each) for each in json.loads(path.read_text(encoding="utf-8"))]


def _seen(plain: dict[str, Any]) -> Seen:
    seen = Seen(**plain)
    seen.people = {name: _tally(each) for name, each in plain["people"].items()}
    seen.suspects = _tally(plain["suspects"])
    return seen


def _tally(plain: dict[str, Any]) -> Tally:
    return Tally({int(code): count for code, count in plain["codes"].items()}, plain["slowest"])

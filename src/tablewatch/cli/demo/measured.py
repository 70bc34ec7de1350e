"""What one run of the demo measured, and whether that is what tablewatch promises."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from dataclasses import dataclass, field

from tablewatch.cli.demo.scenario import Reply, Session

# Connections that the poisoned login may cost under supervision: 2 are the backend's to make, and
# then it runs on until it is dead, a millisecond later or, on a busy machine, some of the
# scheduler's turns later. Each is good for several; the runaway makes thousands.
MAX_CONNECTIONS = 250
# Seconds; what table-watch takes for a lookup at most unless it is configured otherwise.
DEADLINE = 5.0


@dataclass
class Visit:
    """A session and what became of it; times are monotonic seconds."""

    session: Session
    arrived: float
    asked: float | None = None
    answered: float | None = None
    reply: Reply | None = None

    @property
    def took(self) -> float | None:
        """Seconds from arriving to the answer, None if there was none."""
        return None if self.answered is None else self.answered - self.arrived

    @property
    def right(self) -> bool:
        """Whether the client was told what it should have been."""
        return self.reply is self.session.expected


@dataclass
class Run:
    """One run, bare or supervised. Rates are per second, times in seconds."""

    name: str
    began: float = 0.0
    ended: float = 0.0
    visits: list[Visit] = field(default_factory=list)
    table_gone: str = ""
    # From the poisoned login to the end of the run.
    stderr_lines: int = 0
    # From the poisoned login to its repetition, or to the end of the run.
    retries: int = 0
    retry_rate: float = 0.0
    connections: int = 0
    connection_rate: float = 0.0
    repeat_connections: int | None = None
    # Of one processor, from the poisoned login to the end of the run.
    cpu_share: float = 0.0
    # After smtpd is gone.
    left_over: list[int] = field(default_factory=list)
    left_over_rate: float = 0.0
    leaving_took: float = 0.0

    @property
    def poisoned(self) -> Visit | None:
        """The first poisoned login, if it has come yet."""
        return next((visit for visit in self.visits if visit.session.poisoned), None)

    @property
    def repeated(self) -> Visit | None:
        """The second poisoned login, if it has come yet."""
        return next((visit for visit in self.visits[::-1] if self._repeats(visit)), None)

    def _repeats(self, visit: Visit) -> bool:
        return visit.session.poisoned and visit is not self.poisoned

    def others(self, *, after: bool = True, table: str = "") -> list[Visit]:
        """Everybody else, who came after or before the first poisoned login (to one table)."""
        poisoned = self.poisoned
        first = len(self.visits) if poisoned is None else self.visits.index(poisoned)
        return [
            visit
            for number, visit in enumerate(self.visits)
            if (number > first) is after
            and not visit.session.poisoned
            and table in ("", visit.session.table)
        ]

    def as_json(self) -> dict[str, object]:
        """Return every number, for --json."""
        others = self.others()
        return {
            "poisoned_login_s": self.poisoned.took if self.poisoned else None,
            "repeated_login_s": self.repeated.took if self.repeated else None,
            "others_after": len(others),
            "others_answered_right": sum(visit.right for visit in others),
            "median_s": median(times(self.others(after=False) + others)),
            "slowest_after_s": max(times(others), default=None),
            "retries": self.retries,
            "retries_per_s": self.retry_rate,
            "connections": self.connections,
            "connections_per_s": self.connection_rate,
            "connections_by_repetition": self.repeat_connections,
            "stderr_lines": self.stderr_lines,
            "cpu_share": self.cpu_share,
            "left_over_processes": len(self.left_over),
            "left_over_retries_per_s": self.left_over_rate,
            "leaving_s": self.leaving_took,
            "table_gone": self.table_gone,
            "sessions": [
                {
                    "session": visit.session.title,
                    "table": visit.session.table,
                    "arrived_s": visit.arrived - self.began,
                    "answer_s": visit.took,
                    "reply": None if visit.reply is None else int(visit.reply),
                    "expected": int(visit.session.expected),
                }
                for visit in self.visits
            ],
        }


def broken_promises(run: Run) -> Iterator[str]:
    """Say what the supervised run should have done and did not."""
    if run.table_gone:
        yield f"smtpd lost a table: {run.table_gone}"
    if run.repeated is None:
        yield "the run ended early"
    for visit in run.visits:
        if visit.reply is None:
            yield f"{visit.session.title}: never answered"
        elif not visit.right:
            expected = int(visit.session.expected)
            yield f"{visit.session.title}: answered {int(visit.reply)} instead of {expected}"
        elif visit.session.poisoned and visit.took is not None and visit.took > DEADLINE:
            yield f"{visit.session.title}: answered only after {visit.took:.1f} s"
    if run.connections > MAX_CONNECTIONS:
        yield f"{run.connections} database connections for one poisoned login"
    if run.repeat_connections:
        yield f"{run.repeat_connections} database connections for its repetition"
    if run.left_over:
        yield f"{len(run.left_over)} processes were left running"


def too_tame(run: Run) -> Iterator[str]:
    """Say what the bare run should have suffered from and did not: nothing to compare with."""
    if run.table_gone:
        yield f"smtpd lost a table: {run.table_gone}"
    if run.poisoned is None:
        yield "the poisoned login never came"
    elif run.poisoned.reply is not None:
        yield "the poisoned login was answered"
    if run.connections <= MAX_CONNECTIONS:
        yield f"there were only {run.connections} database connections"
    if not run.left_over:
        yield "nothing was left running"


def times(visits: list[Visit]) -> list[float]:
    """Return how long those waited who got an answer."""
    return [visit.took for visit in visits if visit.took is not None]


def median(values: list[float]) -> float | None:
    """Return the median, None of nothing."""
    return statistics.median(values) if values else None

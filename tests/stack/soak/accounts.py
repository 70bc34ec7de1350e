"""Whether what users asked, what they were answered and what was counted is the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from tablewatch.control.status import LATENCY_BUCKETS, TableStatus

from .sessions import ERROR, FOUND, NOT_FOUND, UNTOLD, Session

UPDATE = "update"
# A lookup's deadline is 5 s; a supervisor that was stopped for up to 3 s is late by as much.
LONGEST = 10.0  # seconds; one of LATENCY_BUCKETS


def imbalance(status: TableStatus) -> str:
    """In what a supervisor's own figures contradict each other; "" if they do not."""
    asked = sum(sum(each.values()) for each in status.requests.values())
    answered = sum(status.answers.values())
    timed = sum(sum(each.buckets) for each in status.latency.values())
    failed, tempfailed = sum(status.failures.values()), sum(status.tempfails.values())
    checks = (
        (asked == answered + status.waiting, f"{asked} requests, {answered} answers"),
        (timed == answered, f"{timed} durations, {answered} answers"),
        (failed == status.answers[ERROR], f"{failed} failures, {status.answers[ERROR]} errors"),
        (
            failed == tempfailed + status.failures["error"],
            f"{failed} failures, {tempfailed} of them tempfails",
        ),
        (
            sum(status.refusals.values()) <= status.answers[NOT_FOUND],
            f"{status.refusals} refusals, {status.answers[NOT_FOUND]} not found",
        ),
    )
    wrong = [words for right, words in checks if not right]
    return f"{'; '.join(wrong)}; {status.waiting} waiting" if wrong else ""


def late(status: TableStatus) -> int:
    """Lookups that took longer than LONGEST by their supervisor's clock."""
    beyond = LATENCY_BUCKETS.index(LONGEST) + 1
    return sum(
        sum(each.buckets[beyond:])
        for operation, each in status.latency.items()
        if operation != UPDATE
    )


class Account(NamedTuple):
    """One table: what sessions know that they asked, and what its supervisor counted."""

    table: str
    told: Counter[str]  # by verdict, from the replies that users got
    untold: int  # asked by users who did not wait for the answer: perhaps never asked at all
    updates: int  # counted; each has a verdict, too
    asked: int  # counted, without updates
    answers: dict[str, int]  # counted

    @property
    def sessions_asked(self) -> int:
        """Requests that users heard the answer of."""
        return self.told.total()

    def wrong(self) -> str:
        """In what the two contradict each other; "" if they do not."""
        said = []
        if not self.sessions_asked <= self.asked <= self.sessions_asked + self.untold:
            said.append(
                f"{self.table}: {self.asked:,} requests counted, {self.sessions_asked:,} to "
                f"{self.sessions_asked + self.untold:,} sent"
            )
        for verdict in (FOUND, NOT_FOUND, ERROR):
            least, counted = self.told[verdict], self.answers.get(verdict, 0)
            most = least + self.untold + self.updates
            if not least <= counted <= most:
                heard = f"{least:,} to {most:,} heard"
                said.append(f"{self.table}: {counted:,} times {verdict} counted, {heard}")
        return "; ".join(said)


def accounts(sessions: Iterable[Session], statuses: Sequence[TableStatus]) -> list[Account]:
    """An account of every table."""
    told: dict[str, Counter[str]] = {each.table: Counter() for each in statuses}
    for session in sessions:
        for table, verdict in session.asked:
            told[table][verdict] += 1
    found = []
    for status in statuses:
        heard = told[status.table]
        untold = heard.pop(UNTOLD, 0)
        updates = sum(status.requests.get(UPDATE, {}).values())
        asked = sum(sum(each.values()) for each in status.requests.values()) - updates
        found.append(Account(status.table, heard, untold, updates, asked, status.answers))
    return found

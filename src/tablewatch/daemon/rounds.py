"""Asking all supervisors at once, for however many want to know, with a limit of time for each."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from typing import NamedTuple

from tablewatch.control.status import HostStatus
from tablewatch.daemon.links import Link, Links

# A report this old (seconds) is new enough for whoever asks: nobody can make the supervisors work
# for asking often.
FRESH = 0.25
# One that has not answered for so long (seconds) hangs; it is not waited for until it does.
HANGS_AFTER = 30.0


class Wish(NamedTuple):
    """Somebody wants to know `until` when what was heard `since` when, monotonic seconds."""

    until: float
    since: float
    future: Future[HostStatus]


class Rounds:
    """The questions under way."""

    def __init__(self, links: Links, report: Callable[[float, float], HostStatus]) -> None:
        """`report` makes a report of what was heard since its first argument, at its second."""
        self._links = links
        self._report = report
        self._waiting: list[Wish] = []
        self._last: HostStatus | None = None
        self._last_at = float("-inf")
        self._changed = float("-inf")
        self._forgotten = False

    def want(self, future: Future[HostStatus], until: float, now: float) -> None:
        """Fulfil `future` when all have answered, with what there is `until` then at the latest.

        Who does not want it any more cancels it.
        """
        if self._forgotten:
            self._forgotten, self._changed = False, now
        since = max(now - FRESH, self._changed)
        if self._last is not None and self._last_at >= since:
            future.set_result(self._last)
            return
        for link in self._links:
            if link.heard < since:
                self._links.ask(link, now)
        self._waiting.append(Wish(until, since, future))
        self.check(now)

    def check(self, now: float) -> None:
        """Fulfil what is due; call it after anything was heard, and at next_due()."""
        self._waiting = [each for each in self._waiting if not each.future.cancelled()]
        if not self._waiting:
            return
        due = [
            each for each in self._waiting if now >= each.until or not self._is_awaited(each, now)
        ]
        if not due:
            return
        heard = min((each.heard for each in self._links if not _hangs(each, now)), default=now)
        reports = {since: self._report(since, now) for since in {each.since for each in due}}
        self._last, self._last_at = reports[min(reports)], heard
        for each in due:
            self._waiting.remove(each)
            each.future.set_result(reports[each.since])

    def _is_awaited(self, wish: Wish, now: float) -> bool:
        """Whether somebody has yet to answer it; the first of those asked tells, as a rule."""
        return any(each.heard < wish.since and not _hangs(each, now) for each in self._links.asked)

    def next_due(self) -> float | None:
        """Return when somebody's patience ends, in monotonic seconds."""
        return min((each.until for each in self._waiting), default=None)

    def forget(self) -> None:
        """Something was changed: what was heard until now is old."""
        self._forgotten = True

    def end(self) -> None:
        """Nobody will answer any more."""
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            each.future.cancel()


def _hangs(link: Link, now: float) -> bool:
    return link.asked is not None and now - link.asked > HANGS_AFTER

"""Observe mode: what would have been done is counted and logged, and nothing is done.

Bytes are passed on as they come, before anything is decided (:mod:`tablewatch.core.table`); what
stands here keeps sight of whose answer is whose, as far as a backend lets us.
"""

from __future__ import annotations

import math

from tablewatch.core import wording
from tablewatch.core.actions import Priority
from tablewatch.core.backend import Backend
from tablewatch.core.counters import Counters
from tablewatch.core.incidents import Incidents
from tablewatch.core.journal import Journal
from tablewatch.core.judge import Judge
from tablewatch.core.smtpd_side import SmtpdSide
from tablewatch.protocol.messages import Answer, Verdict


class Observer:
    """What takes the place of acting."""

    def __init__(
        self,
        smtpd: SmtpdSide,
        judge: Judge,
        incidents: Incidents,
        counters: Counters,
        journal: Journal,
    ) -> None:
        self._smtpd = smtpd
        self._judge = judge
        self._incidents = incidents
        self._counters = counters
        self._journal = journal

    def would(self, why: str, text: str, now: float) -> None:
        """Say what would have been done; `why` is counted."""
        self._counters.observed[why] += 1
        self._journal.say(Priority.NOTICE, "would " + why, f"would have: {text}", now)

    def overlook(
        self, backend: Backend, why: str, detail: str, now: float, *, show_keys: bool
    ) -> None:
        """Leave a backend alone that would have been given up now."""
        pending = backend.pending
        if why == "damage":
            backend.blind = True
            self.lose_sight(backend, now)
        if pending is not None and pending.noted:
            return
        backend.deadline = math.inf
        self._incidents.note(backend.evidence, why, now)
        self._incidents.did(f"would have: {wording.replaced(pending)}")
        if pending is not None:
            pending.noted = True
            self._judge.bad(pending.request, backend.evidence, why, now)
        text = wording.loss(backend, pending, why, detail, 0.0, show_keys=show_keys)
        self.would(why, text, now)

    def lose_sight(self, backend: Backend, now: float) -> None:
        """It broke the protocol: what it says now is all that smtpd waits for."""
        waiting = list(self._smtpd.queue)
        self._smtpd.queue.clear()
        if backend.pending is not None:
            waiting.append(backend.pending)
            backend.abandon()
        backend.deadline = math.inf
        for pending in waiting:
            self._smtpd.passed_on(pending, Answer(Verdict.ERROR), now)

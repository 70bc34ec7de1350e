"""What the policies together make of requests, and of what became of them.

Order of the objections to a request, cheapest and surest first: quarantine (this very key made the
backend fail), key filter (it can't be in the column), learned class (its kind makes the backend
fail), breaker (nobody is answered at present). The last two may let a request through as
their trial, so they are asked last.

Who is to blame, by the class of the error the backend wrote while the request was with it:

* query: the key, at once. When every key fails alike it is the SQL after all: the breaker opens,
  and the keys quarantined on the way are released.
* connection, configuration: the database. Never a key; the breaker counts it.
* unknown, or a death or a hang without a word: the key, at its second strike with other keys
  succeeding in between. A hang counts for the breaker as well.
* none, a bare `error`: nobody.

What the breaker lets through as its trial decides: any failure opens it again, any answer without
a complaint closes it.
"""

from __future__ import annotations

import random
from typing import NamedTuple

from tablewatch.config.durations import format_duration
from tablewatch.config.settings import TableSettings
from tablewatch.core import wording
from tablewatch.core.actions import Priority
from tablewatch.core.evidence import Evidence
from tablewatch.core.incidents import Incidents
from tablewatch.core.journal import Journal
from tablewatch.keytraits import in_words
from tablewatch.knowledge.classify import ErrorClass
from tablewatch.knowledge.keys import describe_key, mask_key
from tablewatch.knowledge.texts import CHARACTER_ERRORS
from tablewatch.policy.alike import AlikeDetector
from tablewatch.policy.breaker import Breaker
from tablewatch.policy.breaker import State as BreakerState
from tablewatch.policy.budget import RetryBudget
from tablewatch.policy.digests import NEVER_REMEMBERED, KeyHasher
from tablewatch.policy.keyfilter import KeyFilter
from tablewatch.policy.learned import LearnedClass
from tablewatch.policy.quarantine import Quarantine
from tablewatch.policy.strikes import Strikes
from tablewatch.policy.stuck import Advice, StuckErrors
from tablewatch.protocol.messages import Request, Verdict


class Objection(NamedTuple):
    """Why a request must not reach the backend: a word to count, a text, and what to answer."""

    why: str
    text: str
    verdict: Verdict = Verdict.ERROR


class Judge:
    """The memory of one table: which keys, which kinds of keys, and whether its database works."""

    def __init__(
        self,
        settings: TableSettings,
        salt: bytes,
        rng: random.Random,
        journal: Journal,
        incidents: Incidents,
    ) -> None:
        """`salt`: 16 to 64 random bytes, see KeyHasher."""
        self.quarantine = Quarantine(settings.quarantine, salt)
        self.strikes = Strikes(salt)
        self.alike = AlikeDetector(salt)
        self.learned = LearnedClass(salt)
        self.breaker = Breaker(rng)
        self.stuck = StuckErrors()
        self._hasher = KeyHasher(salt)
        self.paused_since: float | None = None  # by the operator; monotonic seconds
        self.paused_until: float | None = None
        self._journal = journal
        self._incidents = incidents
        self.configure(settings)

    def configure(self, settings: TableSettings) -> None:
        """Go by these settings from now on; what is known stays known."""
        self._settings = settings
        self.quarantine.settings = settings.quarantine
        self.learned.duration = settings.quarantine.duration
        self.learned.max_duration = settings.quarantine.max_duration
        self.breaker.threshold = settings.breaker.threshold
        self.breaker.min_open = settings.breaker.min_open
        self.breaker.max_open = settings.breaker.max_open
        self.breaker.reset_after = settings.breaker.reset_after
        # Twice the deadline: by then a trial has ended one way or the other.
        self.breaker.trial_timeout = 2 * settings.deadline
        self.budget = RetryBudget(
            ratio=settings.budget.ratio,
            per_second=float(settings.budget.per_second),
            window=settings.budget.window,
        )
        if settings.mode == "observe":
            self.resume()  # nobody is refused any more
        charset = None if settings.filter.charset == "any" else settings.filter.charset
        self.keyfilter = KeyFilter(charset, settings.filter.max_length or None)

    @property
    def is_calm(self) -> bool:
        """Whether nothing is on trial: an answer tells nothing that the next request waits for."""
        on_trial = not self.breaker.is_closed or self.learned.entries()
        return not on_trial and self.paused_until is None

    # --- before a request is asked ------------------------------------------------------------

    def suspects(self, request: Request) -> bool:
        """Whether there may be an objection to `request`, in a calm table. It changes nothing."""
        service, key = request.service, request.key
        if service is None or key is None:
            return True
        return self.keyfilter.is_on or self.quarantine.holds(service, key)

    def known_bad(self, request: Request, now: float) -> Objection | None:
        """Return why this key must not reach any backend, or None."""
        service, key = request.service, request.key
        if service is None or key is None:
            return None
        entry = self.quarantine.match(service, key, now)
        if entry is not None:
            shown = wording.shown_key(service, key, show_keys=self._settings.log.show_keys)
            text = f"{service} {shown} refused, it is in quarantine: {entry.reason}"
            self._say(Priority.INFO, "quarantine hit", text, now)
            not_found = service in self._settings.quarantine.not_found
            verdict = Verdict.NOT_FOUND if not_found else Verdict.ERROR
            return Objection("quarantined", "key is in quarantine", verdict)
        reason = self.keyfilter.objection(key) if service != "auth" else None
        if reason is not None:
            self._say(Priority.INFO, "filter " + service, f"{service} refused: {reason}", now)
            return Objection("filtered", "key can't be in the table")
        return None

    def objection(self, request: Request, now: float) -> Objection | None:
        """Return why this request must not be asked just now; None: ask it, it may be a trial."""
        service, key = request.service, request.key
        if service is None:  # an update: the operator may always ask
            return None
        traits = self.learned.refuses(service, key, now) if key is not None else None
        if traits is not None:
            text = f"{service} refused: keys with {in_words(traits)} make the database fail"
            self._say(Priority.INFO, f"learned {service} {traits}", text, now)
            return Objection("learned", "keys of this kind make the database fail")
        if not self.breaker.allow(now):
            return Objection("breaker", "database is left alone for a while")
        return None

    # --- after it was asked -------------------------------------------------------------------

    def good(self, request: Request, now: float) -> None:
        """The backend answered found or not-found: it works, and so does this key."""
        self.budget.deposit(now)
        self._works(now)
        if request.service is None or request.key is None:
            return
        self.strikes.success(request.service, request.key)
        self.alike.success(request.service, request.key, now)
        for freed in self.learned.success(request.service, request.key, now):
            text = f"{freed.service}: keys with {in_words(freed.traits)} work after all, released"
            self._say(Priority.NOTICE, "unlearned", text, now)

    def learn(self, request: Request, now: float) -> None:
        """Take an answer to a lookup, check or fetch that was found or not-found."""
        self.good(request, now)
        self.stuck.good(request.operation, request.service)

    def bad(self, request: Request, evidence: Evidence, why: str, now: float) -> None:
        """The request failed; `why`: "error" (the backend said so) or what ended it."""
        error_class = evidence.error_class
        if error_class is ErrorClass.QUERY:
            self._blame(request, evidence, now)
        elif error_class in (ErrorClass.CONNECTION, ErrorClass.CONFIGURATION):
            self._count_failure(evidence.cause, now)
        elif error_class is ErrorClass.UNKNOWN or why != "error":
            if why == "deadline":
                self._count_failure("no answer in time", now)
            self._strike(request, evidence, why, now)
        elif request.service is not None and self._is_trying(now):
            self._works(now)  # without a complaint: some say it for "not found"

    def excuses(self, request: Request, evidence: Evidence) -> bool:
        """Return whether a backend lost over this request is well: its key is at fault.

        Such a key is refused from now on, so nothing is won by a pause before the next start; an
        attacker with fresh keys would deny the table to everybody by it.
        """
        return (
            evidence.error_class is ErrorClass.QUERY
            and self._settings.quarantine.enabled
            and request.key is not None
            and request.service not in NEVER_REMEMBERED
        )

    def stuck_after(
        self, request: Request, verdict: Verdict, evidence: Evidence, now: float
    ) -> str:
        """Return why the backend is to be recycled after this answer; empty if it is not."""
        is_error = verdict is Verdict.ERROR
        service, key = request.service, request.key
        token = None
        if is_error and key is not None and service not in NEVER_REMEMBERED:
            token = self._hasher.digest("", key)  # the same key in every service
        self.stuck.answer(
            now,
            request.operation,
            service,
            token,
            is_error=is_error,
            has_evidence=evidence.error is not None,
        )
        if not is_error:
            return ""
        advice = self.stuck.verdict(now)
        if advice is Advice.RECYCLE:
            self.stuck.recycled(now)
            return "it answers nothing but errors"
        if advice is Advice.OPEN_BREAKER:
            self.stuck.opened()
            self.trip("nothing but errors, from a fresh backend too", now)
        return ""

    def trip(self, why: str, now: float) -> None:
        """Open the breaker, for a reason of the caller's."""
        if self.breaker.trip(now, why):
            self._tell_open(now)

    def _blame(self, request: Request, evidence: Evidence, now: float) -> None:
        """An error the key or the SQL is at fault for; the database works."""
        service, key, error = request.service, request.key, evidence.error
        if service is None or error is None:
            return
        if key is None:  # a fetch: the SQL, as there is no key
            self._count_failure(evidence.cause, now)
            return
        self.alike.failed(service, key, error.signature, now)
        alike = self.alike.sql_at_fault(service, now)
        if alike is not None:
            released = self.quarantine.release_where(
                lambda entry: (
                    entry.service == service
                    and entry.signature == alike.signature
                    and entry.since >= alike.since
                    and not entry.by_operator
                ),
                pardon=True,
            )
            text = (
                f"every {service} key fails alike, so the query is at fault: {evidence.cause}; "
                f"{len(released)} keys released"
            )
            self._say(Priority.ERROR, "sql " + service, text, now)
            self._did(f"every {service} key fails alike: the query is at fault, not the keys")
            self._count_failure(f"the {service} query fails", now, at_once=True)
            return
        self._works(now)
        self._quarantine(service, key, evidence.cause, error.signature, now)
        if error.signature in CHARACTER_ERRORS and self._settings.quarantine.learn:
            learned = self.learned.blame(service, key, now)
            if learned is not None:
                kind = in_words(learned.traits)
                text = f"{service}: every key with {kind} fails: all of them refused from now on"
                self._say(Priority.WARNING, "learned", text, now)
                self._did(f"every {service} key with {kind} refused")

    def _strike(self, request: Request, evidence: Evidence, why: str, now: float) -> None:
        """An error that does not tell whose fault it is."""
        service, key = request.service, request.key
        if service is None:
            return
        cause = evidence.cause or f"the backend fails on it ({why})"
        if self._is_trying(now):
            self._count_failure(cause, now)
        if key is None:
            return
        if evidence.error is not None:
            self.alike.failed(service, key, evidence.error.signature, now)
            if self.alike.sql_at_fault(service, now) is not None:
                self._count_failure(f"the {service} query fails: {cause}", now, at_once=True)
                return
        if self.breaker.state(now) is not BreakerState.CLOSED:
            return  # while nothing works, no failure says anything about a key
        if self.strikes.strike(service, key, now):
            self._quarantine(service, key, cause, why, now)

    def _quarantine(self, service: str, key: bytes, cause: str, sign: str, now: float) -> None:
        masked = mask_key(key, service)
        entry = self.quarantine.add(service, key, masked, cause, now, signature=sign)
        if entry is not None:
            shown = wording.shown_key(service, key, show_keys=self._settings.log.show_keys)
            term = f"quarantined for {format_duration(entry.until - now)}"
            text = f"{service} {shown} ({describe_key(key)}) {term}: {cause}"
            self._say(Priority.WARNING, f"quarantine {entry.id}", text, now)
            self._did(f"{service} {masked} {term}")
            self._incidents.involve(service, masked, describe_key(key))

    def _is_trying(self, now: float) -> bool:
        return self.breaker.state(now) is BreakerState.HALF_OPEN

    def _works(self, now: float) -> None:
        """The database answered."""
        if self.breaker.success(now):
            self._say(Priority.NOTICE, "breaker closed", "breaker closed: answers again", now)

    def _count_failure(self, cause: str, now: float, *, at_once: bool = False) -> None:
        opened = self.breaker.failure(now, cause)
        if at_once and not opened:
            opened = self.breaker.trip(now, cause)
        if opened:
            self._tell_open(now)

    def _tell_open(self, now: float) -> None:
        due = self.breaker.due()
        rest = f" for {due - now:.1f} s" if due is not None else ""
        text = f"breaker open{rest}, every lookup is answered error at once: {self.breaker.why}"
        self._say(Priority.WARNING, "breaker open", text, now)
        self._did("the database is left alone and tried now and then")

    # --- the operator -------------------------------------------------------------------------

    def pardon(self, now: float) -> None:
        """`smtpctl update table`: things are different now; everything is forgotten."""
        keys, kinds = self.quarantine.clear(), self.learned.clear()
        self.strikes.clear()
        self.alike.clear()
        self.stuck.clear()
        closed = self.breaker.reset()
        done = [f"{keys} keys released"] if keys else []
        done += [f"{kinds} kinds of keys released"] if kinds else []
        done += ["breaker closed"] if closed else []
        if done:
            self._say(Priority.NOTICE, "pardon", f"update: {', '.join(done)}", now)

    def pause(self, now: float, seconds: float) -> None:
        """Have every lookup refused for `seconds` from now on, the database left alone."""
        if self.pause_left(now) is None:
            self.paused_since = now
        self.paused_until = now + seconds

    def resume(self) -> bool:
        """End the pause; return whether there was one."""
        was = self.paused_until is not None
        self.paused_since = self.paused_until = None
        return was

    def pause_left(self, now: float) -> float | None:
        """Return how many seconds the operator's pause lasts yet, None if there is none."""
        if self.paused_until is not None and now >= self.paused_until:
            self.resume()
            self._say(Priority.NOTICE, "pause over", "the operator's pause is over", now)
        return None if self.paused_until is None else self.paused_until - now

    def _did(self, text: str) -> None:
        observing = self._settings.mode == "observe"
        self._incidents.did(f"would have: {text}" if observing else text)

    def _say(self, priority: Priority, signature: str, text: str, now: float) -> None:
        if self._settings.mode == "observe":
            text = f"would have: {text}"
        self._journal.say(priority, signature, text, now)

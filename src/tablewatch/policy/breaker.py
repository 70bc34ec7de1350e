"""When to stop asking a backend that can't answer anyway, and when to try it again.

The rules in prose:

* CLOSED: every request goes to the backend. Enough failures in a row open the breaker, and so does
  whoever knows better (:meth:`Breaker.trip`). One success and the row starts anew.
* OPEN: nothing goes to the backend until its rest is over. What arrives from before says nothing.
* HALF_OPEN: one request goes through, the *trial*. Its success closes the breaker, its failure
  opens it for a longer rest. A trial nobody tells the end of is lost after a while, and the next
  request is the trial: no silence can lock the table.
* The rests double up to a limit and start small again after a long enough time in CLOSED. There is
  no permanent failure: a database that comes back is found without anybody's help.
* The operator's reset closes it from everywhere.

The diagram in the documentation is made from TRANSITIONS by :func:`diagram`.
"""

from __future__ import annotations

import enum
import random


class State(enum.Enum):
    """Where the breaker stands."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"


class Event(enum.Enum):
    """What moves it."""

    FAILED = "failures in a row"
    TRIPPED = "tripped"
    RESTED = "rest is over"
    TRIAL_LOST = "trial without an end"
    TRIAL_FAILED = "trial failed"
    TRIAL_PASSED = "trial answered"
    RESET = "reset"


TRANSITIONS: dict[tuple[State, Event], State] = {
    (State.CLOSED, Event.FAILED): State.OPEN,
    (State.CLOSED, Event.TRIPPED): State.OPEN,
    (State.OPEN, Event.RESTED): State.HALF_OPEN,
    (State.OPEN, Event.RESET): State.CLOSED,
    (State.HALF_OPEN, Event.TRIAL_PASSED): State.CLOSED,
    (State.HALF_OPEN, Event.TRIAL_FAILED): State.OPEN,
    (State.HALF_OPEN, Event.TRIAL_LOST): State.HALF_OPEN,
    (State.HALF_OPEN, Event.TRIPPED): State.OPEN,
    (State.HALF_OPEN, Event.RESET): State.CLOSED,
}


def diagram() -> str:
    """Return TRANSITIONS as a Mermaid state diagram."""
    names = {state: state.value.replace("-", "_") for state in State}  # "-" is Mermaid's syntax
    lines = ["stateDiagram-v2"]
    lines += [f'    state "{state.value}" as {names[state]}' for state in State]
    lines.append(f"    [*] --> {names[State.CLOSED]}")
    lines += [
        f"    {names[before]} --> {names[after]}: {event.value}"
        for (before, event), after in TRANSITIONS.items()
    ]
    return "\n".join(lines)


class Breaker:
    """Says for each request whether the backend may be asked."""

    def __init__(
        self,
        rng: random.Random,
        *,
        threshold: int = 5,
        min_open: float = 1.0,
        max_open: float = 60.0,
        reset_after: float = 300.0,
        trial_timeout: float = 10.0,
    ) -> None:
        """Set when to open and for how long; durations in seconds, above 0.

        `threshold`, failures in a row, at least 1: Finagle takes a host for dead after 5.
        `min_open`, the first rest: 1 s is time for a proxy to fail over, and no client notices.
        `max_open`, the longest, at least `min_open`: how long mail may stay down after the
        database came back. Finagle and Envoy go up to 300 s, where other hosts do the work
        meanwhile; here there is no other, so a minute.
        `reset_after`: closed for so long, the next rest is a first one again. Finagle and Envoy
        take 300 s for the longest rest; what fails once in five minutes works most of the time.
        `trial_timeout`: twice the default deadline of a lookup, by which a trial always has ended.
        """
        self.threshold = threshold
        self.min_open = min_open
        self.max_open = max_open
        self.reset_after = reset_after
        self.trial_timeout = trial_timeout
        self.why = ""  # it was opened last
        self.opened_at: float | None = None  # from CLOSED, the last time; monotonic seconds
        self.openings = 0  # from CLOSED
        self.rested_at: float | None = None  # the end of the last rest
        self._rng = rng
        self._state = State.CLOSED
        self._failures = 0  # in a row
        self._rests = 0  # since it was closed for reset_after
        self._closed_at: float | None = None  # by a trial; None: by the operator or the start
        self._until: float | None = None  # the rest (OPEN) or the running trial (HALF_OPEN) ends

    @property
    def is_closed(self) -> bool:
        """Whether it is CLOSED, which it never becomes by itself."""
        return self._state is State.CLOSED

    def state(self, now: float) -> State:
        """Return the state at `now`."""
        until = self._until
        if until is not None and now >= until:
            if self._state is State.OPEN:
                self.rested_at = until
            self._move(Event.RESTED if self._state is State.OPEN else Event.TRIAL_LOST)
            self._until = None
        return self._state

    def due(self) -> float | None:
        """Return when the state changes by itself; None: not without an event."""
        return self._until

    def allow(self, now: float) -> bool:
        """Return whether a request may go to the backend; in half-open, True makes it the trial."""
        state = self.state(now)
        if state is State.HALF_OPEN and self._until is None:
            self._until = now + self.trial_timeout
            return True
        return state is State.CLOSED

    def failure(self, now: float, why: str = "") -> bool:
        """Note that the backend failed a request; return whether that opened the breaker.

        `why` ends up in :attr:`why`. In half-open any failure counts, one before the trial (a
        backend that could not even be started) included.
        """
        state = self.state(now)
        if state is State.HALF_OPEN:
            self._open(Event.TRIAL_FAILED, now, why)
            return True
        if state is State.OPEN:
            return False
        self._failures += 1
        if self._failures < self.threshold:
            return False
        self._open(Event.FAILED, now, why or f"{self._failures} failures in a row")
        return True

    def success(self, now: float) -> bool:
        """Note that the backend answered a request; return whether that closed the breaker."""
        if self._state is State.CLOSED:  # which it does not leave by itself
            self._failures = 0
            return False
        if self.state(now) is not State.HALF_OPEN:
            return False
        self._close(Event.TRIAL_PASSED)
        self._closed_at = now
        return True

    def trip(self, now: float, why: str) -> bool:
        """Open at once, for a reason of the caller's; return False if it was open already."""
        if self.state(now) is State.OPEN:
            return False
        self._open(Event.TRIPPED, now, why)
        return True

    def reset(self) -> bool:
        """Close and forget everything: the operator said that things are different now.

        Return whether it was not closed before.
        """
        was_closed = self._state is State.CLOSED
        if was_closed:
            self._failures = 0
        else:
            self._close(Event.RESET)
        self._closed_at = None  # so that the next rest is a first one
        return not was_closed

    def _move(self, event: Event) -> None:
        """Change state; a transition that is not in the table is a defect (KeyError)."""
        self._state = TRANSITIONS[self._state, event]

    def _close(self, event: Event) -> None:
        self._move(event)
        self._failures = 0
        self._until = None

    def _open(self, event: Event, now: float, why: str) -> None:
        if self._state is State.CLOSED and (
            self._closed_at is None or now - self._closed_at >= self.reset_after
        ):
            self._rests = 0
        if self._state is State.CLOSED:
            self.opened_at = now
            self.openings += 1
        self._move(event)
        self.why = why
        rest = min(self.max_open, self.min_open * 2.0 ** min(self._rests, 32))
        self._rests += 1
        # Up to half less: several tables that lost one database must not return in step.
        self._until = now + rest * (1.0 - 0.5 * self._rng.random())

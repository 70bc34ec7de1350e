"""Which transitions of the core's state machines happened, and how often."""

import contextlib
from collections import Counter

from tests.simulation import behaviour, invariants, keys, steps

from tablewatch.core import actions, states
from tablewatch.core.backend import Backend
from tablewatch.policy import breaker

ACTIONS = (
    actions.Spawn,
    actions.WriteBackend,
    actions.WriteSmtpd,
    actions.Kill,
    actions.Trace,
    actions.Pause,
    actions.Resume,
    actions.Measure,
    actions.Log,
    actions.Leave,
)


@contextlib.contextmanager
def watched():
    """Count the transitions of backends and breakers meanwhile."""
    counts = Counter()
    moves = {
        Backend: (Backend.move, "state", "backend"),
        breaker.Breaker: (breaker.Breaker._move, "_state", "breaker"),
    }

    def counting(move, attribute, what):
        def counted(self, event):
            counts[f"{what}: {getattr(self, attribute).value}, {event.value}"] += 1
            move(self, event)

        return counted

    Backend.move = counting(*moves[Backend])
    breaker.Breaker._move = counting(*moves[breaker.Breaker])
    try:
        yield counts
    finally:
        Backend.move = moves[Backend][0]
        breaker.Breaker._move = moves[breaker.Breaker][0]


# The judge counts the failure of a trial before it looks for other reasons to open the breaker.
_NEVER = "breaker: half-open, tripped"


def transitions():
    """Return the names of all transitions that the core can make."""
    named = {"backend": states.TRANSITIONS, "breaker": breaker.TRANSITIONS}
    return [
        f"{what}: {before.value}, {event.value}"
        for what, table in named.items()
        for before, event in table
        if f"{what}: {before.value}, {event.value}" != _NEVER
    ]


def kinds():
    """Return the names of everything else that is counted, and is to happen."""
    names = [f"step: {name}" for name in steps.STEPS]
    names += [f"mood: {name}" for name in steps.MOODS]
    names += [f"start: {name}" for name in behaviour.FATES]
    names += [f"key: {name}" for name in keys.NATURES]
    names += [f"refused: {name}" for name in invariants.REASONS]
    names += [f"answer: {name}" for name in ("found", "not-found", "error")]
    names += [each.__name__ for each in ACTIONS]
    names += ["late answer", "exception of our own", "smtpd exits in observe mode", "tick"]
    return names

"""The four states a plugin may end in, by the Monitoring Plugins guidelines."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum


class State(IntEnum):
    """A state; its number is the exit status."""

    OK = 0
    WARNING = 1
    CRITICAL = 2
    UNKNOWN = 3


# The order of tablewatchd's own summary: what can't be told may be critical.
_GRAVITY = (State.OK, State.WARNING, State.UNKNOWN, State.CRITICAL)


def gravity(state: State) -> int:
    """Return how bad it is, 0 and up."""
    return _GRAVITY.index(state)


def worst(states: Iterable[State]) -> State:
    """Return the worst of `states`, OK of none."""
    return max(states, key=gravity, default=State.OK)


def parse_state(text: str) -> State:
    """Return the state of this name or number. Raises ValueError."""
    for state in State:
        if text.upper() in (state.name, str(state.value)):
            return state
    raise ValueError(f"{text!r} is no state; write OK, WARNING, CRITICAL or UNKNOWN")

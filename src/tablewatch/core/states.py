"""The life of one backend process, as the core sees it.

The rules in prose:

* A backend is STARTING from the moment it is asked for until it has finished its handshake.
* It is then IDLE, and BUSY while exactly one request is with it. Requests are handed over one at
  a time, even where the protocol allows more: only so does a retry line, a hang or a death tell
  which key it belongs to.
* A request that was answered without the backend (smtpd's key turned out to be torn) leaves it
  ABANDONED: it is still working, and what it says next is thrown away.
* Everything that goes wrong ends in GONE, from every state, and GONE is final: the process is
  killed, a replacement has a generation of its own, and nothing of the old one is listened to.

The diagram in docs/architecture.md is made from TRANSITIONS by :func:`diagram`.
"""

from __future__ import annotations

import enum


class State(enum.Enum):
    """Where a backend stands."""

    __hash__ = object.__hash__  # a member is one object; Enum's own takes longer than a transition

    STARTING = "starting"
    IDLE = "idle"
    BUSY = "busy"
    ABANDONED = "abandoned"
    GONE = "gone"


class Event(enum.Enum):
    """What can happen to a backend."""

    __hash__ = object.__hash__

    READY = "handshake done"
    ASKED = "request forwarded"
    ANSWERED = "answer accepted"
    TORN = "request refused meanwhile"
    GAVE_UP = "given up"  # retries, deadline, damage, death: the core says which


TRANSITIONS: dict[tuple[State, Event], State] = {
    (State.STARTING, Event.READY): State.IDLE,
    (State.STARTING, Event.GAVE_UP): State.GONE,
    (State.IDLE, Event.ASKED): State.BUSY,
    (State.IDLE, Event.GAVE_UP): State.GONE,
    (State.BUSY, Event.ANSWERED): State.IDLE,
    (State.BUSY, Event.TORN): State.ABANDONED,
    (State.BUSY, Event.GAVE_UP): State.GONE,
    (State.ABANDONED, Event.ANSWERED): State.IDLE,
    (State.ABANDONED, Event.GAVE_UP): State.GONE,
}


def diagram() -> str:
    """Return TRANSITIONS as a Mermaid state diagram."""
    lines = ["stateDiagram-v2", f"    [*] --> {State.STARTING.value}"]
    lines += [
        f"    {before.value} --> {after.value}: {event.value}"
        for (before, event), after in TRANSITIONS.items()
    ]
    lines.append(f"    {State.GONE.value} --> [*]")
    return "\n".join(lines)

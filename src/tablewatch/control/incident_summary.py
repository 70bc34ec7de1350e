"""Incidents in a list: what is shown of each, and which one somebody means."""

from __future__ import annotations

import re
from collections.abc import Sequence

from tablewatch.control.incident import Kept
from tablewatch.errors import ControlError
from tablewatch.record import Record

# What names the newest one; no id is like it, as each has a digit.
LAST = "last"

# An id is part of a file name and of an address, and is told by a peer: nothing but these.
_ID = re.compile(r"(?=.*[0-9])[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*")
_LONGEST_ID = 40

# Of what is text for people, a few lines; the whole is in the report.
_MAX_TEXT = 400


class Summary(Record):
    """One incident in a line. ``opened``, ``last`` and ``closed`` are ages at the time ``told``,
    which is in seconds since the epoch.
    """

    told: float
    id: str
    table: str
    backend: str
    mode: str
    signature: str
    error_class: str
    cause: str
    opened: float
    last: float
    closed: float | None = None
    count: int = 1


def is_id(text: str) -> bool:
    """Return whether an incident may be called `text`."""
    return len(text) <= _LONGEST_ID and _ID.fullmatch(text) is not None


def summary(kept: Kept) -> Summary:
    """Return the incident in a line."""
    report = kept.report
    return Summary(
        told=kept.told,
        id=report.id,
        table=report.table,
        backend=report.backend[:_MAX_TEXT],
        mode=report.mode[:_MAX_TEXT],
        signature=report.signature[:_MAX_TEXT],
        error_class=report.error_class[:_MAX_TEXT],
        cause=report.cause[:_MAX_TEXT],
        opened=report.opened,
        last=report.last,
        closed=report.closed,
        count=report.count,
    )


def choose(known: Sequence[Summary], wanted: str) -> Summary:
    """Return the one of `known` with the id `wanted`, or the only one whose id begins so.

    "last" is the first of them. Raises ControlError that says what there is instead.
    """
    if not known:
        raise ControlError("no incident is kept; so far nothing went wrong")
    if wanted == LAST:
        return known[0]
    found = [each for each in known if each.id == wanted] or [
        each for each in known if wanted and each.id.startswith(wanted)
    ]
    if len(found) == 1:
        return found[0]
    if found:
        ids = [each.id for each in found]
        more = ", ..." if len(ids) > 5 else ""
        raise ControlError(f"{wanted[:40]} may be {', '.join(ids[:5])}{more}; write more of it")
    raise ControlError(
        f"no incident {wanted[:40]}; see: tablewatch incidents list. The newest is {known[0].id}"
    )

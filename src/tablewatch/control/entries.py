"""One refused key, as tools see it."""

from __future__ import annotations

from tablewatch.record import Record

# Entries in one answer of a supervisor: with more a line would be too long. They are paged.
PAGE = 200


class QuarantineEntry(Record):
    """A key in quarantine. ``shown`` is masked, the key itself is kept by nobody.

    ``id`` names it within its table. ``since`` is an age, ``left`` the seconds it is refused yet.
    """

    id: str
    service: str
    shown: str
    reason: str
    since: float
    left: float
    offences: int
    hits: int
    by_operator: bool = False

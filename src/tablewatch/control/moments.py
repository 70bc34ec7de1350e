"""Moments as pages and tools say them, in local time."""

from __future__ import annotations

from datetime import datetime


def moment(when: float) -> str:
    """Return seconds since the epoch as local time: ``2023-11-14 22:13:20 UTC``."""
    return local(when).strftime("%Y-%m-%d %H:%M:%S %Z")


def short(when: float, now: float) -> str:
    """Return a moment as seen from `now`: the time of the same day, else the date with it."""
    there, here = local(when), local(now)
    return there.strftime("%H:%M:%S" if there.date() == here.date() else "%Y-%m-%d %H:%M")


def local(when: float) -> datetime:
    """Return seconds since the epoch as local time, the epoch where that is out of range."""
    try:
        return datetime.fromtimestamp(when).astimezone()
    except (OverflowError, ValueError, OSError):
        return datetime.fromtimestamp(0).astimezone()

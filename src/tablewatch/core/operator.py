"""What an operator may tell a table to do, whichever tool it comes from.

Everything is logged as the operator's doing.
"""

from __future__ import annotations

from tablewatch.config.durations import format_duration
from tablewatch.config.settings import SERVICES
from tablewatch.core import wording
from tablewatch.core.actions import Priority
from tablewatch.core.table import TableCore
from tablewatch.errors import ControlError
from tablewatch.knowledge.keys import mask_key
from tablewatch.policy.digests import NEVER_REMEMBERED
from tablewatch.policy.quarantine import Entry

# A pause that somebody forgot must end by itself: mail waits meanwhile, and a sender gives up
# after days (RFC 5321, 4.5.4.1: four to five).
MAX_PAUSE = 86_400.0
MAX_REFUSAL = 30 * 86_400.0  # seconds; what quarantine.duration may be at most


def release(core: TableCore, now: float, id_: str) -> int:
    """Free the key of the entry `id_`; return how many were freed."""
    core.stir()
    released = core.judge.quarantine.release_where(lambda entry: entry.id == id_)
    return _released(core, released, now)


def release_key(core: TableCore, now: float, service: str, key: bytes) -> int:
    """Free one key; return how many were freed."""
    core.stir()
    entry = core.judge.quarantine.release(service, key)
    return _released(core, [entry] if entry is not None else [], now)


def release_all(core: TableCore, now: float) -> tuple[int, int]:
    """Free every key, and every kind of keys; return how many of each were freed."""
    core.stir()
    kinds = core.judge.learned.clear()
    if kinds:
        _say(core, f"{kinds} kinds of keys released", now)
    return _released(core, core.judge.quarantine.release_where(lambda _: True), now), kinds


def add(core: TableCore, now: float, service: str, key: bytes, seconds: float) -> Entry:
    """Refuse a key for `seconds`, up to MAX_REFUSAL. Raises ControlError."""
    if service in NEVER_REMEMBERED:
        raise ControlError(f"keys of {service} hold passwords and are never kept, so none can be")
    if service not in SERVICES:
        raise ControlError(f"no service {service}; there is {', '.join(SERVICES)}")
    if not 0 < seconds <= MAX_REFUSAL:
        raise ControlError(f"a key can be refused for up to {format_duration(MAX_REFUSAL)}")
    core.stir()
    masked, why = mask_key(key, service), "refused by an operator"
    entry = core.judge.quarantine.add(
        service, key, masked, why, now, signature="operator", duration=seconds
    )
    if entry is None:
        raise ControlError("quarantine.enabled is no for this table in tablewatch.yml")
    shown = wording.shown_key(service, key, show_keys=core.settings.log.show_keys)
    _say(core, f"{service} {shown} refused for {format_duration(seconds)}", now)
    return entry


def reset(core: TableCore, now: float) -> None:
    """Do what ``smtpctl update table`` makes us do: forget everything, start at once."""
    core.stir()
    core.judge.pardon(now)
    core.pool.restart_now(now)
    _say(core, "reset", now)
    core.tick(now)


def pause(core: TableCore, now: float, seconds: float) -> None:
    """Answer every lookup a temporary error for `seconds`, up to MAX_PAUSE. Raises ControlError."""
    if core.settings.mode == "observe":
        raise ControlError("its mode is observe, which does nothing; set mode: enforce to pause it")
    if not 0 < seconds <= MAX_PAUSE:
        raise ControlError(f"a table can be paused for up to {format_duration(MAX_PAUSE)}")
    core.stir()
    core.judge.pause(now, seconds)
    term = format_duration(seconds)
    _say(core, f"paused for {term}: every lookup gets a temporary error", now)
    core.tick(now)


def resume(core: TableCore, now: float) -> bool:
    """End a pause; return whether there was one."""
    core.stir()
    core.judge.pause_left(now)  # it may just be over
    was = core.judge.resume()
    if was:
        _say(core, "resumed", now)
        core.tick(now)
    return was


def _released(core: TableCore, entries: list[Entry], now: float) -> int:
    for service in sorted({entry.service for entry in entries}):
        count = sum(entry.service == service for entry in entries)
        _say(core, f"{count} {service} keys released", now)
    return len(entries)


def _say(core: TableCore, text: str, now: float) -> None:
    core.journal.say(Priority.NOTICE, f"operator {text}", f"operator: {text}", now)

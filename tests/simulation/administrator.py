"""The operator's commands and the daemon's questions, in the middle of everything.

A question must change nothing: neither what is done nor when the core wants to be woken.
"""

import contextlib

from tests.simulation.keys import compose
from tests.simulation.violation import ensure

from tablewatch.control.casebook import incident_report
from tablewatch.control.records import to_plain
from tablewatch.control.snapshot import Measured, quarantined, table_status
from tablewatch.control.wire import MAX_LINE, encode
from tablewatch.core import operator
from tablewatch.core.actions import Log
from tablewatch.errors import ControlError


def question(world):
    """tablewatchd asks how the table is, for all its incidents and for what is refused."""
    world.attempt(lambda: _ask(world))


def _ask(world):
    core, now = world.core, world.now
    core.plain.keep_books()
    before = core.next_deadline(now), core.smtpd.welcomed, core.counters.summary()
    status = table_status(
        core,
        now,
        backend="mysql",
        pid=1,
        release="0",
        started=world.clock.began,
        measured=lambda generation: Measured(pid=generation),
    )
    told = [status, quarantined(core, now, 0)[0]]
    told += [
        incident_report(core, each, now, id_=str(each.id), backend="mysql", release="0")
        for each in (*core.incidents.open, *core.incidents.closed)
    ]
    for record in told:
        line = encode({"record": to_plain(record)})
        world.leaking(line.decode(), "what tablewatchd is told")
        ensure(len(line) <= MAX_LINE, "bounded", f"a line of {len(line)} bytes for tablewatchd")
    after = core.next_deadline(now), core.smtpd.welcomed, core.counters.summary()
    ensure(before == after, "questions change nothing", f"{before} became {after}")
    only_said = all(isinstance(each, Log) for each in core.actions)
    ensure(only_said, "questions change nothing", "something is to be done")
    ensure(status.waiting <= len(world.smtpd.open), "a true report", f"{status.waiting} waiting")
    _check_numbers(world, status)


def _check_numbers(world, status):
    """What is told is what happened."""
    smtpd = world.smtpd
    told_apart = not world.observing and not world.counts["step: reload"]
    if smtpd.gone or not told_apart or world.core.counters.internal_errors:
        return
    told = sum(status.answers.values())
    ensure(told == smtpd.answered, "a true report", f"{told} of {smtpd.answered} answers")


def pause(world, seconds):
    """Answer every lookup an error for a while."""
    if not world.observing:
        world.ledger.paused_until = world.now + seconds
    _command(world, lambda: operator.pause(world.core, world.now, seconds))


def resume(world):
    """End a pause."""
    world.ledger.paused_until = 0.0
    _command(world, lambda: operator.resume(world.core, world.now))


def reset(world):
    """Forget everything."""
    world.ledger.pardoned()
    _command(world, lambda: operator.reset(world.core, world.now))


def add(world, service, nature, number, seconds):
    """Refuse a key."""
    key = compose(nature, number, service)
    world.ledger.refused_by_operator.add((service, key))
    _command(world, lambda: operator.add(world.core, world.now, service, key, seconds))


def release_key(world, service, nature, number):
    """Free a key."""
    key = compose(nature, number, service)
    world.ledger.refused_by_operator.discard((service, key))
    _command(world, lambda: operator.release_key(world.core, world.now, service, key))


def release(world, number):
    """Free a key by the name of its entry."""
    entries, _ = quarantined(world.core, world.now, 0)
    if entries:
        id_ = entries[number % len(entries)].id
        _command(world, lambda: operator.release(world.core, world.now, id_))


def release_all(world):
    """Free all keys and kinds of keys."""
    world.ledger.released()
    _command(world, lambda: operator.release_all(world.core, world.now))


def _command(world, command):
    """Have a command carried out; that it can't be is an answer too."""

    def deed():
        with contextlib.suppress(ControlError):
            command()

    world.attempt(deed)


STEPS = {
    each.__name__: each
    for each in (question, pause, resume, reset, add, release_key, release, release_all)
}

"""Carries a script out from beginning to end, and asks at the end whether the table recovers."""

from collections import Counter
from typing import NamedTuple

from tests.simulation import ambush, coverage
from tests.simulation.steps import carry_out
from tests.simulation.violation import Violation, ensure
from tests.simulation.world import World

# Longer than the longest rest of the breaker and the longest pause between two starts, by default.
_RECOVERY = 70.0


class Outcome(NamedTuple):
    """How it went; `violation` None: every promise was kept."""

    violation: Violation | None
    counts: Counter
    transcript: list


def run(script, *, without=()):
    """Carry out `script`, but for the steps called one of `without`."""
    number = -1
    world = None
    with coverage.watched() as transitions:
        try:
            world = World(script)
            for step in script.steps:
                number += 1
                if step[0] not in without:
                    carry_out(world, step)
            number += 1
            _end(world)
            violation = None
        except Violation as error:
            violation = error
            violation.step = number
            violation.time = world.clock.passed if world is not None else 0.0
    counts = transitions + (world.counts if world is not None else Counter())
    counts["seeds"] += 1
    counts["step"] += len(script.steps)
    return Outcome(violation, counts, world.transcript if world is not None else [])


def _end(world):
    """Everything is well again, and so must the table be; then smtpd ends."""
    world.check(thoroughly=True)
    ambush.clear(world)
    world.mood, world.measures = "well", "honest"
    world.fates.clear()
    if not world.left and not world.smtpd.gone:
        _recover(world)
    if not world.left:
        world.smtpd_exits()
        world.pass_time(0.1)
        ensure(world.left, "smtpd's end", "the supervisor stays though smtpd has closed")


def _recover(world):
    """Nothing is wrong any more: every request has its answer, and new ones are well answered."""
    if world.observing:
        carry_out(world, ("reload", "default"))
    carry_out(world, ("greet",))
    carry_out(world, ("resume",))
    for _ in range(80):  # smtpd may have sixty more questions
        world.pass_time(61.0)
        if world.smtpd.gone or not world.smtpd.waiting:
            break
    if world.smtpd.gone:
        return
    waiting = world.smtpd.waiting
    ensure(world.smtpd.welcomed, "smtpd comes up", "its handshake never ended")
    ensure(not waiting, "in time", f"{waiting} requests were never answered")
    carry_out(world, ("question",))
    for number in range(900, 909):
        before = world.counts["well answered"]
        carry_out(world, ("ask", "lookup", "credentials", "good", number))
        world.pass_time(_RECOVERY)
        if world.counts["well answered"] > before or world.smtpd.gone:
            break
    else:
        raise Violation("the table recovers", "nothing is wrong, and lookups still fail")
    ticks = world.counts["tick"]
    world.pass_time(600.0)
    ticks = world.counts["tick"] - ticks
    ensure(ticks < 600, "the loop sleeps", f"woken {ticks} times in ten minutes of nothing")

"""Exceptions of our own, planted inside the core: raised once, when it next comes by."""

PLACES = (
    "judge.good",
    "judge.bad",
    "judge.known_bad",
    "judge.objection",
    "judge.excuses",
    "judge.stuck_after",
    "guard.asked",
    "guard.read",
    "guard.answered",
    "guard.measured",
    "guard.end",
    "guard.tick",
    "incidents.note",
    "incidents.did",
    "journal.say",
    "journal.relay",
    "pool.lose",
    "pool.fill",
    "smtpd.reply",
    "smtpd.add",
    "dispatcher.advance",
)


class Ambush(Exception):
    """An exception out of the core's own code, planted there."""


def plant(world, place):
    """Have the method `place` of the core raise once, and no other."""
    clear(world)
    owner, _, name = place.partition(".")
    thing = getattr(world.core, owner)

    def spring(*_arguments, **_named):
        delattr(thing, name)
        raise Ambush(place)

    setattr(thing, name, spring)


def clear(world):
    """Take away what nobody came by."""
    for place in PLACES:
        owner, _, name = place.partition(".")
        thing = getattr(world.core, owner)
        if name in vars(thing):
            delattr(thing, name)

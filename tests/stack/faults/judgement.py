"""Whether a mail server survived a fault, and if not, what failed: in one place, from figures."""

from __future__ import annotations

from .fault import Fault
from .people import QUEUE, RIGHT
from .seen import Seen, Tally

SLACK = 2.0  # seconds for a machine that is busy with something else
AT_ONCE = 1.0  # seconds; all is asked once, one after another, to see whether all is well
SUCCESS = frozenset({235, 250})
SURVIVED = "survived"


def promised(fault: Fault, seen: Seen) -> float:
    """For how long a session may wait, seconds.

    smtpd's lookup process does one thing at a time, and a session needs it twice: for the client's
    name when it connects, and for the table. Each time it may have to wait for the lookup of
    everybody else who is there, a deadline each.
    """
    return 2 * fault.deadline * (QUEUE + seen.beside)


def failures(fault: Fault, seen: Seen) -> list[str]:
    """What went wrong, weightiest first, in a few words each; nothing is "survived"."""
    if seen.broken:
        return ["not done: the harness failed"]
    if seen.greeted is None and seen.dead_after is not None:
        return ["does not start", *_left(seen)]
    if seen.dead_after is not None and not fault.ends_smtpd:
        return [f"dead after {duration(seen.dead_after)}", *wrong(fault, seen), *_left(seen)]
    if fault.ends_smtpd:
        return _left(seen)
    found = wrong(fault, seen)
    found += [f"table {name} lost" for name in seen.lost]
    if seen.greeted is None:
        found.append("hung at its start")
    silent = _unanswered(seen)
    longest = max(seen.everybody.slowest, seen.suspects.slowest)
    if silent:
        found.append(f"hangs, {silent}" if seen.healed is None else silent)
    elif seen.healed is None:
        found.append("not well again")
    if longest > promised(fault, seen) + SLACK:
        found.append(f"an answer after {duration(longest)}")
    return found + _left(seen)


def wrong(fault: Fault, seen: Seen) -> list[str]:
    """Answers that are neither right nor "try again later"."""
    found = []
    for name, tally in seen.people.items():
        fair = {RIGHT.get(name), 0} | (fault.fair - SUCCESS)
        found += [
            f"{count:,} wrong answer{'s' * (count != 1)}: {code} for {name}"
            for code, count in sorted(tally.codes.items())
            if code not in fair
        ]
    return found


def put_off(tally: Tally) -> int:
    """How many sessions were told to try again later."""
    return sum(count for code, count in tally.codes.items() if 400 <= code < 500)


def duration(seconds: float) -> str:
    """A time for a table."""
    return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"


def verdict(fault: Fault, seen: Seen) -> str:
    """The cell of the table."""
    failed = failures(fault, seen)
    if failed:
        return "; ".join(failed)
    if fault.ends_smtpd:
        return f"{SURVIVED}, nothing left"
    longest = max(seen.everybody.slowest, seen.suspects.slowest)
    words = [SURVIVED, duration(longest)]
    later = put_off(seen.everybody)
    if later:
        words.append(f"4xx {later:,}")
    if seen.healed is not None and seen.healed > AT_ONCE:
        words.append(f"well after {duration(seen.healed)}")
    return ", ".join(words)


def _unanswered(seen: Seen) -> str:
    for tally, whom in ((seen.everybody, ""), (seen.suspects, " of the fault's own")):
        silent = tally.codes.get(0, 0)
        if silent:
            return f"{silent:,} of {tally.count():,}{whom} unanswered"
    return ""


def _left(seen: Seen) -> list[str]:
    count = len(seen.left)
    return [f"{count} process{'es' * (count != 1)} left"] if count else []

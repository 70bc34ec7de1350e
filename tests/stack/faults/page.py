"""What was seen of every fault, as a page of the documentation."""

from __future__ import annotations

import itertools
import textwrap
from collections.abc import Callable, Mapping, Sequence

from ..markdown import table
from ..smtpd import FLAVOURS
from .fault import DEADLINE, Fault
from .judgement import duration, failures, verdict, wrong
from .lane import PATIENCE
from .people import PEOPLE, QUEUE
from .seen import Seen, Tally
from .trial import HEALING

WIDTH = 100
NOT_DONE = "-"
COLUMNS = tuple(itertools.product(sorted(FLAVOURS), (False, True)))
HEAD = [f"{flavour}, {'tablewatch' if supervised else 'bare'}" for flavour, supervised in COLUMNS]

Part = tuple[str, tuple[Fault, ...]]

PAGE = """\
# Faults on real mail servers, bare beside supervised

Everything we could think of that can go wrong with a table, done to unmodified mail servers under
load, one fault after another, each on a server started for it, with the defaults where nothing
else is said:

{versions}

{summary}

How to read it:

* **survived**: smtpd and everything it started for its tables are the same processes as before;
  every session was answered, in time, rightly or with "try again later"; all was well again by
  itself; and a moment after smtpd's end nothing of it was left running or stopped. Otherwise the
  cell says which of these failed.
* The time is the slowest answer to any session, connect and TLS included; "4xx" is how many
  sessions were told to try again later, of a hundred or several; "well after" is how long it took
  from the end of the fault until everybody got the right answer again, if not at once.
* **In time**: a lookup takes {limit} s at most. But smtpd's lookup process does one thing at once,
  and a session needs it twice: for the client's name, and for the table. {queue} sessions that need
  the database side by side may each have to wait for the others, twice. "Unanswered" is without
  an answer for {bare} s, {supervised} s where tablewatch promises one.
* **The load** is held over and over, side by side, before the fault, through it and until all is
  well again: a login of alice and one of josé; alice with a wrong password; bob, whose table is
  not in the database; a recipient that is in it, and one that is in no table. An answer that is
  neither the right one nor "try again later" is a *wrong* one, and would be told apart.
* Bare servers are watched for {heals} s after the end of a fault, supervised ones until they are
  well again, {waits} s at most.
* `-` is a fault that this mail server can't have; why stands with it below.

{details}
Written by `python -m tests.stack.faults --write docs/faults.md`, as root on Debian 12 with
opensmtpd, opensmtpd-extras and mariadb-server installed. The test suite does some of it anew each
time.
"""


class Found:
    """What was seen, by fault, flavour and whether it was supervised."""

    def __init__(self, seen: Sequence[Seen]) -> None:
        self._seen = {(each.fault, each.flavour, each.supervised): each for each in seen}

    def row(self, fault: Fault) -> list[Seen | None]:
        """In the order of the columns; None where it was not done."""
        return [self._seen.get((fault.name, *column)) for column in COLUMNS]

    def any(self, fault: Fault) -> bool:
        """Whether it was done at all."""
        return any(self.row(fault))


def markdown(
    parts: Sequence[Part], seen: Sequence[Seen], versions: Mapping[str, Sequence[str]]
) -> str:
    """The whole page."""
    found = Found(seen)
    return PAGE.format(
        versions="\n".join(f"* **{each}**: {', '.join(told)}" for each, told in versions.items()),
        summary=summary(parts, found),
        limit=f"{DEADLINE:g}",
        queue=QUEUE,
        bare=f"{PATIENCE[False]:g}",
        supervised=f"{PATIENCE[True]:g}",
        heals=f"{HEALING[False]:g}",
        waits=f"{HEALING[True]:g}",
        details=details(parts, found),
    )


def summary(parts: Sequence[Part], found: Found) -> str:
    """The table of all faults, and the honest words below it."""
    rows, words = [], []
    for title, faults in parts:
        if any(map(found.any, faults)):
            rows.append([f"**{title}**", *[""] * len(COLUMNS)])
        for fault in filter(found.any, faults):
            mark = ""
            if fault.remark:
                mark = " \\*"
                words.append(wrapped(f"\\* {fault.name}: {fault.remark.rstrip('.')}."))
            cells = [verdict(fault, each) if each else NOT_DONE for each in found.row(fault)]
            rows.append([fault.name + mark, *cells])
    return "\n\n".join([table(["", *HEAD], rows, left=5), *words])


def details(parts: Sequence[Part], found: Found) -> str:
    """Each fault in words and figures."""
    lines = []
    for title, faults in parts:
        done = [fault for fault in faults if found.any(fault)]
        if done:
            lines.append(f"## {title}\n")
        for fault in done:
            lines.append(f"### {fault.name}\n")
            lines.append(wrapped(" ".join([sentence(fault.words), *_settings(fault)])) + "\n")
            lines.append(figures(fault, found.row(fault)) + "\n")
    return "\n".join(lines)


def wrapped(text: str) -> str:
    """A paragraph."""
    return textwrap.fill(text, WIDTH, break_long_words=False, break_on_hyphens=False)


def sentence(words: str) -> str:
    """With a full stop, and a capital unless it begins with the name of a file."""
    begin = words[0] if "." in words.split(maxsplit=1)[0] else words[0].upper()
    return begin + words[1:] + "." * (not words.endswith("."))


def _settings(fault: Fault) -> list[str]:
    found = []
    if fault.only_supervised:
        found.append(f"Not done to bare servers: {fault.only_supervised}.")
    if set(fault.flavours) != set(FLAVOURS):
        found.append(f"Only {' and '.join(fault.flavours)}.")
    if fault.settings:
        found.append(f"tablewatch.yml: `{fault.settings.strip()}`.")
    return found


def figures(fault: Fault, row: Sequence[Seen | None]) -> str:
    """What was seen, a column for each mail server it was done to."""
    done = [(head, each) for head, each in zip(HEAD, row, strict=True) if each is not None]
    rows = []
    for name, cell in CELLS:
        cells = [cell(fault, each) for _, each in done]
        if any(each != NOT_DONE for each in cells):
            rows.append([name, *cells])
    return table(["", *(head for head, _ in done)], rows)


def codes(tally: Tally) -> str:
    """Answers and how often, the usual ones first."""
    counted = [
        f"{count:,} x {code or 'none'}"
        for code, count in sorted(tally.codes.items(), key=lambda item: (-item[1], item[0]))
    ]
    return ", ".join(counted) or NOT_DONE


def alive(fault: Fault, seen: Seen) -> str:
    """What became of smtpd."""
    if seen.broken:
        return "not done"
    if fault.ends_smtpd:
        return "killed, as was meant"
    if seen.dead_after is not None:
        dead = f"dead after {duration(seen.dead_after)}"
        return "did not start" if seen.greeted is None else dead
    if seen.greeted is None:
        return "hung at its start"
    return f"lives, started in {duration(seen.greeted)}" if fault.at_boot else "lives"


def healed(fault: Fault, seen: Seen) -> str:
    """When all was well again."""
    if fault.ends_smtpd or seen.broken:
        return NOT_DONE
    return f"{duration(seen.healed)} after its end" if seen.healed is not None else "not"


def left(_: Fault, seen: Seen) -> str:
    """What was there after smtpd's end."""
    if not seen.left:
        return "nothing"
    rate = f"; {seen.left_rate:,.0f} connections/s" if seen.left_rate >= 1 else ""
    return ", ".join(seen.left) + rate


def paid(_: Fault, seen: Seen) -> str:
    """Connections, and how many a second where it is many."""
    if seen.connections is None:
        return NOT_DONE
    rate = seen.connections / seen.paid if seen.paid else 0.0
    return f"{seen.connections:,}" + (f" ({rate:,.0f}/s)" if rate >= 10 else "")


def slowest(_: Fault, seen: Seen) -> str:
    """The longest wait for an answer."""
    tally = seen.everybody
    return duration(tally.slowest) if tally.slowest else NOT_DONE


def statements(_: Fault, seen: Seen) -> str:
    """Prepared statements executed."""
    return NOT_DONE if seen.statements is None else f"{seen.statements:,}"


def right(_: Fault, seen: Seen) -> str:
    """How many of the load's sessions got what they should."""
    count = sum(seen.people.get(each.name, Tally()).codes.get(each.right, 0) for each in PEOPLE)
    return f"{count:,}"


def later(_: Fault, seen: Seen) -> str:
    """The temporary errors among them."""
    return codes(Tally({code: n for code, n in seen.everybody.codes.items() if 400 <= code < 500}))


def unanswered(_: Fault, seen: Seen) -> str:
    """How many of them had no answer."""
    silent = seen.everybody.codes.get(0, 0)
    return f"{silent:,}" if silent else NOT_DONE


CELLS: tuple[tuple[str, Callable[[Fault, Seen], str]], ...] = (
    ("smtpd", alive),
    ("right answers", right),
    ("try again later", later),
    ("wrong answers", lambda fault, seen: ", ".join(wrong(fault, seen)) or NOT_DONE),
    ("unanswered", unanswered),
    ("slowest answer", slowest),
    ("the fault's own sessions", lambda _, seen: codes(seen.suspects)),
    ("well again", healed),
    ("left after its end", left),
    ("connections to the database", paid),
    ("statements", statements),
)


def unsurvived(parts: Sequence[Part], seen: Sequence[Seen]) -> list[str]:
    """Supervised cells without an honest word that are not "survived", as lines for people."""
    faults = {fault.name: fault for _, group in parts for fault in group if not fault.remark}
    return [
        f"{each.fault}, {each.flavour}: {'; '.join(failed)}"
        for each in seen
        if each.supervised
        and each.fault in faults
        and (failed := failures(faults[each.fault], each))
    ]

"""What was measured, as a table for the terminal and as a page of the documentation."""

from __future__ import annotations

import statistics
import textwrap
from collections.abc import Callable, Mapping, Sequence

from .measures import RESTART, Extent, Measured

WIDTH = 80
LABEL = 29
NO_ANSWER = "no answer"
NOT_APPLICABLE = "-"

Cell = Callable[[Measured, Extent], str]
Versions = Mapping[str, Sequence[str]]

PAGE = """\
# The incident, bare beside supervised

Tables whose columns are latin1, and one login as `ałice@example.org`, whose `ł` latin1 cannot hold:
what that does to a mail server, and what its backends and its database can do to it besides.
Measured in one run on unmodified programs, mail servers and database on one machine:

{versions}

{table}

How it was done:

* 235 is a good login; 421 is "try again later"; "no answer" is none within {patience:.0f} s.
* The poisoned login's time is from the client's AUTH to the reply, in the median of {poisons}
  different ones, a good login after each.
* The frozen database is a stopped process, as a host that hangs looks from outside. Sessions: a
  login and a recipient whose tables are in the database, a login and a recipient whose are not, one
  after another.
* Backends are killed (`kill -9`) one after another, on three tables in turn, with logins and
  recipients on these and other tables side by side all the while. smtpd without a supervisor is
  gone with its next lookup; sessions that are refused then count as not answered.
* smtpd is killed while the poisoned login is in progress, and what is left is counted a second
  later. So that there is a loop to end, tablewatch did not get to see what the backend writes, and
  had `deadline: 1m`.
* Otherwise settings are tablewatch's defaults, but where {poisons} poisoned logins or {kills} kills
  follow each other, there is `quarantine: {{learn: no}}`, as the defaults let only five such logins
  reach the database, and `restart` is
  `{restart}`:
  after more than five kills in half a minute the defaults bring pauses between the starts, and
  temporary errors for the logins in them.

Written by `python -m tests.stack.compare --write docs/incident.md`, as root on Debian 12 with
opensmtpd, opensmtpd-extras and mariadb-server installed. The test suite runs the same in a short
form and checks what tablewatch promises.
"""


def title(found: Measured) -> str:
    """Which mail server this is."""
    return f"{found.flavour}, {'tablewatch' if found.supervised else 'bare'}"


def code(number: int) -> str:
    """An answer."""
    return str(number) if number else NO_ANSWER


def connections(found: Measured, _: Extent) -> str:
    """What the first poisoned login cost the database."""
    return "without end" if found.connections is None else str(found.connections)


def median(found: Measured, _: Extent) -> str:
    """How long poisoned logins took."""
    if not found.poison_seconds:
        return NOT_APPLICABLE
    return f"{statistics.median(found.poison_seconds) * 1000:.1f} ms"


def frozen_answers(found: Measured, _: Extent) -> str:
    """How many sessions were answered."""
    return f"{sum(each.code > 0 for each in found.frozen)} of {len(found.frozen)}"


def frozen_longest(found: Measured, extent: Extent) -> str:
    """How long sessions took to be answered."""
    if any(not each.code for each in found.frozen):
        return f"> {extent.patience:.0f} s"
    return f"{max(each.seconds for each in found.frozen):.1f} s"


def kills(found: Measured, _: Extent) -> str:
    """How many backends were killed until smtpd was gone."""
    return f"not in {found.kills}" if found.survived else str(found.kills)


def unanswered(found: Measured, _: Extent) -> str:
    """Sessions that were held meanwhile."""
    return f"{sum(not each.code for each in found.load)} of {len(found.load)}"


ROWS: tuple[tuple[str, Cell], ...] = (
    ("poisoned login", lambda found, _: code(found.poisoned)),
    ("  in the median after", median),
    ("  database connections", connections),
    ("  of its repetition", lambda found, _: _count(found.repeated)),
    ("  per second, afterwards", lambda found, _: f"{found.rate:,.0f}"),
    ("the next good login", lambda found, _: code(found.next_login)),
    ("another table's, meanwhile", lambda found, _: code(found.other_login)),
    ("database frozen: answered", frozen_answers),
    ("  the slowest of them after", frozen_longest),
    ("smtpd gone after kills", kills),
    ("  sessions without an answer", unanswered),
    ("smtpd killed: processes left", lambda found, _: str(found.left)),
    ("  their connections/s", lambda found, _: f"{found.left_rate:,.0f}"),
)


def _count(number: int | None) -> str:
    return NOT_APPLICABLE if number is None else str(number)


def text(found: Sequence[Measured], versions: Versions, extent: Extent) -> str:
    """A table for a terminal of 80 columns."""
    width = (WIDTH - LABEL) // len(found)

    def line(name: str, cells: Sequence[str]) -> str:
        return name.ljust(LABEL) + "".join(cell.rjust(width) for cell in cells)

    lines = [
        line("", [each.flavour for each in found]),
        line("", ["tablewatch" if each.supervised else "bare" for each in found]),
        "-" * WIDTH,
        *(line(name, [cell(each, extent) for each in found]) for name, cell in ROWS),
        "-" * WIDTH,
        *(f"{flavour}: {', '.join(names)}" for flavour, names in versions.items()),
    ]
    return "\n".join(each.rstrip() for each in lines)


def markdown(found: Sequence[Measured], versions: Versions, extent: Extent) -> str:
    """A page of the documentation."""
    header = ["", *(f"{title(each)}" for each in found)]
    rows = [header, ["---"] + ["---:"] * len(found)]
    rows += [[label(name), *(cell(each, extent) for each in found)] for name, cell in ROWS]
    return PAGE.format(
        versions="\n".join(_item(flavour, names) for flavour, names in versions.items()),
        table="\n".join(f"| {' | '.join(row)} |" for row in rows),
        patience=extent.patience,
        poisons=extent.poisons,
        kills=extent.kills,
        restart=RESTART,
    )


def label(name: str) -> str:
    """A row's name where spaces in front of it would not show."""
    return f"… {name.strip()}" if name.startswith(" ") else name


def _item(flavour: str, names: Sequence[str]) -> str:
    return textwrap.fill(f"**{flavour}**: {', '.join(names)}", 98, initial_indent="* ")

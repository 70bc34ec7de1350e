"""docs/soak.md, and the same for a terminal."""

from __future__ import annotations

import statistics
import textwrap
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from ..markdown import table
from . import graphs
from .accounts import LONGEST, accounts
from .bed import HURRY
from .crowd import USERS
from .faults import LANES
from .judge import FIGURES, LEAST, Judged, is_wrong, quiet, trend
from .run import Lived, Soaked
from .samples import EVERY
from .sessions import ANSWERED, HUNG_UP, KINDS, PATIENCE, UNANSWERED, Session
from .storm import DAEMON_UNTIL, EVERYWHERE, QUIET, Done
from .tools import SCRAPES

PAGE = """\
# Half an hour of everything at once

Real mail servers with supervised tables, users of every kind, tools and scrapes, and faults one
after another, chosen by the seed {seed}; {minutes:.0f} minutes, {sessions:,} sessions,
{faults:,} faults. Shown is that nothing grows and that every request is accounted for.

{versions}

## Judged

**{verdict}**

{judged}

## Answers

![Sessions per minute, by code, with the faults](images/{answers})

Violet marks are the faults: from the beginning of each to its end, the mail servers' own in the
upper ({upper}) and lower ({lower}) half of a row, those of the database in both. In the shaded
times users were not served as well as before yet.

{outcomes}

"In quiet" is of sessions from whose beginning to whose end there was no fault of this mail
server and all was well again after the one before. "Try later" are 4xx. Who hangs up in the
middle does so before TLS, after EHLO, after AUTH or RCPT without waiting for the answer, or
within DATA.

## Faults

{faults_table}

Each is done, kept up for the time shown, undone; then follows the time until a login, a
recipient and a whole mail worked that were begun after its end; then {quiet_from:.0f} to
{quiet_to:.0f} s of quiet. tablewatchd is killed and restarted in the first {daemon_until:.0%} of
the time only: what it uses is to be followed.

## Memory and descriptors

![Resident memory, with the faults](images/{memory})

![Open descriptors, with the faults](images/{descriptors})

{figures}

Looked at every {every:.0f} s. The first quarter is for warming up; of the second and of the last
the medians are compared. The last may be above the second by 1 MiB or 3 % of memory, whichever
is more, and not at all of descriptors, threads and processes. Backends come and go: theirs are
the figures of the largest there was at each look.

## Requests

{requests}

"Sent" are the requests whose answers users got; for the answers to those "unheard" nobody waited,
so that they may have been asked or not. "Counted" is what the supervisors say, and has to be
between sent and sent with unheard; so have found, not found and error, one by one, an update
counting as either. smtpd asks a table exactly once for each AUTH, each RCPT and each MAIL of
somebody who has logged in: nothing is cached. In every status that was looked at meanwhile,
requests had to be the answers and those waiting, errors their reasons, durations the answers;
and no counter was ever to fall.

What the supervisors had to do for it:

{deeds}

What those who looked on got; programs tell by their exit status how the tables are:

{looks}

## How it was done

* {users} users side by side for each mail server, resting up to three quarters of a second
  between sessions; patience {patience:.0f} s for each reply.
* Both mail servers have tables in one MariaDB, latin1, and a table without database beside them.
* Prometheus' scrapes every {scrapes:.0f} s, the other pages, `tablewatch status`, `incidents`,
  `quarantine` and `check_tablewatch` in between.
* Settings are the defaults, but what takes minutes by default was hurried: `{hurry}`.
* A lookup's deadline is 5 s; "no lookup took longer than {longest:.0f} s" is by the supervisors'
  histogram and has room for the 3 s for which they themselves are stopped now and then.
* Passwords, a hash and their base64 are searched for in smtpd's log, in what came over syslog,
  in tablewatchd's output and incidents, in every page and in what the tools wrote.

Written by `python -m tests.stack.soak --minutes {minutes:.0f} --seed {seed} --write
docs/soak.md`, as root on Debian 12 with opensmtpd, opensmtpd-extras and mariadb-server
installed; the order of faults, and what each user does, comes from the seed, when it happens
does not. tests/stack/test_soak.py is the same in a short form.
"""


def markdown(soaked: Soaked, judged: Sequence[Judged]) -> str:
    """The page."""
    flavours = [bed.flavour for bed in soaked.beds]
    outcomes = "\n\n".join(f"{bed.flavour}:\n\n{_outcomes(soaked, bed)}" for bed in soaked.beds)
    wrong = sum(not each.right for each in judged)
    return PAGE.format(
        seed=soaked.seed,
        minutes=soaked.seconds / 60,
        sessions=sum(len(bed.sessions) for bed in soaked.beds),
        faults=len(soaked.done),
        versions="\n".join(f"* **{each}**: {', '.join(v)}" for each, v in soaked.versions.items()),
        verdict=_verdict(wrong, len(judged)),
        judged=table(["", "", "found"], [_row(each) for each in judged], left=3),
        upper=flavours[0],
        lower=flavours[-1],
        outcomes=outcomes,
        faults_table=_faults(soaked.done),
        figures="\n\n".join(f"{bed.flavour}:\n\n{_figures(soaked, bed)}" for bed in soaked.beds),
        requests=_requests(soaked),
        deeds=_deeds(soaked),
        looks=_looks(soaked),
        answers=graphs.ANSWERS,
        memory=graphs.MEMORY,
        descriptors=graphs.DESCRIPTORS,
        quiet_from=QUIET[0],
        quiet_to=QUIET[1],
        daemon_until=DAEMON_UNTIL,
        every=EVERY,
        users=USERS,
        patience=PATIENCE,
        scrapes=SCRAPES,
        hurry=HURRY,
        longest=LONGEST,
    )


def text(soaked: Soaked, judged: Sequence[Judged]) -> str:
    """What was judged, for a terminal."""
    shown = []
    for each in judged:
        mark = "yes" if each.right else "NO "
        shown += textwrap.wrap(
            f"{mark} {each.name}: {each.said}", 80, subsequent_indent="      ", initial_indent="  "
        )
    if soaked.seconds < LEAST:
        shown.append(f"  (what is used was not judged: that takes {LEAST / 60:.0f} minutes)")
    return "\n".join([*shown, "", _verdict(sum(not each.right for each in judged), len(judged))])


def _verdict(wrong: int, count: int) -> str:
    return f"{wrong} of {count} are not so." if wrong else f"All {count} are so."


def _row(judged: Judged) -> list[str]:
    return ["yes" if judged.right else "**NO**", judged.name, judged.said.replace("|", "\\|")]


def _outcomes(soaked: Soaked, bed: Lived) -> str:
    head = ["", "sessions", "as it should", "in quiet", "try later", "wrong", "no answer"]
    head += ["p50", "longest reply"]
    rows = []
    for kind in KINDS:
        held = [each for each in bed.sessions if each.kind == kind.name]
        calm = [each for each in held if quiet(bed.flavour, soaked.done, each)]
        fine = _fine(kind.code)
        rows.append(
            [
                kind.name + (f" ({kind.code})" if kind.code else ""),
                f"{len(held):,}",
                f"{sum(map(fine, held)):,}",
                f"{sum(map(fine, calm)):,} of {len(calm):,}",
                f"{sum(_later(each) and not fine(each) for each in held):,}",
                f"{sum(map(is_wrong, held)):,}",
                f"{sum(each.end == UNANSWERED for each in held):,}",
                _seconds(statistics.median(each.seconds for each in held)) if held else "-",
                _seconds(max(each.seconds for each in held)) if held else "-",
            ]
        )
    return table(head, rows)


def _fine(code: int) -> Callable[[Session], bool]:
    if code == 0:
        return lambda session: session.end == HUNG_UP
    return lambda session: session.end == ANSWERED and session.code == code


def _later(session: Session) -> bool:
    return session.end == ANSWERED and 400 <= session.code < 500


def _faults(done: Sequence[Done]) -> str:
    rows = []
    places = sorted({each.where for each in done if each.where != EVERYWHERE})
    for lane in LANES:
        for name in dict.fromkeys(each.fault.name for each in done if each.fault.lane == lane):
            those = [each for each in done if (each.fault.lane, each.fault.name) == (lane, name)]
            counted = Counter(each.where for each in those)
            where = (
                f"{counted[EVERYWHERE]}"
                if counted[EVERYWHERE]
                else " + ".join(str(counted[place]) for place in places)
            )
            after = [each.well - each.over for each in those]
            lasted = [each.over - each.began for each in those]
            rows.append(
                [
                    f"{lane}: {name}",
                    where,
                    f"{min(lasted):.1f} to {max(lasted):.1f} s",
                    f"{statistics.median(after):.1f} s",
                    f"{max(after):.1f} s",
                ]
            )
    head = ["", f"times ({' + '.join(places)})", "lasted", "well again after", "at most"]
    return table(head, rows)


def _figures(soaked: Soaked, bed: Lived) -> str:
    rows = list(_trends(soaked, bed))
    return table(["", "second quarter", "last quarter", "at most", "flat"], rows)


def _trends(soaked: Soaked, bed: Lived) -> Iterator[list[str]]:
    for name, what, figure, limit, unit in FIGURES:
        try:
            found = trend(soaked, bed, figure, limit)
        except ValueError:  # hardly a run
            continue
        form = "{:.1f} MiB" if what == "memory" else "{:g}"
        numbers = [form.format(each / unit) for each in found[:3]]
        flat = "yes" if found.flat else "**NO**"
        yield [f"{name}: {what}", *numbers, flat if soaked.seconds >= LEAST else "-"]


def _requests(soaked: Soaked) -> str:
    rows = []
    for bed in soaked.beds:
        for each in accounts(bed.sessions, bed.statuses):
            answers = [f"{each.answers.get(word, 0):,}" for word in ("found", "not-found", "error")]
            numbers = [each.sessions_asked, each.untold, each.asked, each.updates]
            rows.append(
                [f"{bed.flavour}: {each.table}", *(f"{number:,}" for number in numbers), *answers]
            )
    head = ["", "sent", "unheard", "counted", "updates", "found", "not found", "error"]
    return table(head, rows)


def _deeds(soaked: Soaked) -> str:
    rows = [
        [
            f"{bed.flavour}: {each.table}",
            *(
                f"{number:,}"
                for number in (
                    sum(each.tempfails.values()),
                    sum(each.restarts.values()),
                    each.promotions,
                    each.breaker.opened,
                    each.quarantine.hits,
                    sum(each.incidents_opened.values()),
                    each.stderr_lines,
                    each.dropped_lines,
                    each.links,
                )
            ),
        ]
        for bed in soaked.beds
        for each in bed.statuses
    ]
    head = ["", "temporary errors", "backends replaced", "spares promoted", "breaker opened"]
    head += ["refused keys met", "incidents", "lines of stderr", "log lines lost", "links"]
    return table(head, rows)


def _looks(soaked: Soaked) -> str:
    told = {bed.flavour: bed.tools.told() for bed in soaked.beds}
    names = sorted({name for each in told.values() for name in each})
    rows = [[f"`{name}`", *(each.get(name, "-") for each in told.values())] for name in names]
    return table(["", *told], rows, left=1 + len(told))


def _seconds(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds >= 1 else f"{seconds * 1000:.0f} ms"

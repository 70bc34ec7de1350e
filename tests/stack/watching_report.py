"""What watches the tables, shown by a real incident.

``python -m tests.stack.watching_report`` lives through it and shows the page; ``--write FILE`` also
writes it as Markdown, with pictures in ``images`` beside it, which is where docs/watching.md comes
from. It takes a good half hour, as the alerts have their time; with ``--hurry`` each minute of
theirs is a second, and all else is shorter.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from . import many
from .browser import Browser
from .compare import Stack, stack
from .crowd import TIMEOUT
from .fates import Suffered, fates_table, suffer
from .many import Found
from .markdown import table
from .prometheus import Prometheus
from .requirements import WATCHERS, missing, missing_programs
from .smtpd import FLAVOURS
from .story import ALERT, Moment, Story, Teller
from .watching import Tablewatchd, free_address, settings

FLAVOUR = "text"  # of the story: what is current
MOST = 150_000  # bytes of a picture

Say = Callable[[str], None]


class Extent(NamedTuple):
    """How much is done."""

    hurry: bool
    defaults: str  # of tablewatch.yml
    well: float  # seconds before the incident
    patience: float  # seconds that an alert may take
    rounds: int
    seconds: float  # of each fate in each round
    tables: int
    scrapes: int


FULL = Extent(False, "", 60.0, 1200.0, 4, 6.0, 100, 20)
SHORT = Extent(True, "incidents: {quiet: 10s}", 5.0, 120.0, 1, 3.0, 10, 2)

PAGE = """\
# Watching, shown

What tablewatchd and all that looks at it show while things go wrong, on unmodified programs, mail
servers and database on one machine with two processors. Everything on this page comes from real
runs:

{versions}

## An incident

The tables of the incident (columns of character set latin1, three tables of one database) under
smtpd's current protocol, with tablewatch's defaults. All the while somebody logs in to send a mail,
and somebody else's mail comes in, every half second. (Whoever can't log in sends none: nobody asks
table sndrs meanwhile.) Prometheus scrapes every {interval} seconds and has the rules of
prometheus/tablewatch.rules.yml{hurried}.

{timeline}

The first good login comes by itself when the breaker's rest is over, a minute at most; `tablewatch
reset --all` would have brought it at once. From then on the tables are at warning until the
incident has been quiet for `incidents.quiet`, five minutes.

{alerts}

{others}
{moments}
## Whatever becomes of tablewatchd

Two users log in over and over, while tablewatchd is treated as the first column says; {rounds}
rounds of {seconds:.0f} s for each, one after the other in turn. The times are from AUTH to the
reply, the check of the password included. The ratios are to the first row of the same mail server;
how far the second row is from it tells how exact they are. A daemon that is started needs a
processor for a moment, as any other program does.

{fates}

## {tables} tables

`python -m tests.stack.many --tables {tables}`: {tables} real supervisors with table-passwd and a
spare each, one tablewatchd; {scrapes} scrapes {pause:.0f} s apart. Memory is what a process shares
with no other, unless it says otherwise. `daemon.timeout` is {timeout:.0f} s.

{many}

Written by `python -m tests.stack.watching_report --write docs/watching.md`, as root on Debian 12
with opensmtpd, opensmtpd-extras, mariadb-server, prometheus and chromium installed. The test suite
does the same in a short form and checks what is promised.
"""

MOMENT = """\
### {title}, {when}

{pictures}

At a terminal, `tablewatch status` (exit status {status_exit}):

```
{status}
```

For Nagios and its kin, `check_tablewatch` (exit status {check_exit}):

```
{check}
```
"""


def clock(seconds: float | None) -> str:
    """Minutes and seconds."""
    return "-" if seconds is None else f"{int(seconds) // 60}:{int(seconds) % 60:02}"


def timeline(story: Story) -> str:
    """What happened, and how it looked, in order."""
    rows = [(seconds, what, "", "", "") for seconds, what in story.happened]
    for each in story.moments:
        levels = ", ".join(f"{name} {level}" for name, level in each.levels.items())
        alike = set(each.levels.values())
        rows.append(
            (
                each.seconds,
                f"**{each.title}**",
                f"all {alike.pop()}" if len(alike) == 1 else levels,
                str(each.check_exit),
                str(each.login),
            )
        )
    rows.sort()
    head = ["after", "what happened", "tables", "check_tablewatch exits", "a good login"]
    return table(head, [[clock(seconds), *rest] for seconds, *rest in rows], left=3)


def alert_table(story: Story) -> str:
    """The alert of the incident: after what time it was in which state."""
    told = [each for each in story.alerts if each.name == ALERT]
    rows = [
        ("pending", [each.pending for each in told]),
        ("firing", [each.firing for each in told]),
        ("resolved", [each.resolved for each in told]),
    ]
    head = [f"the alert {ALERT}", *(each.table for each in told)]
    return table(head, [[name, *map(clock, times)] for name, times in rows])


def other_alerts(story: Story) -> str:
    """What else Prometheus had to say."""
    fired = {each.name for each in story.alerts if each.firing is not None} - {ALERT}
    waited = {each.name for each in story.alerts} - fired - {ALERT}
    told = "No other alert fired." if not fired else f"Fired, too: {', '.join(sorted(fired))}."
    if waited:
        told += f" Pending for a while, and never firing: {', '.join(sorted(waited))}."
    return told


def moment(told: Moment) -> str:
    """One moment of the story."""
    pictures = "\n\n".join(f"![{words}](images/{file})" for file, words in told.pictures)
    return MOMENT.format(
        title=told.title,
        when=clock(told.seconds),
        pictures=pictures,
        status_exit=told.status_exit,
        status=told.status,
        check_exit=told.check_exit,
        check=told.check,
    )


def page(
    versions: dict[str, list[str]],
    story: Story,
    fates: dict[str, list[Suffered]],
    found: Found,
    extent: Extent,
) -> str:
    """The whole page."""
    return PAGE.format(
        versions="\n".join(f"* **{each}**: {', '.join(versions[each])}" for each in versions),
        interval=story.interval,
        hurried=", in which each minute is taken for a second" if extent.hurry else "",
        timeline=timeline(story),
        alerts=alert_table(story),
        others=other_alerts(story),
        moments="\n".join(["", *map(moment, story.moments)]),
        rounds=extent.rounds,
        seconds=extent.seconds,
        fates=fates_table(fates),
        tables=extent.tables,
        scrapes=extent.scrapes,
        pause=many.PAUSE,
        timeout=TIMEOUT,
        many=table(["", ""], many.rows(found)),
    )


def tell(stacked: Stack, directory: Path, images: Path, extent: Extent, say: Say) -> Story:
    """Live through the incident."""
    address = free_address()
    with contextlib.ExitStack() as opened:
        browser = opened.enter_context(Browser())
        text = settings(address, extent.defaults)
        server = opened.enter_context(stacked.start(FLAVOUR, True, text, False))
        daemon = opened.enter_context(Tablewatchd(server, address))
        prometheus = opened.enter_context(Prometheus(directory, address, hurry=extent.hurry))
        prometheus.await_scrapes()
        teller = Teller(server, daemon, prometheus, browser, images, say)
        return teller.tell(stacked.database, well=extent.well, patience=extent.patience)


def fates(stacked: Stack, extent: Extent, say: Say) -> dict[str, list[Suffered]]:
    """Have everything happen to tablewatchd, on both mail servers."""
    found = {}
    for flavour in sorted(FLAVOURS):
        address = free_address()
        with (
            stacked.start(flavour, True, settings(address), False) as server,
            Tablewatchd(server, address) as daemon,
        ):
            found[flavour] = suffer(
                server,
                daemon,
                rounds=extent.rounds,
                seconds=extent.seconds,
                say=partial(say_of, say, flavour),
            )
    return found


def say_of(say: Say, flavour: str, text: str) -> None:
    """Say it of one of the mail servers."""
    say(f"{flavour}: {text}")


def expect_small(images: Path, story: Story) -> None:
    """Complain about a picture that is too large for a page."""
    for each in story.moments:
        for file, _ in each.pictures:
            size = (images / file).stat().st_size
            if size > MOST:
                print(f"{file} has {size:,} bytes, more than {MOST:,}", file=sys.stderr)


def main(argv: Sequence[str] | None = None) -> int:
    """Live through it all and show the page."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.stack.watching_report", description=__doc__
    )
    parser.add_argument("--write", type=Path, metavar="FILE", help="write the page as Markdown")
    parser.add_argument("--hurry", action="store_true", help="a short form")
    args = parser.parse_args(argv)
    lacking = [each for flavour in sorted(FLAVOURS) for each in missing(flavour)]
    lacking += missing_programs(*WATCHERS)
    if lacking:
        print(f"This can't be run here; missing: {'; '.join(lacking)}", file=sys.stderr)
        return 1
    extent = SHORT if args.hurry else FULL
    began = time.monotonic()

    def say(text: str) -> None:
        print(f"{time.monotonic() - began:5.0f} s  {text}", flush=True)

    with contextlib.ExitStack() as opened:
        name = opened.enter_context(tempfile.TemporaryDirectory(prefix="tablewatch-watching-"))
        directory = Path(name)
        images = (args.write.parent if args.write else directory) / "images"
        images.mkdir(exist_ok=True)
        with stack() as stacked:
            versions = {flavour: stacked.versions(flavour) for flavour in sorted(FLAVOURS)}
            story = tell(stacked, directory / "prometheus", images, extent, say)
            suffered = fates(stacked, extent, say)
        (directory / "many").mkdir()
        found = many.measure(directory / "many", extent.tables, extent.scrapes, say)
        expect_small(images, story)
        text = page(versions, story, suffered, found, extent)
        say("done")
        print("\n" + text)
        if args.write:
            args.write.write_text(text, encoding="utf-8")
            print(f"written to {args.write}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""What tablewatch decides, on the real stack, bare beside supervised.

``python -m tests.stack.decisions`` measures and shows it; ``--write FILE`` also writes it down as
Markdown, which is where docs/decisions.md comes from. tests/stack/test_decided_*.py check the same
in a short form, and more.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from .attack import ATTACKERS, Attacked, attack
from .compare import Stack, stack
from .looping import Looped, measure_loop
from .losses import LOSSES, OUTAGE, outage_table, spare_table
from .markdown import milliseconds, table
from .requirements import missing
from .smtpd import FLAVOURS

KEYS = 1000
RATE = 50.0
PATIENCE = 10.0  # seconds in which an answer is waited for
LOOP_SECONDS = 20.0
DEADLINE = 30.0
PER_SECOND = (1, 5)
SPIN_SHARE = 10  # percent

THROTTLE = f"on_exhausted: throttle, deadline: {DEADLINE:.0f}s"
SPIN = f"{{cpu_limit: 20%, window: 1s, grace: 0, throttle_cpu: {SPIN_SHARE}%}}"

Say = Callable[[str], None]

PAGE = """\
# Decisions, measured

What docs/policy.md promises, on unmodified programs, mail servers and database on one machine with
two processors, all in one run:

{versions}

## An attacker who never repeats a key

{keys} different user names with an `ł`, {rate:.0f} a second from {attackers} sessions side by side,
against latin1 tables; meanwhile two users (one of them `josé`, whose `é` latin1 has) log in over
and over, four sessions side by side. tablewatch with its defaults.

{attack}

Keys and connections are MariaDB's own account: its general log and its counters. "No answer" is
none within {patience:.0f} s; the bare imsg mail server answers nobody any more after the first key,
so the attacker does not get to send most of his.

## A loop that is slowed down

table-mysql 6.7.1 in the endless loop that one poisoned login puts it into;
`{throttle}`. Measured over {loop_seconds:.0f} s that begin 3 s after the login:
connections by MariaDB, processor time by the kernel. What was saved up in the budget is spent in
the first 3 s.

{loop}

The last two are loops whose lines tablewatch does not get to see, so that all there is to go by is
the processor time (`runaway: {spin}`).

## The next login after a backend was lost

Time from AUTH to 235 of a good login on a session that was open before, median (and longest) of
{losses}.

{spare}

## A database that can't answer

{outage:.0f} s each under load, with the defaults. "Open" is the time until every lookup of the
table is answered at once. After the end of the fault the first good login comes with the end of the
breaker's rest, which doubles with each trial that failed meanwhile.

{outages}

Written by `python -m tests.stack.decisions --write docs/decisions.md`, as root on Debian 12 with
opensmtpd, opensmtpd-extras and mariadb-server installed.
"""


def codes(counted: Counter[int]) -> str:
    """Answers and how often."""
    return ", ".join(
        f"{count:,} times {code or 'no answer'}" for code, count in sorted(counted.items())
    )


def attack_table(stacked: Stack, say: Say) -> str:
    """The attack on each flavour, bare and supervised."""
    found: list[tuple[str, Attacked]] = []
    for flavour in sorted(FLAVOURS):
        for supervised in (False, True):
            title = f"{flavour}, {'tablewatch' if supervised else 'bare'}"
            say(f"{title}: {KEYS} keys")
            with (
                stacked.database.statements() as told,
                stacked.start(flavour, supervised, "", False) as server,
            ):
                seen = attack(
                    server,
                    stacked.database,
                    told,
                    supervised=supervised,
                    keys=KEYS,
                    rate=RATE,
                    patience=PATIENCE,
                )
            found.append((title, seen))
    cells: tuple[tuple[str, Callable[[Attacked], str]], ...] = (
        ("poisoned logins begun", lambda each: f"{each.asked:,}"),
        ("… answered", lambda each: codes(each.codes)),
        ("different keys that reached the database", lambda each: f"{len(each.reached):,}"),
        ("… statements with one of them", lambda each: f"{each.statements:,}"),
        ("database connections made", lambda each: f"{each.connections:,}"),
        ("good logins", lambda each: codes(each.good_codes())),
        ("… took, p50", lambda each: milliseconds(each.quantile(0.5))),
        ("… p99", lambda each: milliseconds(each.quantile(0.99))),
    )
    rows = [[name, *(cell(each) for _, each in found)] for name, cell in cells]
    return table(["", *(title for title, _ in found)], rows)


def loop_table(stacked: Stack, say: Say) -> str:
    """A loop of the old table-mysql, bare and slowed down in several ways."""
    ways: list[tuple[str, bool, str, bool]] = [("bare", False, "", False)]
    ways += [
        (f"`budget.per_second: {rate}`", True, f"budget: {{per_second: {rate}}}", False)
        for rate in PER_SECOND
    ]
    ways.append(("lines not seen, bare", False, "", True))
    ways.append((f"lines not seen, `throttle_cpu: {SPIN_SHARE}%`", True, f"runaway: {SPIN}", True))
    rows = []
    for name, supervised, settings, mute in ways:
        say(f"loop: {name}")
        text = f"defaults: {{{THROTTLE}, {settings}}}\n" if supervised else ""
        with stacked.start("imsg", supervised, text, mute) as server:
            patience = DEADLINE + PATIENCE if supervised else PATIENCE
            found = measure_loop(server, stacked.database, seconds=LOOP_SECONDS, patience=patience)
        rows.append([name, *_loop_cells(found)])
    head = ["", "first 3 s", "connections/s", "processor", "stopped", "the login", "the next"]
    return table(head, rows)


def _loop_cells(found: Looped) -> list[str]:
    answered = f"{found.code} after {found.seconds:.1f} s" if found.code else "no answer"
    return [
        f"{found.began_with:,}",
        f"{found.rate:,.2f}" if found.rate < 100 else f"{found.rate:,.0f}",
        f"{found.cpu:.1%}",
        f"{found.stopped / found.looks:.0%} of the time",
        answered,
        str(found.next_login or "no answer"),
    ]


def main() -> int:
    """Measure it all and show it."""
    parser = argparse.ArgumentParser(prog="python -m tests.stack.decisions", description=__doc__)
    parser.add_argument("--write", type=Path, metavar="FILE", help="write the result as Markdown")
    args = parser.parse_args()
    lacking = [each for flavour in sorted(FLAVOURS) for each in missing(flavour)]
    if lacking:
        print(f"The real stack can't be run here; missing: {'; '.join(lacking)}", file=sys.stderr)
        return 1
    began = time.monotonic()

    def say(text: str) -> None:
        print(f"{time.monotonic() - began:5.0f} s  {text}", flush=True)

    with stack() as stacked:
        versions = {flavour: stacked.versions(flavour) for flavour in sorted(FLAVOURS)}
        page = PAGE.format(
            versions="\n".join(f"* **{each}**: {', '.join(versions[each])}" for each in versions),
            keys=f"{KEYS:,}",
            rate=RATE,
            attackers=ATTACKERS,
            patience=PATIENCE,
            throttle=THROTTLE,
            spin=SPIN,
            loop_seconds=LOOP_SECONDS,
            losses=LOSSES,
            outage=OUTAGE,
            attack=attack_table(stacked, say),
            loop=loop_table(stacked, say),
            spare=spare_table(stacked, say),
            outages=outage_table(stacked, say),
        )
    say("done")
    print("\n" + page)
    if args.write:
        args.write.write_text(page, encoding="utf-8")
        print(f"written to {args.write}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

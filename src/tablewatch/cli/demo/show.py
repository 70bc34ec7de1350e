"""The demo from beginning to end."""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import sys
from collections.abc import Iterator
from types import FrameType

import psutil

from tablewatch.cli.demo import report
from tablewatch.cli.demo.account import Account, milliseconds
from tablewatch.cli.demo.attack import FULL, QUICK, Attack, Pace
from tablewatch.cli.demo.measured import Run
from tablewatch.cli.demo.scenario import POISON, sessions
from tablewatch.cli.demo.workshop import Workshop

_OPENING = (
    "smtpd looks up everything in its tables from one process, which waits for each answer "
    "without a time limit. This program plays that process, with two tables: creds for logins "
    "and aliases for mail. Their backend, table-demo, works on SQLite and does what table-mysql "
    "6.7.1 does on MySQL: it takes every error for a lost connection, connects again, tries "
    f"again, and never counts. The column is latin1, so that {POISON} is such an error."
)


def show(*, quick: bool, as_json: bool) -> int:
    """Play both runs and compare them; with `as_json`, write only the numbers."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # for the ł, where there is none
    pace = QUICK if quick else FULL
    with contextlib.ExitStack() as stack:
        stream = stack.enter_context(open(os.devnull, "w")) if as_json else sys.stdout
        account = Account(stream)
        stack.enter_context(_signals_end_it())
        workshop = stack.enter_context(Workshop())
        account.line("One login against a mail server, without tablewatch and with it", "bold")
        account.line()
        account.say(_OPENING)
        account.title("1. Bare: smtpd asks table-demo")
        bare = _play("bare", "table-demo", workshop, pace, account)
        account.title("2. Supervised: smtpd asks table-watch-demo, which asks table-demo")
        watched = _play("watched", "table-watch-demo", workshop, pace, account)
        report.show(bare, watched, account)
        good = report.verdict(bare, watched, account)
        report.show_next_steps(account)
    if as_json:
        print(json.dumps(report.as_json(bare, watched), indent=2))
    return 0 if good else 1


def _play(name: str, program: str, workshop: Workshop, pace: Pace, account: Account) -> Run:
    attack = Attack(name, program, workshop, sessions=sessions(), pace=pace, account=account)
    run = attack.play()
    unanswered = [visit for visit in run.visits if visit.reply is None]
    account.line()
    if unanswered:
        account.say(
            f"{len(unanswered)} clients got no answer, and nothing moved for "
            f"{pace.patience:.0f} s. smtpd would wait for ever; here it is stopped now."
        )
    else:
        account.say("Everybody has an answer. smtpd is stopped now.")
    left = attack.leave()
    if left:
        _tell_left_over(run, left, account)
    else:
        account.say(f"Nothing is left running, {milliseconds(run.leaving_took)} later.")
    workshop.end(left)
    return run


def _tell_left_over(run: Run, left: list[psutil.Process], account: Account) -> None:
    pids = ", ".join(str(process.pid) for process in left)
    account.say(
        f"But process {pids} stayed behind and went on with {run.left_over_rate:,.0f} retries/s. "
        "On a server it would until somebody noticed; the demo has killed it."
    )


@contextlib.contextmanager
def _signals_end_it() -> Iterator[None]:
    """Let SIGTERM and SIGHUP end the demo as an interrupt does: with everything cleaned up."""

    def leave(number: int, frame: FrameType | None) -> None:
        for each in before:  # once is enough; cleaning up is not to be interrupted
            signal.signal(each, signal.SIG_IGN)
        if number == signal.SIGINT:
            raise KeyboardInterrupt
        raise SystemExit(128 + number)

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {
        number: handler
        for number in numbers
        if (handler := signal.getsignal(number)) is not signal.SIG_IGN
    }
    for number in before:
        signal.signal(number, leave)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

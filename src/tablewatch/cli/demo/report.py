"""The end of the demo: both runs side by side, the verdict, and what to do next."""

from __future__ import annotations

from collections.abc import Callable

from tablewatch.cli import host
from tablewatch.cli.demo.account import Account, milliseconds
from tablewatch.cli.demo.measured import Run, Visit, broken_promises, median, times, too_tame

_LABEL = 35
_COLUMN = 22

NEXT_STEPS = """\
What to do next, on a real mail server:

    tablewatch install mysql

makes the link table-watch-mysql beside table-mysql and says which lines of
smtpd.conf to change, by one word:

    -table creds mysql:/etc/mail/mysql.conf
    +table creds watch-mysql:/etc/mail/mysql.conf

Then

    smtpd -n
    {restart}

and, to see what a table answers and what its backend has to say about it:

    tablewatch query mysql:/etc/mail/mysql.conf credentials alice@example.org

`tablewatch uninstall mysql` is the way back.
"""


def show(bare: Run, watched: Run, account: Account) -> None:
    """Write the two columns."""
    account.title("Both runs, as measured just now")
    for line in side_by_side(bare, watched):
        account.line(line)


def side_by_side(bare: Run, watched: Run) -> list[str]:
    """Return the table of what was measured, 79 columns wide at most."""
    measures: list[tuple[str, Callable[[Run], str]]] = [
        ("the poisoned login", lambda run: _told(run.poisoned, run)),
        ("the same login once more", lambda run: _told(run.repeated, run)),
        ("other clients after it", lambda run: _served(run.others())),
        ("  those for the other table", lambda run: _served(run.others(table="aliases"))),
        ("  slowest answer", lambda run: _seconds(max(times(run.others()), default=None))),
        (
            "any client's answer, median",
            lambda run: _seconds(median(times(run.others(after=False) + run.others()))),
        ),
        ("its failed queries", lambda run: _count(run.retries, run.retry_rate)),
        ("its database connections", lambda run: _count(run.connections, run.connection_rate)),
        ("  once more", lambda run: _number(run.repeat_connections)),
        ("lines on stderr from then on", lambda run: f"{run.stderr_lines:,}"),
        ("processor time from then on", lambda run: f"{run.cpu_share:.0%}"),
        ("running on without smtpd", _left_over),
    ]
    rows = [("", "bare", "tablewatch"), ("-" * _LABEL, "-" * (_COLUMN - 2), "-" * (_COLUMN - 2))]
    rows += [(label, measure(bare), measure(watched)) for label, measure in measures]
    return [f"{label:<{_LABEL}}{one:>{_COLUMN}}{two:>{_COLUMN}}" for label, one, two in rows]


def verdict(bare: Run, watched: Run, account: Account) -> bool:
    """Say whether the run showed what it should; return it."""
    tame, broken = list(too_tame(bare)), list(broken_promises(watched))
    account.line()
    for problems, text in (
        (tame, "The bare run did not run away, so there is nothing to compare with:"),
        (broken, "tablewatch did not do what it promises:"),
    ):
        if problems:
            account.say(text, "bad")
            for problem in problems:
                account.note(problem)
    if tame or broken:
        return False
    account.say("Everybody was answered, and the database was left in peace.", "good")
    return True


def show_next_steps(account: Account) -> None:
    """Write what to do on a real server."""
    account.line()
    for line in NEXT_STEPS.format(restart=host.restart_command()).splitlines():
        account.line(line)


def as_json(bare: Run, watched: Run) -> dict[str, object]:
    """Return all numbers and the verdict."""
    problems = [f"bare: {text}" for text in too_tame(bare)]
    problems += [f"tablewatch: {text}" for text in broken_promises(watched)]
    return {
        "bare": bare.as_json(),
        "tablewatch": watched.as_json(),
        "as_promised": not problems,
        "problems": problems,
    }


def _told(visit: Visit | None, run: Run) -> str:
    if visit is None:
        return "never came"
    if visit.reply is None or visit.took is None:
        return f"no answer in {run.ended - visit.arrived:.1f} s"
    return f"{int(visit.reply)} after {milliseconds(visit.took)}"


def _served(visits: list[Visit]) -> str:
    return f"{sum(visit.right for visit in visits)} of {len(visits)} answered"


def _seconds(value: float | None) -> str:
    return "-" if value is None else milliseconds(value)


def _count(number: int, rate: float) -> str:
    return f"{number:,}" if rate < 100 else f"{number:,} ({rate:,.0f}/s)"


def _number(value: int | None) -> str:
    return "-" if value is None else str(value)


def _left_over(run: Run) -> str:
    if not run.left_over:
        return "nothing"
    count = len(run.left_over)
    return f"{count} process{'es' if count > 1 else ''}, {run.left_over_rate:,.0f}/s"

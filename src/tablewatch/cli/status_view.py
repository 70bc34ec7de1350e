"""A host's status as text: a table of tables, the worst first, and then what is wrong with them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tablewatch.cli.activity import Activity, between, since_start, statuses
from tablewatch.cli.paper import Column, Paper, clean, grid, wrap
from tablewatch.config.quotes import nearest
from tablewatch.control import figures
from tablewatch.control.status import (
    CRITICAL,
    OK,
    UNKNOWN,
    WARNING,
    WORST_FIRST,
    HostStatus,
    TableReport,
    TableStatus,
)

# As check plugins exit.
EXIT_STATUS = {OK: 0, WARNING: 1, CRITICAL: 2, UNKNOWN: 3}

_STYLES = {OK: "32", WARNING: "33", CRITICAL: "1;31", UNKNOWN: "1;35"}
_NO_TABLES = (
    "No table is connected to tablewatchd. Is smtpd running, and does smtpd.conf name a "
    "watch- backend? tablewatch install shows what to write there."
)


def missing(host: HostStatus, names: Iterable[str]) -> str:
    """Return what to say of the first of `names` that is no table of `host`; "" if all are."""
    known = [each.table for each in host.tables]
    for name in names:
        if name in known:
            continue
        near = nearest(name, known)
        if near:
            hint = f"did you mean {clean(near)}?"
        elif known:
            more = ", ..." if len(known) > 10 else ""
            hint = f"there is {', '.join(map(clean, known[:10]))}{more}"
        else:
            hint = "no table is connected to tablewatchd"
        return f"no table {clean(name)}; {hint}"
    return ""


def lines(
    host: HostStatus, paper: Paper, before: HostStatus | None = None, *, live: bool = False
) -> list[str]:
    """Return the whole report. With `live`, what happens per second since `before`, if known."""
    first = wrap(summary(host), paper.text_width, "", "  ")
    return [*first, "", *body(host, paper, before, live=live)]


def screen(
    host: HostStatus, paper: Paper, before: HostStatus | None, notice: Sequence[str], height: int
) -> list[str]:
    """Return the live report in at most `height` lines: where it is too long, well tables go first.

    `notice` is what stands below the first line.
    """
    above = [*wrap(summary(host), paper.text_width, "", "  "), *notice, ""]
    room = height - len(above)
    below = body(host, paper, before, live=True)
    if len(below) > room:
        well = sum(each.condition.level == OK for each in host.tables)
        hidden = min(well, len(below) - room + 1)
        below = body(host, paper, before, live=True, hidden=hidden)
    if len(below) > room:
        left_out = f"... {len(below) - room + 1} more lines: tablewatch status shows them"
        below = [*below[: room - 1], left_out[: paper.width]]
    return [*above, *below][:height]


def summary(host: HostStatus) -> str:
    """Return one line about the daemon, and how many tables are how."""
    levels = [each.condition.level for each in host.tables]
    parts = [f"{levels.count(level)} {level}" for level in WORST_FIRST if level in levels]
    tables = ", ".join([figures.several(len(levels), "table"), *parts])
    up = figures.age(host.daemon.age)
    return f"tablewatchd {clean(host.daemon.release)}, up {up}: {tables}"


def body(
    host: HostStatus,
    paper: Paper,
    before: HostStatus | None = None,
    *,
    live: bool = False,
    hidden: int = 0,
) -> list[str]:
    """Return the table and what is below it; `hidden` is how many of the well tables to leave out.

    Well tables are the last ones.
    """
    if not host.tables:
        return wrap(_NO_TABLES, paper.text_width)
    reports = sorted(host.tables, key=_badness)
    shown = reports[: len(reports) - hidden]
    earlier = statuses(before)
    rows, styles = [], []
    for report in shown:
        level = report.condition.level
        rows.append(_row(report, earlier.get(report.table), live=live))
        styles.append([_STYLES[level] if column == 1 else "" for column in range(8)])
    result = grid(_columns(live=live), rows, paper, styles)
    if hidden:
        result.append(f"... and {hidden} more, all ok"[: paper.width])
    for report in reports:
        if report.condition.level != OK:
            result += ["", *_details(report, paper)]
    notes = [line for note in _notes(reports) for line in wrap(note, paper.text_width, "", "  ")]
    return [*result, *([""] if notes else []), *notes]


def _badness(report: TableReport) -> tuple[int, str]:
    return WORST_FIRST.index(report.condition.level), report.table


def _columns(*, live: bool) -> list[Column]:
    return [
        Column("TABLE", shrinks=True),
        Column("STATE"),
        Column("LOOK/S" if live else "LOOKUPS", right=True, spare=3),
        Column("FAIL/S" if live else "FAILED", right=True, spare=2),
        Column("p99", right=True, spare=4),
        Column("BREAKER", spare=1),
        Column("QUARANT.", right=True, spare=5),
        Column("BACKEND", spare=6),
    ]


def _row(report: TableReport, before: TableStatus | None, *, live: bool) -> list[str]:
    condition = report.condition
    first = [clean(report.table), f"{condition.level} {figures.age(condition.since)}"]
    status = report.status
    if status is None:
        return [*first, *[figures.NONE] * 6]
    if live:
        does = between(before, status)
        counts = [figures.rate(does.lookups), figures.rate(does.failed)]
    else:
        does = since_start(status)
        counts = [figures.count(int(each or 0)) for each in (does.lookups, does.failed)]
    return [
        *first,
        *counts,
        figures.waited(does.p99),
        "paused" if status.pause is not None else clean(status.breaker.state),
        _quarantine(status),
        _backend(status, does),
    ]


def _quarantine(status: TableStatus) -> str:
    kinds = len(status.quarantine.kinds)
    return figures.count(status.quarantine.size) + (f"+{kinds}" if kinds else "")


def _backend(status: TableStatus, does: Activity) -> str:
    active = next((each for each in status.backends if each.role == "active"), None)
    if active is None:
        return "none"
    return f"{figures.share(does.cpu)} {figures.size(active.memory)}"


def _details(report: TableReport, paper: Paper) -> list[str]:
    condition = report.condition
    heading = f"{clean(report.table)}: {condition.level} for {figures.age(condition.since)}"
    result = wrap(heading, paper.text_width, "", "  ")
    parts = (("why", condition.why), ("done", condition.done), ("to do", condition.todo))
    for label, text in parts:
        if text:
            first = f"  {label:<7}"
            result += wrap(clean(text), paper.text_width, first, " " * len(first))
    return result


def _notes(reports: Iterable[TableReport]) -> Iterable[str]:
    """Yield what is to be known of tables that may be well."""
    seen = [each.status for each in reports if each.status is not None]
    watched = [clean(each.table) for each in seen if each.mode == "observe"]
    if watched:
        yield f"Only observed, nothing is done about anything: {', '.join(watched)}."
    for each in seen:
        if each.quarantine.kinds:
            kinds = "; ".join(clean(kind) for kind in each.quarantine.kinds)
            yield f"{clean(each.table)} refuses every key of these kinds: {kinds}."

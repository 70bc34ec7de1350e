"""From the status of a host to the state of the check, and what is to be said about it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from tablewatch.cli.check.metrics import USUAL, Metric
from tablewatch.cli.check.options import Options
from tablewatch.cli.check.perfdata import Perfdata, number
from tablewatch.cli.check.ranges import Range
from tablewatch.cli.check.states import State, gravity, worst
from tablewatch.control.status import OK, HostStatus, TableReport

NO_TABLES = (
    "no table is watched",
    "is smtpd running, and does its smtpd.conf say watch-... for a table?",
)


@dataclass(frozen=True, slots=True)
class Finding:
    """What is to be said about one table, or one figure of it. ``since`` is an age in seconds."""

    table: str
    state: State
    why: str
    since: float | None = None
    done: str = ""
    todo: str = ""


@dataclass(frozen=True, slots=True)
class Judgement:
    """The outcome of a check. ``findings`` are sorted, worst first."""

    state: State
    findings: list[Finding]
    perfdata: list[Perfdata] = field(default_factory=list)
    reports: list[TableReport] = field(default_factory=list)  # of the tables judged


def judge(host: HostStatus, options: Options) -> Judgement:
    """Return what `options` make of `host`."""
    there = {each.table: each for each in host.tables}
    reports = [there[name] for name in options.tables or there if name in there]
    missing = [name for name in options.tables if name not in there]
    findings = [_missing(name, there) for name in missing]
    if not options.tables and not there:
        findings.append(Finding("", State.UNKNOWN, NO_TABLES[0], todo=NO_TABLES[1]))
    perfdata: list[Perfdata] = []
    for report in reports:
        condition = _condition(report, host, named=report.table in options.tables)
        if options.metrics and report.status is not None:
            findings += _figures(report, options)
        else:
            findings.append(condition)
        perfdata += _perfdata(report, options)
    if not options.metrics:
        perfdata = [*_tally(findings), *perfdata]
    findings.sort(key=lambda each: -gravity(each.state))  # and by name, as they came
    return Judgement(worst(each.state for each in findings), findings, perfdata, reports)


def _missing(name: str, there: Mapping[str, TableReport]) -> Finding:
    todo = "is smtpd running? is this its name in smtpd.conf, and its backend watch-...?"
    others = f" (there is {', '.join(there)})" if there else ""
    return Finding(name, State.CRITICAL, "no such table is watched", todo=todo + others)


def _condition(report: TableReport, host: HostStatus, *, named: bool) -> Finding:
    condition = report.condition
    if report.status is not None:
        state = State[condition.level.upper()]
    elif report.connected or named or not any(each.connected for each in host.tables):
        # A supervisor that hangs answers nobody. And smtpd dies with any of its tables, so when
        # all have left, it is gone.
        state = State.CRITICAL
    else:
        state = State.WARNING  # smtpd lives with the others: this one was taken out of smtpd.conf
    why = condition.why or ("well" if state is State.OK else condition.level)
    return Finding(report.table, state, why, condition.since, condition.done, condition.todo)


def _figures(report: TableReport, options: Options) -> Iterator[Finding]:
    assert report.status is not None
    for metric in options.metrics:
        value = metric.of(report.status)
        warning = options.warnings.get(metric.name)
        critical = options.criticals.get(metric.name)
        state, why = _compare(metric, value, warning, critical)
        condition = report.condition
        if state is State.OK or condition.level == OK:
            yield Finding(report.table, state, why)
        else:  # most likely the reason
            done, todo = condition.done, condition.todo
            yield Finding(report.table, state, f"{why} ({condition.why})", None, done, todo)


def _compare(
    metric: Metric, value: float | None, warning: Range | None, critical: Range | None
) -> tuple[State, str]:
    if value is None:
        if metric.idle or not (warning or critical):
            return State.OK, f"{metric.name}: {metric.idle or 'can not be told here'}"
        return State.UNKNOWN, f"{metric.name} can't be told on this system; check another metric"
    shown = f"{metric.name} {number(value)}{metric.unit.replace('c', '')}"
    for state, allowed in ((State.CRITICAL, critical), (State.WARNING, warning)):
        if allowed is not None and allowed.alerts(value):
            return state, f"{shown} is {'inside' if allowed.inside else 'outside'} {allowed.text}"
    return State.OK, shown


def _perfdata(report: TableReport, options: Options) -> Iterator[Perfdata]:
    for metric in options.metrics or USUAL:
        status = report.status
        yield Perfdata(
            f"{metric.name}.{report.table}",
            None if status is None else metric.of(status),
            metric.unit,
            options.warnings.get(metric.name),
            options.criticals.get(metric.name),
            metric.low,
            None if status is None else metric.high(status),
        )


def _tally(findings: list[Finding]) -> Iterator[Perfdata]:
    tables = [each for each in findings if each.table]
    for state in State:
        count = sum(each.state is state for each in tables)
        yield Perfdata(state.name.lower(), count, low=0, high=len(tables))

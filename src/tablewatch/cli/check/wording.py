"""The text of a check: one line for the list of services, and lines that tell what to do."""

from __future__ import annotations

from collections.abc import Iterator

from tablewatch.cli.check.judgement import Finding, Judgement
from tablewatch.cli.check.perfdata import Perfdata, line, number
from tablewatch.cli.check.states import State
from tablewatch.control.figures import age, ago
from tablewatch.control.status import TableReport

WIDTH = 79
# Of the lines below the first; with the performance data less than the 8 KB that Nagios reads.
MAX_BELOW = 3_500
MAX_LINE = 400

# A | would begin performance data, and some web pages of monitoring systems show < as it comes.
_REPLACED = str.maketrans({"|": "/", "<": "(", ">": ")", "\t": " ", "\n": " "})


def clean(text: str) -> str:
    """Return `text` as one line that means nothing to the scheduler or a web page."""
    text = text.translate(_REPLACED)
    return "".join(each if each.isprintable() else "?" for each in text)


def output(state: State, said: str, below: list[str], perfdata: list[Perfdata]) -> str:
    """Return all that is printed; `said` and `below` may hold anything."""
    first = _cut(f"TABLEWATCH {state.name}: {clean(said)}", MAX_LINE)
    if perfdata:
        first += f" | {line(perfdata)}"
    lines, length = [first], 0
    for number_of, each in enumerate(below):
        text = _cut(clean(each), MAX_LINE)
        length += len(text.encode()) + 1
        if length > MAX_BELOW:
            lines.append(f"{len(below) - number_of} more lines; see: tablewatch status")
            break
        lines.append(text)
    return "\n".join(lines) + "\n"


def summary(judgement: Judgement) -> str:
    """Return the first line, without state and performance data: the worst, and how many more."""
    room = WIDTH - len(f"TABLEWATCH {judgement.state.name}: ")
    bad = [each for each in judgement.findings if each.state is not State.OK]
    if bad:
        return _trouble(bad, room)
    if all(each.since is not None for each in judgement.findings):
        return _well(judgement)
    every = ", ".join(f"{each.table} {each.why}" for each in judgement.findings)
    if len(every) <= room:
        return every
    return f"{len(judgement.findings)} figures, none outside its range"


def details(judgement: Judgement, verbose: int) -> list[str]:
    """Return the lines below: what is wrong, with more `verbose` (1, 2) all there is to know."""
    lines: list[str] = []
    told: set[str] = set()
    for finding in judgement.findings:
        if finding.state is not State.OK or verbose:
            lines += _about(finding, told)
    if verbose > 1:
        for report in judgement.reports:
            lines += _everything(report)
    return lines


def _trouble(bad: list[Finding], room: int) -> str:
    first = bad[0]
    name = f"{first.table}: " if first.table else ""
    since = f" ({age(first.since)})" if first.since is not None else ""
    more = f"; {len(bad) - 1} more" if len(bad) > 1 else ""
    return name + _cut(first.why, max(20, room - len(name + since + more))) + since + more


def _well(judgement: Judgement) -> str:
    if len(judgement.findings) > 1:
        return f"{len(judgement.findings)} tables are well"
    status = judgement.reports[0].status
    if status is None or status.last_good is None:
        return f"{judgement.reports[0].table} is well"
    return f"{status.table} is well; last good answer {ago(status.last_good)}"


def _about(finding: Finding, told: set[str]) -> Iterator[str]:
    since = f" for {age(finding.since)}" if finding.since is not None else ""
    name = f"{finding.table}: " if finding.table else ""
    yield f"{name}{finding.state.name}{since}: {finding.why}"
    if finding.table in told:
        return  # another figure of the same table, for the same reason
    if finding.done:
        yield f"  done: {finding.done}"
    if finding.todo:
        yield f"  to do: {finding.todo}"
        told.add(finding.table)


def _everything(report: TableReport) -> Iterator[str]:
    status = report.status
    if status is None:
        return
    requests = sum(sum(each.values()) for each in status.requests.values())
    good = "never" if status.last_good is None else f"{ago(status.last_good)}"
    yield (
        f"{status.table}: {status.backend}, {status.mode}, for {age(status.age)}; "
        f"{requests} requests, {sum(status.failures.values())} failures; last good answer {good}"
    )
    yield (
        f"  breaker {status.breaker.state}; {status.quarantine.size} keys in quarantine; "
        f"retry budget {number(round(status.budget.balance, 1))}; "
        f"{sum(status.restarts.values())} backends replaced"
    )
    for incident in status.incidents:
        if incident.closed is None:
            yield f"  incident {incident.id}, {age(incident.opened)} old: {incident.cause}"


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 3].rstrip() + "..."

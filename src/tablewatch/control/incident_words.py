"""What an incident is in words and figures, the same in the terminal and on a page."""

from __future__ import annotations

from tablewatch.control import figures, moments
from tablewatch.control.incident import Cost, IncidentReport, Kept, Sample
from tablewatch.control.incident_summary import Summary

# At the end of the timeline of one that was open when nobody could say more about it.
LEFT = "its supervisor has left; how it went on is not known"


def state(report: IncidentReport | Summary) -> str:
    """Return ``open`` or ``over``."""
    return "open" if report.closed is None else "over"


def lasted(report: IncidentReport | Summary) -> float:
    """Return the seconds from its opening to its end, or to the report."""
    return max(0.0, report.opened - (report.closed or 0.0))


def after(report: IncidentReport, age: float) -> str:
    """Return seconds from the opening to what is of `age`: ``+0.003``."""
    return f"{report.opened - age:+.3f}"


def at(kept: Kept, age: float) -> str:
    """Return what is of `age` by the wall clock: the time on the day of the opening, or a date."""
    return moments.short(kept.told - age, kept.told - kept.report.opened)


def headline(kept: Kept) -> str:
    """Return ``open for 1m35s, as of ...`` or ``over after 5m12s``."""
    took = figures.age(lasted(kept.report))
    if kept.report.closed is None:
        return f"open for {took}, as of {moments.moment(kept.told)}"
    return f"over after {took}"


def facts(kept: Kept) -> list[tuple[str, str]]:
    """Return names and values of what stands at the top."""
    report = kept.report
    smtpd = [report.smtpd_version, f"{report.protocol} protocol" if report.protocol else ""]
    found = [
        ("table", report.table),
        ("backend", report.program or f"table-{report.backend}"),
        ("smtpd", ", ".join(each for each in smtpd if each)),
        ("supervisor", f"tablewatch {report.release}".rstrip() + f", mode {report.mode}"),
        ("kind", f"{report.error_class}: {report.signature}"),
        ("opened", moments.moment(kept.told - report.opened)),
        ("last sign", f"{_moment(kept, report.last)}; {figures.several(report.count, 'time')}"),
        ("over", "" if report.closed is None else _moment(kept, report.closed)),
        ("cost", cost(report.cost)),
    ]
    return [(name, value) for name, value in found if value]


def cost(spent: Cost) -> str:
    """Return what was spent, leaving out what was not."""
    several = figures.several
    retries = "1 retry" if spent.retries == 1 else f"{figures.exact(spent.retries)} retries"
    parts = [
        (spent.retries, retries),
        (spent.reconnects, several(spent.reconnects, "reconnect")),
        (spent.tempfails, several(spent.tempfails, "temporary error")),
        (spent.restarts, several(spent.restarts, "backend") + " replaced"),
        (spent.throttled, f"slowed down for {figures.took(spent.throttled)}"),
    ]
    return ", ".join(text for number, text in parts if number > 0) or "nothing"


SAMPLE_HEADS = ("time", "seconds", "CPU", "memory", "files", "connections")


def sample_row(kept: Kept, sample: Sample) -> tuple[str, ...]:
    """Return what the backend used then, below SAMPLE_HEADS."""
    return (
        at(kept, sample.age),
        after(kept.report, sample.age),
        figures.took(sample.cpu),
        figures.size(sample.memory),
        figures.exact(sample.descriptors),
        figures.exact(sample.connections),
    )


def _moment(kept: Kept, age: float) -> str:
    return f"{moments.moment(kept.told - age)}, {after(kept.report, age)} s"

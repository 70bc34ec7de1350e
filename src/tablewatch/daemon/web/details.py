"""Everything known of a table: incidents, the last log lines, backends, all figures."""

from __future__ import annotations

from collections.abc import Mapping

from tablewatch.control import figures, moments
from tablewatch.control.document import Row, grid, pairs, section
from tablewatch.control.markup import Html, tag
from tablewatch.control.status import (
    LATENCY_BUCKETS,
    Backend,
    Event,
    Incident,
    Latency,
    TableReport,
    TableStatus,
)

# syslog(3); what is written more often has no word.
_PRIORITIES = ("emergency", "alert", "critical", "error", "warning", "notice", "info", "debug")


def details(report: TableReport, now: float, pages: Mapping[int, str]) -> Html:
    """Return all sections. `now`: when the report was made, seconds since the epoch.

    `pages`: the ids of the incidents that have a page of their own, by their numbers.
    """
    status = report.status
    if status is None:
        events = _events(report.events, now)
        return tag("div", events or tag("p", "Nothing is known of it."), class_="details")
    return tag(
        "div",
        _incidents(status.incidents, now, pages),
        _events(report.events, now),
        _backends(status.backends),
        _latency(status.latency),
        tag("div", _groups(status), class_="groups"),
        class_=f"details {report.condition.level}",
    )


def _groups(status: TableStatus) -> list[Html | None]:
    quarantine, breaker, budget = status.quarantine, status.breaker, status.budget
    return [
        pairs("Requests of smtpd", _requests(status)),
        pairs("Answers", _counts(status.answers)),
        pairs("Temporary errors by tablewatch", _counts(status.tempfails)),
        pairs(
            "Errors by the backend itself",
            _counts(
                {
                    reason: number - status.tempfails.get(reason, 0)
                    for reason, number in status.failures.items()
                }
            ),
        ),
        pairs("Answered not-found by tablewatch", _counts(status.refusals)),
        pairs("Not done: mode is observe", _counts(status.observed)),
        pairs(
            "Database",
            [
                *_counts(status.retries, "retries, {}"),
                *_counts(status.reconnects, "reconnects, {}"),
                ("retry budget, left", figures.exact(budget.balance)),
                ("retry budget, reserve", figures.exact(budget.reserve)),
                *_if(status.throttled, "throttled for", figures.took(status.throttled)),
            ],
        ),
        pairs(
            "Breaker",
            [
                ("state", breaker.state),
                *_if(breaker.why, "why", breaker.why),
                *_if(breaker.rest is not None, "next try in", figures.age(breaker.rest or 0.0)),
                ("opened so far", figures.exact(breaker.opened)),
            ],
        ),
        pairs(
            "Quarantine",
            [
                ("keys", f"{figures.exact(quarantine.size)} of {figures.exact(quarantine.limit)}"),
                ("lookups refused", figures.exact(quarantine.hits)),
                *_if(quarantine.evictions, "evicted", figures.exact(quarantine.evictions)),
                *(("kind refused", each) for each in quarantine.kinds),
            ],
        ),
        pairs(
            "Backends replaced, by reason",
            [
                *_counts(status.restarts),
                *_if(status.promotions, "a spare took over", figures.exact(status.promotions)),
            ],
        ),
        pairs("Broken protocol, by kind", _counts(status.damage)),
        pairs("Incidents so far, by class", _counts(status.incidents_opened)),
        pairs("Supervisor", _supervisor(status)),
    ]


def _requests(status: TableStatus) -> list[Row]:
    rows = [
        (f"{operation} {service}".strip(), figures.exact(number))
        for operation, services in status.requests.items()
        for service, number in services.items()
        if number
    ]
    return [
        *rows,
        *_if(status.waiting, "waiting now", figures.exact(status.waiting)),
        *_if(status.deadline_misses, "not answered in time", figures.exact(status.deadline_misses)),
    ]


def _supervisor(status: TableStatus) -> list[Row]:
    process = status.process
    backend = f"table-{status.backend}"
    return [
        ("runs", backend),
        *_if(status.protocol, "protocol", status.protocol),
        *_if(status.smtpd_version, "for smtpd", status.smtpd_version),
        ("mode", status.mode),
        ("pid", str(status.pid)),
        ("up", figures.age(status.age)),
        ("release", status.release),
        ("settings", status.config or "built in"),
        ("CPU", figures.took(process.cpu)),
        ("memory", figures.size(process.memory)),
        ("descriptors", figures.exact(process.descriptors)),
        ("lines on stderr", figures.exact(status.stderr_lines)),
        *_if(status.collapsed_lines, "of them collapsed", figures.exact(status.collapsed_lines)),
        *_if(status.dropped_lines, "log lines lost", figures.exact(status.dropped_lines)),
        *_if(status.dropped_events, "events lost", figures.exact(status.dropped_events)),
        *_if(status.config_errors, "mistakes in settings", figures.exact(status.config_errors)),
        *_if(status.internal_errors, "errors of its own", figures.exact(status.internal_errors)),
        ("connected here", figures.several(status.links, "time")),
    ]


def _backends(backends: list[Backend]) -> Html:
    rows = [
        (
            each.role,
            f"{each.state}, stopped" if each.paused else each.state,
            str(each.pid),
            figures.age(each.age),
            figures.took(each.cpu),
            figures.size(each.memory),
            figures.exact(each.descriptors),
            figures.exact(each.connections),
        )
        for each in backends
    ]
    heads = ("role", "state", "pid", "up", "CPU", "memory", "files", "connections")
    return section("Backends", grid(heads, rows) if rows else tag("p", "None is running."))


def _latency(latency: Mapping[str, Latency]) -> Html | None:
    rows = []
    for operation, each in latency.items():
        number = sum(each.buckets)
        quantiles = [figures.quantile(each.buckets, part) for part in (0.5, 0.9, 0.99)]
        rows.append(
            (
                operation,
                figures.exact(number),
                figures.took(each.total / number) if number else figures.NONE,
                *map(figures.waited, quantiles),
                _histogram(each.buckets),
            )
        )
    if not rows:
        return None
    ends = f"{figures.took(LATENCY_BUCKETS[0])} to {figures.took(LATENCY_BUCKETS[-1])} and more"
    heads = ("operation", "answers", "mean", "p50", "p90", "p99", ends)
    return section("How long smtpd waited", grid(heads, rows))


def _histogram(buckets: list[int]) -> Html:
    """Return bars, one for each bucket; whoever can't see them has the figures beside."""
    most = max(buckets, default=0) or 1
    bars = [
        tag("rect", x=12 * place, y=24 - height, width=10, height=height)
        for place, number in enumerate(buckets[:32])
        if (height := max(2, round(24 * number / most)) if number > 0 else 0)
    ]
    line = tag("rect", x=0, y=25, width=12 * min(32, len(buckets)) - 2, height=1, class_="axis")
    return tag(
        "svg", bars, line, viewBox=f"0 0 {12 * min(32, len(buckets))} 26", aria_hidden="true"
    )


def _incidents(incidents: list[Incident], now: float, pages: Mapping[int, str]) -> Html | None:
    if not incidents:
        return None
    newest = sorted(incidents, key=lambda each: (each.closed is not None, each.last))
    return section(
        "Incidents",
        tag("ul", [_incident(each, now, pages.get(each.id, "")) for each in newest], class_="log"),
    )


def _incident(incident: Incident, now: float, page: str) -> Html:
    state = f"open for {figures.age(incident.opened)}"
    if incident.closed is not None:
        state = f"over for {figures.age(incident.closed)}, began {figures.age(incident.opened)} ago"
    return tag(
        "li",
        tag(
            "p",
            tag("a", incident.cause, href=f"incidents/{page}") if page else incident.cause,
            class_="cause",
        ),
        tag(
            "p",
            f"{state}; seen {figures.several(incident.count, 'time')}, last "
            f"{figures.ago(incident.last)} at {moments.short(now - incident.last, now)} "
            f"({incident.error_class}: {incident.signature})",
            class_="when",
        ),
        [tag("p", each, class_="step") for each in incident.done],
        tag("p", f"What to do: {incident.todo}", class_="step") if incident.todo else None,
        class_="open" if incident.closed is None else "closed",
    )


def _events(events: list[Event], now: float) -> Html | None:
    if not events:
        return None
    rows = [
        tag(
            "li",
            tag("time", moments.short(now - each.age, now), title=moments.moment(now - each.age)),
            " ",
            tag("span", _priority(each.priority), class_="priority"),
            " ",
            each.text,
            class_=_priority(each.priority),
        )
        for each in reversed(events)
    ]
    return section("Last log lines, newest first", tag("ol", rows, class_="events"))


def _priority(number: int) -> str:
    return _PRIORITIES[min(max(number, 0), len(_PRIORITIES) - 1)]


def _counts(counts: Mapping[str, int], form: str = "{}") -> list[Row]:
    """Return the counts, largest first, without those that are none."""
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return [(form.replace("{}", name), figures.exact(number)) for name, number in ordered if number]


def _if(condition: object, name: str, value: str) -> list[Row]:
    return [(name, value)] if condition else []

"""One table on the status page: what is the matter with it, and the figures that matter most."""

from __future__ import annotations

from urllib.parse import quote, urlencode

from tablewatch.control import figures, moments
from tablewatch.control.markup import Html, join, tag
from tablewatch.control.status import TableReport, TableStatus


def anchor(table: str) -> str:
    """Return the id of a table's card; a table may have any name, an id may not."""
    return "t-" + quote(table, safe="").replace("%", "_")


def address(table: str = "", *, hold: bool = False) -> str:
    """Return the address of the page of `table`, "" for all; `hold`: without refresh."""
    query = {**({"table": table} if table else {}), **({"refresh": "off"} if hold else {})}
    return "./" + (f"?{urlencode(query)}" if query else "")


def card(report: TableReport, now: float, *, hold: bool = False) -> Html:
    """Return the card. `now`: when the report was made, seconds since the epoch."""
    status = report.status
    level = report.condition.level
    return tag(
        "article",
        tag(
            "header",
            tag("h2", tag("a", report.table, href=address(report.table, hold=hold))),
            tag(
                "p",
                tag("span", level.upper(), class_="level"),
                " ",
                _since(report, now),
                class_="state",
            ),
            _tags(status) if status is not None else None,
        ),
        _story(report),
        _glance(status) if status is not None else None,
        class_=f"card {level}",
        id=anchor(report.table),
    )


def _since(report: TableReport, now: float) -> Html:
    age = report.condition.since
    when = now - age
    return join(
        f"for {figures.age(age)}, since ",
        tag(
            "time",
            moments.short(when, now),
            datetime=moments.local(when).isoformat(timespec="seconds"),
            title=moments.moment(when),
        ),
    )


def _tags(status: TableStatus) -> Html | None:
    """Return what is out of the ordinary with how the table is run."""
    found = []
    if status.pause is not None:
        found.append(f"paused, {figures.age(status.pause)} left")
    if status.mode != "enforce":
        found.append(f"mode: {status.mode}")
    if status.breaker.state != "closed":
        found.append(f"breaker {status.breaker.state}")
    if status.quarantine.size:
        found.append(f"{figures.several(status.quarantine.size, 'key')} quarantined")
    if status.quarantine.kinds:
        found.append(f"{figures.several(len(status.quarantine.kinds), 'kind')} of keys refused")
    if status.config_errors:
        found.append("tablewatch.yml has mistakes")
    if not found:
        return None
    return tag("ul", [tag("li", each) for each in found], class_="tags")


def _story(report: TableReport) -> Html | None:
    condition = report.condition
    parts = [
        ("Why", condition.why, "why"),
        ("Done", condition.done, "done"),
        ("What to do", condition.todo, "todo"),
    ]
    told = [
        tag("div", tag("dt", name), tag("dd", text), class_=kind)
        for name, text, kind in parts
        if text
    ]
    return tag("dl", told, class_="story") if told else None


def _glance(status: TableStatus) -> Html:
    """Return the figures that tell whether mail is answered, in one line."""
    waits = figures.waits(status)
    last = "never" if status.last_good is None else figures.ago(status.last_good)
    told = [
        ("lookups", figures.exact(figures.lookups(status))),
        ("temporary errors", figures.exact(sum(status.tempfails.values()))),
        ("backends replaced", figures.exact(sum(status.restarts.values()))),
        ("p50", figures.waited(figures.quantile(waits, 0.5))),
        ("p99", figures.waited(figures.quantile(waits, 0.99))),
        ("last good answer", last),
    ]
    parts = [
        tag("span", tag("span", name, class_="name"), " ", tag("strong", value))
        for name, value in told
    ]
    return tag("p", parts[0], [[_AND, each] for each in parts[1:]], class_="glance")


# Seen only where there is no style to set them apart.
_AND = tag("span", " · ", class_="and")

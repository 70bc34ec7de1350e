"""The status page: which table is well, which is not, since when, why, and what to do about it.

It needs no script and loads nothing: it works in lynx, over ssh, and while the network is down.
It is read from the top in an emergency, so the worst comes first, and all the details come last.
Refreshing folds what was unfolded, so a table's own page has them unfolded for good.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode

from tablewatch.control import figures, moments
from tablewatch.control.document import document, separated
from tablewatch.control.markup import Html, join, tag
from tablewatch.control.status import (
    OK,
    WORST_FIRST,
    HostStatus,
    TableReport,
)
from tablewatch.daemon.web.card import address, anchor, card
from tablewatch.daemon.web.details import details

REFRESH = 15  # seconds

# With more tables than this their overview comes after what is wrong, not before.
_MANY = 24

_NOTHING = (
    "No table has reported yet. Is smtpd running, and does smtpd.conf name a watch- backend? "
    "“tablewatch install” shows what to write there. A supervisor finds this daemon by itself, "
    "within a minute."
)


Ids = Mapping[int, str]


def render(
    status: HostStatus,
    *,
    host: str,
    table: str = "",
    hold: bool = False,
    incidents: Mapping[str, Ids] | None = None,
) -> str:
    """Return the page as a document.

    `host`: the name of this host. `table`: the one to show, with its details; "" for all. `hold`:
    the page does not refresh itself. `incidents`: the ids of those that have a page, by their
    table, and by the number that its status has for them.
    """
    pages = incidents or {}
    reports = sorted(
        (each for each in status.tables if table in ("", each.table)),
        key=lambda each: (WORST_FIRST.index(each.condition.level), each.table),
    )
    level = status.level
    title = f"{_verdict(status)} {_how_many(status)}".rstrip() + " · tablewatch"
    body = join(
        tag("header", _banner(status, host), class_=f"banner {level}"),
        tag(
            "main",
            _one(reports[0], status, pages.get(table, {}), hold=hold)
            if table
            else _all(reports, status, pages, hold=hold),
        ),
        tag("footer", _foot(status, table, hold=hold)),
    )
    return document(title, level, body, refresh=None if hold else REFRESH)


def _all(
    reports: list[TableReport], status: HostStatus, pages: Mapping[str, Ids], *, hold: bool
) -> Html:
    if not reports:
        return tag("p", _NOTHING, class_="nothing")
    overview = _overview(status.tables) if len(reports) > 1 else None
    few = len(reports) <= _MANY
    cards = [(each.condition.level, card(each, status.time, hold=hold)) for each in reports]
    return join(
        overview if few else None,
        [each for level, each in cards if level != OK],
        None if few else overview,
        [each for level, each in cards if level == OK],
        tag("h2", "Details", class_="details"),
        [
            tag(
                "details",
                tag("summary", each.table),
                details(each, status.time, pages.get(each.table, {})),
            )
            for each in status.tables
        ],
    )


def _one(report: TableReport, status: HostStatus, pages: Ids, *, hold: bool) -> Html:
    return join(
        tag("p", tag("a", "All tables", href=address(hold=hold)), class_="back"),
        card(report, status.time, hold=hold),
        details(report, status.time, pages),
    )


def _verdict(status: HostStatus) -> str:
    return status.level.upper() if status.tables else "No tables"


def _how_many(status: HostStatus) -> str:
    """Return ``1 of 4 tables``: how many are at the worst level there is; "" without tables."""
    levels = [each.condition.level for each in status.tables]
    number = levels.count(status.level)
    total = figures.several(len(levels), "table") if levels else ""
    return total if number == len(levels) else f"{number} of {total}"


def _banner(status: HostStatus, host: str) -> Html:
    levels = [each.condition.level for each in status.tables]
    counts = [
        tag("span", f"{levels.count(each)} {each}", class_=f"count {each}")
        for each in WORST_FIRST
        if each in levels
    ]
    return join(
        tag(
            "h1",
            tag("span", _verdict(status), class_="level"),
            " " if levels else None,
            tag("span", _how_many(status), class_="howmany") if levels else None,
        ),
        tag(
            "p",
            tag("strong", host),
            " as of ",
            tag(
                "time",
                moments.moment(status.time),
                datetime=moments.local(status.time).isoformat(timespec="seconds"),
            ),
            class_="asof",
        ),
        tag("p", separated(counts), class_="counts") if len(set(levels)) > 1 else None,
    )


def _overview(reports: list[TableReport]) -> Html:
    """Return all tables as links, in the order of their names, where an eye finds them again."""
    return tag(
        "nav",
        tag(
            "ul",
            [
                tag(
                    "li",
                    tag(
                        "a",
                        tag("span", each.table, class_="name"),
                        " ",
                        tag("span", each.condition.level.upper(), class_="level"),
                        href=f"#{anchor(each.table)}",
                        class_=each.condition.level,
                    ),
                )
                for each in reports
            ],
        ),
        aria_label="All tables",
    )


def _foot(status: HostStatus, table: str, *, hold: bool) -> Html:
    daemon = status.daemon
    facts = [
        f"tablewatch {daemon.release}",
        f"up {figures.age(daemon.age)}",
        f"pid {daemon.pid}",
        f"{figures.several(daemon.supervisors, 'supervisor')} connected",
        daemon.config or "built-in settings",
    ]
    refused = daemon.refused_links + daemon.refused_controls
    if refused:
        facts.append(f"{figures.several(refused, 'connection')} refused")
    if hold:
        fresh = join(
            "This page stands still. ",
            tag("a", f"Refresh it every {REFRESH} s", href=address(table)),
        )
    else:
        fresh = join(
            f"Refreshed every {REFRESH} s. ",
            tag("a", "Hold it", href=address(table, hold=True)),
        )
    api = "api/v1/status" + (f"?{urlencode({'table': table})}" if table else "")
    return join(
        tag("p", fresh, class_="fresh"),
        tag("p", separated([tag("span", each) for each in facts])),
        tag(
            "p",
            separated(
                [
                    tag("a", "All incidents", href="incidents"),
                    tag("a", "Status as JSON", href=api),
                    tag("a", "Metrics for Prometheus", href="metrics"),
                ]
            ),
        ),
    )

"""Incidents over HTTP: a list of them, each on a page of its own, and both for programs."""

from __future__ import annotations

import json
from collections.abc import Sequence

from tablewatch.control import figures, incident_page, moments
from tablewatch.control.document import document, separated
from tablewatch.control.incident import Kept
from tablewatch.control.incident_summary import Summary
from tablewatch.control.incident_words import lasted, state
from tablewatch.control.markup import Html, join, tag
from tablewatch.control.records import to_plain
from tablewatch.control.status import OK, WARNING

_HEADS = ("incident", "table", "state", "opened", "lasted", "seen", "cause")


def every(known: Sequence[Summary], *, host: str) -> str:
    """Return the list as a page, in the order of `known`; it lies one level below the root."""
    opened = [each for each in known if each.closed is None]
    level = WARNING if opened else OK
    title = f"{len(opened)} open of {figures.several(len(known), 'incident')}"
    main = _table(known) if known else tag("p", "So far nothing went wrong.", class_="nothing")
    return document(
        f"{title} · tablewatch",
        level,
        tag(
            "header",
            tag("h1", tag("span", title, class_="howmany")),
            tag("p", tag("strong", host), class_="asof"),
            class_=f"banner {level}",
        ),
        tag("main", tag("div", main, class_="details")),
        tag(
            "footer",
            tag(
                "p",
                separated(
                    [
                        tag("a", "All tables", href="./"),
                        tag("a", "As JSON", href="api/v1/incidents"),
                    ]
                ),
            ),
        ),
    )


def one(kept: Kept, *, host: str) -> str:
    """Return the page of an incident; it lies two levels below the root."""
    links = (
        tag("a", "All tables", href="../"),
        tag("a", "All incidents", href="../incidents"),
        tag("a", "As JSON", href=f"../api/v1/incidents/{kept.report.id}"),
    )
    return incident_page.render(kept, host=host, links=links)


def encode(known: Sequence[Summary] | Kept) -> bytes:
    """Return the list, or one incident, as a line of JSON: docs/api.md."""
    plain = to_plain(known) if isinstance(known, Kept) else {"incidents": to_plain(known)}
    return json.dumps(plain, separators=(",", ":"), allow_nan=False).encode() + b"\n"


def _table(known: Sequence[Summary]) -> Html:
    rows = [
        tag(
            "tr",
            tag(
                "th",
                tag("a", each.id, href=f"incidents/{each.id}"),
                scope="row",
                data_label=_HEADS[0],
            ),
            [
                tag("td", text, data_label=name)
                for name, text in zip(_HEADS[1:], _cells(each), strict=True)
            ],
        )
        for each in known
    ]
    head = tag("tr", [tag("th", each, scope="col") for each in _HEADS])
    return tag("table", tag("thead", head), tag("tbody", join(*rows)), class_="grid kept")


def _cells(brief: Summary) -> tuple[str, ...]:
    return (
        brief.table,
        state(brief),
        moments.moment(brief.told - brief.opened),
        figures.age(lasted(brief)),
        figures.several(brief.count, "time"),
        brief.cause,
    )

"""An incident as a page: what it was, what to do, how it went, second by second.

The daemon serves it, and ``tablewatch incidents export`` writes the same to a file: it has no link
to anything on this host then, and can be sent to somebody, or printed.
"""

from __future__ import annotations

from tablewatch.control import moments
from tablewatch.control.document import document, grid, pairs, section, separated
from tablewatch.control.incident import IncidentReport, Kept
from tablewatch.control.incident_words import (
    SAMPLE_HEADS,
    after,
    at,
    facts,
    headline,
    sample_row,
    state,
)
from tablewatch.control.markup import Html, escape, join, tag
from tablewatch.control.status import OK, WARNING

_WEB = ("https://", "http://")


def render(kept: Kept, *, host: str, links: tuple[Html, ...] = ()) -> str:
    """Return the page. `host`: whose incident it is. `links`: to other pages, at the end."""
    report = kept.report
    level = WARNING if report.closed is None else OK
    title = f"{state(report).upper()} incident {report.id} of {report.table} · tablewatch"
    return document(
        title,
        level,
        tag("header", _banner(kept, host), class_=f"banner {level}"),
        tag(
            "main",
            tag("article", _story(report), class_=f"card {level}"),
            tag("div", *_sections(kept), class_=f"details {level}"),
        ),
        tag("footer", _foot(kept, links)),
    )


def _banner(kept: Kept, host: str) -> Html:
    report = kept.report
    opened = kept.told - report.opened
    return join(
        tag(
            "h1",
            tag("span", state(report).upper(), class_="level"),
            " ",
            tag("span", f"incident {report.id} of {report.table}", class_="howmany"),
        ),
        tag(
            "p",
            tag("strong", host),
            ", opened ",
            tag(
                "time",
                moments.moment(opened),
                datetime=moments.local(opened).isoformat(timespec="seconds"),
            ),
            f"; {headline(kept)}",
            class_="asof",
        ),
    )


def _story(report: IncidentReport) -> Html:
    repair = report.repair
    references = [tag("li", _reference(each)) for each in repair.references]
    return join(
        tag(
            "dl",
            tag("div", tag("dt", "Why"), tag("dd", report.cause), class_="why"),
            tag("div", tag("dt", "What to do"), tag("dd", repair.summary), class_="todo")
            if repair.summary
            else None,
            class_="story",
        ),
        [tag("pre", _lines(each)) for each in repair.steps],
        tag("ul", references, class_="references") if references else None,
    )


def _sections(kept: Kept) -> list[Html | None]:
    report = kept.report
    keys = [(each.service, each.shown, each.traits) for each in report.keys]
    samples = [sample_row(kept, each) for each in report.samples]
    said = join(*(Html(escape(each) + "\n") for each in report.lines))
    return [
        tag("div", pairs("Facts", facts(kept)), class_="facts"),
        section("Timeline", _timeline(kept)) if report.steps else None,
        section("Keys, masked", grid(("service", "key", "kind"), keys)) if keys else None,
        section("Last lines of the backend", tag("pre", said)) if report.lines else None,
        section("What the backend was seen to do", tag("pre", _lines(report.trace)))
        if report.trace
        else None,
        section("What the backend used", grid(SAMPLE_HEADS, samples)) if samples else None,
    ]


def _timeline(kept: Kept) -> Html:
    """Return the steps by two clocks: the one on the wall, and one started at the opening."""
    rows = [
        tag(
            "tr",
            tag(
                "th",
                tag("time", at(kept, each.age), title=moments.moment(kept.told - each.age)),
                scope="row",
            ),
            tag("td", after(kept.report, each.age), class_="seconds"),
            tag("td", each.kind, class_="priority"),
            tag("td", each.text),
        )
        for each in kept.report.steps
    ]
    heads = [tag("th", each, scope="col") for each in ("time", "seconds", "what", "")]
    return tag("table", tag("thead", tag("tr", heads)), tag("tbody", rows), class_="timeline")


def _foot(kept: Kept, links: tuple[Html, ...]) -> Html:
    told = [
        tag("span", f"As its supervisor told it at {moments.moment(kept.told)}"),
        tag("span", "times are local, seconds are counted from the opening"),
        tag("span", "keys are masked"),
    ]
    return join(tag("p", separated(told)), tag("p", separated(links)) if links else None)


def _reference(text: str) -> Html:
    if text.startswith(_WEB) and text.isprintable() and " " not in text:
        return tag("a", text, href=text, rel="noreferrer")
    return escape(text)


def _lines(text: str) -> Html:
    """Return several lines, as they are."""
    return Html("\n".join(escape(each) for each in text.splitlines()))

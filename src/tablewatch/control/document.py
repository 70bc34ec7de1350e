"""A page as a whole, and the parts that all pages are made of.

No page needs a script or loads anything: it works in lynx, over ssh, while the network is down,
and as a file that is sent to somebody.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from importlib.resources import files
from urllib.parse import quote

from tablewatch.control.markup import Html, join, tag
from tablewatch.control.status import CRITICAL, OK, UNKNOWN, WARNING

_STYLE = files("tablewatch.control").joinpath("page.css").read_text(encoding="utf-8")
# What makes a browser take this style and no other.
STYLE_HASH = "sha256-" + base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()

# The tab of the browser tells it, too: by shape and colour.
_ICONS = {
    OK: ("#1a7f37", "M9 17l5 5 9-11"),
    WARNING: ("#9a6700", "M16 8v10M16 23v1"),
    CRITICAL: ("#cf222e", "M10 10l12 12M22 10L10 22"),
    UNKNOWN: ("#6e40c9", "M12 12q1-4 4-4t4 4q0 2-4 5v2M16 23v1"),
}

Row = tuple[str, ...]


def document(title: str, level: str, *body: Html, refresh: int | None = None) -> str:
    """Return a page. `level`: its icon. `refresh`: seconds after which it is loaded again."""
    head = join(
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        None if refresh is None else tag("meta", http_equiv="refresh", content=refresh),
        tag("title", title),
        tag("link", rel="icon", href=_icon(level)),
        Html(f"<style>{_STYLE}</style>"),
    )
    whole = tag("html", tag("head", head), tag("body", join(*body)), lang="en")
    return f"<!doctype html>\n{whole}\n"


def section(title: str, *children: Html) -> Html:
    """Return a section below a heading."""
    return tag("section", tag("h3", title), join(*children))


def pairs(title: str, rows: Iterable[Row]) -> Html | None:
    """Return a section of names and values; None if there are none."""
    body = [tag("tr", tag("th", name, scope="row"), tag("td", value)) for name, value in rows]
    return section(title, tag("table", body, class_="pairs")) if body else None


def grid(heads: Row, rows: Iterable[Row]) -> Html:
    """Return a table; the first cell of a row says what the row is about."""
    head = tag("tr", [tag("th", each, scope="col") for each in heads])
    body = [
        tag(
            "tr",
            tag("th", first, scope="row", data_label=heads[0]),
            [tag("td", each, data_label=name) for name, each in zip(heads[1:], rest, strict=True)],
        )
        for first, *rest in rows
    ]
    return tag("table", tag("thead", head), tag("tbody", body), class_="grid")


def separated(parts: Iterable[Html]) -> Html:
    """Return `parts` in one line."""
    return Html(" · ".join(parts))


def _icon(level: str) -> str:
    colour, path = _ICONS[level]
    shape = (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">'
        f'<rect width="32" height="32" rx="8" fill="{colour}"/>'
        f'<path d="{path}" fill="none" stroke="#fff" stroke-width="4" stroke-linecap="round"/>'
        "</svg>"
    )
    return "data:image/svg+xml," + quote(shape)

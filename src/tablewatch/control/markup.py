"""HTML as values: what is not markup is text, and text is always escaped."""

from __future__ import annotations

import html
from collections.abc import Iterable

_VOID = frozenset({"meta", "link"})
_SHAPES = frozenset({"rect"})  # of SVG, where an end is needed


class Html(str):
    """Markup. Everything else that is put into a page is text."""

    __slots__ = ()


Child = str | Iterable["Child"] | None
Attribute = str | int | float | bool | None


def clean(text: str) -> str:
    """Return `text` with what can't be seen written out: no control or direction characters."""
    if text.isprintable():
        return text
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape").decode() for each in text
    )


def escape(text: str) -> Html:
    """Return `text` as markup; markup stays as it is."""
    return text if isinstance(text, Html) else Html(html.escape(clean(text)))


def join(*children: Child) -> Html:
    """Return all of `children` as markup, one after the other; None is nothing."""
    parts: list[str] = []
    for each in children:
        if isinstance(each, str):
            parts.append(escape(each))
        elif each is not None:
            parts.append(join(*each))
    return Html("".join(parts))


def tag(name: str, /, *children: Child, **attributes: Attribute) -> Html:
    """Return an element: ``class_`` is class, ``aria_label`` aria-label, None and False nothing."""
    written = "".join(
        f" {key.rstrip('_').replace('_', '-')}"
        + ("" if each is True else f'="{escape(str(each))}"')
        for key, each in attributes.items()
        if each is not None and each is not False
    )
    if name in _VOID:
        return Html(f"<{name}{written}>")
    if name in _SHAPES:
        return Html(f"<{name}{written}/>")
    return Html(f"<{name}{written}>{join(*children)}</{name}>")

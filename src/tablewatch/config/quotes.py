"""What somebody wrote, as our messages repeat it; and what may have been meant."""

from __future__ import annotations

from collections.abc import Iterable


def shown(text: str, limit: int = 60) -> str:
    """Return `text` quoted, short and printable in any locale, for a message."""
    return f'"{bare(text, limit)}"'


def bare(text: str, limit: int = 60) -> str:
    """Return `text` short and printable in any locale, unquoted where that is possible."""
    cut = text[: limit + 1]
    plain = cut if cut.isascii() and cut.isprintable() else ascii(cut)[1:-1]
    return plain if len(plain) <= limit else plain[: limit - 3] + "..."


def nearest(name: str, known: Iterable[str]) -> str:
    """Return the one of `known` most like `name`, or "" if none is much like it."""
    import difflib  # noqa: PLC0415 - only where something is wrong

    return next(iter(difflib.get_close_matches(name[:100], list(known), n=1)), "")

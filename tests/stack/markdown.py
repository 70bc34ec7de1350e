"""Tables of the documentation."""

from __future__ import annotations

from collections.abc import Sequence


def table(head: Sequence[str], rows: Sequence[Sequence[str]], *, left: int = 1) -> str:
    """Rows as Markdown, the first `left` columns to the left."""
    sides = ["---"] * left + ["---:"] * (len(head) - left)
    lines = [tuple(head), tuple(sides), *map(tuple, rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def milliseconds(seconds: float) -> str:
    """A time."""
    return f"{seconds * 1000:,.1f} ms" if seconds < 1 else f"{seconds:,.1f} s"

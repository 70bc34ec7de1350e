"""Performance data: ``'label'=value[UOM];warn;crit;min;max``, by the guidelines."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from tablewatch.cli.check.ranges import Range

# The names of smtpd's tables consist of these, too. Quotes, = and | would break the line, and
# graphing programs make names of files of the rest.
_UNSAFE = re.compile(r"[^A-Za-z0-9_.:@-]")
# Nagios reads 8 KB from a plugin and throws the rest away; the text needs its share.
MAX_LENGTH = 4_000


@dataclass(frozen=True, slots=True)
class Perfdata:
    """One value. ``value`` None is one that can't be told: ``U``.

    ``unit``: s, %, B, c (counts up for ever) or none.
    """

    label: str
    value: float | None
    unit: str = ""
    warn: Range | None = None
    crit: Range | None = None
    low: float | None = None
    high: float | None = None

    def __str__(self) -> str:
        value = "U" if self.value is None else number(self.value) + self.unit
        ranges = ["" if each is None else each.text for each in (self.warn, self.crit)]
        ends = ["" if each is None else number(each) for each in (self.low, self.high)]
        return ";".join([f"'{_UNSAFE.sub('_', self.label)}'={value}", *ranges, *ends]).rstrip(";")


def line(items: Iterable[Perfdata]) -> str:
    """Return all `items`, or as many of the first as Nagios reads, labels made different."""
    written: list[str] = []
    seen: set[str] = set()
    length = 0
    for item in items:
        text = _distinct(str(item), seen)
        length += len(text) + 1
        if length > MAX_LENGTH:
            break
        written.append(text)
    return " ".join(written)


def number(value: float) -> str:
    """Return `value` (finite) as digits with a dot, to six places; no exponent, no locale."""
    text = f"{value:.6f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def _distinct(text: str, seen: set[str]) -> str:
    """Return `text` with a label not in `seen`: two odd names can become the same safe one."""
    label, _, rest = text.rpartition("'=")
    wanted, count = label, 1
    while label in seen:
        count += 1
        label = f"{wanted}~{count}"
    seen.add(label)
    return f"{label}'={rest}"

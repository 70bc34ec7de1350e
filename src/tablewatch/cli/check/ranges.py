"""Ranges of ``-w`` and ``-c``: ``[@][START:]END``, by the Monitoring Plugins guidelines."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field

_NUMBER = r"-?(?:[0-9]{1,18}(?:\.[0-9]{0,18})?|\.[0-9]{1,18})"
_RANGE = re.compile(rf"(@)?(?:(~|{_NUMBER})?(:))?({_NUMBER})?")
_RIGHT = "write one like 10, 10:, ~:10, 10:20 or @10:20"


@dataclass(frozen=True, slots=True)
class Range:
    """What is right, both ends included; with ``inside``, what is wrong.

    ``text`` is the range as it was written, fit for performance data.
    """

    start: float = 0.0
    end: float = math.inf
    inside: bool = False
    text: str = field(default="", compare=False)

    def alerts(self, value: float) -> bool:
        """Return whether `value` is wrong."""
        return (self.start <= value <= self.end) is self.inside


def parse_range(text: str) -> Range:
    """Return the range in `text`. Raises ValueError, saying what to write instead.

    No start means 0, ``~`` no lower end, nothing behind the colon no upper one.
    """
    match = _RANGE.fullmatch(text)
    if match is None or not (match[2] or match[4]):
        raise ValueError(f"{text!r} is no range; {_RIGHT}")
    start = -math.inf if match[2] == "~" else float(match[2] or 0)
    end = float(match[4]) if match[4] else math.inf
    if start > end:
        raise ValueError(f"{text!r} ends before it starts; {_RIGHT}")
    return Range(start, end, match[1] is not None, text)

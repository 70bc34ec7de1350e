"""A flood of log lines becomes one line per signature and interval."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

# How many different signatures of lines not shown are told apart, for the sum of them only.
MAX_KINDS = 256


class _Entry:
    """A signature that was shown not long ago."""

    __slots__ = ("repeats", "since", "text")

    def __init__(self, text: str, since: float) -> None:
        self.text = text
        self.since = since
        self.repeats = 0


class Collapser:
    """Shows the first line of a signature, then at most one summary of it in each `interval`.

    ``admit`` answers whether a line is to be logged; ``due``, called when ``next_due`` says, tells
    what was collapsed meanwhile: ``repeated 2999 times in 60 s: TEXT``. Every line is either shown
    or counted in exactly one summary.

    At most `max_signatures` are remembered; for a new one the one that has waited longest is
    forgotten, its summary first. A flood in which every line is of a new signature is bounded by
    `max_lines` new lines in a window of `interval` seconds, the rest being summed up in one line:
    ``17 more lines of 3 kinds not shown in 60 s``. So no more than ``2 * max_lines +
    max_signatures + 1`` lines come out in a window: each new line can push out one summary, each
    remembered signature be due once, and one sum be told.

    Times are monotonic seconds; an `interval` of 0 shows every line. ``seen`` counts all lines,
    ``collapsed`` those that were not shown themselves.
    """

    def __init__(self, interval: float, max_signatures: int = 64, max_lines: int = 100) -> None:
        self._interval = interval
        self._max_signatures = max_signatures
        self._max_lines = max_lines
        self._entries: OrderedDict[str, _Entry] = OrderedDict()  # by `since`, oldest first
        self._summaries: list[str] = []  # of signatures pushed out
        self._window_since = float("-inf")
        self._window_lines = 0
        self._hidden = 0
        self._hidden_kinds: set[str] = set()
        self.seen = 0
        self.collapsed = 0

    def admit(self, signature: str, text: str | Callable[[], str], now: float) -> str | None:
        """Return what to log at `now` for this line, or None if it is collapsed.

        A `text` that costs something to make can be a function; it is called only if the line is
        shown, and the summaries repeat what it returned.
        """
        if self.repeats(signature, now):
            return None
        self.seen += 1
        self._entries.pop(signature, None)
        if now >= self._window_since + self._interval and not self._hidden:
            self._window_since = now
            self._window_lines = 0
        if self._window_lines >= self._max_lines:
            self._hidden += 1
            if len(self._hidden_kinds) < MAX_KINDS:
                self._hidden_kinds.add(signature)
            self.collapsed += 1
            return None
        self._window_lines += 1
        if len(self._entries) >= self._max_signatures:
            _, oldest = self._entries.popitem(last=False)
            if oldest.repeats:
                self._summaries.append(_summary(oldest, now))
        shown = text if isinstance(text, str) else text()
        self._entries[signature] = _Entry(shown, now)
        return shown

    def repeats(self, signature: str, now: float) -> bool:
        """Count a line like one that was shown not long ago; return whether it is one.

        What is due, and when, stays as it was.
        """
        entry = self._entries.get(signature)
        if entry is None or (now >= entry.since + self._interval and not entry.repeats):
            return False
        entry.repeats += 1
        self.seen += 1
        self.collapsed += 1
        return True

    def due(self, now: float) -> list[str]:
        """Return the summaries to log at `now`; signatures that were quiet are forgotten."""
        lines, self._summaries = self._summaries, []
        while self._entries:
            signature, entry = next(iter(self._entries.items()))
            if now < entry.since + self._interval:
                break
            del self._entries[signature]
            if entry.repeats:
                lines.append(_summary(entry, now))
                self._entries[signature] = _Entry(entry.text, now)
        if self._hidden and now >= self._window_since + self._interval:
            lines.append(self._sum_of_hidden(now))
        return lines

    def next_due(self) -> float | None:
        """Return when ``due`` has something to do; None while there is nothing to wait for."""
        if self._summaries:
            return float("-inf")
        times = [self._window_since] if self._hidden else []
        if self._entries:
            times.append(next(iter(self._entries.values())).since)
        return min(times) + self._interval if times else None

    def flush(self, now: float) -> list[str]:
        """Return what was collapsed and not told yet, and forget everything: the end is near."""
        lines, self._summaries = self._summaries, []
        lines += [_summary(entry, now) for entry in self._entries.values() if entry.repeats]
        if self._hidden:
            lines.append(self._sum_of_hidden(now))
        self._entries.clear()
        return lines

    def _sum_of_hidden(self, now: float) -> str:
        kinds = len(self._hidden_kinds)
        kinds_told = f"{kinds} kind{'s' * (kinds != 1)}"
        if kinds >= MAX_KINDS:
            kinds_told = f"{MAX_KINDS} or more kinds"
        lines_told = f"{self._hidden} more line{'s' * (self._hidden != 1)}"
        span = _span(now - self._window_since)
        self._window_since = now
        self._window_lines = 0
        self._hidden = 0
        self._hidden_kinds.clear()
        return f"{lines_told} of {kinds_told} not shown in {span}"


def _summary(entry: _Entry, now: float) -> str:
    times = f"{entry.repeats} time{'s' * (entry.repeats != 1)}"
    return f"repeated {times} in {_span(now - entry.since)}: {entry.text}"


def _span(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"

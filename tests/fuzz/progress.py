"""What is shown while a target is fuzzed, and the line that stays of it."""

from __future__ import annotations

import sys
import time

from tests.fuzz.outcome import Outcome

# Between two lines, in seconds: on a terminal one line is written over, into a file it grows.
_TERMINAL, _FILE = 0.5, 60.0
_WIDTH = 79


class Progress:
    """Tells how far one target is."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._terminal = sys.stdout.isatty()
        self._next = time.monotonic() + (_TERMINAL if self._terminal else _FILE)

    def tell(self, outcome: Outcome) -> None:
        """Show `outcome`, if it is time to."""
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + (_TERMINAL if self._terminal else _FILE)
        line = self._line(outcome)
        if self._terminal:
            print("\r" + line.ljust(_WIDTH)[:_WIDTH], end="", flush=True)
        else:
            print(line + " ...", flush=True)

    def end(self, outcome: Outcome) -> None:
        """Show what came of it."""
        line = self._line(outcome) + ("  FINDING" if outcome.finding is not None else "")
        print(("\r" + line.ljust(_WIDTH)) if self._terminal else line, flush=True)

    def _line(self, outcome: Outcome) -> str:
        return (
            f"{self._name:<20}{outcome.seconds:>5.0f} s {outcome.runs:>10,} runs "
            f"{outcome.rate:>6,.0f}/s  {outcome.reached}, {outcome.inputs:,} inputs"
        )

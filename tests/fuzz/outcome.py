"""What came of fuzzing one target."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(slots=True)
class Outcome:
    """Figures of one target so far; ``reached`` is the engine's measure of what has been seen.

    ``finding`` is an input that breaks the invariant; None as long as there is none.
    ``trouble`` says why the engine itself could not go on, "" if it could.
    """

    runs: int = 0
    seconds: float = 0.0
    reached: str = ""
    inputs: int = 0
    finding: bytes | None = None
    trouble: str = ""

    @property
    def rate(self) -> float:
        """Runs a second."""
        return self.runs / self.seconds if self.seconds > 0 else 0.0


# Called now and then while an engine runs.
Tell = Callable[[Outcome], None]


@dataclass(frozen=True, slots=True)
class Job:
    """How long to fuzz, in seconds, and where to keep what turns up.

    ``work`` holds what an engine wants to go on with next time.
    """

    seconds: float
    work: Path

"""The engine that runs everywhere: Hypothesis, with inputs that come close by construction."""

from __future__ import annotations

import itertools
import time

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.database import DirectoryBasedExampleDatabase, ExampleDatabase
from tests.fuzz.around import around
from tests.fuzz.outcome import Job, Outcome, Tell
from tests.fuzz.target import Target

NAME = "hypothesis"
_ROUND = 500  # examples; Hypothesis gives up on a round that is much longer


class _Enough(BaseException):
    """The time is over."""


def fuzz(target: Target, job: Job, tell: Tell) -> Outcome:
    """Fuzz `target` in rounds; Hypothesis' database, in ``job.work``, keeps what failed."""
    outcome, begun = Outcome(), time.monotonic()
    database = DirectoryBasedExampleDatabase(job.work / "hypothesis" / target.name)
    different: set[int] = set()

    def check(data: bytes) -> None:
        outcome.seconds = time.monotonic() - begun
        if outcome.seconds > job.seconds:
            raise _Enough
        outcome.runs += 1
        different.add(hash(data))
        outcome.inputs = len(different)
        try:
            target.check(data)
        except Exception:
            outcome.finding = data  # the last one that fails is the smallest
            raise

    for number in itertools.count(1):
        outcome.reached = f"round {number}"
        try:
            search(target, check, _ROUND, database=database, number=number)
        except _Enough:
            break
        except Exception:
            if outcome.finding is None:
                raise
            break
        tell(outcome)
    return outcome


def search(
    target: Target,
    check: object,
    examples: int,
    *,
    database: ExampleDatabase | None = None,
    number: int | None = None,
    shrink: bool = True,
) -> None:
    """Have `check` take so many examples; without a `number` always the same ones.

    Raises what it raises for the smallest example found.
    """
    phases = [Phase.reuse, Phase.generate, *([Phase.shrink] if shrink else [])]
    chosen = settings(
        max_examples=examples,
        deadline=None,
        database=database,
        derandomize=number is None,
        phases=phases,
        suppress_health_check=list(HealthCheck),
    )
    test = chosen(given(around(target))(check))  # type: ignore[arg-type]
    if number is not None:
        test = seed(number)(test)
    test()

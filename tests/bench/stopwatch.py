"""The supervisor with a stopwatch on one of its functions; run by :mod:`tests.bench.steps`.

One at a time: a watch inside another one would be measured with it.
"""

from __future__ import annotations

import functools
import importlib
import os
import time
from array import array
from collections.abc import Callable
from typing import Any

from tablewatch.supervisor import main as supervisor

STEP, TIMES = "BENCH_STEP", "BENCH_TIMES"  # environment: what to watch, where to write

Function = Callable[..., Any]


def find(step: str) -> tuple[Any, str]:
    """What `step`, ``module:Class.function``, is an attribute of, and its name there.

    AttributeError or ImportError if it is not there any more.
    """
    module, _, path = step.partition(":")
    owner = importlib.import_module(module)
    *classes, name = path.split(".")
    for each in classes:
        owner = getattr(owner, each)
    getattr(owner, name)
    return owner, name


def watched(function: Function, times: array[int]) -> Function:
    """The same function; the processor time of each call goes to `times`, in nanoseconds.

    Not the time that passes: on a busy machine that would tell of the others on it.
    """
    clock, note = time.thread_time_ns, times.append

    @functools.wraps(function)
    def call(*arguments: Any, **named: Any) -> Any:
        began = clock()
        result = function(*arguments, **named)
        note(clock() - began)
        return result

    return call


def overhead() -> int:
    """What the watch itself takes of the time it tells, in nanoseconds."""
    times: array[int] = array("q")
    nothing = watched(lambda *_: None, times)
    for _ in range(5000):
        nothing(None, None)
    return sorted(times)[len(times) // 2]


def main() -> None:
    """Run the supervisor; at its end write the times."""
    owner, name = find(os.environ[STEP])
    times: array[int] = array("q")
    function = getattr(owner, name)
    setattr(owner, name, watched(function, times))
    leave, mine = os._exit, overhead()

    def leave_a_note(status: int) -> None:
        with open(os.environ[TIMES], "wb") as file:
            array("q", [max(0, each - mine) for each in times]).tofile(file)
        leave(status)

    os._exit = leave_a_note  # type: ignore[assignment]
    supervisor.main()

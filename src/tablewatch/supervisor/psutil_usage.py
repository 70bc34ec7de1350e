"""What a process and its children use, told by psutil: on whatever platform it knows.

Each figure is asked for on its own: where the platform or the permissions lack one (OpenBSD's
psutil has no children's threads, zombies have nothing), it is None and the others are told all the
same.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import psutil

from tablewatch.core.actions import Usage

# What psutil raises for a process that is gone, foreign, or on a platform that can't tell.
_UNTOLD = (psutil.Error, NotImplementedError, AttributeError, OSError, RuntimeError)


def usage_of(pid: int, *, alone: bool = False) -> Usage:
    """Return what process `pid` and, unless it is taken `alone`, its children use now."""
    try:
        family = [psutil.Process(pid)]
    except _UNTOLD:
        return Usage(None, None, None, None)
    if not alone:
        family += _children(pid)
    memory = _sum(family, lambda process: process.memory_info().rss)
    descriptors = _sum(family[:1], lambda process: process.num_fds())
    switches = _sum(family[:1], lambda process: process.num_ctx_switches().voluntary)
    return Usage(_sum(family, _cpu), _whole(memory), _whole(descriptors), _whole(switches))


def connections_of(pid: int) -> int | None:
    """Return how many internet sockets process `pid` has open, None if that can't be told.

    The platforms that tell of nothing but these have no /proc.
    """
    with contextlib.suppress(*_UNTOLD):
        process = psutil.Process(pid)
        # Its name since psutil 6; Debian 12 has 5.9.
        ask = getattr(process, "net_connections", None) or process.connections
        return len(ask(kind="inet"))
    return None


def _children(pid: int) -> list[psutil.Process]:
    """Return the descendants of `pid`."""
    with contextlib.suppress(*_UNTOLD):
        return psutil.Process(pid).children(recursive=True)
    return []


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    # Children that have ended are in their parent's account where the platform keeps one.
    ended = getattr(times, "children_user", 0.0) + getattr(times, "children_system", 0.0)
    return float(times.user + times.system + ended)


def _sum(family: list[psutil.Process], figure: Callable[[psutil.Process], float]) -> float | None:
    told = []
    for process in family:
        with contextlib.suppress(*_UNTOLD):
            told.append(figure(process))
    return sum(told) if told else None


def _whole(number: float | None) -> int | None:
    return None if number is None else int(number)
